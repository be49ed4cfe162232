package chime_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/dialect/dialecttest"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/invoke"
)

// An application whose logging configuration says so has a message log: what its function was told, what it answered, and what was
// wrong, in the vendor's words. One whose configuration does not has none.
func TestMessageLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fn := newFakeFunction()
		defer close(fn.gone)
		var lines []string
		content := directory.Content{Apps: []directory.App{
			{ID: "quiet", Account: account, Dialect: "chime", Vendor: json.RawMessage(`{"Logging":{"EnableSipMediaApplicationMessageLogs":false}}`)},
			{ID: "one", Account: account, Dialect: "chime", Vendor: json.RawMessage(`{"Logging":{"EnableSipMediaApplicationMessageLogs":true}}`)},
		}}
		snapshot := directory.NewSnapshot(content)
		d := chime.New(chime.Config{
			Functions: functions{fn}, Directory: func() *directory.Snapshot { return snapshot },
			Log: func(group string, _ time.Time, line []byte) { lines = append(lines, group+" "+string(line)) },
		})
		for _, id := range []string{"quiet", "one"} {
			app, err := d.App(id, json.RawMessage(`{"LambdaArn":"ivr","AwsRegion":"eu-west-1"}`))
			if err != nil {
				t.Fatal(err)
			}
			c, done := dialecttest.NewCall(origin("from +12065550100\nto +18005551212", false)), make(chan error, 1)
			go func() { done <- app.Drive(t.Context(), c) }()
			for _, r := range []reply{
				{body: []byte(`{"SchemaVersion":"1.0",  "Actions":[{"Type":"Dance","Parameters":{"a":"<&>"}}]}`)},
				{body: []byte(`{"SchemaVersion":"1.0","Actions":[{"Type":"Pause","Parameters":{"DurationInMilliseconds":"1000"}}]}`)},
				{err: &invoke.Error{Kind: invoke.Throttled, Function: "ivr"}},
			} {
				<-fn.asked
				fn.back <- r
			}
			if err := <-done; err == nil {
				t.Error("the call has no error")
			}
		}
		if len(lines) != 6 {
			t.Fatalf("%d lines: %s", len(lines), strings.Join(lines, "\n"))
		}
		type line struct {
			EventTimestamp int64  `json:"event_timestamp"`
			Region         string `json:"aws_region"`
			App            string `json:"sip_media_application_id"`
			Call           string `json:"transaction_id"`
			Leg            string `json:"call_id"`
			Sequence       int    `json:"sequence"`
			Event          string `json:"invocation_event_type"`
			Message, Error string
			Body           json.RawMessage
		}
		for i, want := range []string{
			"request 1 NEW_INBOUND_CALL  {\"SchemaVersion\":\"1.0\",\"Sequence\":1,",
			"response 1 NEW_INBOUND_CALL Unsupported action Dance specified {\"SchemaVersion\":\"1.0\",\"Actions\":[{\"Type\":\"Dance\",\"Parameters\":{\"a\":\"<&>\"}}]}",
			"request 2 INVALID_LAMBDA_RESPONSE  {",
			"response 2 INVALID_LAMBDA_RESPONSE  {",
			"request 3 ACTION_SUCCESSFUL  {",
			"response 3 ACTION_SUCCESSFUL The AWS Lambda function was throttled. ",
		} {
			text, ok := strings.CutPrefix(lines[i], "/aws/ChimeSipMediaApplicationSipMessages/one ")
			var l line
			if err := json.Unmarshal([]byte(text), &l); err != nil || !ok || strings.Contains(text, "\n") {
				t.Fatalf("%s: %v", lines[i], err)
			}
			got := strings.Join([]string{l.Message, string(rune('0' + l.Sequence)), l.Event, l.Error, string(l.Body)}, " ")
			if !strings.HasPrefix(got, want) || l.Region != "eu-west-1" || l.App != "one" || l.Call != string(dialecttest.ID) || l.Leg != string(dialecttest.LegID(0)) || l.EventTimestamp == 0 {
				t.Errorf("line %d is %s\nwant %s", i, text, want)
			}
		}
	})
}
