// Command go bridges each call; the caller records it on demand with keys. An AWS Lambda function for Amazon Chime SDK PSTN
// Audio.
package main

import (
	"cmp"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
)

// commands are what keys do, pressed by the caller. A leg is recorded once: after *3 its recording is over.
var commands = map[string]string{"*1": "StartCallRecording", "*3": "StopCallRecording", "*4": "PauseCallRecording", "*5": "ResumeCallRecording"}

type event struct {
	InvocationEventType string
	ActionData          struct {
		Type, ReceivedDigits, ErrorType, ErrorMessage string
		CallRecordingDestination                      struct{ Location string }
	}
	CallDetails struct{ Participants []participant }
}

type participant struct {
	CallID string `json:"CallId"`
	From   string
	Status string
}

type response struct {
	SchemaVersion string
	Actions       []action
}

type action struct {
	Type       string
	Parameters map[string]any
}

func main() { lambda.Start(handle) }

func handle(ev event) (response, error) {
	done := ev.ActionData
	fmt.Println(ev.InvocationEventType, done.Type, done.CallRecordingDestination.Location, done.ErrorMessage)
	return response{"1.0", actions(ev)}, nil
}

func actions(ev event) []action {
	legs, none := ev.CallDetails.Participants, []action{}
	caller := legs[0]
	switch ev.InvocationEventType {
	case "NEW_INBOUND_CALL":
		return []action{bridge(caller)}
	case "ACTION_SUCCESSFUL":
		if ev.ActionData.Type == "CallAndBridge" {
			return []action{listen(caller)}
		}
	case "DIGITS_RECEIVED":
		return []action{command(ev.ActionData.ReceivedDigits, caller)}
	case "ACTION_FAILED":
		if ev.ActionData.Type == "CallAndBridge" { // a call goes on without its recording
			return []action{hangup(caller, "480")}
		}
	case "INVALID_LAMBDA_RESPONSE", "HANGUP":
		for _, leg := range legs {
			if leg.Status == "Connected" || ev.InvocationEventType != "HANGUP" {
				none = append(none, hangup(leg, "0"))
			}
		}
	}
	return none
}

func bridge(caller participant) action {
	callee := cmp.Or(os.Getenv("RECORDER_TO"), "+14155550100")
	return action{"CallAndBridge", map[string]any{
		"CallTimeoutSeconds": 30, "CallerIdNumber": caller.From,
		"Endpoints": []any{map[string]any{"BridgeEndpointType": "PSTN", "Uri": callee}},
	}}
}

func listen(caller participant) action {
	return action{"ReceiveDigits", map[string]any{
		"CallId": caller.CallID, "InputDigitsRegex": `^\*[1345]$`,
		"InBetweenDigitsDurationInMilliseconds": 1000, "FlushDigitsDurationInMilliseconds": 5000,
	}}
}

func command(keys string, caller participant) action {
	parameters := map[string]any{"CallId": caller.CallID}
	if commands[keys] == "StartCallRecording" {
		location := cmp.Or(os.Getenv("RECORDER_BUCKET"), "recordings") // bucket, or bucket/prefix
		parameters["Track"], parameters["Destination"] = "BOTH", map[string]any{"Type": "S3", "Location": location}
	}
	return action{commands[keys], parameters}
}

func hangup(leg participant, code string) action {
	return action{"Hangup", map[string]any{"CallId": leg.CallID, "SipResponseCode": code}}
}
