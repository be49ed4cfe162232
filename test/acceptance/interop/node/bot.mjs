// Talks with a bot by the AWS SDK for JavaScript, unmodified: listens, presses a key, listens to the end, prints what came.
import { LexRuntimeV2Client, StartConversationCommand } from '@aws-sdk/client-lex-runtime-v2';

const soundType = 'audio/lpcm; sample-rate=8000; sample-size-bits=16; channel-count=1; is-big-endian=false';
let greeted, goodbye;
const greeting = new Promise((done) => { greeted = done; });
const end = new Promise((done) => { goodbye = done; });

let number = 0;
const event = (type, body = {}) => ({ [type]: { eventId: `${type}-${++number}`, clientTimestampMillis: Date.now(), ...body } });

async function* events() {
  yield event('ConfigurationEvent', { responseContentType: 'audio/pcm', disablePlayback: false });
  for (let n = 0; n < 5; n++) yield event('AudioInputEvent', { audioChunk: new Uint8Array(320), contentType: soundType });
  await greeting;
  yield event('PlaybackCompletionEvent');
  yield event('DTMFInputEvent', { inputCharacter: '4' });
  await end;
  yield event('PlaybackCompletionEvent');
  yield event('DisconnectionEvent');
}

const { responseEventStream } = await new LexRuntimeV2Client({ region: 'us-east-1' }).send(new StartConversationCommand({
  botId: 'ABCDEFGHIH', botAliasId: 'MNOPQRSTUV', localeId: 'en_US', sessionId: 'f06dd26d-fcaf-411e-9cdb-05ac726e1b9a',
  conversationMode: 'AUDIO', requestEventStream: events(),
}));
const came = { bytes: 0, responses: 0 };
for await (const e of responseEventStream) {
  if (e.AudioResponseEvent?.audioChunk?.length) came.bytes += e.AudioResponseEvent.audioChunk.length;
  else if (e.AudioResponseEvent) (++came.responses === 1 ? greeted : goodbye)();
  else if (e.IntentResultEvent) came.intent = e.IntentResultEvent.sessionState.intent;
}
console.log(JSON.stringify(came));
