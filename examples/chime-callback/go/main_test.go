package main

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	chime "github.com/aws/aws-sdk-go-v2/service/chimesdkvoice"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice/types"
	"github.com/google/go-cmp/cmp"
)

// asked keeps what is asked of the API.
type asked []*chime.CreateSipMediaApplicationCallInput

func (a *asked) CreateSipMediaApplicationCall(_ context.Context, in *chime.CreateSipMediaApplicationCallInput, _ ...func(*chime.Options)) (*chime.CreateSipMediaApplicationCallOutput, error) {
	*a = append(*a, in)
	return &chime.CreateSipMediaApplicationCallOutput{SipMediaApplicationCall: &types.SipMediaApplicationCall{TransactionId: aws.String("u")}}, nil
}

func TestHandle(t *testing.T) {
	var api asked
	f := function{&api}
	caller := participant{CallID: "a", From: "+12065550142", To: "+12065550100", Direction: "Inbound", Status: "Disconnected", SipHeaders: map[string]string{"user-to-user": "00;encoding=hex"}}
	ev := event{InvocationEventType: "HANGUP", CallDetails: details{TransactionID: "t", SipMediaApplicationID: "app", Participants: []participant{caller}}}
	if _, err := f.handle(t.Context(), ev); err != nil || len(api) != 1 {
		t.Fatalf("%v, asked %d times", err, len(api))
	}
	if diff := cmp.Diff(map[string]string{"of": "t", "uui": "00;encoding=hex"}, api[0].ArgumentsMap); diff != "" || *api[0].ToPhoneNumber != "+12065550142" {
		t.Errorf("asked for a call to %s with: -want +got:\n%s", *api[0].ToPhoneNumber, diff)
	}
	ev.CallDetails.Participants[0].Direction = "Outbound"
	if _, err := f.handle(t.Context(), ev); err != nil || len(api) != 1 {
		t.Errorf("%v, a call back is called back", err)
	}
	ev.InvocationEventType, ev.CallDetails.TransactionAttributes = "CALL_ANSWERED", api[0].ArgumentsMap
	answer, err := f.handle(t.Context(), ev)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"X-Callback-Of": "t", "User-to-User": "00;encoding=hex"}
	if diff := cmp.Diff(want, answer.Actions[0].Parameters["SipHeaders"]); diff != "" {
		t.Errorf("the agent is shown: -want +got:\n%s", diff)
	}
}
