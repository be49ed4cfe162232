package chime

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/directory"
)

// TestCheckPlaces: each finding stands where a person must look.
func TestCheckPlaces(t *testing.T) {
	for name, c := range map[string]struct{ answer, want string }{
		"good": {`{"SchemaVersion":"1.0","Actions":[]}`, ""},
		"not JSON": {"{\n  \"SchemaVersion\": \"1.0\",\n  \"Actions\": [,]\n}",
			`3:15 error : this is not JSON: invalid character ',' looking for beginning of value`},
		"nothing":  {"  ", `1:3 error : EmptyResponse: Response is blank or empty`},
		"no array": {`{"SchemaVersion":"1.0","Actions":{}}`, `1:34 error Actions: a list of actions is needed here, in brackets`},
		"version":  {`{"SchemaVersion":"2","Actions":[]}`, `1:18 error SchemaVersion: "2" is not one of 1.0`},
		"unknown action": {"{\"SchemaVersion\":\"1.0\",\n\"Actions\":[\n {\"Type\":\"SpeakAndBridge\"}]}",
			`3:10 error Actions[0].Type: UnsupportedAction: there is no action "SpeakAndBridge"`},
		"misspelt key": {`{"SchemaVersion":"1.0","Actions":[{"Type":"Pause","Parameters":{"DurationInMillisecond":5}}]}`,
			`1:65 warning Actions[0].Parameters.DurationInMillisecond: "DurationInMillisecond" is not known here and is ignored; did you mean "DurationInMilliseconds"?` +
				"\n" + `1:64 error Actions[0].Parameters: "DurationInMilliseconds" is missing`},
		"case of a key": {`{"SchemaVersion":"1.0","actions":[]}`,
			`1:24 warning actions: "actions" is not known here and is ignored; it is written "Actions": upper and lower case count`},
		"out of range": {`{"SchemaVersion":"1.0","Actions":[{"Type":"Pause","Parameters":{"DurationInMilliseconds":"99"}}]}`,
			`1:90 error Actions[0].Parameters.DurationInMilliseconds: 99 is out of range: it must be from 100 to 30000`},
		"header": {`{"SchemaVersion":"1.0","Actions":[{"Type":"CallAndBridge","Parameters":{"CallerIdNumber":"+12065550100",` + "\n" +
			`"Endpoints":[{"BridgeEndpointType":"PSTN","Uri":"+12065550199"}],` + "\n" + `"SipHeaders":{"X-Good":"1","X-AMZN":"2"}}}]}`,
			`3:28 error Actions[0].Parameters.SipHeaders["X-AMZN"]: "X-AMZN" can't be sent, and nothing is sent then: the name is the platform's own (reserved-name)`},
		"eleven": {`{"SchemaVersion":"1.0","Actions":[` + strings.TrimSuffix(strings.Repeat(`{"Type":"Hangup"},`, 11), ",") + `]}`,
			`1:215 error Actions[10]: TooManyActions: at most 10 are carried out, there are 11`},
		"endpoint": {`{"SchemaVersion":"1.0","Actions":[{"Type":"CallAndBridge","Parameters":{"CallerIdNumber":"+12065550100","Endpoints":[{"BridgeEndpointType":"AWS","Uri":"1"}]}}]}`,
			`1:118 error Actions[0].Parameters.Endpoints[0]: an endpoint of type AWS needs the "Arn" of a Voice Connector or a group of them`},
		"attributes": {`{"SchemaVersion":"1.0","TransactionAttributes":{"a":"` + strings.Repeat("x", 21<<10) + `"}}`,
			`1:1 error : TransactionAttributesInvalidSize: Transaction Attributes is too large. Maximum size is 20480 bytes`},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range Check([]byte(c.answer), Limits{}) {
				got = append(got, fmt.Sprintf("%d:%d %s %s: %s", f.Line, f.Column, f.Severity, f.Path, f.Message))
			}
			if g := strings.Join(got, "\n"); g != c.want {
				t.Errorf("found\n%s\nwant\n%s", g, c.want)
			}
		})
	}
}

// stateful are the actions that fail without a call or a meeting that stands, whatever their parameters.
var stateful = map[string]bool{"JoinChimeMeeting": true, "ModifyChimeMeetingAttendees": true, "StartBotConversation": true,
	"StopCallRecording": true, "PauseCallRecording": true, "ResumeCallRecording": true}

// TestShapesAreReaders: what the checker finds wrong is what the readers of the actions refuse, and nothing else.
func TestShapesAreReaders(t *testing.T) {
	samples, err := sampledActions()
	if err != nil {
		t.Fatal(err)
	}
	shapes := actionShapes()
	if len(samples) != len(shapes) {
		t.Errorf("there are %d samples for %d actions", len(samples), len(shapes))
	}
	for _, m := range shapes {
		s, ok := samples[m.name]
		if !ok {
			t.Errorf("there is no sample of %s", m.name)
			continue
		}
		if _, ok := kindOf(m.name); !ok {
			continue
		}
		var given map[string]any
		if err := json.Unmarshal(s.Parameters, &given); err != nil {
			t.Fatal(err)
		}
		agree(t, m, given, "the sample")
		for _, p := range m.shape.(object).members {
			if p.name == "CallId" { // whether there is such a leg is the call's matter
				continue
			}
			for _, v := range []any{nil, "", "nonsense", -1, 0, 1, 1001, 30_001, []any{}, []any{"x"}, map[string]any{}, true, strings.Repeat("x", 1001), missing} {
				bent := maps.Clone(given)
				bent[p.name] = v
				if v == missing {
					delete(bent, p.name)
				}
				agree(t, m, bent, fmt.Sprintf("%s = %.40v", p.name, v))
			}
		}
	}
}

