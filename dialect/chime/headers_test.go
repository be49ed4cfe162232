package chime_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/header"
)

func TestCheckSipHeaders(t *testing.T) {
	long := strings.Repeat("v", 2047) + "ü" // characters are counted, not bytes
	many, rows := make([]string, 257), make(header.List, 256)
	for i := range many {
		many[i] = fmt.Sprintf(`"X-%d":"v"`, i)
		if i < len(rows) {
			rows[i] = header.Field{Name: fmt.Sprintf("X-%d", i), Value: "v"}
		}
	}
	for _, tt := range []struct {
		name, in string
		want     header.List
		bad      []string
	}{
		{"nothing", ``, nil, nil},
		{"null", `null`, nil, nil},
		{"empty", `{}`, nil, nil},
		{"order and case are kept", `{"x-b":"1","User-to-User":"a;encoding=hex","DIVERSION":"sip:+1@x","X-A":"2"}`, header.List{
			{Name: "x-b", Value: "1"}, {Name: "User-to-User", Value: "a;encoding=hex"}, {Name: "DIVERSION", Value: "sip:+1@x"}, {Name: "X-A", Value: "2"}}, nil},
		{"escapes are undone", `{"X-\u0041":"\u00fc\"\\"}`, header.List{{Name: "X-A", Value: `ü"\`}}, nil},
		{"numbers and booleans as text", `{"X-N":12.50,"X-B":true}`, header.List{{Name: "X-N", Value: "12.50"}, {Name: "X-B", Value: "true"}}, nil},
		{"percent signs are text", `{"X-A":"%0d%0aX-B: c"}`, header.List{{Name: "X-A", Value: "%0d%0aX-B: c"}}, nil},
		{"longest", `{"X-Long":"` + long + `"}`, header.List{{Name: "X-Long", Value: long}}, nil},
		{"each counts alone", `{"X-Long":"` + long + `","X-Longer":"` + long + `"}`, header.List{{Name: "X-Long", Value: long}, {Name: "X-Longer", Value: long}}, nil},
		{"as many as a message may have", `{` + strings.Join(many[:256], ",") + `}`, rows, nil},
		{"tabs between words", `{"X-A":"a\tb\t\tc"}`, header.List{{Name: "X-A", Value: "a\tb\t\tc"}}, nil},
		{"no value", `{"X-A":""}`, header.List{{Name: "X-A"}}, nil},

		{"not an object", `["X-A"]`, nil, []string{"SipHeaders"}},
		{"reserved, whole", `{"X-AMZN":"1"}`, nil, []string{"X-AMZN"}},
		{"reserved, any case and rest", `{"x-AmZn-Foo":"1","X-Vine":"1","x-vcx":"1","X-CANARY-1":"1","X-Voice":"1","X-Ok":"1"}`, nil,
			[]string{"x-AmZn-Foo", "X-Vine", "x-vcx", "X-CANARY-1", "X-Voice"}},
		{"reserved behind blanks", `{" X-AMZN ":"1"}`, nil, []string{" X-AMZN "}},
		{"other names", `{"Subject":"1","P-Asserted-Identity":"<sip:a@b>","x-":"1","":"1","Via":"1","u":"1"}`, nil,
			[]string{"Subject", "P-Asserted-Identity", "x-", "", "Via", "u"}},
		{"names that are no token", `{"X-A B":"1","X-A:":"1","X-A\r\nX-B":"1","X-\u00e4":"1","Diver\u017fion":"1"}`, nil,
			[]string{"X-A B", "X-A:", "X-A\r\nX-B", "X-ä", "Diverſion"}},
		{"values that break the line", `{"X-A":"a\r\nb","X-B":"a\nb","X-C":"a\u0000b","X-D":"a\u2028b","X-E":"a\tb\nc"}`, nil,
			[]string{"X-A", "X-B", "X-C", "X-D", "X-E"}},
		{"values that the wire would not keep", `{"X-A":" a","X-B":"a ","X-C":"\ta","X-D":"a\t","X-E":"\t"}`, nil, []string{"X-A", "X-B", "X-C", "X-D", "X-E"}},
		{"values that are no text", `{"X-A":null,"X-B":{},"X-C":["a"]}`, nil, []string{"X-A", "X-B", "X-C"}},
		{"not UTF-8", "{\"X-A\":\"\xff\"}", nil, []string{"X-A"}},
		{"twice", `{"X-A":"1","x-a":"2"}`, nil, []string{"x-a"}},
		{"one too long", `{"X-Long":"` + long + `v"}`, nil, []string{"X-Long"}},
		{"too many", `{` + strings.Join(many, ",") + `}`, nil, []string{"X-256"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := newDialect(nil, chime.Limits{}).CheckSipHeaders(json.RawMessage(tt.in))
			var bad []string
			var e *chime.HeadersError
			if errors.As(err, &e) {
				bad = e.Names
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("headers: -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(tt.bad, bad); diff != "" {
				t.Errorf("refused: -want +got:\n%s", diff)
			}
		})
	}
}

func TestHeadersErrorIsTheVendorsMessage(t *testing.T) {
	_, err := newDialect(nil, chime.Limits{}).CheckSipHeaders(json.RawMessage(`{"X-AMZN":"1","X-Fine":"2","Via":"3"}`))
	if err == nil || err.Error() != "Invalid SIP header(s) provided: X-AMZN, Via" {
		t.Errorf("error is %q", err)
	}
}

func TestHeadersCountedTogether(t *testing.T) {
	half := strings.Repeat("v", 1500)
	in := json.RawMessage(`{"X-A":"` + half + `","X-B":"` + half + `"}`)
	if _, err := newDialect(nil, chime.Limits{HeadersLength: 2999}).CheckSipHeaders(in); err == nil || !strings.HasSuffix(err.Error(), ": X-B") {
		t.Errorf("3,000 characters where 2,999 are allowed: %v", err)
	}
	if got, err := newDialect(nil, chime.Limits{HeadersLength: 3000}).CheckSipHeaders(in); err != nil || len(got) != 2 {
		t.Errorf("3,000 characters where they are allowed: %v, %d rows", err, len(got))
	}
}
