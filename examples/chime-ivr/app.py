"""A menu: a caller presses a key and hears the hours, or talks to somebody. An AWS Lambda function for Amazon Chime SDK PSTN
Audio, no dependencies."""

import os

AGENT = os.environ.get("IVR_AGENT", "+14155550100")
HOURS = os.environ.get("IVR_HOURS", "We are here from nine to five, Monday to Friday.")
ROUNDS = 3  # of the menu, before a caller who decides for nothing is sent away


def handler(event, _context):
    kind, done = event["InvocationEventType"], event.get("ActionData", {})
    attributes = event["CallDetails"].get("TransactionAttributes", {})
    legs = event["CallDetails"]["Participants"]
    print(kind, done.get("Type", ""), done.get("ReceivedDigits", ""))
    menus = kind == "NEW_INBOUND_CALL" or done.get("ReceivedDigits") == "1"
    round_ = int(attributes.get("round", 0)) + menus
    return {
        "SchemaVersion": "1.0",
        "Actions": actions(kind, done, legs, round_),
        "TransactionAttributes": attributes | {"round": str(round_)},
    }


def actions(kind, done, legs, round_):
    caller = legs[0]
    match kind, done.get("Type"):
        case "NEW_INBOUND_CALL", _:
            return [speak("Welcome."), menu()]
        case "ACTION_SUCCESSFUL", "SpeakAndGetDigits":
            if done["ReceivedDigits"] == "2":
                return [speak("One moment please."), bridge(caller, "2")]
            if round_ < ROUNDS:
                return [speak(HOURS), menu()]
            return [speak(f"{HOURS} Goodbye."), hangup(caller)]
        case "ACTION_FAILED", "SpeakAndGetDigits":
            return [speak("Goodbye."), hangup(caller)]
        case "ACTION_FAILED", "CallAndBridge":
            return [speak("Nobody is free. Please call again."), hangup(caller)]
        case ("ACTION_FAILED" | "INVALID_LAMBDA_RESPONSE"), _:  # no speech: nothing can be told
            print(done.get("ErrorType"), done.get("ErrorMessage"))
            return [hangup(leg) for leg in legs]
        case "HANGUP", _:
            return [hangup(leg) for leg in legs if leg.get("Status") == "Connected"]
    return []  # CallAndBridge succeeded: they talk


def speak(text):
    return {"Type": "Speak", "Parameters": {"Text": text, "VoiceId": "Joanna"}}


def menu():
    return {
        "Type": "SpeakAndGetDigits",
        "Parameters": {
            "SpeechParameters": {"Text": "For our hours, press one. To talk to somebody, press two.", "VoiceId": "Joanna"},
            "FailureSpeechParameters": {"Text": "I did not understand."},
            "InputDigitsRegex": "^[12]$",
            "MinNumberOfDigits": 1,
            "MaxNumberOfDigits": 1,
            "Repeat": 3,
            "RepeatDurationInMilliseconds": 5000,
        },
    }


def bridge(caller, key):
    """Calls the agent, who sees which key was pressed and what came with the call."""
    headers = {"X-Menu-Key": key}
    headers |= {name: value for name, value in caller.get("SipHeaders", {}).items() if name.lower() == "user-to-user" and value}
    return {
        "Type": "CallAndBridge",
        "Parameters": {
            "CallTimeoutSeconds": 30,
            "CallerIdNumber": caller["From"],
            "Endpoints": [{"BridgeEndpointType": "PSTN", "Uri": AGENT}],
            "SipHeaders": headers,
        },
    }


def hangup(leg):
    return {"Type": "Hangup", "Parameters": {"CallId": leg["CallId"], "SipResponseCode": "0"}}
