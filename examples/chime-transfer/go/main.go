// Command go bridges each call to an agent, takes it back from the agent and transfers it: when the agent presses *7, or when
// somebody asks for it by UpdateSipMediaApplicationCall. An AWS Lambda function for Amazon Chime SDK PSTN Audio.
package main

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
)

// The states of a call, kept in its TransactionAttributes.
const (
	atAgent  = "agent"    // the agent is called or talks
	onTheWay = "transfer" // somebody else is called
	atExpert = "expert"   // that one talks
)

type event struct {
	InvocationEventType string
	ActionData          struct {
		Type, ErrorType, ErrorMessage string
		Parameters                    struct{ Arguments map[string]string }
	}
	CallDetails struct {
		TransactionAttributes map[string]string
		Participants          []participant
	}
}

type participant struct {
	CallID         string `json:"CallId"`
	ParticipantTag string
	From, To       string
	Status         string
	SipHeaders     map[string]string
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
	state := ev.CallDetails.TransactionAttributes["state"]
	fmt.Println(ev.InvocationEventType, ev.ActionData.Type, ev.ActionData.ErrorMessage, state)
	actions, state := react(ev, state)
	if actions == nil {
		actions = []action{}
	}
	return response{"1.0", actions, map[string]string{"state": state}}, nil
}

// react gives the actions, and the state that follows.
func react(ev event, state string) ([]action, string) {
	var caller, callee participant
	var connected []action // hangs up who is there
	for _, leg := range ev.CallDetails.Participants {
		if leg.Status == "Connected" {
			connected = append(connected, hangup(leg, "0"))
		}
		switch {
		case leg.ParticipantTag == "LEG-A":
			caller = leg
		case leg.Status == "Connected":
			callee = leg
		}
	}
	agent, expert := cmp.Or(os.Getenv("TRANSFER_AGENT"), "+14155550100"), cmp.Or(os.Getenv("TRANSFER_TO"), "+14155550101")
	bridged := ev.ActionData.Type == "CallAndBridge"
	switch kind := ev.InvocationEventType; {
	case kind == "NEW_INBOUND_CALL":
		return []action{bridge(caller, agent, nil)}, atAgent
	case kind == "ACTION_SUCCESSFUL" && bridged && state == onTheWay:
		return nil, atExpert
	case kind == "ACTION_SUCCESSFUL" && bridged:
		return []action{listen(callee)}, state
	case kind == "DIGITS_RECEIVED" && state == atAgent:
		return transfer(caller, callee, expert), onTheWay
	case kind == "CALL_UPDATE_REQUESTED" && callee.CallID != "":
		return transfer(caller, callee, cmp.Or(ev.ActionData.Parameters.Arguments["transferTo"], expert)), onTheWay
	case kind == "ACTION_FAILED" && bridged && state == onTheWay: // back to the agent
		return []action{bridge(caller, agent, map[string]string{"X-Transfer": "failed"})}, atAgent
	case kind == "ACTION_FAILED" && bridged:
		return []action{hangup(caller, "480")}, state
	case kind == "HANGUP" && (state != onTheWay || caller.Status != "Connected"), kind == "INVALID_LAMBDA_RESPONSE":
		return connected, state
	}
	return nil, state
}

// transfer takes the caller back from who talks with it, and calls somebody else, who sees where the call comes from.
func transfer(caller, callee participant, to string) []action {
	return []action{hangup(callee, "0"), bridge(caller, to, map[string]string{"X-Transfer": "from " + callee.To})}
}

func bridge(caller participant, to string, set map[string]string) action {
	headers := map[string]string{}
	for name, value := range set {
		headers[name] = value
	}
	for name, value := range caller.SipHeaders {
		if strings.EqualFold(name, "User-to-User") && value != "" {
			headers[name] = value
		}
	}
	return action{"CallAndBridge", map[string]any{
		"CallTimeoutSeconds": 30, "CallerIdNumber": caller.From, "SipHeaders": headers,
		"Endpoints": []any{map[string]any{"BridgeEndpointType": "PSTN", "Uri": to}},
	}}
}

func listen(leg participant) action {
	return action{"ReceiveDigits", map[string]any{
		"CallId": leg.CallID, "InputDigitsRegex": `^\*7$`,
		"InBetweenDigitsDurationInMilliseconds": 1000, "FlushDigitsDurationInMilliseconds": 5000,
	}}
}

func hangup(leg participant, code string) action {
	return action{"Hangup", map[string]any{"CallId": leg.CallID, "SipResponseCode": code}}
}
