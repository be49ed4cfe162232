package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestHandle(t *testing.T) {
	const details = `"CallDetails":{"TransactionAttributes":{"round":"ROUND"},"Participants":[{"CallId":"a","From":"+12065550100","Status":"Connected","SipHeaders":{"User-to-User":"00;encoding=hex"}}]}}`
	for _, tt := range []struct{ name, event, round, want string }{
		{"gives a menu", `{"InvocationEventType":"NEW_INBOUND_CALL",`, "0", "Speak SpeakAndGetDigits"},
		{"tells the hours", `{"InvocationEventType":"ACTION_SUCCESSFUL","ActionData":{"Type":"SpeakAndGetDigits","ReceivedDigits":"1"},`, "1", "Speak SpeakAndGetDigits"},
		{"until it is enough", `{"InvocationEventType":"ACTION_SUCCESSFUL","ActionData":{"Type":"SpeakAndGetDigits","ReceivedDigits":"1"},`, "2", "Speak Hangup"},
		{"bridges", `{"InvocationEventType":"ACTION_SUCCESSFUL","ActionData":{"Type":"SpeakAndGetDigits","ReceivedDigits":"2"},`, "1", "Speak CallAndBridge"},
		{"says goodbye", `{"InvocationEventType":"ACTION_FAILED","ActionData":{"Type":"SpeakAndGetDigits"},`, "1", "Speak Hangup"},
		{"lets them talk", `{"InvocationEventType":"ACTION_SUCCESSFUL","ActionData":{"Type":"CallAndBridge"},`, "1", ""},
		{"hangs up without speech", `{"InvocationEventType":"ACTION_FAILED","ActionData":{"Type":"Speak"},`, "1", "Hangup"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var ev event
			if err := json.Unmarshal([]byte(tt.event+strings.Replace(details, "ROUND", tt.round, 1)), &ev); err != nil {
				t.Fatal(err)
			}
			answer, err := handle(ev)
			if err != nil {
				t.Fatal(err)
			}
			var types []string
			for _, a := range answer.Actions {
				types = append(types, a.Type)
				if headers, ok := a.Parameters["SipHeaders"].(map[string]string); ok && (headers["X-Menu-Key"] != "2" || headers["User-to-User"] != "00;encoding=hex") {
					t.Errorf("the agent is shown %v", headers)
				}
			}
			if got := strings.Join(types, " "); got != tt.want {
				t.Errorf("answer is %s, want %s", got, tt.want)
			}
		})
	}
}
