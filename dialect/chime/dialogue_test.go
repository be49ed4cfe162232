package chime_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/dialect/dialecttest"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/invoke"
)

// A dialogue is a text file of sections, in the form of golang.org/x/tools/txtar. What happens:
//
//	-- inbound --      a call comes in: "from", "to", then the INVITE's headers
//	-- outbound --     the API asks for a call: "from", "to", "request" (the JSON that the control plane leaves)
//	-- quotas --       what the account may do at most, as the JSON of chime.Quotas; before the call
//	-- answer --       the function's answer to the event before
//	-- crash KIND --   it gives none
//	-- far --          what the far ends do: "2 rings", "1 hangs up", "2 refuses 486 busy" …, headers below; those of
//	                   "2 consents" come with its answer to our BYE
//	-- wait 30s --     nothing happens for a while
//	-- request --      what the API asks of the call, as JSON; each line is one
//	-- failover --     calls that stand go on with the next application where a function can't be invoked
//	-- meeting WHAT -- the meeting in which anna and bob may be ends, or is joined by bob from another call
//	-- next ID --      the rule's next application takes over the call
//
// and what must follow, all of it and nothing else:
//
//	-- commands --     given to the call
//	-- ledger --       entered
//	-- event --        given to the function: these bytes but for the blanks between
//	-- in meeting --   who is in the meeting, where that has changed
//	-- told --         what the API was told
//	-- returned --     what Drive returned
var update = flag.Bool("update", false, "rewrite what must follow from what does; then read the difference")

func TestDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogues: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := parseDialogue(string(text))
			var got []section
			synctest.Test(t, func(t *testing.T) { got = play(t, want) })
			if *update {
				if err := os.WriteFile(file, []byte(formatDialogue(got)), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(normal(want), normal(got), cmp.AllowUnexported(section{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// section is one of a dialogue; the first has no name and holds the comment.
type section struct{ name, body string }

func parseDialogue(text string) []section {
	all := []section{{}}
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(line, "-- "); ok {
			if name, ok = strings.CutSuffix(strings.TrimSpace(name), " --"); ok {
				all = append(all, section{name: name})
				continue
			}
		}
		all[len(all)-1].body += line
	}
	return all
}

func formatDialogue(all []section) string {
	var b strings.Builder
	for _, s := range all {
		if s.name != "" {
			fmt.Fprintf(&b, "-- %s --\n", s.name)
		}
		b.WriteString(s.body)
	}
	return b.String()
}

// normal takes the blanks out of events that are only there for the reader.
func normal(all []section) []section {
	out := make([]section, len(all))
	for i, s := range all {
		if s.name == "event" {
			var b bytes.Buffer
			if json.Compact(&b, []byte(s.body)) == nil {
				s.body = b.String()
			}
		}
		out[i] = s
	}
	return out
}

// stage is where a dialogue is played.
type stage struct {
	t      *testing.T
	call   *dialecttest.Call
	fn     *fakeFunction
	result chan error
	told   chan string // by the call, to who asked
	booked int
	cfg    chime.Config
	out    []section

	dialect *chime.Dialect
	present string // who is in the meeting, as was written down last
}

// play does what the dialogue says and gives the dialogue as it went.
func play(t *testing.T, script []section) []section {
	s := &stage{t: t, fn: newFakeFunction(), result: make(chan error, 1), told: make(chan string, 100)}
	for _, step := range script {
		name, arg, _ := strings.Cut(step.name, " ")
		switch name {
		case "commands", "ledger", "event", "told", "in", "returned":
			continue
		}
		s.out = append(s.out, step)
		switch name {
		case "inbound", "outbound":
			s.call = dialecttest.NewCall(origin(step.body, name == "outbound"))
			s.drive("8a912ad2-67aa-4852-a892-34a454d370c7")
		case "next":
			s.drive(arg)
		case "failover":
			s.cfg.Failover = true
			continue
		case "quotas":
			if err := json.Unmarshal([]byte(step.body), &s.cfg.Quotas); err != nil {
				t.Fatal(err)
			}
			continue
		case "answer":
			s.answer(reply{body: []byte(step.body)})
		case "crash":
			s.answer(reply{err: &invoke.Error{Kind: invoke.Kind(arg), Function: functionARN, Message: step.body}})
		case "far":
			s.far(step.body)
		case "request":
			s.request(step.body)
		case "meeting":
			s.meeting(arg)
		case "wait":
			d, err := time.ParseDuration(arg)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(d) // in the bubble's time
		case "":
			continue
		default:
			t.Fatalf("section %q is not known", step.name)
		}
		synctest.Wait()
		s.look()
	}
	if s.call != nil {
		s.call.End()
		close(s.fn.gone)
		synctest.Wait()
	}
	return s.out
}

// answer gives the function's answer to what it was asked last.
func (s *stage) answer(r reply) {
	select {
	case s.fn.back <- r:
	default:
		s.t.Fatalf("nothing was asked that %s answers", r.body)
	}
}

func (s *stage) drive(id string) {
	s.cfg.Functions, s.cfg.Directory = functions{s.fn}, func() *directory.Snapshot { return somebody }
	s.dialect = chime.New(s.cfg)
	s.dialect.StandMeeting(account, func(ctx context.Context, _ call.ID, body []byte) ([]byte, error) { return s.call.Ask(ctx, body) })
	app, err := s.dialect.App(id, json.RawMessage(`{"LambdaArn":"`+functionARN+`"}`))
	if err != nil {
		s.t.Fatal(err)
	}
	c := s.call
	go func() { s.result <- app.Drive(s.t.Context(), c) }()
}

// meeting does something to the meeting that stands.
func (s *stage) meeting(what string) {
	do := map[string]func() error{
		"ends":      s.dialect.EndMeeting,
		"bob joins": func() error { return s.dialect.JoinMeeting(chime.Bob, "another call") },
	}[what]
	if do == nil {
		s.t.Fatalf("no meeting does %q", what)
	}
	if err := do(); err != nil {
		s.t.Fatal(err)
	}
}

// request asks the call for what the lines say, in order.
func (s *stage) request(body string) {
	for line := range strings.Lines(body) {
		go func() {
			answer, err := s.call.Ask(s.t.Context(), []byte(line))
			s.told <- fmt.Sprintf("%s %v\n", answer, err)
		}()
		synctest.Wait()
	}
}

// layout breaks an event into lines that a person can read. No string in it can hold these patterns: quotes are escaped.
var layout = strings.NewReplacer(`,"ActionData":`, ",\n\"ActionData\":", `,"CallDetails":`, ",\n\"CallDetails\":",
	`,"Participants":[`, ",\n \"Participants\":[\n  ", `},{"CallId":`, "},\n  {\"CallId\":", `,"ErrorType":`, ",\n \"ErrorType\":")

// look writes down what followed.
func (s *stage) look() {
	add := func(name, body string) {
		if body != "" {
			s.out = append(s.out, section{name, body})
		}
	}
	var b strings.Builder
	for _, cmd := range s.call.Given() {
		b.WriteString(formatCommand(cmd))
	}
	add("commands", b.String())
	b.Reset()
	ledger := s.call.Ledger()
	for _, e := range ledger[s.booked:] {
		b.WriteString(formatEntry(e))
	}
	s.booked = len(ledger)
	add("ledger", b.String())
	b.Reset()
	for len(s.told) > 0 {
		b.WriteString(<-s.told)
	}
	add("told", b.String())
	if s.dialect != nil {
		there, heard := s.dialect.InMeeting()
		if now := fmt.Sprintf("%v, heard may be %v\n", there, heard); now != s.present && (s.present != "" || len(there) > 0) {
			add("in meeting", now)
			s.present = now
		}
	}
	select {
	case event := <-s.fn.asked:
		if !json.Valid(event) {
			s.t.Fatalf("event is not JSON: %s", event)
		}
		add("event", layout.Replace(string(event))+"\n")
	default:
	}
	select {
	case err := <-s.result:
		text := "nothing wrong"
		if err != nil {
			text = err.Error()
		}
		if errors.Is(err, dialect.ErrUnavailable) {
			text = "unavailable: " + text
		}
		add("returned", text+"\n")
	default:
	}
}

// far makes the far ends do what the lines say.
func (s *stage) far(body string) {
	for _, block := range blocks(body) {
		var n int
		var what, arg string
		fmt.Sscanf(block.line, "%d", &n)
		if f := strings.Fields(block.line); len(f) > 1 {
			what, arg = f[1], strings.Join(f[2:], " ")
		}
		f := s.call.Far(n - 1)
		if f == nil {
			s.t.Fatalf("%q: there is no such leg", block.line)
		}
		switch what {
		case "rings":
			f.Ring(block.headers)
		case "progresses":
			f.Progress(block.headers)
		case "answers":
			f.Answer(block.headers)
		case "consents":
			f.Consent(block.headers)
		case "hangs": // up
			f.Hangup(block.headers)
		case "transfers":
			if f.Transfer(block.headers) == nil {
				s.t.Fatalf("%q: not possible here", block.line)
			}
		case "holds":
			f.Hold(true)
		case "presses":
			f.Press(arg[0])
		case "finishes":
			f.Finish()
		case "completes":
			f.Complete(completion(arg))
		case "fails":
			f.Fail(failure(arg))
		case "refuses":
			c := call.Cause{By: call.ByPeer}
			fmt.Sscanf(arg, "%d %s", &c.SIP, &c.Label)
			f.Refuse(c, block.headers)
		default:
			s.t.Fatalf("%q: no far end does that", block.line)
		}
	}
}

// completion reads "RecordAudio #", where a key ended it, "Converse {…}" with what the bot says, "SendDigits", or "RecordAudio fails: …".
func completion(arg string) (command string, r call.Result, err error) {
	command, rest, _ := strings.Cut(arg, " ")
	switch why, fails := strings.CutPrefix(rest, "fails: "); {
	case fails:
		err = failure(why)
	case command == "Converse":
		r.Talk = []byte(rest)
	case rest != "":
		r.Digit = rest[0]
	}
	return command, r, err
}

// failure makes an error of a line: one of package call where its text is that.
func failure(text string) error {
	for _, err := range []error{call.ErrInvalid, call.ErrDenied, call.ErrThrottled, call.ErrNotFound, call.ErrStopped} {
		if err.Error() == text {
			return fmt.Errorf("speak: %w", err)
		}
	}
	return errors.New(text)
}

// block is a line and the headers indented below it.
type block struct {
	line    string
	headers header.List
}

func blocks(body string) []block {
	var all []block
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		if row, ok := strings.CutPrefix(line, "  "); ok && len(all) > 0 {
			name, value, _ := strings.Cut(row, ": ")
			last := &all[len(all)-1]
			last.headers = last.headers.With(name, value)
		} else if line != "" {
			all = append(all, block{line: line})
		}
	}
	return all
}

func origin(body string, outbound bool) call.Origin {
	o := call.Origin{Rule: rule}
	o.Account, o.At = account, time.Now()
	for _, b := range blocks(body) {
		key, value, _ := strings.Cut(b.line, " ")
		switch key {
		case "from":
			o.From = value
		case "to":
			o.To = value
		case "request":
			o.Request = []byte(value)
		}
		o.Headers = append(o.Headers, b.headers...)
	}
	if outbound {
		o.Rule = ""
		if o.Request == nil {
			o.Request = []byte(`{}`)
		}
	}
	return o
}

func formatCommand(cmd call.Command) string {
	var line string
	var headers header.List
	switch c := cmd.(type) {
	case call.Ring:
		line, headers = "Ring "+legName(c.Leg), c.Headers
	case call.Answer:
		line, headers = "Answer "+legName(c.Leg), c.Headers
	case call.Hangup:
		line, headers = "Hangup "+legName(c.Leg)+": "+c.Cause.String(), c.Headers
	case call.Play:
		line = fmt.Sprintf("Play %s: %v times %d until %q", legName(c.Leg), c.Clips, c.Times, c.Until)
	case call.Say:
		line = fmt.Sprintf("Say %s: %q ssml=%v voice=%s language=%s quality=%s", legName(c.Leg), c.Text, c.SSML, c.Voice, c.Language, c.Quality)
	case call.Dial:
		line = fmt.Sprintf("Dial %s from %s trunk %q for %s within %v", c.To, c.From, c.Trunk, legName(c.For), c.Timeout)
		headers = c.Headers
	case call.Converse:
		line = fmt.Sprintf("Converse %s: %s session=%s language=%s config=%s", legName(c.Leg), c.Bot, c.Session, c.Language, c.Config)
	case call.Join:
		line = "Join " + legName(c.A) + " " + legName(c.B)
	case call.RecordAudio:
		line = formatRecording(c)
	case call.Stop:
		line = fmt.Sprintf("Stop %d", c.Op)
	default:
		line = fmt.Sprintf("%T %+v", c, c)
	}
	for _, f := range headers {
		line += "\n  " + f.Name + ": " + f.Value
	}
	return line + "\n"
}

// formatRecording shows what of a recording is not as it would be without.
func formatRecording(c call.RecordAudio) string {
	line := fmt.Sprintf("RecordAudio %s: %q to %s/%s at %d", legName(c.Leg), c.Tracks, c.Bucket, c.Key, c.Rate)
	all := reflect.ValueOf(c)
	for i, f := range reflect.VisibleFields(all.Type()) {
		switch f.Name {
		case "Leg", "Tracks", "Bucket", "Key", "Rate":
			continue
		}
		if v := all.Field(i); !v.IsZero() {
			line += fmt.Sprintf(" %s=%v", f.Name, v)
		}
	}
	return line
}

func formatEntry(e call.Entry) string {
	line := fmt.Sprintf("%s %s %s by %s, %s: %s: %q", legName(e.Leg), e.Message, e.Direction, e.Writer, e.Action, e.Name, e.Value)
	line += " (" + string(e.Reason)
	if e.Detail != "" {
		line += ": " + e.Detail
	}
	return line + ")\n"
}

func legName(id call.LegID) string {
	for n := range 9 {
		if id == dialecttest.LegID(n) {
			return fmt.Sprint(n + 1)
		}
	}
	return "none"
}

const (
	account     = "111122223333"
	functionARN = "arn:aws:lambda:us-east-1:111122223333:function:ivr"
	connector   = "ehwryzdm9hy4u6rrud7jym"
	connectors  = "5f0f4a3e-7d1c-4a59-9d53-6a2b1a0c7e11" // a group of them

	foreignConnector = "f0re1gnzdm9hy4u6rrud7j" // another account's
)

// somebody is the directory of dialogues: the rule's applications are in three regions, and the second of them has no function.
var somebody = directory.NewSnapshot(directory.Content{
	Numbers: []directory.Number{{E164: "+18005551212", Account: account}, {E164: "+12065550177", Account: "999999999999"}},
	Trunks:  []directory.Trunk{{ID: connector, Account: account}, {ID: connectors, Account: account}, {ID: foreignConnector, Account: "999999999999"}},
	Apps: []directory.App{
		{ID: "8a912ad2-67aa-4852-a892-34a454d370c7", Account: account, Dialect: "chime", Settings: json.RawMessage(`{"LambdaArn":"` + functionARN + `"}`)},
		{ID: "22222222-2222-4333-8444-555555555555", Account: account, Dialect: "chime", Settings: json.RawMessage(`{"LambdaArn":"missing","AwsRegion":"us-west-2"}`)},
		{ID: "33333333-2222-4333-8444-555555555555", Account: account, Dialect: "chime", Settings: json.RawMessage(`{"LambdaArn":"ivr-west","AwsRegion":"us-west-2"}`)},
		{ID: "44444444-2222-4333-8444-555555555555", Account: account, Dialect: "chime", Settings: json.RawMessage(`{"LambdaArn":"ivr-europe","AwsRegion":"eu-west-1"}`)},
	},
	Rules: []directory.Rule{{ID: rule, Account: account, Kind: directory.ByNumber, Value: "+18005551212", Targets: []directory.Target{
		{App: "44444444-2222-4333-8444-555555555555", Priority: 9}, {App: "22222222-2222-4333-8444-555555555555", Priority: 2},
		{App: "33333333-2222-4333-8444-555555555555", Priority: 3}, {App: "8a912ad2-67aa-4852-a892-34a454d370c7", Priority: 1},
	}}},
})

const rule = "3f5f6ec1-6004-494a-b514-1673d62cb8c5"

func newDialect(fn invoke.Function, lim chime.Limits) *chime.Dialect {
	return chime.New(chime.Config{Functions: functions{fn}, Directory: func() *directory.Snapshot { return somebody }, Limits: lim})
}

// functions has one function behind every name but "missing".
type functions struct{ fn invoke.Function }

func (f functions) Function(arn string) (invoke.Function, error) {
	if arn == "missing" {
		return nil, errors.New("no function is named missing")
	}
	return f.fn, nil
}

func (functions) Declared(string) bool { return false }

// fakeFunction hands events to the test and returns what the test says.
type fakeFunction struct {
	asked chan []byte
	back  chan reply
	gone  chan struct{}
}

type reply struct {
	body []byte
	err  error
}

func newFakeFunction() *fakeFunction {
	return &fakeFunction{make(chan []byte, 1), make(chan reply), make(chan struct{})}
}

func (f *fakeFunction) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	select {
	case f.asked <- bytes.Clone(payload):
	case <-f.gone:
		return nil, &invoke.Error{Kind: invoke.Crashed, Function: functionARN}
	}
	select {
	case r := <-f.back:
		return r.body, r.err
	case <-f.gone:
		return nil, &invoke.Error{Kind: invoke.Crashed, Function: functionARN}
	case <-ctx.Done():
		return nil, &invoke.Error{Kind: invoke.TimedOut, Function: functionARN, Err: ctx.Err()}
	}
}
