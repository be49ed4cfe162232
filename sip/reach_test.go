package sip_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
)

// C17: Max-Breadth goes from leg to leg as it came, is divided among contacts that ring at once, and ends the call with 440
// where it lets none ring, or fewer than there are (RFC 5393 section 5.3).
func TestC17MaxBreadth(t *testing.T) {
	for _, c := range []struct{ came, trunk, contacts string }{
		{"", "", "30"}, {"7", "7", "3"}, {"2", "2", "1"}, {"1", "1", "440"}, {"0", "440", "440"}, {"99999999999", "", "30"}, {"400", "255", "127"},
	} {
		t.Run(c.came, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, withEndpoints(t))
				alice, bob := r.phone(aliceAt), r.phone(bobAt)
				desk, mobile := r.line(phoneAt, "carol", "carol's"), r.line(phone2At, "carol", "carol's")
				desk.register(200, "r1", "Contact: <sip:carol@198.51.100.77>")
				mobile.register(200, "r2", "Contact: <sip:carol@198.51.100.78>")
				inv := alice.invite("c1")
				if c.came != "" {
					inv.Add("Max-Breadth", c.came)
				}
				alice.send(inv)
				a := r.attempt()
				ring := func(d call.Dial, want string, phones ...*phone) {
					t.Helper()
					d.For = a.id
					_, e := r.dial(d)
					if want == "440" {
						e.refused(440)
						for _, p := range phones {
							p.quiet(time.Second)
						}
						return
					}
					for _, p := range phones {
						out := p.receive("INVITE")
						if got := out.Get("Max-Breadth"); got != want || out.Headers.Has("Max-Breadth") != (want != "") {
							t.Errorf("Max-Breadth %q, want %q", got, want)
						}
						p.answer(out, 486, "b", "")
						p.receive("ACK")
					}
					e.refused(486)
				}
				ring(call.Dial{Trunk: "bob", To: "1"}, c.trunk, bob)
				ring(call.Dial{Endpoint: "carol"}, c.contacts, desk.phone, mobile.phone)
				a.leg.Hangup(call.Cause{SIP: 480}, nil)
			})
		})
	}
}

// A URI with maddr is reached there, whatever its host is (RFC 3263 section 4): as answers of Avaya's Session Manager have it,
// whose host is a domain that nobody here can look up.
func TestMaddr(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob, moved := r.phone(bobAt), r.phone(bob2At)
		leg, e := r.dial(call.Dial{Trunk: "bob", To: "99139", From: "2"})
		inv := bob.receive("INVITE")
		ok := message.NewResponse(inv, 200, "")
		ok.Tag("bob")
		const target = "sip:99139@inside.example:5060;maddr=203.0.113.2;user=phone;gsid=3d26cb00-4d01-11ea-867c-000000000001"
		ok.Add("Contact", "<"+target+">")
		ok.Add("Content-Type", "application/sdp")
		ok.Body = crlf(answer)
		bob.reply(inv, ok)
		if ack := moved.receive("ACK"); ack.URI != target {
			t.Errorf("ACK to %s", ack.URI)
		}
		want[call.Answered](e)
		leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
		moved.answer(moved.receive("BYE"), 200, "", "")
		e.ended(call.LabelNormal)
	})
}

// Of a redirection, maddr says whether it leads to the trunk.
func TestC58RedirectedByMaddr(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob, bob2, foreign := r.phone(bobAt), r.phone(bob2At), r.phone(phoneAt)
		_, e := r.dial(call.Dial{Trunk: "two", To: "100", From: "2", Headers: header.List{{Name: "X-Id", Value: "1"}}})
		bob.redirect(bob.receive("INVITE"), 302, fmt.Sprintf("Contact: <sip:200@203.0.113.2;maddr=%s>;q=0.9, <sip:300@inside.example;maddr=203.0.113.2>;q=0.5", phoneAt.Addr()))
		inv := bob2.receive("INVITE")
		if !strings.HasPrefix(inv.URI, "sip:300@inside.example") {
			t.Errorf("%s was called", inv.URI)
		}
		bob2.answer(inv, 486, "x", "")
		bob2.receive("ACK")
		e.refused(486)
		foreign.quiet(time.Second)
	})
}

// C38: an offer in UPDATE of a caller who was told our answer unreliably alone comes too early: his first has no answer yet (RFC
// 3311 section 5.2), and the 200 brings it.
func TestC38UpdateBeforeAnswer(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		inv := alice.invite("c1")
		alice.send(inv)
		a := r.attempt()
		a.leg.Early(nil)
		early := alice.receive("183")
		up := alice.request("UPDATE", "c1", 2, early.ToTag)
		up.Add("Content-Type", "application/sdp")
		up.Body = crlf(strings.Replace(offer, "audio 4000", "audio 4040", 1))
		alice.send(up)
		if m := alice.receive("500"); m.Get("Retry-After") == "" {
			t.Errorf("500: %+v", m)
		}
		a.leg.Answer(nil)
		ok := alice.receive("200")
		if string(ok.Body) != string(early.Body) || r.remote().RTP.Port() != 4000 {
			t.Errorf("183 answered\n%s\n200\n%s", early.Body, ok.Body)
		}
		alice.ack(inv, ok)
		want[call.Answered](a.events)
	})
}
