"""A customer's script with boto3, unmodified: sets an application up, calls, cleans up. Prints what it got as JSON."""

import json
import sys

import boto3

arn, number, callee = sys.argv[1:4]
chime = boto3.client("chime-sdk-voice")
got = {}

app = chime.create_sip_media_application(AwsRegion="us-east-1", Name="sdk", Endpoints=[{"LambdaArn": arn}])["SipMediaApplication"]
app_id = app["SipMediaApplicationId"]
got["created"] = app["CreatedTimestamp"].year
got["arn"] = app["SipMediaApplicationArn"]
rule = chime.create_sip_rule(
    Name="main",
    TriggerType="ToPhoneNumber",
    TriggerValue=number,
    TargetApplications=[{"SipMediaApplicationId": app_id, "Priority": 1, "AwsRegion": "us-east-1"}],
)["SipRule"]
got["apps"] = [a["Name"] for page in chime.get_paginator("list_sip_media_applications").paginate() for a in page["SipMediaApplications"]]
got["rules"] = [r["TriggerValue"] for page in chime.get_paginator("list_sip_rules").paginate() for r in page["SipRules"]]
got["again"] = chime.get_sip_media_application(SipMediaApplicationId=app_id)["SipMediaApplication"]["Endpoints"][0]["LambdaArn"]

call = chime.create_sip_media_application_call(
    FromPhoneNumber=number,
    ToPhoneNumber=callee,
    SipMediaApplicationId=app_id,
    SipHeaders={"X-Test-Value": "žluť, 100%", "User-to-User": "00c0ffee;encoding=hex", "Diversion": "<sip:+1@x.example>;reason=no-answer"},
    ArgumentsMap={"account": "4711"},
)
got["transaction"] = call["SipMediaApplicationCall"]["TransactionId"]

try:
    chime.create_sip_media_application_call(
        FromPhoneNumber=number, ToPhoneNumber=callee, SipMediaApplicationId=app_id, SipHeaders={"X-A\r\nX-B": "1"})
except chime.exceptions.BadRequestException as e:
    got["refused"] = e.response["Error"]["Message"]
try:
    chime.get_sip_rule(SipRuleId="00000000-0000-4000-8000-000000000000")
except chime.exceptions.NotFoundException as e:
    got["missing"] = e.response["ResponseMetadata"]["HTTPStatusCode"]

print(json.dumps(got))
