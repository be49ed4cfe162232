// Bridges each call; the caller records it on demand with keys. An AWS Lambda function for Amazon Chime SDK PSTN Audio, no
// dependencies.

const callee = process.env.RECORDER_TO || '+14155550100';
const location = process.env.RECORDER_BUCKET || 'recordings'; // bucket, or bucket/prefix

// What keys do, pressed by the caller. A leg is recorded once: after *3 its recording is over.
const commands = { '*1': 'StartCallRecording', '*3': 'StopCallRecording', '*4': 'PauseCallRecording', '*5': 'ResumeCallRecording' };

export const handler = async (event) => {
  const { Participants: legs } = event.CallDetails;
  console.log(event.InvocationEventType, event.ActionData?.Type ?? '', JSON.stringify(event.ActionData?.CallRecordingDestination ?? ''));
  return { SchemaVersion: '1.0', Actions: actions(event, legs) };
};

function actions(event, legs) {
  const [caller] = legs;
  switch (event.InvocationEventType) {
    case 'NEW_INBOUND_CALL':
      return [bridge(caller)];
    case 'ACTION_SUCCESSFUL':
      return event.ActionData.Type === 'CallAndBridge' ? [listen(caller)] : [];
    case 'DIGITS_RECEIVED':
      return command(event.ActionData.ReceivedDigits, caller);
    case 'ACTION_FAILED':
      console.log(event.ActionData.ErrorType, event.ActionData.ErrorMessage);
      return event.ActionData.Type === 'CallAndBridge' ? [hangup(caller, '480')] : []; // a call goes on without its recording
    case 'INVALID_LAMBDA_RESPONSE':
      return legs.map((leg) => hangup(leg));
    case 'HANGUP':
      return legs.filter((leg) => leg.Status === 'Connected').map((leg) => hangup(leg));
    default:
      return [];
  }
}

function bridge(caller) {
  return {
    Type: 'CallAndBridge',
    Parameters: { CallTimeoutSeconds: 30, CallerIdNumber: caller.From, Endpoints: [{ BridgeEndpointType: 'PSTN', Uri: callee }] },
  };
}

function listen({ CallId }) {
  return {
    Type: 'ReceiveDigits',
    Parameters: { CallId, InputDigitsRegex: '^\\*[1345]$', InBetweenDigitsDurationInMilliseconds: 1000, FlushDigitsDurationInMilliseconds: 5000 },
  };
}

function command(keys, { CallId }) {
  const Type = commands[keys];
  if (Type !== 'StartCallRecording') return [{ Type, Parameters: { CallId } }];
  return [{ Type, Parameters: { CallId, Track: 'BOTH', Destination: { Type: 'S3', Location: location } } }];
}

const hangup = (leg, code = '0') => ({ Type: 'Hangup', Parameters: { CallId: leg.CallId, SipResponseCode: code } });
