import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handler } from './index.mjs';

const caller = { CallId: 'a', ParticipantTag: 'LEG-A', From: '+12065550100', To: '+12065550101' };
const callee = { CallId: 'b', ParticipantTag: 'LEG-B', From: '+12065550100', To: '+14155550100' };
const event = (InvocationEventType, ...Participants) => ({ InvocationEventType, CallDetails: { Participants } });

test('passes the context on', async () => {
  const SipHeaders = { 'user-to-user': '00c0ffee;encoding=hex', 'X-Account-Id': '4711', 'X-Private': 'x', Diversion: '' };
  const answer = await handler(event('NEW_INBOUND_CALL', { ...caller, SipHeaders }));
  assert.equal(answer.Actions[0].Parameters.CallerIdNumber, '+12065550100');
  assert.deepEqual(answer.Actions[0].Parameters.SipHeaders, {
    'User-to-User': '00c0ffee;encoding=hex', 'X-Account-Id': '4711', 'X-Handled-By': 'chime-bridge',
  });
});

test('hangs up the other leg', async () => {
  const left = event('HANGUP', { ...caller, Status: 'Connected' }, { ...callee, Status: 'Disconnected' });
  assert.equal((await handler(left)).Actions[0].Parameters.CallId, 'a');
  const last = event('HANGUP', { ...caller, Status: 'Disconnected' });
  assert.deepEqual((await handler(last)).Actions, []);
});

test('refuses the caller when the bridge fails', async () => {
  const failed = { ...event('ACTION_FAILED', caller), ActionData: { ErrorMessage: 'Call not answered' } };
  assert.deepEqual((await handler(failed)).Actions[0].Parameters, { CallId: 'a', SipResponseCode: 480 });
});
