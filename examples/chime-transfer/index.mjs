// Bridges each call to an agent, takes it back from the agent and transfers it: when the agent presses *7, or when somebody asks
// for it by UpdateSipMediaApplicationCall. An AWS Lambda function for Amazon Chime SDK PSTN Audio, no dependencies.

const agent = process.env.TRANSFER_AGENT || '+14155550100';
const expert = process.env.TRANSFER_TO || '+14155550101'; // who gets the call on *7

export const handler = async (event) => {
  const { Participants: legs, TransactionAttributes: attributes = {} } = event.CallDetails;
  console.log(event.InvocationEventType, event.ActionData?.Type ?? '', JSON.stringify(attributes));
  const answer = actions(event, legs, attributes);
  return { SchemaVersion: '1.0', Actions: answer.actions ?? [], TransactionAttributes: { ...attributes, ...answer.attributes } };
};

// state: 'agent' while the agent is called or talks, 'transfer' while somebody else is called, 'expert' while that one talks.
function actions(event, legs, { state }) {
  const caller = legs.find((leg) => leg.ParticipantTag === 'LEG-A');
  const callee = legs.find((leg) => leg.ParticipantTag === 'LEG-B' && leg.Status === 'Connected');
  switch (event.InvocationEventType) {
    case 'NEW_INBOUND_CALL':
      return { actions: [bridge(caller, agent, {})], attributes: { state: 'agent' } };
    case 'ACTION_SUCCESSFUL':
      if (event.ActionData.Type !== 'CallAndBridge') return {};
      return state === 'transfer' ? { attributes: { state: 'expert' } } : { actions: [listen(callee)] };
    case 'DIGITS_RECEIVED':
      return state === 'agent' ? transfer(caller, callee, expert) : {};
    case 'CALL_UPDATE_REQUESTED':
      return callee ? transfer(caller, callee, event.ActionData.Parameters.Arguments.transferTo || expert) : {};
    case 'ACTION_FAILED':
      console.log(event.ActionData.ErrorType, event.ActionData.ErrorMessage);
      if (event.ActionData.Type !== 'CallAndBridge') return {};
      if (state !== 'transfer') return { actions: [hangup(caller, '480')] };
      return { actions: [bridge(caller, agent, { 'X-Transfer': 'failed' })], attributes: { state: 'agent' } }; // back to the agent
    case 'HANGUP': {
      const left = legs.filter((leg) => leg.Status === 'Connected');
      return state === 'transfer' && left.includes(caller) ? {} : { actions: left.map((leg) => hangup(leg)) };
    }
    case 'INVALID_LAMBDA_RESPONSE':
      return { actions: legs.map((leg) => hangup(leg)) };
    default:
      return {};
  }
}

// transfer takes the caller back from who talks with it, and calls somebody else, who sees where the call comes from.
function transfer(caller, callee, to) {
  return {
    actions: [hangup(callee), bridge(caller, to, { 'X-Transfer': `from ${callee.To}` })],
    attributes: { state: 'transfer' },
  };
}

function bridge(caller, Uri, headers) {
  const SipHeaders = { ...headers };
  for (const [name, value] of Object.entries(caller.SipHeaders ?? {})) {
    if (name.toLowerCase() === 'user-to-user' && value) SipHeaders[name] = value;
  }
  return {
    Type: 'CallAndBridge',
    Parameters: { CallTimeoutSeconds: 30, CallerIdNumber: caller.From, Endpoints: [{ BridgeEndpointType: 'PSTN', Uri }], SipHeaders },
  };
}

function listen({ CallId }) {
  return {
    Type: 'ReceiveDigits',
    Parameters: { CallId, InputDigitsRegex: '^\\*7$', InBetweenDigitsDurationInMilliseconds: 1000, FlushDigitsDurationInMilliseconds: 5000 },
  };
}

const hangup = (leg, code = '0') => ({ Type: 'Hangup', Parameters: { CallId: leg.CallId, SipResponseCode: code } });
