// Calls back who calls: the caller is refused as busy, and is called a moment later and bridged to an
// agent. An AWS Lambda function for Amazon Chime SDK PSTN Audio; the SDK is part of AWS Lambda's Node.js.

import { ChimeSDKVoiceClient, CreateSipMediaApplicationCallCommand } from '@aws-sdk/client-chime-sdk-voice';

const agent = process.env.CALLBACK_AGENT || '+14155550100';
const chime = new ChimeSDKVoiceClient({});

export const handler = (event) => answer(event, (input) => chime.send(new CreateSipMediaApplicationCallCommand(input)));

// answer gives what to do; create is the API's CreateSipMediaApplicationCall.
export async function answer(event, create) {
  const { Participants: legs, TransactionAttributes: attributes } = event.CallDetails;
  console.log(event.InvocationEventType, event.ActionData?.Type ?? '', JSON.stringify(attributes ?? {}));
  return { SchemaVersion: '1.0', ...await reply(event, legs, attributes, create) };
}

async function reply(event, legs, attributes, create) {
  const [leg] = legs;
  switch (event.InvocationEventType) {
    case 'NEW_INBOUND_CALL': // busy: the caller pays nothing
      return { Actions: [hangup(leg, '486')] };
    case 'NEW_OUTBOUND_CALL': // what the call back is about; no actions are carried out yet
      return { Actions: [], TransactionAttributes: event.ActionData?.Parameters.Arguments ?? {} };
    case 'CALL_ANSWERED':
      return { Actions: [bridge(leg, attributes)] };
    case 'ACTION_FAILED':
    case 'INVALID_LAMBDA_RESPONSE':
      return { Actions: legs.map((each) => hangup(each)) };
    case 'HANGUP':
      if (leg.Direction === 'Inbound') await callBack(event.CallDetails, leg, create);
      return { Actions: legs.filter((each) => each.Status === 'Connected').map((each) => hangup(each)) };
    default:
      return { Actions: [] };
  }
}

// callBack asks for a call to who called, from the number that was called.
async function callBack({ SipMediaApplicationId, TransactionId }, { From, To, SipHeaders = {} }, create) {
  const uui = Object.entries(SipHeaders).find(([name]) => name.toLowerCase() === 'user-to-user')?.[1];
  const { SipMediaApplicationCall: call } = await create({
    FromPhoneNumber: To,
    ToPhoneNumber: From,
    SipMediaApplicationId,
    SipHeaders: { 'X-Callback-Of': TransactionId },
    ArgumentsMap: { of: TransactionId, ...(uui && { uui }) },
  });
  console.log(`call back ${call.TransactionId}`);
}

// bridge calls the agent, who sees which call it answers and what that one brought.
function bridge(leg, { of, uui } = {}) {
  return {
    Type: 'CallAndBridge',
    Parameters: {
      CallTimeoutSeconds: 30,
      CallerIdNumber: leg.From,
      Endpoints: [{ BridgeEndpointType: 'PSTN', Uri: agent }],
      SipHeaders: { 'X-Callback-Of': of ?? '', ...(uui && { 'User-to-User': uui }) },
    },
  };
}

const hangup = (leg, code = '0') => ({ Type: 'Hangup', Parameters: { CallId: leg.CallId, SipResponseCode: code } });
