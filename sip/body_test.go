package sip_test

import (
	"bytes"
	"testing"

	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/message"
)

func withBody(kind, body string) *message.Message {
	m := message.NewRequest("INVITE", "sip:x@y")
	m.Add("Content-Type", kind)
	m.Body = crlf(body)
	return m
}

func TestSessionOf(t *testing.T) {
	for _, tt := range []struct {
		name, kind, body, disposition, want string
		ok                                  bool
	}{
		{"none", "application/sdp", "", "", "", true},
		{"alone", "Application/SDP ; x=y", "v=0\n", "", "v=0\r\n", true},
		{"other", "text/plain", "hi", "", "", false},
		{"other, optional", "text/plain", "hi", "render; handling=OPTIONAL", "", true},
		{"first of two", "multipart/mixed;boundary=b", "--b\nContent-Type: application/sdp\n\nv=0\n--b\nContent-Type: application/sdp\n\nv=1\n--b--", "", "v=0", true},
		{"boundary inside a line", "multipart/mixed;boundary=b", "--b\nContent-Type: application/sdp\n\nv=--b\n--b--", "", "v=--b", true},
		{"not closed", "multipart/mixed;boundary=b", "--b\nContent-Type: application/sdp\n\nv=0\n--b\nX", "", "v=0", true},
		{"nothing but text", "multipart/mixed;boundary=b", "text", "", "", true},
		{"many parts", "multipart/mixed;boundary=b", string(bytes.Repeat([]byte("--b\n\nx\n"), 40)), "", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := withBody(tt.kind, tt.body)
			if tt.disposition != "" {
				m.Add("Content-Disposition", tt.disposition)
			}
			sdp, ok := sip.SessionOf(m)
			if string(sdp) != tt.want || ok != tt.ok {
				t.Errorf("%q, %v", sdp, ok)
			}
		})
	}
}

func TestParty(t *testing.T) {
	for _, tt := range []struct{ uri, host, user string }{
		{"sip:+12065550100@Example.COM:5080;x=y", "example.com", "+12065550100"},
		{"sip:+12065550100;phone-context=+1@h", "h", "+12065550100"},
		{"sip:a;b@h", "h", "a;b"},
		{"sip:%61lice@h", "h", "%61lice"},
		{"tel:+1-206-555.0100;phone-context=x", "", "+12065550100"},
		{"sip:[2001:DB8::1]:5060", "2001:db8::1", ""},
		{"nonsense", "", ""},
	} {
		if host, user := sip.PartyOf(tt.uri); host != tt.host || user != tt.user {
			t.Errorf("%s: %q, %q", tt.uri, host, user)
		}
	}
}

// Whatever a body holds, what is found in it is a part of it.
func FuzzSessionOf(f *testing.F) {
	f.Add("multipart/mixed;boundary=b1", "--b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b1--\r\n")
	f.Add("multipart/mixed;boundary=\"\"", "----")
	f.Add("application/sdp", "v=0")
	f.Fuzz(func(t *testing.T, kind, body string) {
		m := message.NewRequest("INVITE", "sip:x@y")
		m.Add("Content-Type", kind)
		m.Body = []byte(body)
		if sdp, _ := sip.SessionOf(m); !bytes.Contains([]byte(body), sdp) {
			t.Errorf("%q is no part of %q", sdp, body)
		}
	})
}

// A key is a key, whatever the body holds.
func FuzzPressed(f *testing.F) {
	f.Add("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n")
	f.Add("application/dtmf", "10")
	f.Fuzz(func(t *testing.T, kind, body string) {
		digit, held, ok := sip.Pressed(kind, body)
		if ok && (!bytes.ContainsAny([]byte("0123456789*#ABCD"), string(digit)) || held <= 0) {
			t.Errorf("%q: %q for %v", body, digit, held)
		}
	})
}
