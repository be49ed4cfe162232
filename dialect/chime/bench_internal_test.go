package chime

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
)

// BenchmarkFunctionRoundTrip is what one invocation costs us: the view of four headers, the event, the answer read,
// the parameters of its CallAndBridge checked.
func BenchmarkFunctionRoundTrip(b *testing.B) {
	origin := call.Origin{Rule: "3f5f6ec1-6004-494a-b514-1673d62cb8c5", Leg: "f06dd26d-fcaf-411e-9cdb-05ac726e1b9a"}
	origin.Headers = header.List{
		{Name: "User-to-User", Value: "616d617a6f6e5f6368696d655f636f6e6e6563745f696e746567726174696f6e;encoding=hex"},
		{Name: "Diversion", Value: "<sip:+11234567891@public.test.com>;reason=unconditional"},
		{Name: "X-Account-Id", Value: "4711"}, {Name: "X-Test-Value", Value: "String"},
	}
	answer := []byte(`{"SchemaVersion":"1.0","Actions":[{"Type":"CallAndBridge","Parameters":{"CallTimeoutSeconds":30,` +
		`"CallerIdNumber":"+12065550100","Endpoints":[{"Uri":"+12065550199","BridgeEndpointType":"PSTN"}],` +
		`"SipHeaders":{"X-Test-Value":"String","User-to-User":"616d617a6f6e5f6368696d655f636f6e6e6563745f696e746567726174696f6e;encoding=hex",` +
		`"Diversion":"sip:+11234567891@public.test.com;reason=unconditional","X-Account-Id":"4711"}}}],"TransactionAttributes":{"state":"bridging"}}`)
	empty := directory.NewSnapshot(directory.Content{})
	app := &app{dialect: New(Config{Directory: func() *directory.Snapshot { return empty }}), id: "8a912ad2-67aa-4852-a892-34a454d370c7",
		settings: Settings{LambdaArn: "ivr", AwsRegion: "us-east-1"}}
	lim := app.dialect.cfg.Limits
	d := &driver{ctx: b.Context(), app: app, call: unreal{}, account: "111122223333", rule: origin.Rule}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		d.a = &leg{id: origin.Leg, tag: legA, to: "+18005551212", from: "+12065550100", inbound: true, start: time.Now(), code: -1}
		d.show(d.a, newInbound, origin.Headers)
		buf = d.appendEvent(buf[:0], &notice{event: newInbound, leg: d.a})
		ans, f := readAnswer(answer, &lim)
		if f != nil {
			b.Fatal(f)
		}
		a := ans.actions[0]
		a.leg, _ = d.resolve(a)
		a.echo = echo(a.params, a.leg)
		if _, f := d.readBridge(a); f != nil {
			b.Fatal(f)
		}
	}
	if !json.Valid(buf) {
		b.Fatal("event is not JSON")
	}
}
