package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestHandle(t *testing.T) {
	const caller = `{"CallId":"a","ParticipantTag":"LEG-A","From":"+12065550100","Status":"Connected","SipHeaders":{"User-to-User":"00;encoding=hex"}}`
	const agent = `{"CallId":"b","ParticipantTag":"LEG-B","To":"+14155550100","Status":"Connected"}`
	const gone = `{"CallId":"b","ParticipantTag":"LEG-B","Status":"Disconnected"}`
	for _, tt := range []struct{ name, kind, data, state, other, want, next string }{
		{"calls the agent", "NEW_INBOUND_CALL", `{}`, "", gone, "CallAndBridge", atAgent},
		{"listens to the agent", "ACTION_SUCCESSFUL", `{"Type":"CallAndBridge"}`, atAgent, agent, "ReceiveDigits", atAgent},
		{"transfers by keys", "DIGITS_RECEIVED", `{"Type":"ReceiveDigits"}`, atAgent, agent, "Hangup CallAndBridge", onTheWay},
		{"transfers by API", "CALL_UPDATE_REQUESTED", `{"Parameters":{"Arguments":{"transferTo":"+14155550101"}}}`, atAgent, agent, "Hangup CallAndBridge", onTheWay},
		{"keeps the caller", "HANGUP", `{"Type":"Hangup"}`, onTheWay, gone, "", onTheWay},
		{"lets the expert talk", "ACTION_SUCCESSFUL", `{"Type":"CallAndBridge"}`, onTheWay, agent, "", atExpert},
		{"goes back to the agent", "ACTION_FAILED", `{"Type":"CallAndBridge"}`, onTheWay, gone, "CallAndBridge", atAgent},
		{"ends with the expert", "HANGUP", `{"Type":"Hangup"}`, atExpert, gone, "Hangup", atExpert},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var ev event
			text := `{"InvocationEventType":"` + tt.kind + `","ActionData":` + tt.data + `,"CallDetails":{"TransactionAttributes":{"state":"` + tt.state +
				`"},"Participants":[` + caller + `,` + tt.other + `]}}`
			if err := json.Unmarshal([]byte(text), &ev); err != nil {
				t.Fatal(err)
			}
			answer, err := handle(ev)
			if err != nil {
				t.Fatal(err)
			}
			var types []string
			for _, a := range answer.Actions {
				types = append(types, a.Type)
				if headers, ok := a.Parameters["SipHeaders"].(map[string]string); ok && headers["User-to-User"] != "00;encoding=hex" {
					t.Errorf("who is called is shown %v", headers)
				}
			}
			if got := strings.Join(types, " "); got != tt.want || answer.TransactionAttributes["state"] != tt.next {
				t.Errorf("answer is %s, state %s, want %s, %s", got, answer.TransactionAttributes["state"], tt.want, tt.next)
			}
		})
	}
}
