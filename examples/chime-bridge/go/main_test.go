package main

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHandle(t *testing.T) {
	const caller = `"CallId":"a","ParticipantTag":"LEG-A","From":"+12065550100","To":"+12065550101"`
	for _, tt := range []struct{ name, event, want string }{
		{"passes the context on", `{"InvocationEventType":"NEW_INBOUND_CALL","CallDetails":{"Participants":[{` + caller +
			`,"SipHeaders":{"user-to-user":"00c0ffee;encoding=hex","X-Account-Id":"4711","X-Private":"x","Diversion":""}}]}}`,
			`{"SchemaVersion":"1.0","Actions":[{"Type":"CallAndBridge","Parameters":{"CallTimeoutSeconds":30,"CallerIdNumber":"+12065550100",` +
				`"Endpoints":[{"BridgeEndpointType":"PSTN","Uri":"+14155550100"}],` +
				`"SipHeaders":{"User-to-User":"00c0ffee;encoding=hex","X-Account-Id":"4711","X-Handled-By":"chime-bridge"}}}]}`},
		{"hangs up the other leg", `{"InvocationEventType":"HANGUP","CallDetails":{"Participants":[{` + caller + `,"Status":"Connected"},{"CallId":"b","Status":"Disconnected"}]}}`,
			`{"SchemaVersion":"1.0","Actions":[{"Type":"Hangup","Parameters":{"CallId":"a","SipResponseCode":0}}]}`},
		{"has nothing to do at the end", `{"InvocationEventType":"HANGUP","CallDetails":{"Participants":[{` + caller + `,"Status":"Disconnected"}]}}`,
			`{"SchemaVersion":"1.0","Actions":[]}`},
		{"refuses the caller when the bridge fails", `{"InvocationEventType":"ACTION_FAILED","CallDetails":{"Participants":[{` + caller + `}]}}`,
			`{"SchemaVersion":"1.0","Actions":[{"Type":"Hangup","Parameters":{"CallId":"a","SipResponseCode":480}}]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var ev event
			if err := json.Unmarshal([]byte(tt.event), &ev); err != nil {
				t.Fatal(err)
			}
			answer, err := handle(ev)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(answer)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
