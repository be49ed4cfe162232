package header_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/header"
)

func TestParseURI(t *testing.T) {
	type params = header.Params
	tests := []struct {
		in   string
		want header.URI
		out  string // "" for the same text
	}{
		{"sip:h", header.URI{Scheme: "sip", Host: "h"}, ""},
		{"SIPS:a:pw@h.example:5061", header.URI{Scheme: "SIPS", User: "a", Password: "pw", Host: "h.example", Port: 5061}, ""},
		{"sip:+1555;phone-context=+1@h;user=phone;lr",
			header.URI{Scheme: "sip", User: "+1555;phone-context=+1", Host: "h", Params: params{{Name: "user", Value: "phone"}, {Name: "lr"}}}, ""},
		{"sip:user;par=u%40example.net@example.com", header.URI{Scheme: "sip", User: "user;par=u%40example.net", Host: "example.com"}, ""},
		{"sip:a?b@h", header.URI{Scheme: "sip", User: "a?b", Host: "h"}, ""},
		{"sip:[2001:db8::1]:5060;transport=tcp", header.URI{Scheme: "sip", Host: "[2001:db8::1]", Port: 5060, Params: params{{Name: "transport", Value: "tcp"}}}, ""},
		{"sip:[2001:db8:::192.0.2.1]", header.URI{Scheme: "sip", Host: "[2001:db8:::192.0.2.1]"}, ""},
		{"sip:h?X-A=1&X-B=2", header.URI{Scheme: "sip", Host: "h", Headers: "X-A=1&X-B=2"}, ""},
		{"sip:userC ?Privacy=history", header.URI{Scheme: "sip", Host: "userC", Headers: "Privacy=history"}, "sip:userC?Privacy=history"},
		{"sip:diverting_user2_addr", header.URI{Scheme: "sip", Host: "diverting_user2_addr"}, ""},
		{"sip:rr$n=cvp@10.0.0.1:5060", header.URI{Scheme: "sip", User: "rr$n=cvp", Host: "10.0.0.1", Port: 5060}, ""},
		{"tel:+1-201-555-0123;phone-context=example.com",
			header.URI{Scheme: "tel", User: "+1-201-555-0123", Params: params{{Name: "phone-context", Value: "example.com"}}}, ""},
		{"tel:*67#", header.URI{Scheme: "tel", User: "*67#"}, ""},
		{"urn:service:sos", header.URI{Scheme: "urn", Opaque: "service:sos"}, ""},
		{"cid:internal@abcd.com.br", header.URI{Scheme: "cid", Opaque: "internal@abcd.com.br"}, ""},
	}
	for _, tt := range tests {
		u, err := header.ParseURI(tt.in)
		if diff := cmp.Diff(tt.want, u); diff != "" || err != nil {
			t.Errorf("%s: %v %s", tt.in, err, diff)
		}
		if tt.out == "" {
			tt.out = tt.in
		}
		if u.String() != tt.out {
			t.Errorf("%s is written %s", tt.in, u)
		}
		if err := u.Check(); err != nil {
			t.Errorf("%s: %v", tt.in, err)
		}
	}
}

func TestHop(t *testing.T) {
	for in, want := range map[string]string{
		"sip:a@h": "h", "sip:a@h;maddr=192.0.2.1": "192.0.2.1", "sip:a@h;lr;MADDR=[2001:db8::1]": "[2001:db8::1]", "sip:a@h;maddr": "h",
		"sip:a@h;maddr=a%2eb": "h", "sip:a@h;maddr=other.example": "other.example", "tel:+1": "",
	} {
		u, err := header.ParseURI(in)
		if got := u.Hop(); got != want || err != nil {
			t.Errorf("%s goes to %q, want %q: %v", in, got, want, err)
		}
	}
}

func TestParseURIRefuses(t *testing.T) {
	for _, in := range []string{
		"", "sip", "sip:", ":a", "1sip:a", "sip:@h", "sip::pw@h", `sip:\u95`, "sip:a b@h", "sip:a@", "sip:a@h:0", "sip:a@h:65536", "sip:a@h:x",
		"sip:a@h:99999999999999999999", "sip:a%4@h", "sip:a%zz@h", "sip:a@[::1", "sip:a@h;", "sip:a@h;;b", "sip:a@h>b",
		"sip:a@h?X=a\r\nB: c", "sip:a@h\x00", "sip:a@h ;x", "tel:", "tel:abcxyz", "sip:é@h", "urn:a b",
	} {
		if u, err := header.ParseURI(in); err == nil {
			t.Errorf("%q is taken: %+v", in, u)
		}
	}
}

