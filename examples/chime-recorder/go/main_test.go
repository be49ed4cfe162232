package main

import (
	"encoding/json"
	"testing"
)

func TestHandle(t *testing.T) {
	const details = `"CallDetails":{"Participants":[{"CallId":"a","From":"+12065550100","Status":"Connected"},{"CallId":"b","Status":"Disconnected"}]}}`
	for _, tt := range []struct{ name, event, want string }{
		{"listens once they talk", `{"InvocationEventType":"ACTION_SUCCESSFUL","ActionData":{"Type":"CallAndBridge"},`,
			`[{"Type":"ReceiveDigits","Parameters":{"CallId":"a","FlushDigitsDurationInMilliseconds":5000,"InBetweenDigitsDurationInMilliseconds":1000,"InputDigitsRegex":"^\\*[1345]$"}}]`},
		{"starts", `{"InvocationEventType":"DIGITS_RECEIVED","ActionData":{"ReceivedDigits":"*1"},`,
			`[{"Type":"StartCallRecording","Parameters":{"CallId":"a","Destination":{"Location":"recordings","Type":"S3"},"Track":"BOTH"}}]`},
		{"pauses", `{"InvocationEventType":"DIGITS_RECEIVED","ActionData":{"ReceivedDigits":"*4"},`, `[{"Type":"PauseCallRecording","Parameters":{"CallId":"a"}}]`},
		{"goes on without a recording", `{"InvocationEventType":"ACTION_FAILED","ActionData":{"Type":"StartCallRecording"},`, `[]`},
		{"hangs up the other leg", `{"InvocationEventType":"HANGUP",`, `[{"Type":"Hangup","Parameters":{"CallId":"a","SipResponseCode":"0"}}]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var ev event
			if err := json.Unmarshal([]byte(tt.event+details), &ev); err != nil {
				t.Fatal(err)
			}
			answer, err := handle(ev)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(answer.Actions)
			if err != nil || string(got) != tt.want {
				t.Errorf("answer is %s, %v, want %s", got, err, tt.want)
			}
		})
	}
}
