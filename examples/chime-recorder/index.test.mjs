import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handler } from './index.mjs';

const caller = { CallId: 'a', ParticipantTag: 'LEG-A', From: '+12065550100', To: '+12065550101', Status: 'Connected' };
const callee = { CallId: 'b', ParticipantTag: 'LEG-B', From: '+12065550100', To: '+14155550100', Status: 'Connected' };
const ask = async (InvocationEventType, ActionData) => (await handler({ InvocationEventType, ActionData, CallDetails: { Participants: [caller, callee] } })).Actions;

test('listens for keys once they talk', async () => {
  const [listen] = await ask('ACTION_SUCCESSFUL', { Type: 'CallAndBridge' });
  assert.equal(listen.Type, 'ReceiveDigits');
  assert.equal(listen.Parameters.CallId, 'a');
  assert.deepEqual(await ask('ACTION_SUCCESSFUL', { Type: 'ReceiveDigits' }), []);
});

test('does what the keys say', async () => {
  const [start] = await ask('DIGITS_RECEIVED', { Type: 'ReceiveDigits', ReceivedDigits: '*1' });
  assert.deepEqual(start.Parameters, { CallId: 'a', Track: 'BOTH', Destination: { Type: 'S3', Location: 'recordings' } });
  for (const [keys, type] of [['*3', 'StopCallRecording'], ['*4', 'PauseCallRecording'], ['*5', 'ResumeCallRecording']]) {
    assert.deepEqual(await ask('DIGITS_RECEIVED', { ReceivedDigits: keys }), [{ Type: type, Parameters: { CallId: 'a' } }]);
  }
});

test('lets a call go on without its recording', async () => {
  assert.deepEqual(await ask('ACTION_FAILED', { Type: 'StartCallRecording', ErrorType: 'SystemException' }), []);
});
