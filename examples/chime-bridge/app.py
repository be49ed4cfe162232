"""Bridges each call and passes its context on. An AWS Lambda function for Amazon Chime SDK PSTN Audio, no dependencies."""

import os

CALLEE = os.environ.get("BRIDGE_TO", "+14155550100")
CONNECTOR = os.environ.get("BRIDGE_VOICE_CONNECTOR")

# What we pass on, as we name it. Senders write these names in any case.
PASSED = ("User-to-User", "Diversion", "X-Account-Id")


def handler(event, _context):
    legs = event["CallDetails"]["Participants"]
    print(event["InvocationEventType"], ", ".join(f"{leg['ParticipantTag']} {leg.get('Status', 'new')}" for leg in legs))
    return {"SchemaVersion": "1.0", "Actions": actions(event, legs)}


def actions(event, legs):
    match event["InvocationEventType"]:
        case "NEW_INBOUND_CALL":
            return [bridge(legs[0])]
        case "CALL_ANSWERED":  # a call that was asked for by API
            return [{"Type": "Pause", "Parameters": {"DurationInMilliseconds": 1000}}, hangup(legs[0])]
        case "HANGUP":
            return [hangup(leg) for leg in legs if leg.get("Status") == "Connected"]
        case "ACTION_FAILED" | "INVALID_LAMBDA_RESPONSE":
            print(event.get("ActionData", event).get("ErrorMessage"))
            return [hangup(leg, 480) for leg in legs]
    return []  # RINGING, ACTION_SUCCESSFUL and the like: nothing to do


def bridge(caller):
    endpoint = {"BridgeEndpointType": "PSTN", "Uri": CALLEE}
    if CONNECTOR:
        endpoint = {"BridgeEndpointType": "AWS", "Arn": CONNECTOR, "Uri": CALLEE}
    return {
        "Type": "CallAndBridge",
        "Parameters": {
            "CallTimeoutSeconds": 30,
            "CallerIdNumber": caller["From"],
            "Endpoints": [endpoint],
            "SipHeaders": context(caller.get("SipHeaders", {})),
        },
    }


def context(headers):
    """Picks what is passed on and says who handled the call. An empty header can come in, but can't be set."""
    given = {name.lower(): value for name, value in headers.items()}
    out = {name: given[name.lower()] for name in PASSED if given.get(name.lower())}
    out["X-Handled-By"] = "chime-bridge"
    return out


def hangup(leg, code=0):
    return {"Type": "Hangup", "Parameters": {"CallId": leg["CallId"], "SipResponseCode": code}}
