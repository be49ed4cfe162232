// Command go is a menu: a caller presses a key and hears the hours, or talks to somebody. An AWS Lambda function for Amazon
// Chime SDK PSTN Audio.
package main

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
)

// rounds is how often the menu is given before a caller who decides for nothing is sent away.
const rounds = 3

type event struct {
	InvocationEventType string
	ActionData          struct{ Type, ReceivedDigits, ErrorType, ErrorMessage string }
	CallDetails         struct {
		TransactionAttributes map[string]string
		Participants          []participant
	}
}

type participant struct {
	CallID     string `json:"CallId"`
	From       string
	Status     string
	SipHeaders map[string]string
}

type response struct {
	SchemaVersion         string
	Actions               []action
	TransactionAttributes map[string]string
}

type action struct {
	Type       string
	Parameters map[string]any
}

func main() { lambda.Start(handle) }

func handle(ev event) (response, error) {
	round, _ := strconv.Atoi(ev.CallDetails.TransactionAttributes["round"])
	if ev.InvocationEventType == "NEW_INBOUND_CALL" || ev.ActionData.ReceivedDigits == "1" {
		round++
	}
	fmt.Println(ev.InvocationEventType, ev.ActionData.Type, ev.ActionData.ReceivedDigits, ev.ActionData.ErrorMessage)
	return response{"1.0", actions(ev, round), map[string]string{"round": strconv.Itoa(round)}}, nil
}

func actions(ev event, round int) []action {
	legs := ev.CallDetails.Participants
	caller := legs[0]
	switch ev.InvocationEventType + " " + ev.ActionData.Type {
	case "NEW_INBOUND_CALL ":
		return []action{speak("Welcome."), menu()}
	case "ACTION_SUCCESSFUL SpeakAndGetDigits":
		switch hours := cmp.Or(os.Getenv("IVR_HOURS"), "We are here from nine to five, Monday to Friday."); {
		case ev.ActionData.ReceivedDigits == "2":
			return []action{speak("One moment please."), bridge(caller, "2")}
		case round < rounds:
			return []action{speak(hours), menu()}
		default:
			return []action{speak(hours + " Goodbye."), hangup(caller)}
		}
	case "ACTION_FAILED SpeakAndGetDigits":
		return []action{speak("Goodbye."), hangup(caller)}
	case "ACTION_FAILED CallAndBridge":
		return []action{speak("Nobody is free. Please call again."), hangup(caller)}
	}
	all := []action{}
	failed := ev.InvocationEventType == "ACTION_FAILED" || ev.InvocationEventType == "INVALID_LAMBDA_RESPONSE" // no speech: nothing can be told
	for _, leg := range legs {
		if failed || ev.InvocationEventType == "HANGUP" && leg.Status == "Connected" {
			all = append(all, hangup(leg))
		}
	}
	return all
}

func speak(text string) action {
	return action{"Speak", map[string]any{"Text": text, "VoiceId": "Joanna"}}
}

func menu() action {
	return action{"SpeakAndGetDigits", map[string]any{
		"SpeechParameters":        map[string]any{"Text": "For our hours, press one. To talk to somebody, press two.", "VoiceId": "Joanna"},
		"FailureSpeechParameters": map[string]any{"Text": "I did not understand."},
		"InputDigitsRegex":        "^[12]$",
		"MinNumberOfDigits":       1,
		"MaxNumberOfDigits":       1,
		"Repeat":                  3, "RepeatDurationInMilliseconds": 5000,
	}}
}

// bridge calls the agent, who sees which key was pressed and what came with the call.
func bridge(caller participant, key string) action {
	headers := map[string]string{"X-Menu-Key": key}
	for name, value := range caller.SipHeaders {
		if strings.EqualFold(name, "User-to-User") && value != "" {
			headers[name] = value
		}
	}
	return action{"CallAndBridge", map[string]any{
		"CallTimeoutSeconds": 30, "CallerIdNumber": caller.From, "SipHeaders": headers,
		"Endpoints": []any{map[string]any{"BridgeEndpointType": "PSTN", "Uri": cmp.Or(os.Getenv("IVR_AGENT"), "+14155550100")}},
	}}
}

func hangup(leg participant) action {
	return action{"Hangup", map[string]any{"CallId": leg.CallID, "SipResponseCode": "0"}}
}
