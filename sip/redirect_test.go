package sip_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
)

// redirect answers an INVITE with a 3xx.
func (p *phone) redirect(inv *message.Message, status int, rows ...string) {
	p.t.Helper()
	m := message.NewResponse(inv, status, "")
	m.Tag("r")
	for _, row := range rows {
		n, v, _ := strings.Cut(row, ": ")
		m.Add(n, v)
	}
	p.reply(inv, m)
	p.receive("ACK")
}

// context gives the rows of an INVITE that tell of the call.
func contextOf(m *message.Message) []string {
	var out []string
	for _, f := range m.Headers {
		for _, n := range []string{"Diversion", "User-to-User", "X-Id", "X-New", "Reason", "P-Asserted-Identity", "Subject"} {
			if header.SameName(f.Name, n) {
				out = append(out, f.Name+": "+f.Value)
			}
		}
	}
	return out
}

// C58: contacts in order of q, with the headers of their URIs and the Diversion rows of the 3xx, through the same policy.
func TestC58Redirect(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob, bob2 := r.phone(bobAt), r.phone(bob2At)
		_, e := r.dial(call.Dial{Trunk: "two", To: "100", From: "2", Headers: header.List{
			{Name: "User-to-User", Value: "00aa;encoding=hex"}, {Name: "Diversion", Value: "<sip:old@a>;reason=unknown"}, {Name: "X-Id", Value: "1"},
		}})
		bob.redirect(bob.receive("INVITE"), 302,
			"Contact: <sip:200@203.0.113.2?User-to-User=00bb%3Bencoding%3Dhex&X-New=a%20b&P-Asserted-Identity=evil&Via=x>;q=0.5, <sip:300@203.0.113.1;method=INVITE>;q=0.9",
			"Contact: <sip:400@198.51.100.77>, <mailto:x@y>, <sip:500@203.0.113.1?X-Bad=%0D%0AEvil:1>",
			"Diversion: <sip:100@203.0.113.1>;reason=unconditional;counter=1",
			"Diversion: <sip:old@a>;reason=unknown")
		first := bob.receive("INVITE")
		if first.URI != "sip:300@203.0.113.1" || first.Get("To") != "<sip:100@203.0.113.1>" {
			t.Errorf("first: %s, To %s", first.URI, first.Get("To"))
		}
		if d := cmp.Diff([]string{"Diversion: <sip:100@203.0.113.1>;reason=unconditional;counter=1", "User-to-User: 00aa;encoding=hex",
			"Diversion: <sip:old@a>;reason=unknown", "X-Id: 1"}, contextOf(first)); d != "" {
			t.Errorf("first (-want +got):\n%s", d)
		}
		bob.answer(first, 404, "x", "")
		bob.receive("ACK")
		second := bob2.receive("INVITE")
		if second.URI != "sip:200@203.0.113.2" {
			t.Errorf("second: %s", second.URI)
		}
		if d := cmp.Diff([]string{"Diversion: <sip:100@203.0.113.1>;reason=unconditional;counter=1",
			"Diversion: <sip:old@a>;reason=unknown", "X-Id: 1", "User-to-User: 00bb;encoding=hex", "X-New: a b"}, contextOf(second)); d != "" {
			t.Errorf("second (-want +got):\n%s", d)
		}
		bob2.answer(second, 486, "x", "")
		bob2.receive("ACK")
		e.refused(486)
		if en, ok := e.entry("302", "P-Asserted-Identity"); !ok || en.Action != header.Dropped {
			t.Errorf("ledger: %+v", en)
		}
		if n := slices.IndexFunc(e.log, func(l call.Log) bool { return strings.Contains(l.Text, "400@198.51.100.77") }); n < 0 {
			t.Errorf("log: %+v", e.log)
		}
	})
}

// C58: a 3xx that tells nothing of it diverted the call all the same; loops and too many turns end in a refusal.
func TestC58RedirectLoop(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		_, e := r.dial(call.Dial{Trunk: "bob", To: "0", From: "2"})
		inv := bob.receive("INVITE")
		bob.redirect(inv, 302, "Contact: <sip:1@203.0.113.1>")
		inv = bob.receive("INVITE")
		if got := contextOf(inv); len(got) != 1 || got[0] != "Diversion: <sip:0@203.0.113.1>;reason=deflection;counter=1" {
			t.Errorf("context: %q", got)
		}
		bob.redirect(inv, 301, "Contact: <sip:0@203.0.113.1>, <sip:1@203.0.113.1>")
		if end := want[call.LegEnded](e); end.Cause.SIP != 301 || end.Cause.Label != call.LabelRejected {
			t.Errorf("cause: %+v", end.Cause)
		}
		bob.quiet(time.Second)

		_, e = r.dial(call.Dial{Trunk: "bob", To: "0", From: "2"})
		for i := range 6 {
			bob.redirect(bob.receive("INVITE"), 302, "Contact: <sip:next"+string(rune('a'+i))+"@203.0.113.1>", "Diversion: <sip:same@a>")
		}
		e.refused(302)

		_, e = r.dial(call.Dial{Trunk: "bob", To: "0", From: "2", Headers: header.List{{Name: "Diversion", Value: "<sip:x@y>;counter=5"}}})
		bob.redirect(bob.receive("INVITE"), 302, "Contact: <sip:next@203.0.113.1>")
		end := want[call.LegEnded](e)
		if why, _ := end.Headers.Get("Reason"); end.Cause.SIP != 480 || why != "SIP;cause=482" {
			t.Errorf("%+v, Reason %q", end.Cause, why)
		}

		// Who diverted the call may allow fewer: the least of the limits holds.
		_, e = r.dial(call.Dial{Trunk: "bob", To: "0", From: "2", Headers: header.List{
			{Name: "Diversion", Value: "<sip:x@y>;limit=9, <sip:z@y>;limit=2"},
		}})
		bob.redirect(bob.receive("INVITE"), 302, "Contact: <sip:next@203.0.113.1>", "Reason: SIP;cause=302")
		end = want[call.LegEnded](e)
		if why, _ := end.Headers.Get("Reason"); end.Cause.SIP != 480 || why != "SIP;cause=482" {
			t.Errorf("%+v, Reason %q", end.Cause, why)
		}

		for _, status := range []int{305, 380} {
			_, e = r.dial(call.Dial{Trunk: "bob", To: "0", From: "2"})
			bob.redirect(bob.receive("INVITE"), status, "Contact: <sip:next@203.0.113.1>")
			if end := want[call.LegEnded](e); end.Cause.SIP != status {
				t.Errorf("cause: %+v", end.Cause)
			}
		}
	})
}
