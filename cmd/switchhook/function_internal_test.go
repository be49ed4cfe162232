package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/switchhook/switchhook/call"
)

// tried runs the program with arguments and gives its exit code and what it printed.
func tried(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out, err bytes.Buffer
	code := run(t.Context(), args, console{&out, &err})
	return code, out.String() + err.String()
}

// TestFunctionInvoke: events go to real handlers, and what is wrong with an answer is told where it stands.
func TestFunctionInvoke(t *testing.T) {
	good := filepath.Join("..", "..", "examples", "chime-bridge")
	event := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(event, []byte(`{"InvocationEventType":"NONE"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"good": {[]string{filepath.Join(good, "index.mjs"), "--header", "X-Account-Id: 4711"}, 0,
			[]string{`"X-Account-Id": "4711"`, "✓ the answer can be carried out"}},
		"python": {[]string{filepath.Join(good, "app.py"), "--event", "HANGUP"}, 0, []string{`"SchemaVersion": "1.0"`}},
		"file":   {[]string{handler(t, `{SchemaVersion: "1.0", Actions: [], TransactionAttributes: {was: event.InvocationEventType}}`), "--event", event}, 0, []string{`"was": "NONE"`}},
		"wrong": {[]string{handler(t, `{SchemaVersion: "1.0", Actions: [{Type: "Pause", Parameters: {DurationInMilliseconds: 5}}]}`)}, 1,
			[]string{"answer:7:35: error: Actions[0].Parameters.DurationInMilliseconds: 5 is out of range", "can't be carried out as it stands: 1 error"}},
		"large":        {[]string{handler(t, `{SchemaVersion: "1.0", TransactionAttributes: Object.fromEntries(Array.from({length: 100}, (_, i) => [i, "x".repeat(195)]))}`)}, 0, nil},
		"too large":    {[]string{handler(t, `{SchemaVersion: "1.0", TransactionAttributes: {a: "x".repeat(21000)}}`)}, 1, []string{"TransactionAttributesInvalidSize"}},
		"nothing":      {[]string{handler(t, `undefined`)}, 1, nil},
		"after all":    {[]string{handler(t, `undefined`), "--event", "HANGUP"}, 0, nil},
		"not read":     {[]string{handler(t, `[]`), "--event", "RINGING"}, 0, []string{"answer:1:1: warning: an object is needed here"}},
		"not done":     {[]string{handler(t, `{SchemaVersion: "1.0", Actions: [{Type: "Hangup"}]}`), "--event", "NEW_OUTBOUND_CALL"}, 0, []string{"warning: Actions: they are not carried out"}},
		"not answered": {[]string{handler(t, `{SchemaVersion: "1.0", Actions: []}`)}, 0, []string{"warning: Actions: there are none"}},
		"throws":       {[]string{handler(t, `(() => { throw new Error("no luck") })()`)}, 1, []string{"the function fails", "no luck"}},
		"no file":      {[]string{"./none.mjs"}, 1, []string{"there is no file ./none.mjs"}},
		"no event":     {[]string{filepath.Join(good, "index.mjs"), "--event", "NEW_INBOUND"}, 1, []string{"NEW_INBOUND_CALL"}},
		"bad header":   {[]string{filepath.Join(good, "index.mjs"), "--header", "X"}, 1, []string{"'Name: value'"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, out := tried(t, append([]string{"function", "invoke"}, c.args...)...)
			if code != c.code {
				t.Errorf("exit %d, want %d:\n%s", code, c.code, out)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
		})
	}
}

// handler writes a function that answers with an expression of event.
func handler(t *testing.T, answer string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "index.mjs")
	if err := os.WriteFile(file, []byte("export const handler = async (event) => ("+answer+")\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestFunctionCheck: an answer in a file is checked, and the JSON that is printed is a list even where nothing is found.
func TestFunctionCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "answer.json")
	if err := os.WriteFile(file, []byte("{\"SchemaVersion\":\"1.0\",\n \"Actions\":[{\"Type\":\"Speak\"}]}"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out := tried(t, "function", "check", file)
	if code != 1 || !strings.Contains(out, file+`:2:13: error: Actions[0]: Speak needs "Parameters"`) {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if err := os.WriteFile(file, []byte(`{"SchemaVersion":"1.0"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := tried(t, "function", "check", "--json", file); code != 0 || out != "[]\n" {
		t.Errorf("exit %d: %q", code, out)
	}
	if code, out := tried(t, "function", "schema"); code != 0 || !json.Valid([]byte(out)) || !strings.Contains(out, "ModifyChimeMeetingAttendees") {
		t.Errorf("schema: exit %d, %.200s", code, out)
	}
	if code, out := tried(t, "function", "event", "ACTION_SUCCESSFUL", "--action", "RecordAudio"); code != 0 || !strings.Contains(out, `"RecordingTerminatorUsed": "#"`) {
		t.Errorf("event: exit %d, %s", code, out)
	}
}

// TestFunctionInvokeCall: an event that a call brought is sent as it was, and what is not there to be sent is told.
func TestFunctionInvokeCall(t *testing.T) {
	id := uuid.NewString()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(call.Finished{Record: call.Record{ID: call.ID(id)}, Log: []call.Log{
			{Kind: call.LogMessage, Text: "INVITE", Body: "INVITE …"},
			{Kind: call.LogEvent, Text: "NEW_INBOUND_CALL", Body: `{"Sequence":1}`},
			{Kind: call.LogEvent, Text: "HANGUP", Body: `{"Sequence":2}`},
			{Kind: call.LogEvent, Text: "HANGUP"},
			{Kind: call.LogEvent, Text: "HANGUP", Body: `{"Sequence":`},
		}})
	}))
	defer api.Close()
	echo := handler(t, `{SchemaVersion: "1.0", TransactionAttributes: event}`)
	for sequence, want := range map[string]string{
		"2": `"Sequence": 2`, "3": "run the server with --trace", "4": "longer than what is kept", "5": "brought 4 events",
	} {
		code, out := tried(t, "function", "invoke", echo, "--api", api.URL, "--call", id, "--sequence", sequence)
		if code != 0 && sequence == "2" || !strings.Contains(out, want) {
			t.Errorf("event %s: exit %d, %s", sequence, code, out)
		}
	}
}
