"""Calls back who calls: the caller is refused as busy, and is called a moment later and bridged to an agent. An AWS Lambda function
for Amazon Chime SDK PSTN Audio; boto3 is part of AWS Lambda's Python."""

import os

import boto3

AGENT = os.environ.get("CALLBACK_AGENT", "+14155550100")


def handler(event, _context, client=None):
    kind, details = event["InvocationEventType"], event["CallDetails"]
    legs, attributes = details["Participants"], details.get("TransactionAttributes", {})
    print(kind, event.get("ActionData", {}).get("Type", ""), attributes)
    if kind == "NEW_OUTBOUND_CALL":  # what the call back is about; no actions are carried out yet
        attributes = event.get("ActionData", {}).get("Parameters", {}).get("Arguments", {})
    if kind == "HANGUP" and legs[0]["Direction"] == "Inbound":
        call_back(details, legs[0], client or boto3.client("chime-sdk-voice"))
    return {"SchemaVersion": "1.0", "Actions": actions(kind, legs, attributes), "TransactionAttributes": attributes}


def actions(kind, legs, attributes):
    match kind:
        case "NEW_INBOUND_CALL":  # busy: the caller pays nothing
            return [hangup(legs[0], "486")]
        case "CALL_ANSWERED":
            return [bridge(legs[0], attributes)]
        case "ACTION_FAILED" | "INVALID_LAMBDA_RESPONSE":
            return [hangup(leg) for leg in legs]
        case "HANGUP":
            return [hangup(leg) for leg in legs if leg.get("Status") == "Connected"]
    return []


def call_back(details, caller, client):
    """Asks for a call to who called, from the number that was called."""
    arguments = {"of": details["TransactionId"]}
    for name, value in caller.get("SipHeaders", {}).items():
        if name.lower() == "user-to-user":
            arguments["uui"] = value
    call = client.create_sip_media_application_call(
        FromPhoneNumber=caller["To"],
        ToPhoneNumber=caller["From"],
        SipMediaApplicationId=details["SipMediaApplicationId"],
        SipHeaders={"X-Callback-Of": details["TransactionId"]},
        ArgumentsMap=arguments,
    )
    print("call back", call["SipMediaApplicationCall"]["TransactionId"])


def bridge(leg, about):
    """Calls the agent, who sees which call it answers and what that one brought."""
    headers = {"X-Callback-Of": about.get("of", "")}
    if about.get("uui"):
        headers["User-to-User"] = about["uui"]
    return {
        "Type": "CallAndBridge",
        "Parameters": {
            "CallTimeoutSeconds": 30,
            "CallerIdNumber": leg["From"],
            "Endpoints": [{"BridgeEndpointType": "PSTN", "Uri": AGENT}],
            "SipHeaders": headers,
        },
    }


def hangup(leg, code="0"):
    return {"Type": "Hangup", "Parameters": {"CallId": leg["CallId"], "SipResponseCode": code}}
