"""Bridges each call; the caller records it on demand with keys. An AWS Lambda function for Amazon Chime SDK PSTN Audio, no
dependencies."""

import os

CALLEE = os.environ.get("RECORDER_TO", "+14155550100")
LOCATION = os.environ.get("RECORDER_BUCKET", "recordings")  # bucket, or bucket/prefix

# What keys do, pressed by the caller. A leg is recorded once: after *3 its recording is over.
COMMANDS = {"*1": "StartCallRecording", "*3": "StopCallRecording", "*4": "PauseCallRecording", "*5": "ResumeCallRecording"}


def handler(event, _context):
    done = event.get("ActionData", {})
    print(event["InvocationEventType"], done.get("Type", ""), done.get("CallRecordingDestination", ""))
    return {"SchemaVersion": "1.0", "Actions": actions(event["InvocationEventType"], done, event["CallDetails"]["Participants"])}


def actions(kind, done, legs):
    caller = legs[0]
    match kind, done.get("Type"):
        case "NEW_INBOUND_CALL", _:
            return [bridge(caller)]
        case "ACTION_SUCCESSFUL", "CallAndBridge":
            return [listen(caller)]
        case "DIGITS_RECEIVED", _:
            return [command(done["ReceivedDigits"], caller)]
        case "ACTION_FAILED", what:
            print(done.get("ErrorType"), done.get("ErrorMessage"))
            return [hangup(caller, "480")] if what == "CallAndBridge" else []  # a call goes on without its recording
        case "INVALID_LAMBDA_RESPONSE", _:
            return [hangup(leg) for leg in legs]
        case "HANGUP", _:
            return [hangup(leg) for leg in legs if leg.get("Status") == "Connected"]
    return []


def bridge(caller):
    return {
        "Type": "CallAndBridge",
        "Parameters": {
            "CallTimeoutSeconds": 30,
            "CallerIdNumber": caller["From"],
            "Endpoints": [{"BridgeEndpointType": "PSTN", "Uri": CALLEE}],
        },
    }


def listen(caller):
    return {
        "Type": "ReceiveDigits",
        "Parameters": {
            "CallId": caller["CallId"],
            "InputDigitsRegex": r"^\*[1345]$",
            "InBetweenDigitsDurationInMilliseconds": 1000,
            "FlushDigitsDurationInMilliseconds": 5000,
        },
    }


def command(keys, caller):
    parameters = {"CallId": caller["CallId"]}
    if COMMANDS[keys] == "StartCallRecording":
        parameters |= {"Track": "BOTH", "Destination": {"Type": "S3", "Location": LOCATION}}
    return {"Type": COMMANDS[keys], "Parameters": parameters}


def hangup(leg, code="0"):
    return {"Type": "Hangup", "Parameters": {"CallId": leg["CallId"], "SipResponseCode": code}}
