package acceptance_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/test/need"
)

// strictReader reads Chime's events in another language than ours, and takes nothing that is not listed.
const strictReader = "strict/events.py"

// TestStrictReaderOfDialogues: every event of every golden dialogue is as listed; and the reader notices each that is bent,
// wherever it is.
func TestStrictReaderOfDialogues(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../dialect/chime/testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogues: %v", err)
	}
	out, err := exec.Command(need.Tool(t, "python3", "Python 3.10 or later"), append([]string{strictReader, "--prove"}, files...)...).CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestStrictReaderOfLines: what is told to a function is read with its answers.
func TestStrictReaderOfLines(t *testing.T) {
	t.Parallel()
	told := func(sequence, kind, data string) string {
		return `{"SchemaVersion":"1.0","Sequence":` + sequence + `,"InvocationEventType":"` + kind + `"` + data + `,"CallDetails":{"TransactionId":"6600de06-fc5a-4a57-8c11-420ccae6f93b",` +
			`"AwsAccountId":"111122223333","AwsRegion":"us-east-1","SipRuleId":"in","SipMediaApplicationId":"ivr","Participants":[{"CallId":"f06dd26d-fcaf-411e-9cdb-05ac726e1b9a",` +
			`"ParticipantTag":"LEG-A","To":"+18005551212","From":"+12065550100","Direction":"Inbound","StartTimeInMilliseconds":"1648477951790"` + map[bool]string{true: `,"Status":"Connected"`}[sequence != "1"] + `}]}}`
	}
	first := told("1", "NEW_INBOUND_CALL", "")
	answer := `{"SchemaVersion":"1.0","Actions":[{"Type":"Pause","Parameters":{"DurationInMilliseconds":"100"}}]}`
	pause := `,"ActionData":{"Type":"Pause","Parameters":{"DurationInMilliseconds":"100","CallId":"f06dd26d-fcaf-411e-9cdb-05ac726e1b9a"}}`
	for name, c := range map[string]struct{ second, wrong string }{
		"right":          {told("2", "ACTION_SUCCESSFUL", pause), ""},
		"other number":   {told("3", "ACTION_SUCCESSFUL", pause), "3 follows 1"},
		"not given":      {told("2", "ACTION_SUCCESSFUL", strings.Replace(pause, `"100"`, "100", 1)), "nobody gave 100"},
		"another action": {told("2", "ACTION_SUCCESSFUL", strings.Replace(pause, "Pause", "Speak", 1)), "no answer held such an action"},
		"a key twice":    {told("2", "ACTION_SUCCESSFUL", pause+pause), "a key is there twice"},
	} {
		t.Run(name, func(t *testing.T) {
			need.Tool(t, "python3", "Python 3.10 or later")
			var r strictRecord
			r.add([]byte(first), answer)
			r.add([]byte(c.second), "")
			wrong := r.judge()
			if (c.wrong == "") != (wrong == "") || !strings.Contains(wrong, c.wrong) {
				t.Errorf("said %q, want %q", wrong, c.wrong)
			}
		})
	}
}

// strictRecord is what a function was told and answered, for the strict reader. Safe for concurrent use.
type strictRecord struct {
	mu    sync.Mutex
	lines bytes.Buffer
	n     int
}

// maxStrict is how many events of one function are read: a flood of them is all of one kind.
const maxStrict = 2000

func (r *strictRecord) add(event []byte, answer string) {
	line, err := json.Marshal(map[string]string{"event": string(event), "answer": answer})
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n++; err == nil && r.n <= maxStrict {
		r.lines.Write(append(line, '\n'))
	}
}

// judge gives what the strict reader finds wrong; "" for nothing, or where there is no Python to read with.
func (r *strictRecord) judge() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	python, err := exec.LookPath("python3")
	if r.n == 0 || err != nil {
		return ""
	}
	cmd := exec.Command(python, strictReader, "--lines")
	cmd.Stdin = &r.lines
	out, err := cmd.CombinedOutput()
	if err == nil {
		return ""
	}
	return err.Error() + ": " + string(out)
}

// toldStrictly has the strict reader read what a server that traces told to its functions, once all calls are over.
func (s *server) toldStrictly(t *testing.T) {
	t.Helper()
	s.idle(t)
	var list struct{ Calls []call.Record }
	eventually(t, "the calls' records", func() bool {
		s.get(t, "/api/calls", &list)
		return len(list.Calls) > 0
	})
	var said strictRecord
	for _, c := range list.Calls {
		event := ""
		for _, l := range s.call(t, c.ID).Log {
			switch {
			case l.Kind == call.LogEvent && l.Body == "":
				t.Errorf("event %s of call %s was not kept", l.Text, c.ID)
			case l.Kind == call.LogEvent:
				event = l.Body
			case l.Kind == call.LogAction && event != "":
				said.add([]byte(event), l.Body)
				event = ""
			}
		}
	}
	if wrong := said.judge(); wrong != "" {
		t.Errorf("events that a strict reader refuses: %s", wrong)
	}
}
