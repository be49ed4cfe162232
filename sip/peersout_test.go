package sip_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip"
)

// What an application sets leaves as each kind of peer wants it, and the ledger says so.
func TestTowardPeers(t *testing.T) {
	const diverted = "Diversion: <sip:+12065550188@192.0.2.1>;reason=no-answer;counter=1;privacy=off"
	for _, c := range []struct {
		profile string
		rows    []string
		want    []string
		why     header.Reason // of the change
	}{
		{"twilio", []string{"X-Twilio-CallSid: forged", "X-Id: 1"}, []string{"X-Id: 1"}, header.BecauseRule},
		{"telnyx", []string{diverted}, []string{"Diversion: <sip:+12065550188@sip.telnyx.com>;reason=no-answer;counter=1;privacy=off"}, header.BecauseRule},
		{"genesys-cloud", []string{"User-to-User: 6f7264;encoding=hex"}, []string{"User-to-User: 006f7264;encoding=hex"}, header.BecauseDiscriminator},
		{
			"avaya-sm",
			[]string{diverted, "User-to-User: 00FA080001247C5E46F6E6;encoding=hex"},
			[]string{
				"User-to-User: 00FA080001247C5E46F6E6;encoding=hex", "History-Info: <sip:+12065550188@192.0.2.1?Privacy=none>;index=1",
				"History-Info: <sip:1@203.0.113.1;cause=408>;index=1.1;mp=1",
			},
			header.BecauseMapped,
		},
		{
			"eltex",
			[]string{"History-Info: <sip:+12065550188@192.0.2.1>;index=1", "History-Info: <sip:1@203.0.113.1;cause=486>;index=1.1;mp=1"},
			[]string{"Diversion: <sip:+12065550188@192.0.2.1>;reason=user-busy;counter=1;privacy=off"}, header.BecauseMapped,
		},
		{"ims", []string{diverted}, []string{"History-Info: <sip:+12065550188@192.0.2.1?Privacy=none>;index=1", "History-Info: <sip:1@203.0.113.1;cause=408>;index=1.1;mp=1"}, header.BecauseMapped},
		{"audiocodes", []string{"X-UserToUser: order 4711"}, []string{"X-UserToUser: order 4711"}, ""},
		{"asterisk", []string{"X-Id: " + strings.Repeat("x", 3500)}, []string{"X-Id: " + strings.Repeat("x", 3500)}, sip.BecauseBudget},
	} {
		t.Run(c.profile, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, on(func(b *directory.Trunk) { b.Profile = c.profile }))
				bob := r.phone(bobAt)
				var rows header.List
				for _, row := range c.rows {
					name, value, _ := strings.Cut(row, ": ")
					rows = rows.With(name, value)
				}
				_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2", Headers: rows})
				inv := bob.receive("INVITE")
				var got []string
				for _, f := range inv.Headers {
					if header.OfCall(f.Name) {
						got = append(got, f.Name+": "+f.Value)
					}
				}
				if d := cmp.Diff(c.want, got); d != "" {
					t.Errorf("rows (-want +got):\n%s", d)
				}
				if len(e.because(c.why)) == 0 && c.why != "" {
					t.Errorf("ledger: %+v", e.ledger)
				}
				bob.answer(inv, 486, "bob", "")
				bob.receive("ACK")
				e.refused(486)
			})
		})
	}
}

// Asterisk tells of diversions in 181, which the application hears of as of ringing.
func TestC62DiversionOn181(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, on(func(b *directory.Trunk) { b.Profile = "asterisk" }))
		bob := r.phone(bobAt)
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		bob.answer(inv, 181, "bob", "", "Diversion: <sip:1@203.0.113.1>;reason=unconditional")
		ringing := want[call.Ringing](e)
		if got, _ := ringing.Headers.Get("Diversion"); ringing.Status != 181 || got != "<sip:1@203.0.113.1>;reason=unconditional" {
			t.Errorf("%+v", ringing)
		}
		bob.answer(inv, 486, "bob", "")
		bob.receive("ACK")
		e.refused(486)
	})
}

// Twilio's challenge names no algorithm, which means MD5: with its profile it is answered.
func TestTwilioChallenge(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, on(func(b *directory.Trunk) {
			b.Profile = "twilio"
			b.Login.User, b.Login.Password = "us", "s3cret"
		}))
		bob := r.phone(bobAt)
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		bob.answer(bob.receive("INVITE"), 407, "bob", "", `Proxy-Authenticate: Digest realm="sip.example.com",qop="auth",nonce="dkgRu3NUwBJN5UHD-q",opaque="79787547"`)
		bob.receive("ACK")
		inv := bob.receive("INVITE")
		if got := inv.Get("Proxy-Authorization"); !strings.Contains(got, `username="us"`) || !strings.Contains(got, "qop=auth") || strings.Contains(got, "s3cret") {
			t.Errorf("%s", got)
		}
		bob.answer(inv, 486, "bob", "")
		bob.receive("ACK")
		e.refused(486)
	})
}
