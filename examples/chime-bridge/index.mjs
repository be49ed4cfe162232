// Bridges each call and passes its context on. An AWS Lambda function for Amazon Chime SDK PSTN Audio, no dependencies.

const callee = process.env.BRIDGE_TO || '+14155550100';
const connector = process.env.BRIDGE_VOICE_CONNECTOR;

// What we pass on, as we name it. Senders write these names in any case.
const passed = ['User-to-User', 'Diversion', 'X-Account-Id'];

export const handler = async (event) => {
  const { Participants: legs } = event.CallDetails;
  console.log(`${event.InvocationEventType} ${legs.map((leg) => `${leg.ParticipantTag} ${leg.Status ?? 'new'}`).join(', ')}`);
  return { SchemaVersion: '1.0', Actions: actions(event, legs) };
};

function actions(event, legs) {
  switch (event.InvocationEventType) {
    case 'NEW_INBOUND_CALL':
      return [bridge(legs[0])];
    case 'CALL_ANSWERED': // a call that was asked for by API
      return [{ Type: 'Pause', Parameters: { DurationInMilliseconds: 1000 } }, hangup(legs[0])];
    case 'HANGUP': {
      const other = legs.find((leg) => leg.Status === 'Connected');
      return other ? [hangup(other)] : [];
    }
    case 'ACTION_FAILED':
    case 'INVALID_LAMBDA_RESPONSE':
      console.log(event.ActionData?.ErrorMessage ?? event.ErrorMessage);
      return legs.map((leg) => hangup(leg, 480));
    default: // RINGING, ACTION_SUCCESSFUL and the like: nothing to do
      return [];
  }
}

function bridge(caller) {
  return {
    Type: 'CallAndBridge',
    Parameters: {
      CallTimeoutSeconds: 30,
      CallerIdNumber: caller.From,
      Endpoints: [connector
        ? { BridgeEndpointType: 'AWS', Arn: connector, Uri: callee }
        : { BridgeEndpointType: 'PSTN', Uri: callee }],
      SipHeaders: context(caller.SipHeaders ?? {}),
    },
  };
}

// context picks what is passed on and says who handled the call.
function context(headers) {
  const out = {};
  for (const name of passed) {
    const given = Object.keys(headers).find((key) => key.toLowerCase() === name.toLowerCase());
    if (given && headers[given] !== '') out[name] = headers[given]; // an empty header can come in, but can't be set
  }
  out['X-Handled-By'] = 'chime-bridge';
  return out;
}

function hangup(leg, code = 0) {
  return { Type: 'Hangup', Parameters: { CallId: leg.CallId, SipResponseCode: code } };
}
