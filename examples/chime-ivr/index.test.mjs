import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handler } from './index.mjs';

const caller = { CallId: 'a', ParticipantTag: 'LEG-A', From: '+12065550100', To: '+12065550101', Status: 'Connected', SipHeaders: { 'User-to-User': '00c0ffee;encoding=hex' } };
const event = (InvocationEventType, ActionData, TransactionAttributes) => ({ InvocationEventType, ActionData, CallDetails: { Participants: [caller], TransactionAttributes } });
const pressed = (ReceivedDigits, attributes) => event('ACTION_SUCCESSFUL', { Type: 'SpeakAndGetDigits', ReceivedDigits }, attributes);
const types = (answer) => answer.Actions.map((action) => action.Type);

test('gives a menu', async () => {
  assert.deepEqual(types(await handler(event('NEW_INBOUND_CALL'))), ['Speak', 'SpeakAndGetDigits']);
});

test('tells the hours, and asks again until it is enough', async () => {
  const again = await handler(pressed('1', { round: '1' }));
  assert.deepEqual(types(again), ['Speak', 'SpeakAndGetDigits']);
  assert.deepEqual(types(await handler(pressed('1', again.TransactionAttributes))), ['Speak', 'Hangup']);
});

test('bridges with the key and the context', async () => {
  const { Actions } = await handler(pressed('2'));
  assert.deepEqual(Actions[1].Parameters.SipHeaders, { 'X-Menu-Key': '2', 'User-to-User': '00c0ffee;encoding=hex' });
});

test('says goodbye to who presses nothing', async () => {
  const failed = event('ACTION_FAILED', { Type: 'SpeakAndGetDigits', ErrorType: 'InvalidDigitsReceived', ErrorMessage: '' });
  assert.deepEqual(types(await handler(failed)), ['Speak', 'Hangup']);
});
