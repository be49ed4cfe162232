package acceptance_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice/types"
)

// connectorHouse is a server with a Voice Connector that the AWS SDK made, whose host is a PBX, and a carrier.
type connectorHouse struct {
	*server
	*chimesdkvoice.Client
	id, host     string
	pbx, carrier int // ports
}

// newConnectorHouse makes one. The carrier is believed from all of this machine; what names the connector's host is the PBX's.
func newConnectorHouse(t *testing.T, more string) *connectorHouse {
	t.Helper()
	h := &connectorHouse{pbx: freePort(t), carrier: freePort(t)}
	h.server = start(t, fmt.Sprintf(`account: "111122223333"
numbers: ["+12065550100", "+12065550103"]
keys: [{kind: admin, id: admin, secret: admin-secret}, {kind: aws, id: dev, secret: dev-secret}]
sip: {digest: [MD5]}
trunks: [{id: carrier, trusted: true, pstn: true, allow: [127.0.0.1], peers: [%s]}]
%s`, peerAt(h.carrier), more))
	h.Client = chimesdkvoice.New(chimesdkvoice.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://" + h.HTTP),
		Credentials: credentials.NewStaticCredentialsProvider("dev", "dev-secret", "")})
	made, err := h.CreateVoiceConnector(t.Context(), &chimesdkvoice.CreateVoiceConnectorInput{Name: aws.String("pbx"), RequireEncryption: aws.Bool(false)})
	if err != nil {
		t.Fatal(err)
	}
	h.id, h.host = *made.VoiceConnector.VoiceConnectorId, *made.VoiceConnector.OutboundHostName
	_, err = h.PutVoiceConnectorOrigination(t.Context(), &chimesdkvoice.PutVoiceConnectorOriginationInput{VoiceConnectorId: &h.id, Origination: &types.Origination{
		Routes: []types.OriginationRoute{{Host: aws.String("127.0.0.1"), Port: aws.Int32(int32(h.pbx)), Protocol: "UDP", Priority: aws.Int32(1), Weight: aws.Int32(1)}}}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *connectorHouse) terminate(t *testing.T, term types.Termination) {
	t.Helper()
	if _, err := h.PutVoiceConnectorTermination(t.Context(), &chimesdkvoice.PutVoiceConnectorTerminationInput{VoiceConnectorId: &h.id, Termination: &term}); err != nil {
		t.Fatal(err)
	}
}

// asPBX makes a scenario call the connector's host.
func (h *connectorHouse) asPBX(scenario string) string {
	return strings.ReplaceAll(scenario, "INVITE "+toServer, "INVITE sip:[service]@"+h.host)
}

// A Voice Connector without any application carries calls between a PBX and the telephone network: a number of its own rings at
// the PBX, and what the PBX dials goes out, once it has proved who it is, as the number that is shown for it.
func TestVoiceConnectorAsTrunk(t *testing.T) {
	t.Parallel()
	h := newConnectorHouse(t, "")
	if _, err := h.AssociatePhoneNumbersWithVoiceConnector(t.Context(), &chimesdkvoice.AssociatePhoneNumbersWithVoiceConnectorInput{
		VoiceConnectorId: &h.id, E164PhoneNumbers: []string{"+12065550100"}}); err != nil {
		t.Fatal(err)
	}

	// In: the telephone network calls the number.
	pbx := startSIPp(t, callee(), "", h.pbx)
	startSIPp(t, caller("X-Account-Id: 4711"), h.SIP, freePort(t), "-s", "+12065550100").wait(t)
	pbx.wait(t)
	in := first(t, pbx.received(t), "INVITE ")
	for row, want := range map[string]string{"X-VoiceConnector-ID": h.id, "X-Account-Id": "4711"} {
		if got := rows(in, row); len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q, want %q", row, got, want)
		}
	}

	// Out: not before there is a termination, and then with a password.
	startSIPp(t, h.asPBX(refused(403)), h.SIP, freePort(t), "-s", "+14155550199").wait(t)
	h.terminate(t, types.Termination{CallingRegions: []string{"US"}, CidrAllowedList: []string{"127.0.0.0/27"}, DefaultPhoneNumber: aws.String("+12065550103")})
	if _, err := h.PutVoiceConnectorTerminationCredentials(t.Context(), &chimesdkvoice.PutVoiceConnectorTerminationCredentialsInput{VoiceConnectorId: &h.id,
		Credentials: []types.Credential{{Username: aws.String("pbx"), Password: aws.String("secret")}}}); err != nil {
		t.Fatal(err)
	}
	again := func(seq int) string {
		return message{line: "INVITE " + toServer + " SIP/2.0", head: callerHead(freshVia, "INVITE", seq, ""),
			rows: []string{hops, "P-Asserted-Identity: <sip:+12065550142@pbx.example>", "[authentication]"}, body: offer}.String()
	}
	proves := h.asPBX(scenario(inviteWith(offer), may("100"), receive("401", ` auth="true"`), ackRefusal(), again(2), progress(), answered(),
		strings.Replace(ack(), "CSeq: 1 ACK", "CSeq: 2 ACK", 1), wait(100), bye(3), take("200")))
	carrier := startSIPp(t, callee(), "", h.carrier)
	as := func(number, password string) []string {
		return []string{"-s", number, "-au", "pbx", "-ap", password, "-auth_uri", number + "@" + h.host}
	}
	startSIPp(t, proves, h.SIP, freePort(t), as("+14155550199", "secret")...).wait(t)
	carrier.wait(t)
	out := first(t, carrier.received(t), "INVITE ")
	if from := rows(out, "From"); len(from) != 1 || !strings.Contains(from[0], "+12065550103") || len(rows(out, "P-Asserted-Identity")) > 0 || len(rows(out, "Authorization")) > 0 {
		t.Errorf("the carrier is told who calls by %s", out)
	}
	fails := func(status string) string {
		return h.asPBX(scenario(inviteWith(offer), may("100"), receive("401", ` auth="true"`), ackRefusal(), again(2), may("100"), take(status),
			strings.Replace(ackRefusal(), "CSeq: 1 ACK", "CSeq: 2 ACK", 1)))
	}
	startSIPp(t, fails("401"), h.SIP, freePort(t), as("+14155550199", "wrong")...).wait(t)
	startSIPp(t, fails("403"), h.SIP, freePort(t), as("+16045550199", "secret")...).wait(t) // Canada is none of the regions

	records := h.calls(t, 3)
	for i, want := range []int{1, 2, 2} {
		if r := records[i]; len(r.Legs) != want || r.App != "" || r.Account != "111122223333" {
			t.Errorf("record %d: %+v", i, r)
		}
	}

	// The host's pings are the connector's health.
	startSIPp(t, scenario(outside("OPTIONS", "sip:"+h.host), take("200")), h.SIP, freePort(t)).wait(t)
	health, err := h.GetVoiceConnectorTerminationHealth(t.Context(), &chimesdkvoice.GetVoiceConnectorTerminationHealthInput{VoiceConnectorId: &h.id})
	if err != nil {
		t.Fatal(err)
	}
	if at := health.TerminationHealth.Timestamp; at == nil || time.Since(*at) > time.Minute || health.TerminationHealth.Source == nil || !strings.HasPrefix(*health.TerminationHealth.Source, "127.0.0.1") {
		t.Errorf("health is %+v", health.TerminationHealth)
	}
	h.idle(t)
}

