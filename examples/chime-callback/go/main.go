// Command go calls back who calls: the caller is refused as busy, and is called a moment later and bridged to an agent. An AWS
// Lambda function for Amazon Chime SDK PSTN Audio.
package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	chime "github.com/aws/aws-sdk-go-v2/service/chimesdkvoice"
)

type event struct {
	InvocationEventType string
	ActionData          struct {
		Type       string
		Parameters struct{ Arguments map[string]string }
	}
	CallDetails details
}

type details struct {
	TransactionID         string `json:"TransactionId"`
	SipMediaApplicationID string `json:"SipMediaApplicationId"`
	TransactionAttributes map[string]string
	Participants          []participant
}

type participant struct {
	CallID     string `json:"CallId"`
	From, To   string
	Direction  string
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

// api is what is needed of the SDK.
type api interface {
	CreateSipMediaApplicationCall(context.Context, *chime.CreateSipMediaApplicationCallInput, ...func(*chime.Options)) (*chime.CreateSipMediaApplicationCallOutput, error)
}

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		panic(err)
	}
	f := function{chime.NewFromConfig(cfg)}
	lambda.Start(f.handle)
}

type function struct{ api api }

func (f function) handle(ctx context.Context, ev event) (response, error) {
	d := ev.CallDetails
	fmt.Println(ev.InvocationEventType, ev.ActionData.Type, d.TransactionAttributes)
	out := response{SchemaVersion: "1.0", Actions: []action{}, TransactionAttributes: d.TransactionAttributes}
	leg := d.Participants[0]
	switch ev.InvocationEventType {
	case "NEW_INBOUND_CALL": // busy: the caller pays nothing
		out.Actions = append(out.Actions, hangup(leg, "486"))
	case "NEW_OUTBOUND_CALL": // what the call back is about; no actions are carried out yet
		out.TransactionAttributes = ev.ActionData.Parameters.Arguments
	case "CALL_ANSWERED":
		out.Actions = append(out.Actions, bridge(leg, d.TransactionAttributes))
	case "HANGUP", "ACTION_FAILED", "INVALID_LAMBDA_RESPONSE":
		for _, each := range d.Participants {
			if each.Status == "Connected" {
				out.Actions = append(out.Actions, hangup(each, "0"))
			}
		}
		if ev.InvocationEventType == "HANGUP" && leg.Direction == "Inbound" {
			return out, f.callBack(ctx, d, leg)
		}
	}
	return out, nil
}

// callBack asks for a call to who called, from the number that was called.
func (f function) callBack(ctx context.Context, d details, caller participant) error {
	arguments := map[string]string{"of": d.TransactionID}
	for name, value := range caller.SipHeaders {
		if strings.EqualFold(name, "User-to-User") {
			arguments["uui"] = value
		}
	}
	call, err := f.api.CreateSipMediaApplicationCall(ctx, &chime.CreateSipMediaApplicationCallInput{
		FromPhoneNumber: aws.String(caller.To), ToPhoneNumber: aws.String(caller.From), SipMediaApplicationId: aws.String(d.SipMediaApplicationID),
		SipHeaders: map[string]string{"X-Callback-Of": d.TransactionID}, ArgumentsMap: arguments,
	})
	if err == nil {
		fmt.Println("call back", aws.ToString(call.SipMediaApplicationCall.TransactionId))
	}
	return err
}

// bridge calls the agent, who sees which call it answers and what that one brought.
func bridge(leg participant, about map[string]string) action {
	headers := map[string]string{"X-Callback-Of": about["of"]}
	if uui := about["uui"]; uui != "" {
		headers["User-to-User"] = uui
	}
	return action{"CallAndBridge", map[string]any{
		"CallTimeoutSeconds": 30, "CallerIdNumber": leg.From, "SipHeaders": headers,
		"Endpoints": []any{map[string]any{"BridgeEndpointType": "PSTN", "Uri": cmp.Or(os.Getenv("CALLBACK_AGENT"), "+14155550100")}},
	}}
}

func hangup(leg participant, code string) action {
	return action{"Hangup", map[string]any{"CallId": leg.CallID, "SipResponseCode": code}}
}