func TestURICheckRefuses(t *testing.T) {
	for _, u := range []header.URI{
		{Scheme: "sip", Host: "h", User: "a@b"},
		{Scheme: "sip", Host: "h", User: "a:b"},
		{Scheme: "sip", Host: "h>"},
		{Scheme: "sip", Host: "h", Params: header.Params{{Name: "a", Value: "b;c=d"}}},
		{Scheme: "sip", Host: "h", Params: header.Params{{Name: "a", Value: "b?X=1"}}},
		{Scheme: "sip", Host: "h", Headers: "X=\r\nY"},
		{Scheme: "s:p", Host: "h"},
		{Scheme: "tel", User: "1;x=y"},
	} {
		if err := u.Check(); err == nil {
			t.Errorf("%q passes", u.String())
		}
	}
}

func TestUserText(t *testing.T) {
	for _, s := range []string{"+1 (555) 01", "a@b", "é;x", "%41", ""} {
		u := header.URI{Scheme: "sip", User: header.EscapeUser(s), Host: "h"}
		if err := u.Check(); err != nil {
			t.Errorf("%q: %v", s, err)
		}
		if back, ok := u.UserText(); !ok || back != s {
			t.Errorf("%q gives %q, which gives %q", s, u.User, back)
		}
	}
}

func TestEmbedded(t *testing.T) {
	tests := []struct {
		in   string
		want []string // nil for a URI that is refused
	}{
		{"sip:h?User-to-User=56a3%3Bencoding%3Dhex&X-Id=a+b", []string{"User-to-User: 56a3;encoding=hex", "X-Id: a+b"}},
		{"sip:h?X-Once=%2541", []string{"X-Once: %41"}},
		{"sip:h?X-Empty=", []string{"X-Empty: "}},
		{"sip:h?X-Eq=a=b", []string{"X-Eq: a=b"}},
		{"sip:h;method=INVITE?X-A=1", []string{"X-A: 1"}},
		{"sip:h;method=BYE?X-A=1", nil},
		{"sip:h?body=hello", nil},
		{"sip:h?User-to-User=00%0D%0AP-Asserted-Identity%3A%20<..>", nil},
		{"sip:h?User-to-User=00%0D%0AP-Asserted-Identity%3A%20x", nil},
		{"sip:h?X%0D%0AY=1", nil},
		{"sip:h?X-A=%00", nil},
		{"sip:h?X-A=%", nil},
		{"sip:h?X-A=%4", nil},
		{"sip:h?X-A", nil},
		{"sip:h?=1", nil},
	}
	for _, tt := range tests {
		var got header.List
		u, err := header.ParseURI(tt.in)
		if err == nil {
			got, err = u.Embedded()
		}
		if (err == nil) != (tt.want != nil) {
			t.Errorf("%s: %v %v", tt.in, got, err)
			continue
		}
		if diff := cmp.Diff(tt.want, lines(got)); diff != "" {
			t.Errorf("%s: %s", tt.in, diff)
		}
	}
}

func TestHonoured(t *testing.T) {
	in := rows("X-Id: 1", "user-to-user: 00", "From: <sip:a@b>", "Reason: SIP", "P-Asserted-Identity: <sip:a@b>", "X-Switchhook-A: 1",
		"X-Amzn-B: 2", "Replaces: a", "Via: x", "Diversion: <sip:a@b>", "X: 9")
	out, changes := header.Honoured(in)
	want := []string{"X-Id: 1", "user-to-user: 00", "Reason: SIP", "Replaces: a", "Diversion: <sip:a@b>"}
	if diff := cmp.Diff(want, lines(out)); diff != "" {
		t.Error(diff)
	}
	if len(changes) != len(in) {
		t.Errorf("%d changes for %d rows", len(changes), len(in))
	}
}
