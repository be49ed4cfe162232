package header_test

import (
	"errors"
	"testing"

	"github.com/switchhook/switchhook/header"
)

func TestCheck(t *testing.T) {
	tests := []struct {
		name, value string
		fault       header.Fault // "" for a row that passes
		at          int
		wire        bool // whether it may be relayed
	}{
		{"X-Id", "7", "", 0, true},
		{"x!%*_+`'~.-9", "a b, c;d=\"é\"", "", 0, true},
		{"X-Id", "%0d%0a", "", 0, true},
		{"", "7", header.FaultEmptyName, 0, false},
		{"X Id", "7", header.FaultName, 1, false},
		{"X-Id ", "7", header.FaultName, 4, false},
		{"X-Id:", "7", header.FaultName, 4, false},
		{"X-\u212Ad", "7", header.FaultName, 2, false},
		{"X\r\nY", "7", header.FaultName, 1, false},
		{"X-Id", "", header.FaultEmptyValue, 0, true},
		{"X-Id", "a\r\nB: c", header.FaultControl, 1, false},
		{"X-Id", "a\nB: c", header.FaultControl, 1, false},
		{"X-Id", "a\x00", header.FaultControl, 1, false},
		{"X-Id", "é\x7f", header.FaultControl, 2, false},
		{"X-Id", "a\tb", header.FaultControl, 1, true},
		{"X-Id", "a\u2028b", header.FaultSeparator, 1, true},
		{"X-Id", "a\u0085b", header.FaultSeparator, 1, true},
		{"X-Id", "a\xff", header.FaultUTF8, 1, true},
		{"X-Id", "\uFFFD", "", 0, true},
		{"X-Id", " a", header.FaultBlank, 0, false},
		{"X-Id", "a ", header.FaultBlank, 1, false},
		{"X-Id", "a\t", header.FaultControl, 1, false},
	}
	for _, tt := range tests {
		err := header.Check(tt.name, tt.value)
		var fault *header.CheckError
		switch {
		case tt.fault == "" && err != nil:
			t.Errorf("%q %q: %v", tt.name, tt.value, err)
		case tt.fault != "" && (!errors.As(err, &fault) || fault.Fault != tt.fault || fault.At != tt.at):
			t.Errorf("%q %q: %v, want %s at %d", tt.name, tt.value, err, tt.fault, tt.at)
		}
		if err := header.CheckWire(tt.name, tt.value); (err == nil) != tt.wire {
			t.Errorf("relay %q %q: %v", tt.name, tt.value, err)
		}
	}
}

func TestSameName(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"User-to-User", "user-TO-user", true},
		{"i", "call-id", true},
		{"Session-Expires", "X", true},
		{"x", "X-", false},
		{"", "", true},
		{"k", "\u212A", false},          // the Kelvin sign folds to k in Unicode
		{"\u212Axx", "kyyyy", false},    // of equal length in bytes
		{"s\u017F", "\u017Fs", false},   // a long s folds to s
		{"X-\u00C9", "X-\u00E9", false}, // letters outside ASCII have no case here
		{"[", "{", false},               // 0x20 apart, but no letters
	} {
		if got := header.SameName(tt.a, tt.b); got != tt.want {
			t.Errorf("%q, %q: %v", tt.a, tt.b, got)
		}
	}
}

func TestQuote(t *testing.T) {
	for _, s := range []string{"", "a", `a "b" \c`, `\`, `"`, "é"} {
		if back, ok := header.Unquote(header.Quote(s)); !ok || back != s {
			t.Errorf("%q gives %q, which gives %q, %v", s, header.Quote(s), back, ok)
		}
	}
	for _, s := range []string{"", `"`, `"a`, `"a" b`, "\"a\r\n b\"", "\"a\\\r\"", "\"\x00\""} {
		if back, ok := header.Unquote(s); ok || back != s {
			t.Errorf("%q is taken for a quoted string: %q", s, back)
		}
	}
}

func TestErrorsSayWhat(t *testing.T) {
	_, parse := header.ParseURI("sip:")
	_, limit := header.AddDiversion(rows("Diversion: <sip:a@b>;counter=9"), header.NewDiversion("sip:c@d", "away"))
	_, undecoded := header.ParseUserToUser("123")[0].Decode()
	for _, tt := range []struct {
		err  error
		want string
	}{
		{header.Check("", "x"), "header name is empty"},
		{header.Check("X\r\nY", "x"), `header name "X\r\nY": byte 0x0D at 1 is no token character`},
		{header.Check("X", ""), `header "X": value is empty`},
		{header.Check("X", "a\nb"), `header "X": value has control character 0x0A at 1`},
		{header.Check("X", "a\u2028"), `header "X": value has a Unicode line break at 1`},
		{header.Check("X", "a\xff"), `header "X": value is not UTF-8 at 1 (byte 0xFF)`},
		{header.Check("X", " a"), `header "X": value begins or ends with a blank`},
		{parse, "parse URI: no scheme at 0"},
		{limit, "diversion refused: call was diverted 9 times, limit 5"},
		{undecoded, "User-to-User is not decoded: odd-digits"},
		{&header.RefusedError{Name: "X-A", Detail: "too long"}, `message refused by trunk policy: header "X-A": too long`},
	} {
		if tt.err == nil || tt.err.Error() != tt.want {
			t.Errorf("%v, want %s", tt.err, tt.want)
		}
	}
}
