// A menu: a caller presses a key and hears the hours, or talks to somebody. An AWS Lambda function for Amazon Chime SDK PSTN
// Audio, no dependencies.

const agent = process.env.IVR_AGENT || '+14155550100';
const hours = process.env.IVR_HOURS || 'We are here from nine to five, Monday to Friday.';
const rounds = 3; // of the menu, before a caller who decides for nothing is sent away

export const handler = async (event) => {
  const { Participants: legs, TransactionAttributes: attributes = {} } = event.CallDetails;
  const said = event.ActionData?.ReceivedDigits;
  console.log(`${event.InvocationEventType} ${event.ActionData?.Type ?? ''} ${said ?? ''}`);
  const round = Number(attributes.round ?? 0) + (isMenu(event) ? 1 : 0);
  return { SchemaVersion: '1.0', Actions: actions(event, legs, said, round), TransactionAttributes: { ...attributes, round: String(round) } };
};

const isMenu = (event) => event.InvocationEventType === 'NEW_INBOUND_CALL' || event.ActionData?.ReceivedDigits === '1';

function actions(event, legs, said, round) {
  const [caller] = legs;
  switch (event.InvocationEventType) {
    case 'NEW_INBOUND_CALL':
      return [speak('Welcome.'), menu()];
    case 'ACTION_SUCCESSFUL':
      if (event.ActionData.Type !== 'SpeakAndGetDigits') return []; // CallAndBridge: they talk
      if (said === '2') return [speak('One moment please.'), bridge(caller, said)];
      return round < rounds ? [speak(hours), menu()] : [speak(`${hours} Goodbye.`), hangup(caller)];
    case 'ACTION_FAILED':
      console.log(event.ActionData.ErrorType, event.ActionData.ErrorMessage);
      switch (event.ActionData.Type) {
        case 'SpeakAndGetDigits': return [speak('Goodbye.'), hangup(caller)];
        case 'CallAndBridge': return [speak('Nobody is free. Please call again.'), hangup(caller)];
        default: return legs.map((leg) => hangup(leg)); // no speech: nothing can be told
      }
    case 'INVALID_LAMBDA_RESPONSE':
      return legs.map((leg) => hangup(leg));
    case 'HANGUP':
      return legs.filter((leg) => leg.Status === 'Connected').map((leg) => hangup(leg));
    default:
      return [];
  }
}

const speak = (Text) => ({ Type: 'Speak', Parameters: { Text, VoiceId: 'Joanna' } });

function menu() {
  return {
    Type: 'SpeakAndGetDigits',
    Parameters: {
      SpeechParameters: { Text: 'For our hours, press one. To talk to somebody, press two.', VoiceId: 'Joanna' },
      FailureSpeechParameters: { Text: 'I did not understand.' },
      InputDigitsRegex: '^[12]$',
      MinNumberOfDigits: 1,
      MaxNumberOfDigits: 1,
      Repeat: 3,
      RepeatDurationInMilliseconds: 5000,
    },
  };
}

// bridge calls the agent, who sees which key was pressed and what came with the call.
function bridge(caller, key) {
  const SipHeaders = { 'X-Menu-Key': key };
  for (const [name, value] of Object.entries(caller.SipHeaders ?? {})) {
    if (name.toLowerCase() === 'user-to-user' && value) SipHeaders[name] = value;
  }
  return {
    Type: 'CallAndBridge',
    Parameters: { CallTimeoutSeconds: 30, CallerIdNumber: caller.From, Endpoints: [{ BridgeEndpointType: 'PSTN', Uri: agent }], SipHeaders },
  };
}

const hangup = (leg) => ({ Type: 'Hangup', Parameters: { CallId: leg.CallId, SipResponseCode: '0' } });
