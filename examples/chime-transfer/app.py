"""Bridges each call to an agent, takes it back from the agent and transfers it: when the agent presses *7, or when somebody asks
for it by UpdateSipMediaApplicationCall. An AWS Lambda function for Amazon Chime SDK PSTN Audio, no dependencies."""

import os

AGENT = os.environ.get("TRANSFER_AGENT", "+14155550100")
EXPERT = os.environ.get("TRANSFER_TO", "+14155550101")  # who gets the call on *7


def handler(event, _context):
    kind, done, details = event["InvocationEventType"], event.get("ActionData", {}), event["CallDetails"]
    attributes = details.get("TransactionAttributes", {})
    print(kind, done.get("Type", ""), attributes)
    wanted, state = actions(kind, done, details["Participants"], attributes.get("state"))
    return {"SchemaVersion": "1.0", "Actions": wanted, "TransactionAttributes": attributes | {"state": state}}


def actions(kind, done, legs, state):
    """Gives the actions and the new state: "agent" while the agent is called or talks, "transfer" while somebody else is called,
    "expert" while that one talks."""
    caller = next((leg for leg in legs if leg["ParticipantTag"] == "LEG-A"), None)
    connected = [leg for leg in legs if leg.get("Status") == "Connected"]
    callee = next((leg for leg in connected if leg["ParticipantTag"] == "LEG-B"), None)
    match kind, done.get("Type"), state:
        case "NEW_INBOUND_CALL", _, _:
            return [bridge(caller, AGENT, {})], "agent"
        case "ACTION_SUCCESSFUL", "CallAndBridge", "transfer":
            return [], "expert"
        case "ACTION_SUCCESSFUL", "CallAndBridge", _:
            return [listen(callee)], state
        case "DIGITS_RECEIVED", _, "agent":
            return transfer(caller, callee, EXPERT), "transfer"
        case "CALL_UPDATE_REQUESTED", _, _ if callee:
            return transfer(caller, callee, done["Parameters"]["Arguments"].get("transferTo", EXPERT)), "transfer"
        case "ACTION_FAILED", "CallAndBridge", "transfer":  # back to the agent
            return [bridge(caller, AGENT, {"X-Transfer": "failed"})], "agent"
        case "ACTION_FAILED", "CallAndBridge", _:
            return [hangup(caller, "480")], state
        case "HANGUP", _, "transfer" if caller in connected:
            return [], state
        case "HANGUP", _, _:
            return [hangup(leg) for leg in connected], state
        case "INVALID_LAMBDA_RESPONSE", _, _:
            return [hangup(leg) for leg in legs], state
    return [], state


def transfer(caller, callee, to):
    """Takes the caller back from who talks with it, and calls somebody else, who sees where the call comes from."""
    return [hangup(callee), bridge(caller, to, {"X-Transfer": f"from {callee['To']}"})]


def bridge(caller, to, headers):
    context = {name: value for name, value in caller.get("SipHeaders", {}).items() if name.lower() == "user-to-user" and value}
    return {
        "Type": "CallAndBridge",
        "Parameters": {
            "CallTimeoutSeconds": 30,
            "CallerIdNumber": caller["From"],
            "Endpoints": [{"BridgeEndpointType": "PSTN", "Uri": to}],
            "SipHeaders": headers | context,
        },
    }


def listen(leg):
    return {
        "Type": "ReceiveDigits",
        "Parameters": {
            "CallId": leg["CallId"],
            "InputDigitsRegex": r"^\*7$",
            "InBetweenDigitsDurationInMilliseconds": 1000,
            "FlushDigitsDurationInMilliseconds": 5000,
        },
    }


def hangup(leg, code="0"):
    return {"Type": "Hangup", "Parameters": {"CallId": leg["CallId"], "SipResponseCode": code}}
