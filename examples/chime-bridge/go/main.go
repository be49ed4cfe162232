// Command go bridges each call and passes its context on: an AWS Lambda function for Amazon Chime SDK PSTN Audio.
package main

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
)

// event is what we read of an invocation event.
type event struct {
	InvocationEventType string
	ActionData          struct{ ErrorMessage string }
	CallDetails         struct{ Participants []participant }
}

type participant struct {
	CallID         string `json:"CallId"`
	ParticipantTag string
	From, To       string
	Status         string
	SipHeaders     map[string]string
}

// response is what we answer.
type response struct {
	SchemaVersion string
	Actions       []action
}

type action struct {
	Type       string
	Parameters any
}

type hangup struct {
	CallID          string `json:"CallId"`
	SipResponseCode int
}

type bridge struct {
	CallTimeoutSeconds int
	CallerIDNumber     string `json:"CallerIdNumber"`
	Endpoints          []endpoint
	SipHeaders         map[string]string
}

type endpoint struct {
	BridgeEndpointType string
	Arn                string `json:",omitempty"`
	URI                string `json:"Uri"`
}

func main() { lambda.Start(handle) }

func handle(ev event) (response, error) {
	legs := ev.CallDetails.Participants
	fmt.Println(ev.InvocationEventType, legs)
	answer := response{SchemaVersion: "1.0", Actions: []action{}}
	switch ev.InvocationEventType {
	case "NEW_INBOUND_CALL":
		answer.Actions = append(answer.Actions, action{"CallAndBridge", callee(legs[0])})
	case "CALL_ANSWERED": // a call that was asked for by API
		pause := action{"Pause", map[string]int{"DurationInMilliseconds": 1000}}
		answer.Actions = append(answer.Actions, pause, action{"Hangup", hangup{CallID: legs[0].CallID}})
	case "HANGUP":
		for _, leg := range legs {
			if leg.Status == "Connected" {
				answer.Actions = append(answer.Actions, action{"Hangup", hangup{CallID: leg.CallID}})
			}
		}
	case "ACTION_FAILED", "INVALID_LAMBDA_RESPONSE":
		fmt.Println(ev.ActionData.ErrorMessage)
		for _, leg := range legs {
			answer.Actions = append(answer.Actions, action{"Hangup", hangup{leg.CallID, 480}})
		}
	}
	return answer, nil
}

// callee says whom to bridge the caller to.
func callee(caller participant) bridge {
	to := endpoint{BridgeEndpointType: "PSTN", URI: cmp.Or(os.Getenv("BRIDGE_TO"), "+14155550100")}
	if arn := os.Getenv("BRIDGE_VOICE_CONNECTOR"); arn != "" {
		to.BridgeEndpointType, to.Arn = "AWS", arn
	}
	return bridge{CallTimeoutSeconds: 30, CallerIDNumber: caller.From, Endpoints: []endpoint{to}, SipHeaders: passed(caller.SipHeaders)}
}

// passed picks what is passed on and says who handled the call. Senders write the names in any case; an empty header can
// come in, but can't be set.
func passed(headers map[string]string) map[string]string {
	out := map[string]string{"X-Handled-By": "chime-bridge"}
	for name, value := range headers {
		for _, ours := range []string{"User-to-User", "Diversion", "X-Account-Id"} {
			if strings.EqualFold(name, ours) && value != "" {
				out[ours] = value
			}
		}
	}
	return out
}