// Where callers must show numbers of their account, another is refused in the vendor's words; one second takes as many calls as
// CpsLimit says.
func TestVoiceConnectorCallers(t *testing.T) {
	t.Parallel()
	h := newConnectorHouse(t, "chime: {callerId: owned}\n")
	h.terminate(t, types.Termination{CallingRegions: []string{"US"}, CidrAllowedList: []string{"127.0.0.0/27"}, CpsLimit: aws.Int32(1)})
	stranger := startSIPp(t, h.asPBX(refused(403)), h.SIP, freePort(t), "-s", "+14155550199")
	stranger.wait(t)
	if got := first(t, stranger.received(t), "SIP/2.0 403"); !strings.HasPrefix(got, "SIP/2.0 403 Caller Id +12065550142 is not valid") {
		t.Errorf("refused with %s", got)
	}
	own := func(s string) string {
		return strings.ReplaceAll(h.asPBX(s), "From: <sip:+12065550142@", "From: <sip:+12065550103@")
	}
	carrier := startSIPp(t, callee(), "", h.carrier)
	slow := startSIPp(t, own(callerFor(1000)), h.SIP, freePort(t), "-s", "+14155550199")
	h.standing(t)
	fast := startSIPp(t, own(refused(503)), h.SIP, freePort(t), "-s", "+14155550199")
	fast.wait(t)
	if got := first(t, fast.received(t), "SIP/2.0 503"); len(rows(got, "Retry-After")) != 1 {
		t.Errorf("refused with %s", got)
	}
	slow.wait(t)
	carrier.wait(t)
	h.idle(t)
}
