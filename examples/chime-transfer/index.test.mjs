import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handler } from './index.mjs';

const caller = { CallId: 'a', ParticipantTag: 'LEG-A', From: '+12065550100', To: '+12065550101', Status: 'Connected', SipHeaders: { 'User-to-User': '00;encoding=hex' } };
const agent = { CallId: 'b', ParticipantTag: 'LEG-B', From: '+12065550100', To: '+14155550100', Status: 'Connected' };
const ask = (InvocationEventType, state, ActionData, legs = [caller, agent]) =>
  handler({ InvocationEventType, ActionData, CallDetails: { Participants: legs, TransactionAttributes: { state } } });

test('takes the caller back on *7 and calls the expert, who sees the context', async () => {
  const { Actions, TransactionAttributes } = await ask('DIGITS_RECEIVED', 'agent', { ReceivedDigits: '*7' });
  assert.deepEqual(Actions.map((action) => action.Type), ['Hangup', 'CallAndBridge']);
  assert.equal(Actions[0].Parameters.CallId, 'b');
  assert.deepEqual(Actions[1].Parameters.SipHeaders, { 'X-Transfer': 'from +14155550100', 'User-to-User': '00;encoding=hex' });
  assert.equal(TransactionAttributes.state, 'transfer');
});

test('transfers where the API says', async () => {
  const { Actions } = await ask('CALL_UPDATE_REQUESTED', 'agent', { Parameters: { Arguments: { transferTo: '+14155550199' } } });
  assert.equal(Actions[1].Parameters.Endpoints[0].Uri, '+14155550199');
});

test('keeps the caller while the agent leaves', async () => {
  assert.deepEqual((await ask('HANGUP', 'transfer', {}, [caller, { ...agent, Status: 'Disconnected' }])).Actions, []);
  assert.equal((await ask('HANGUP', 'agent', {}, [caller, { ...agent, Status: 'Disconnected' }])).Actions[0].Parameters.CallId, 'a');
});

test('goes back to the agent when the expert is busy', async () => {
  const { Actions, TransactionAttributes } = await ask('ACTION_FAILED', 'transfer', { Type: 'CallAndBridge' }, [caller]);
  assert.equal(Actions[0].Parameters.SipHeaders['X-Transfer'], 'failed');
  assert.equal(TransactionAttributes.state, 'agent');
});
