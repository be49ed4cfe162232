import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer } from './index.mjs';

const caller = { CallId: 'a', ParticipantTag: 'LEG-A', From: '+12065550142', To: '+12065550100', Direction: 'Inbound', Status: 'Disconnected', SipHeaders: { 'User-to-User': '00;encoding=hex' } };
const details = (leg, more) => ({ CallDetails: { TransactionId: 't', SipMediaApplicationId: 'app', Participants: [leg], ...more } });

test('calls back who called, with what came with the call', async () => {
  const asked = [];
  const create = async (input) => (asked.push(input), { SipMediaApplicationCall: { TransactionId: 'u' } });
  await answer({ InvocationEventType: 'HANGUP', ...details(caller) }, create);
  assert.deepEqual(asked, [{
    FromPhoneNumber: '+12065550100', ToPhoneNumber: '+12065550142', SipMediaApplicationId: 'app',
    SipHeaders: { 'X-Callback-Of': 't' }, ArgumentsMap: { of: 't', uui: '00;encoding=hex' },
  }]);
  await answer({ InvocationEventType: 'HANGUP', ...details({ ...caller, Direction: 'Outbound' }) }, create);
  assert.equal(asked.length, 1); // no call back of a call back
});

test('shows the agent the context of the call that is called back', async () => {
  const leg = { ...caller, From: '+12065550100', To: '+12065550142', Direction: 'Outbound', Status: 'Connected' };
  const { Actions } = await answer({ InvocationEventType: 'CALL_ANSWERED', ...details(leg, { TransactionAttributes: { of: 't', uui: '00;encoding=hex' } }) });
  assert.deepEqual(Actions[0].Parameters.SipHeaders, { 'X-Callback-Of': 't', 'User-to-User': '00;encoding=hex' });
});
