package acceptance_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/call"
)

// A call that an application bridges to a Voice Connector leaves what its account's settings ask for: the messages between server and
// function, the SIP messages and the media of the Voice Connector in their log groups, call detail records in the bucket, metrics.
func TestWhatCallsLeave(t *testing.T) {
	t.Parallel()
	dir, calleePort := t.TempDir(), freePort(t)
	logs, bucket := filepath.Join(dir, "logs"), filepath.Join(dir, "cdrs")
	if err := os.Mkdir(bucket, 0o750); err != nil {
		t.Fatal(err)
	}
	var arn string
	f := startFunction(t, func(ev event) string {
		switch ev.InvocationEventType {
		case "NEW_INBOUND_CALL":
			return actions("CallAndBridge", object{"CallerIdNumber": "+12065550100", "CallTimeoutSeconds": 30,
				"Endpoints": []object{{"BridgeEndpointType": "AWS", "Arn": arn, "Uri": "600300"}}})
		case "HANGUP":
			return actions("Hangup", object{"ParticipantTag": "LEG-B"})
		}
		return actions()
	})
	s := start(t, fmt.Sprintf("numbers: [\"+12065550100\"]\nfunctions: [{name: f, url: %q}]\nbuckets: {my-cdrs: %q}\nchime: {logs: %q}\n", f.URL, "file://"+bucket, logs), "--dev")
	c := newGoClient(t, s)
	do := func(operation, path string, input object) (out string) {
		t.Helper()
		got := c.ask(t, asked{Operation: operation, Input: input})
		v, err := any(nil), error(nil)
		if path != "" {
			v, err = at(got.Output, path)
		}
		if got.Error != "" || err != nil {
			t.Fatalf("%s: %+v %v", operation, got, err)
		}
		return fmt.Sprint(v)
	}
	vc := do("CreateVoiceConnector", "VoiceConnector.VoiceConnectorId", object{"Name": "pbx", "RequireEncryption": false})
	arn = "arn:aws:chime:us-east-1:111122223333:vc/" + vc
	do("PutVoiceConnectorOrigination", "", object{"VoiceConnectorId": vc, "Origination": object{"Routes": []object{{"Host": "127.0.0.1", "Port": calleePort, "Protocol": "UDP", "Priority": 1, "Weight": 1}}}})
	do("PutVoiceConnectorLoggingConfiguration", "", object{"VoiceConnectorId": vc, "LoggingConfiguration": object{"EnableSIPLogs": true, "EnableMediaMetricLogs": true}})
	app := do("CreateSipMediaApplication", "SipMediaApplication.SipMediaApplicationId", object{"AwsRegion": "us-east-1", "Name": "bridge",
		"Endpoints": []object{{"LambdaArn": "arn:aws:lambda:us-east-1:111122223333:function:f"}}})
	do("PutSipMediaApplicationLoggingConfiguration", "", object{"SipMediaApplicationId": app, "SipMediaApplicationLoggingConfiguration": object{"EnableSipMediaApplicationMessageLogs": true}})
	do("CreateSipRule", "", object{"Name": "main", "TriggerType": "ToPhoneNumber", "TriggerValue": "+12065550100", "TargetApplications": []object{{"SipMediaApplicationId": app, "Priority": 1, "AwsRegion": "us-east-1"}}})
	place := func() {
		t.Helper()
		far := startSIPp(t, callee(), "", calleePort)
		startSIPp(t, caller(), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
		far.wait(t)
		s.idle(t)
	}
	place() // into no bucket, which is remembered
	do("UpdateGlobalSettings", "", object{"VoiceConnector": object{"CdrBucket": "my-cdrs"}})
	place()

	record := s.calls(t, 2)[0]
	var cdrs []string
	eventually(t, "call detail records", func() bool {
		cdrs = files(t, bucket)
		return len(cdrs) == 3
	})
	day := record.Start.UTC().Format("/2006/01/02/")
	for i, want := range []string{"Amazon-Chime-SMADRs/json/" + app + day, "Amazon-Chime-SMADRs/json/" + app + day, "Amazon-Chime-Voice-Connector-CDRs/json/" + vc + day} {
		if !strings.HasPrefix(cdrs[i], want) || !strings.Contains(cdrs[i], string(record.ID)) {
			t.Errorf("a record is at %s, want %s…_%s", cdrs[i], want, record.ID)
		}
	}
	var cdr struct{ TransactionId, VoiceConnectorId, Status, Direction, CallId string }
	read(t, filepath.Join(bucket, cdrs[2]), &cdr)
	if cdr.TransactionId != string(record.ID) || cdr.VoiceConnectorId != vc || cdr.Status != "Completed" || cdr.Direction != "Inbound" || cdr.CallId != record.Legs[1].SIPCallID {
		t.Errorf("the Voice Connector's record is %+v", cdr)
	}

	group := func(name string) []object {
		t.Helper()
		var out []object
		eventually(t, "lines of "+name, func() bool {
			out = nil
			for _, file := range files(t, filepath.Join(logs, "aws", name)) {
				text, _ := os.ReadFile(filepath.Join(logs, "aws", name, file))
				for line := range strings.Lines(string(text)) {
					var o object
					if err := json.Unmarshal([]byte(line), &o); err != nil {
						t.Fatalf("%s has %q: %v", name, line, err)
					}
					out = append(out, o)
				}
			}
			return len(out) > 0
		})
		return out
	}
	var told []string
	for _, l := range group("ChimeSipMediaApplicationSipMessages/" + app) {
		if l["transaction_id"] == string(record.ID) {
			told = append(told, fmt.Sprint(l["message"], " ", l["invocation_event_type"], " ", l["body"] != nil, l["error"]))
		}
	}
	if got := strings.Join(told, "\n"); !strings.HasPrefix(got, "request NEW_INBOUND_CALL true <nil>\nresponse NEW_INBOUND_CALL true <nil>\nrequest ACTION_SUCCESSFUL true <nil>\n") {
		t.Errorf("the application's log says\n%s", got)
	}
	var messages []string
	for _, l := range group("ChimeVoiceConnectorSipMessages/" + vc) {
		if l["call_id"] == record.Legs[1].SIPCallID {
			first, _, _ := strings.Cut(fmt.Sprint(l["sip_message"]), "\r\n")
			first, _, _ = strings.Cut(first, " sip:")
			messages = append(messages, first)
		}
	}
	if got := strings.Join(messages, ", "); got != "INVITE, SIP/2.0 180 Ringing, SIP/2.0 200 OK, ACK, BYE, SIP/2.0 200 OK" {
		t.Errorf("the Voice Connector's messages are %s", got)
	}
	if media := group("ChimeVoiceConnectorLogs/" + vc); len(media) != 2 || media[1]["call_id"] != string(record.ID) {
		t.Errorf("the Voice Connector's media log is %v", media)
	}
	_, metrics := s.fetch(t, "/metrics")
	for _, line := range []string{
		fmt.Sprintf(`switchhook_chime_InboundCallAttempts{Region="us-east-1",VoiceConnectorId=%q} 2`, vc),
		fmt.Sprintf(`switchhook_chime_InboundCallsAnswered{Region="us-east-1",VoiceConnectorId=%q} 2`, vc),
		fmt.Sprintf(`switchhook_chime_InboundCallsActive{Region="us-east-1",VoiceConnectorId=%q} 0`, vc),
		fmt.Sprintf(`switchhook_chime_Sip2xxCodes{Region="us-east-1",VoiceConnectorId=%q} 2`, vc),
		fmt.Sprintf(`switchhook_chime_SmaActiveCallCount{Region="us-east-1",SipMediaApplicationId=%q} 0`, app),
	} {
		if !strings.Contains(metrics, "\n"+line+"\n") {
			t.Errorf("no metric %s", line)
		}
	}
}

// files gives the files below a folder, by their names in it.
func files(t *testing.T, dir string) (out []string) {
	t.Helper()
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasPrefix(d.Name(), ".part-") { // one that is still being written
			name, _ := filepath.Rel(dir, path)
			out = append(out, name)
		}
		return nil
	})
	slices.Sort(out)
	return out
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Where the file says so, a live call whose function can't be invoked goes on with the rule's next application: it is told the event
// that failed, and hangs the caller up. The record, the ledger and the metrics tell.
func TestLiveCallFailsOver(t *testing.T) {
	t.Parallel()
	var one *function
	one = startFunction(t, func(ev event) string {
		one.fails.Store(true) // from the second event on
		return `{"SchemaVersion":"1.0","TransactionAttributes":{"step":"menu"},"Actions":[{"Type":"Pause","Parameters":{"DurationInMilliseconds":"100"}}]}`
	})
	two := startFunction(t, func(ev event) string {
		if ev.InvocationEventType == "ACTION_SUCCESSFUL" {
			return actions("Hangup", object{"SipResponseCode": "0"})
		}
		return actions()
	})
	s := start(t, config{peers: []string{peerAt(freePort(t))}, functions: []string{one.URL, two.URL}, more: "chime: {failover: true}\n"}.yaml())
	startSIPp(t, scenario(invite(), progress(), answered(), ack(), take("BYE"), onLast("200 OK")), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
	s.idle(t)
	record := s.calls(t, 1)[0]
	if record.App != "app1" || record.Cause.Label != call.LabelNormal {
		t.Errorf("the record says %s, %s", record.App, record.Cause)
	}
	heard := append(two.seen("ACTION_SUCCESSFUL"), two.seen("HANGUP")...)
	if len(heard) != 2 || len(two.seen("NEW_INBOUND_CALL")) != 0 || heard[0].Sequence != 2 || heard[0].CallDetails.SipMediaApplicationId != "app1" ||
		!strings.Contains(string(heard[0].raw), `"TransactionAttributes":{"step":"menu"}`) || heard[1].Sequence != 3 {
		t.Errorf("the second application heard %+v", heard)
	}
	if !slices.ContainsFunc(s.call(t, record.ID).Ledger, func(e call.Entry) bool {
		return e.Reason == "failover" && e.Value == "app0" && e.NewValue == "app1" && e.Message == "ACTION_SUCCESSFUL"
	}) {
		t.Errorf("the ledger tells of no failover: %+v", s.call(t, record.ID).Ledger)
	}
	_, metrics := s.fetch(t, "/metrics")
	for _, line := range []string{"switchhook_app_failures_total 1", "switchhook_app_failovers_total 1"} {
		if !strings.Contains(metrics, line) {
			t.Errorf("no metric %s", line)
		}
	}
}

// More calls than an application may have are refused with 503; those that are over make room.
func TestApplicationLimits(t *testing.T) {
	t.Parallel()
	f := startFunction(t, func(ev event) string {
		if ev.InvocationEventType == "NEW_INBOUND_CALL" {
			return actions("Pause", object{"DurationInMilliseconds": 30000})
		}
		return actions()
	})
	s := start(t, config{peers: []string{peerAt(freePort(t))}, functions: []string{f.URL}, more: "chime: {limits: {activeCalls: 1}}\n"}.yaml())
	first := startSIPp(t, callerFor(3000), s.SIP, freePort(t), "-s", "+12065550100")
	eventually(t, "the first call", func() bool { return len(f.seen("NEW_INBOUND_CALL")) == 1 })
	startSIPp(t, refused(503), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
	first.wait(t)
	s.idle(t)
	startSIPp(t, caller(), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
	if n := len(f.seen("NEW_INBOUND_CALL")); n != 2 {
		t.Errorf("the function was asked about %d calls", n)
	}
	if !strings.Contains(s.logged(), "has 1 active calls, and may have no more") {
		t.Error("the log does not say why the call was refused")
	}
}
