package chime

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// These look inside the package: what they hold is no one's API, and every event and answer stands on it.

// FuzzReadAnswer reads answers as hostile as they come; what is accepted must be what encoding/json sees too.
func FuzzReadAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"SchemaVersion":"1.0","Actions":[{"Type":"Pause","Parameters":{"DurationInMilliseconds":"1000"}}],"TransactionAttributes":{"a":{"b":[1,2]}}}`,
		` { "SchemaVersion" : "1.0" , "Actions" : [ { "Type" : "Hangup" , "Parameters" : { } } ] } `,
		`{"SchemaVersion":"1.0","Actions":null,"Other":[[[]]]}`,
		`null`, `[]`, `{}`, `"x"`, `{"SchemaVersion":1}`, `{"\u0053chemaVersion":"1.0"}`, `{"SchemaVersion":"1.0","Actions":[{}]}`,
		`{"SchemaVersion":"1.0","Actions":[{"Type":"CallAndBridge","Parameters":{"Endpoints":[{"Uri":"x"}],"SipHeaders":{"X-A":"b"}}}]}`,
		`{"SchemaVersion":"1.0","Actions":[{"Type":"PlayAudioAndGetDigits","Parameters":{"InputDigitsRegex":"^[0-9]{1,4}#?$","MinNumberOfDigits":"1",` +
			`"TerminatorDigits":["#"],"InBetweenDigitsDurationInMilliseconds":null,"Repeat":3,"RepeatDurationInMilliseconds":5000}}]}`,
		`{"SchemaVersion":"1.0","Actions":[{"Type":"SendDigits","Parameters":{"Digits":"1,2#D","ToneDurationInMilliseconds":24000}}]}`,
	} {
		f.Add([]byte(seed))
	}
	lim := Limits{}.withDefaults()
	f.Fuzz(func(t *testing.T, body []byte) {
		ans, fault := readAnswer(body, &lim)
		if fault != nil {
			if fault.kind == "" || fault.message == "" {
				t.Fatal("a fault that says nothing")
			}
			return
		}
		var want struct {
			Actions []struct {
				Type       string
				Parameters json.RawMessage
			}
		}
		if err := json.Unmarshal(body, &want); err != nil {
			t.Fatalf("accepted, though %v", err)
		}
		for _, a := range ans.actions {
			l := &leg{id: "id"}
			if out := echo(a.params, l); !json.Valid(out) || !bytes.Contains(out, []byte(`"CallId":`)) {
				t.Fatalf("echo of %s is %s", a.params, out)
			}
			_, _ = (&driver{a: l}).resolve(a)
			_, _ = readSpeech(a.params)
			a.leg = l
			if send, f := readSendDigits(a); f == nil && strings.Trim(send.Digits, allKeys+",") != "" {
				t.Fatalf("%q would be pressed", send.Digits)
			}
			if g := (gather{}); g.read(a.params) == nil {
				if out := g.explicit(a.params); !json.Valid(out) || g.between <= 0 || g.wait <= 0 || g.min > g.max {
					t.Fatalf("%+v, %s of %s", g, out, a.params)
				}
			}
			for _, v := range members(a.params) {
				whole(v)
				digits(v)
				audioSource(v)
				if p, ok := readPattern(v); ok {
					p.MatchString("0123456789*#")
				}
				if list, _, bad := readHeaders(v, &lim); len(bad) == 0 {
					for _, row := range list {
						if strings.ContainsAny(row.Name+row.Value, "\r\n\x00") {
							t.Fatalf("row %q breaks the line", row)
						}
					}
				}
			}
		}
	})
}

// TestRawReadsWhatJSONWrites: for any JSON value, members and elements give the same as encoding/json, in order.
func TestRawReadsWhatJSONWrites(t *testing.T) {
	value := rapid.Deferred(func() *rapid.Generator[any] { return anyJSON(3) })
	rapid.Check(t, func(t *rapid.T) {
		v := value.Draw(t, "value")
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "indented") {
			var b bytes.Buffer
			if err := json.Indent(&b, raw, " ", "\t"); err != nil {
				t.Fatal(err)
			}
			raw = b.Bytes()
		}
		if diff := cmp.Diff(v, read(t, raw)); diff != "" {
			t.Fatalf("%s: -want +got:\n%s", raw, diff)
		}
	})
}

func anyJSON(depth int) *rapid.Generator[any] {
	leaf := rapid.OneOf(
		rapid.Just[any](nil), rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.Float64Range(-1e9, 1e9), func(f float64) any { return f }), rapid.Map(rapid.String(), func(s string) any { return s }))
	if depth == 0 {
		return leaf
	}
	return rapid.OneOf(leaf,
		rapid.Map(rapid.SliceOfN(anyJSON(depth-1), 0, 4), func(l []any) any { return l }),
		rapid.Map(rapid.MapOfN(rapid.String(), anyJSON(depth-1), 0, 4), func(m map[string]any) any { return m }))
}

func read(t *rapid.T, raw json.RawMessage) any {
	switch {
	case isObject(raw):
		m := map[string]any{}
		for k, v := range members(raw) {
			m[k] = read(t, v)
		}
		if len(m) != count(raw) {
			t.Fatalf("%d members, counted %d", len(m), count(raw))
		}
		return m
	case isArray(raw):
		l := []any{}
		for v := range elements(raw) {
			l = append(l, read(t, v))
		}
		return l
	}
	if s, ok := text(raw); ok {
		return s
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	return v
}

// TestAppendStringIsJSON: any bytes become a JSON string that says the same, U+FFFD in place of what is no UTF-8.
func TestAppendStringIsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		if rapid.Bool().Draw(t, "text") {
			in = rapid.String().Draw(t, "string")
		}
		var out string
		b := appendString(nil, in)
		if err := json.Unmarshal(b, &out); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		want := in
		if !utf8.ValidString(in) {
			want = string([]rune(in))
		}
		if out != want {
			t.Fatalf("%q became %q", want, out)
		}
	})
}

func TestEcho(t *testing.T) {
	l := &leg{id: "leg"}
	for in, want := range map[string]string{
		``:                              `{"CallId":"leg"}`,
		`{}`:                            `{"CallId":"leg"}`,
		`{ }`:                           `{ "CallId":"leg"}`,
		`{"A":1}`:                       `{"A":1,"CallId":"leg"}`,
		`{"A": 1.50 }`:                  `{"A": 1.50 ,"CallId":"leg"}`,
		`{"CallId":"other","A":1}`:      `{"CallId":"other","A":1}`,
		`{"A":"<\u00e4>","CallId":""}`:  `{"A":"<\u00e4>","CallId":"leg"}`,
		`{"CallId":null,"A":{"b":[2]}}`: `{"CallId":"leg","A":{"b":[2]}}`,
	} {
		var params json.RawMessage
		if in != "" {
			params = json.RawMessage(in)
		}
		if got := string(echo(params, l)); got != want {
			t.Errorf("echo(%s) is %s, want %s", in, got, want)
		}
	}
}

func TestWhole(t *testing.T) {
	for in, want := range map[string]int{`1`: 1, `"1000"`: 1000, `" 7 "`: 7, `-3`: -3, `30000.0`: 30000, `1e3`: 1000} {
		if got, ok := whole(json.RawMessage(in)); !ok || got != want {
			t.Errorf("whole(%s) is %d, %v", in, got, ok)
		}
	}
	for _, in := range []string{`1.5`, `"x"`, `""`, `true`, `null`, `{}`, `"NaN"`, `"Inf"`, `1e99`, ``} {
		if got, ok := whole(json.RawMessage(in)); ok {
			t.Errorf("whole(%s) is %d", in, got)
		}
	}
}

func TestAnswerLimits(t *testing.T) {
	attributes := func(n, size int) string {
		pairs := make([]string, n)
		for i := range pairs {
			pairs[i] = fmt.Sprintf(`"k%d":"%s"`, i, strings.Repeat("v", size))
		}
		return `{"SchemaVersion":"1.0","TransactionAttributes":{` + strings.Join(pairs, ",") + `}}`
	}
	lim := Limits{}.withDefaults()
	for _, tt := range []struct{ name, in, kind, message string }{
		{"100 attributes", attributes(100, 1), "", ""},
		{"101 attributes", attributes(101, 1), "TransactionAttributesInvalidMapSize",
			"Transaction Attributes has too many mappings. Maximum number of mappings is 100"},
		{"20 kB of attributes", attributes(1, 20<<10-len(`{"k0":""}`)), "", ""},
		{"a byte more", attributes(1, 20<<10-len(`{"k0":""}`)+1), "TransactionAttributesInvalidSize",
			"Transaction Attributes is too large. Maximum size is 20480 bytes"},
		{"256 kB", `{"SchemaVersion":"1.0","x":"` + strings.Repeat("x", 256<<10) + `"}`, "InvalidActionsList", "Error while reading actions list."},
		{"deep nesting", strings.Repeat("[", 100_000), "InvalidActionsList", "Error while reading actions list."},
		{"deep nesting in an unknown key", `{"SchemaVersion":"1.0","x":` + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000) + `}`, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, f := readAnswer([]byte(tt.in), &lim)
			if f == nil {
				f = &fault{}
			}
			if f.kind != tt.kind || f.message != tt.message {
				t.Errorf("fault is %q, %q", f.kind, f.message)
			}
		})
	}
}