// missing stands for a member that is left out.
const missing = "\x00"

// agree compares the checker with the reader of an action.
func agree(t *testing.T, m member, parameters map[string]any, what string) {
	t.Helper()
	raw, err := json.Marshal(parameters)
	if err != nil {
		t.Fatal(err)
	}
	answer := []byte(`{"SchemaVersion":"1.0","Actions":[{"Type":"` + m.name + `","Parameters":` + string(raw) + `}]}`)
	found := Check(answer, Limits{})
	wrong := slices.ContainsFunc(found, func(f Finding) bool { return f.Severity == Wrong })
	if what == "the sample" && len(found) > 0 {
		t.Errorf("the sample of %s: %+v", m.name, found)
	}
	if slices.ContainsFunc(found, func(f Finding) bool { return strings.Contains(f.Message, "accepted only where") }) {
		return // that is the call's matter, too
	}
	f := tried(t, answer)
	if stateful[m.name] {
		if f == nil && wrong {
			t.Errorf("%s with %s: found %+v, but it is carried out", m.name, what, found)
		}
		return
	}
	if wrong != (f != nil) {
		t.Errorf("%s with %s (%s): found %+v, the reader says %+v", m.name, what, raw, found, f)
	}
}

// tried gives why the first action of an answer can't begin on a leg that is answered; nil: it can.
func tried(t *testing.T, answer []byte) *fault {
	t.Helper()
	snap := directory.NewSnapshot(directory.Content{Numbers: []directory.Number{{E164: "+12065550100", Account: "111122223333"}}})
	d := &driver{ctx: t.Context(), call: unreal{}, account: "111122223333",
		app: &app{dialect: New(Config{Directory: func() *directory.Snapshot { return snap }}), settings: Settings{AwsRegion: "us-east-1"}}}
	d.weight = weight{loads: &d.app.dialect.loads, app: d.app.id, n: 1}
	d.script = dialect.Script{Call: unreal{}}
	d.weight = weight{&d.app.dialect.loads, d.app.id, 1}
	d.a = &leg{id: "f06dd26d-fcaf-411e-9cdb-05ac726e1b9a", tag: legA, to: "+12065550100", from: "+12065550142", inbound: true, answered: true, start: time.Now(), code: -1}
	defer d.stopAll()
	ans, f := readAnswer(answer, d.limits())
	if f != nil {
		return f
	}
	a := ans.actions[0]
	if a.leg, f = d.resolve(a); f != nil {
		return f
	}
	_, f = a.kind.start(d, a)
	return f
}

// TestSamples: every event is JSON in the envelope that handlers know, and names that there are not are told with those that there are.
func TestSamples(t *testing.T) {
	for _, event := range SampleEvents() {
		b, err := SampleEvent(Sample{Event: event})
		var e struct {
			InvocationEventType string
			CallDetails         struct{ Participants []struct{ CallId string } }
		}
		if err := json.Unmarshal(b, &e); err != nil || e.InvocationEventType != event || len(e.CallDetails.Participants) == 0 {
			t.Errorf("%s is %s, %v", event, b, err)
		}
		if err != nil {
			t.Error(err)
		}
	}
	for _, m := range actionShapes() {
		if b, err := SampleEvent(Sample{Event: succeeded, Action: m.name}); err != nil || !json.Valid(b) {
			t.Errorf("success of %s: %s, %v", m.name, b, err)
		}
	}
	if _, err := SampleEvent(Sample{Event: "NEW_INBOUND"}); err == nil || !strings.Contains(err.Error(), newInbound) {
		t.Errorf("a misspelt event: %v", err)
	}
	if _, err := SampleEvent(Sample{Event: succeeded, Action: "Dance"}); err == nil || !strings.Contains(err.Error(), "CallAndBridge") {
		t.Errorf("an action that there is not: %v", err)
	}
}

// FuzzCheck: no answer, however bent, stops the checker, and what it points at is within the text.
func FuzzCheck(f *testing.F) {
	for _, m := range actionShapes() {
		samples, err := sampledActions()
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(`{"SchemaVersion":"1.0","Actions":[{"Type":"` + m.name + `","Parameters":` + string(samples[m.name].Parameters) + `}]}`))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		lines := strings.Split(string(answer), "\n")
		found := Check(answer, Limits{})
		for _, g := range found {
			if g.Line < 1 || g.Line > len(lines) || g.Column < 1 || g.Column > len(lines[g.Line-1])+1 {
				t.Errorf("%+v is beyond %q", g, answer)
			}
		}
		lim := Limits{}.withDefaults()
		_, refused := readAnswer(answer, &lim)
		if wrong := slices.ContainsFunc(found, func(g Finding) bool { return g.Severity == Wrong }); refused != nil && !wrong {
			t.Errorf("%q is refused (%s), and nothing is found", answer, refused.message)
		}
	})
}
