package acceptance_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/far"
	"github.com/switchhook/switchhook/header"
)

// An application that bridges to another number of its account is joined with that number's application, without any carrier: the
// context arrives whole, sound goes through both ways, and a hang-up does.
func TestNumbersOfOurOwn(t *testing.T) {
	t.Parallel()
	callee := newPerson(t, 660)
	front := startFunction(t, bridge("+12065550101"))
	desk := startFunction(t, bridge("+12065550199"))
	there, back := startFunction(t, bridge("+12065550103")), startFunction(t, bridge("+12065550102"))
	s := start(t, fmt.Sprintf(`account: "111122223333"
numbers: ["+12065550100", "+12065550101", "+12065550102", "+12065550103"]
keys: [{kind: admin, id: admin, secret: admin-secret}, {kind: aws, id: dev, secret: dev-secret}]
trunks: [{id: peers, trusted: true, pstn: true, allow: [127.0.0.1], peers: [%s]}]
apps:
  - {id: front, dialect: chime, settings: {LambdaArn: "arn:aws:lambda:us-east-1:111122223333:function:front"}}
  - {id: desk, dialect: chime, settings: {LambdaArn: "arn:aws:lambda:us-east-1:111122223333:function:desk"}}
  - {id: there, dialect: chime, settings: {LambdaArn: "arn:aws:lambda:us-east-1:111122223333:function:there"}}
  - {id: back, dialect: chime, settings: {LambdaArn: "arn:aws:lambda:us-east-1:111122223333:function:back"}}
rules:
  - {name: front, number: "+12065550100", apps: [front]}
  - {name: desk, number: "+12065550101", apps: [desk]}
  - {name: there, number: "+12065550102", apps: [there]}
  - {name: back, number: "+12065550103", apps: [back]}
functions:
  - {name: front, url: %q}
  - {name: desk, url: %q}
  - {name: there, url: %q}
  - {name: back, url: %q}
`, peerAt(callee.port()), front.URL, desk.URL, there.URL, back.URL))
	caller := newPerson(t, 440)
	calls := func(number string) *far.Line {
		l, err := caller.Call(far.Outgoing{Number: number, Host: "127.0.0.1", Port: int(s.addr().Port()), From: "+12065550142",
			Headers: header.List{{Name: "X-Account-Id", Value: "4711"}}})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := calls("+12065550100")
	if _, err := l.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	caller.talk(l)
	answered := <-callee.answers
	hears(t, "the caller", &caller.ear, 660)
	hears(t, "the callee", &callee.ear, 440)
	if got := desk.seen("NEW_INBOUND_CALL"); len(got) != 1 || got[0].CallDetails.Participants[0].SipHeaders["X-Account-Id"] != "4711" ||
		got[0].CallDetails.Participants[0].From != "+12065550142" || len(got[0].CallDetails.Participants[0].SipHeaders) != 1 {
		t.Errorf("the second application's function got %s", got[0].raw)
	}
	answered.Hangup(0, nil)
	over(t, l)
	records := s.calls(t, 2)
	for _, r := range records {
		if len(r.Legs) != 2 || r.Account != "111122223333" {
			t.Errorf("record %+v", r)
		}
	}
	// Numbers that bridge to each other come to an end.
	over(t, calls("+12065550102"))
	s.idle(t)
	if got := len(there.seen("NEW_INBOUND_CALL")) + len(back.seen("NEW_INBOUND_CALL")); got < 2 || got > 6 {
		t.Errorf("%d calls went in a circle, want no more than 6", got)
	}

	// A call that the API asks for reaches a number of our own as well, and the count of hops goes along unseen.
	client := chimesdkvoice.New(chimesdkvoice.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://" + s.HTTP),
		Credentials: credentials.NewStaticCredentialsProvider("dev", "dev-secret", "")})
	if _, err := client.CreateSipMediaApplicationCall(t.Context(), &chimesdkvoice.CreateSipMediaApplicationCallInput{
		FromPhoneNumber: aws.String("+12065550102"), ToPhoneNumber: aws.String("+12065550101"), SipMediaApplicationId: aws.String("there"),
		SipHeaders: map[string]string{"X-Account-Id": "4712"}}); err != nil {
		t.Fatal(err)
	}
	answered = <-callee.answers
	answered.Hangup(0, nil)
	over(t, answered)
	s.idle(t)
	got := desk.seen("NEW_INBOUND_CALL")
	last := got[len(got)-1]
	if p := last.CallDetails.Participants[0]; len(p.SipHeaders) != 1 || p.SipHeaders["X-Account-Id"] != "4712" || p.From != "+12065550102" {
		t.Errorf("the function of the number got %s", last.raw)
	}
	hops := ""
	for _, e := range s.call(t, call.ID(last.CallDetails.TransactionId)).Ledger {
		if e.Name == "X-SMA-Max-Forwards" {
			hops += fmt.Sprint(e.Value, " ", e.Reason, "; ")
		}
	}
	if !strings.Contains(hops, "4 reserved-name") {
		t.Errorf("the ledger tells of the hops: %q", hops)
	}
}
