package sip_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/message"
)

// with sets how SIP is spoken with the peers of a trunk.
func with(trunk string, o directory.Signalling) func(*sip.Config, *directory.Content) {
	return func(_ *sip.Config, c *directory.Content) {
		for i := range c.Trunks {
			if c.Trunks[i].ID == trunk {
				c.Trunks[i].Signalling = o
			}
		}
	}
}

// within makes a request of a callee inside the dialog of an INVITE that it got.
func (p *phone) within(inv *message.Message, tag, method string, seq int, body string) *message.Message {
	p.branch++
	m := message.NewRequest(method, "sip:192.0.2.1:5060")
	m.Add("Via", fmt.Sprintf("SIP/2.0/UDP %s;branch=z9hG4bK%s-%d", p.at, tag, p.branch))
	m.Add("Max-Forwards", "70")
	m.Add("From", inv.Get("To")+";tag="+tag)
	m.Add("To", inv.Get("From"))
	m.Add("Call-ID", inv.CallID)
	m.Add("CSeq", fmt.Sprintf("%d %s", seq, method))
	m.Add("Contact", "<sip:bob@"+p.at.String()+">")
	if body != "" {
		m.Add("Content-Type", "application/sdp")
		m.Body = crlf(body)
	}
	return m
}

// prack confirms a reliable response, with a body if one is given.
func (p *phone) prack(inv, m *message.Message, seq int, body string) *message.Message {
	prack := p.request("PRACK", inv.CallID, seq, m.ToTag)
	prack.Set("RAck", fmt.Sprintf("%s %d INVITE", m.Get("RSeq"), inv.CSeq.Number))
	if body != "" {
		prack.Add("Content-Type", "application/sdp")
		prack.Body = crlf(body)
	}
	p.send(prack)
	return prack
}

// C27: the caller supports 100rel: 180 and 183 are reliable, one after the other, and repeated until PRACK comes; the answer in
// the 183 is not said again.
func TestC27ReliableToCaller(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		inv := alice.invite("c1", "Supported: 100rel")
		alice.send(inv)
		a := r.attempt()
		a.leg.Ring(0, header.List{{Name: "X-Ring", Value: "1"}})
		a.leg.Early(nil)
		a.leg.Answer(nil) // waits for its turn
		ring := alice.receive("180")
		if ring.Get("Require") != "100rel" || ring.Get("RSeq") == "" || ring.Get("X-Ring") != "1" {
			t.Errorf("180: %+v", ring)
		}
		again := alice.receive("180") // after T1
		if again.Get("RSeq") != ring.Get("RSeq") {
			t.Errorf("RSeq %s then %s", ring.Get("RSeq"), again.Get("RSeq"))
		}
		wrong := alice.prack(inv, ring, 2, "")
		alice.receive("200")
		early := alice.receive("183")
		if len(early.Body) == 0 || early.Get("RSeq") == ring.Get("RSeq") {
			t.Errorf("183: %+v", early)
		}
		wrong.Set("CSeq", "3 PRACK") // of the 180, once more
		wrong.Set("Via", strings.Replace(wrong.Get("Via"), "branch=", "branch=z9hG4bKx", 1))
		alice.send(wrong)
		alice.receive("481")
		alice.receive("183")
		alice.prack(inv, early, 4, "")
		alice.receive("200")
		ok := alice.receive("200")
		if ok.CSeq.Method != "INVITE" || len(ok.Body) != 0 || ok.Get("Require") != "" {
			t.Errorf("200: %+v", ok)
		}
		alice.ack(inv, ok)
		want[call.Answered](a.events)
		if r.remote().RTP.Port() != 4000 {
			t.Errorf("remote: %+v", r.remote())
		}
	})
}

// C27: a new offer comes in PRACK, and its answer goes back in the 200.
func TestC27OfferInPrack(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		inv := alice.invite("c1", "Require: 100rel")
		alice.send(inv)
		a := r.attempt()
		a.leg.Early(nil)
		early := alice.receive("183")
		alice.prack(inv, early, 2, strings.Replace(offer, "audio 4000", "audio 4444", 1))
		if ok := alice.receive("200"); len(ok.Body) == 0 || r.remote().RTP.Port() != 4444 {
			t.Errorf("200 to PRACK: %s; remote %+v", ok.Body, r.remote())
		}
		bad := alice.prack(inv, early, 3, "")
		_ = bad
		alice.receive("481")
		a.leg.Answer(nil)
		ok := alice.receive("200")
		alice.ack(inv, ok)
		want[call.Answered](a.events)
	})
}

// C28: no PRACK: the response is repeated with doubling time until 64*T1, then the INVITE is refused.
func TestC28NoPrack(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		inv := alice.invite("c1", "Require: 100rel")
		alice.send(inv)
		a := r.attempt()
		a.leg.Early(nil)
		a.leg.Answer(nil)
		start := time.Now()
		for _, at := range []int{0, 500, 1500, 3500, 7500, 15500, 31500} {
			alice.receive("183")
			if late := time.Since(start).Milliseconds() - int64(at); late < 0 || late > 50 {
				t.Errorf("183 at %v, want %d ms", time.Since(start), at)
			}
		}
		alice.receive("504")
		if late := time.Since(start) - 32*time.Second; late < 0 || late > 50*time.Millisecond {
			t.Errorf("504 at %v", time.Since(start))
		}
		ack := alice.request("ACK", "c1", 1, "x")
		ack.Set("Via", inv.Get("Via"))
		alice.send(ack)
		end := want[call.LegEnded](a.events)
		if end.Cause.Label != call.LabelProtocol || end.Cause.SIP != 504 {
			t.Errorf("cause: %+v", end.Cause)
		}
		alice.quiet(40 * time.Second)
	})
}

// C28: a caller who gives up while a reliable response waits for its PRACK; and a refusal, which waits for nothing.
func TestC28EndWithoutPrack(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		inv := alice.invite("c1", "Supported: 100rel")
		alice.send(inv)
		a := r.attempt()
		a.leg.Ring(0, nil)
		alice.receive("180")
		cancel := alice.request("CANCEL", "c1", 1, "")
		cancel.Set("Via", inv.Get("Via"))
		alice.send(cancel)
		alice.receive("200")
		alice.receive("487")
		a.events.ended(call.LabelCancelled)
		ack := alice.request("ACK", "c1", 1, "x")
		ack.Set("Via", inv.Get("Via"))
		alice.send(ack)
		alice.quiet(70 * time.Second)

		inv = alice.invite("c2", "Supported: 100rel")
		alice.send(inv)
		a = r.attempt()
		a.leg.Early(nil)
		alice.receive("183")
		a.leg.Hangup(call.Cause{SIP: 486}, nil)
		alice.receive("486")
		ack = alice.request("ACK", "c2", 1, "x")
		ack.Set("Via", inv.Get("Via"))
		alice.send(ack)
		want[call.LegEnded](a.events)
		alice.quiet(70 * time.Second)
	})
}

// C27: once its PRACK came, a reliable response is not repeated; the caller is reassured by another one.
func TestC27Reassured(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		inv := alice.invite("c1", "Supported: 100rel")
		alice.send(inv)
		a := r.attempt()
		a.leg.Ring(0, nil)
		ring := alice.receive("180")
		alice.prack(inv, ring, 2, "")
		alice.receive("200")
		alice.quiet(149 * time.Second)
		second := alice.receive("180")
		if second.Get("RSeq") == ring.Get("RSeq") || second.Get("Require") != "100rel" {
			t.Errorf("180: %+v", second)
		}
		alice.prack(inv, second, 3, "")
		alice.receive("200")
		a.leg.Hangup(call.Cause{SIP: 480}, nil)
		alice.receive("480")
	})
}

// C24, C27: an INVITE without offer: it is in the reliable 183, its answer in the PRACK; who only supports 100rel hears an
// unreliable 180 without it before.
func TestC24OfferInReliable(t *testing.T) {
	for _, row := range []string{"Supported: 100rel", "Require: 100rel"} {
		inTime(t, func(t *testing.T) {
			r := newRig(t)
			alice := r.phone(aliceAt)
			inv := alice.request("INVITE", "c1", 1, "")
			name, value, _ := strings.Cut(row, ": ")
			inv.Add(name, value)
			alice.send(inv)
			a := r.attempt()
			seq := 2
			a.leg.Ring(0, nil)
			ring := alice.receive("180")
			must := name == "Require"
			if (ring.Get("RSeq") != "") != must || (len(ring.Body) > 0) != must {
				t.Errorf("180: %+v", ring)
			}
			first := ring
			if !must {
				a.leg.Early(nil)
				first = alice.receive("183")
			}
			if !strings.Contains(string(first.Body), "RTP/AVP 0 8 101") || first.Get("RSeq") == "" {
				t.Errorf("first reliable: %+v", first)
			}
			a.leg.Answer(nil)
			alice.prack(inv, first, seq, answer)
			alice.receive("200")
			ok := alice.receive("200")
			if ok.CSeq.Method != "INVITE" || len(ok.Body) > 0 {
				t.Errorf("200: %+v", ok)
			}
			alice.ack(inv, ok)
			want[call.Answered](a.events)
			if r.remote().RTP.Port() != 6000 {
				t.Errorf("remote: %+v", r.remote())
			}
		})
	}
}

// C24: a PRACK that brings no answer to our offer ends the call.
func TestC24NoAnswerInPrack(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		inv := alice.request("INVITE", "c1", 1, "")
		inv.Add("Supported", "100rel")
		alice.send(inv)
		a := r.attempt()
		a.leg.Early(nil)
		alice.prack(inv, alice.receive("183"), 2, "")
		alice.receive("488")
		alice.receive("488") // the INVITE
		a.events.ended(call.LabelMedia)
	})
}

// C27: trunks that want none, or nothing else.
func TestC27Choice(t *testing.T) {
	for _, tt := range []struct {
		choice directory.Choice
		row    string
		status string
		names  string
	}{
		{directory.Never, "Require: 100rel", "420", "Unsupported"},
		{directory.Never, "Supported: 100rel", "180", ""},
		{directory.Always, "Supported: timer", "421", "Require"},
		{directory.Always, "Supported: 100rel", "180", "RSeq"},
	} {
		inTime(t, func(t *testing.T) {
			r := newRig(t, with("alice", directory.Signalling{Reliable: tt.choice}), with("bob", directory.Signalling{Reliable: tt.choice}))
			alice, bob := r.phone(aliceAt), r.phone(bobAt)
			alice.send(alice.invite("c1", tt.row))
			if tt.status == "180" {
				a := r.attempt()
				a.leg.Ring(0, nil)
				defer a.leg.Hangup(call.Cause{SIP: 480}, nil)
			}
			m := alice.receive(tt.status)
			if tt.names != "" && m.Get(tt.names) == "" || tt.names == "" && m.Get("RSeq") != "" {
				t.Errorf("%s with %s: %+v", tt.choice, tt.row, m)
			}
			leg, _ := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
			inv := bob.receive("INVITE")
			if offered := inv.Supports("100rel"); offered == (tt.choice == directory.Never) {
				t.Errorf("%s: INVITE %+v", tt.choice, inv)
			}
			if (inv.Get("Require") == "100rel") != (tt.choice == directory.Always) {
				t.Errorf("%s: Require %s", tt.choice, inv.Get("Require"))
			}
			bob.answer(inv, 486, "bob", "")
			bob.receive("ACK")
			_ = leg
		})
	}
}

// C27: the callee is reliable: each of its responses gets its PRACK, in order; copies are not told again, and one that
// overtook another waits for its turn.
func TestC27ReliableFromCallee(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		leg, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		bob.answer(inv, 180, "bob", "", "Require: 100rel", "RSeq: 7", "X-Ring: 1")
		prack := bob.receive("PRACK")
		if prack.Get("RAck") != "7 1 INVITE" || prack.ToTag != "bob" || prack.URI != "sip:bob@203.0.113.1:5060" || prack.CSeq.Number != 2 {
			t.Errorf("PRACK: %+v", prack)
		}
		want[call.Ringing](e)
		bob.answer(prack, 200, "", "", "X-Pracked: 1")
		bob.answer(inv, 180, "bob", "", "Require: 100rel", "RSeq: 7", "X-Ring: 1")
		bob.answer(inv, 183, "bob", answer, "Require: 100rel", "RSeq: 9")
		bob.quiet(2 * time.Second)
		if n := e.count("180", "X-Ring"); n != 1 {
			t.Errorf("%d ledger entries of one 180", n)
		}
		if _, ok := e.entry("200 PRACK", "X-Pracked"); !ok {
			t.Error("the ledger does not tell of what the answer to PRACK bore")
		}
		bob.answer(inv, 182, "bob", "", "Require: 100rel", "RSeq: 8")
		bob.answer(bob.receive("PRACK"), 200, "", "")
		if ev := want[call.Ringing](e); ev.Status != 182 {
			t.Errorf("ringing: %+v", ev)
		}
		bob.answer(inv, 183, "bob", answer, "Require: 100rel", "RSeq: 9")
		prack = bob.receive("PRACK")
		if prack.Get("RAck") != "9 1 INVITE" || len(prack.Body) > 0 {
			t.Errorf("PRACK: %+v", prack)
		}
		want[call.Progress](e)
		bob.answer(prack, 200, "", "")
		bob.answer(inv, 200, "bob", "")
		if ack := bob.receive("ACK"); ack.CSeq.Number != 1 {
			t.Errorf("ACK: %+v", ack)
		}
		want[call.Answered](e)
		if r.remote().RTP.Port() != 6000 {
			t.Errorf("remote: %+v", r.remote())
		}
		leg.Hangup(call.Cause{By: call.ByApp}, nil)
		bye := bob.receive("BYE")
		if bye.CSeq.Number != 5 {
			t.Errorf("BYE: %+v", bye)
		}
		bob.answer(bye, 200, "", "")
		want[call.LegEnded](e)
	})
}

// C29: a caller without 100rel and a callee with it, and the reverse: each leg speaks as its own far end does.
func TestC29Interworking(t *testing.T) {
	for _, reliableCaller := range []bool{true, false} {
		inTime(t, func(t *testing.T) {
			r := newRig(t)
			alice, bob := r.phone(aliceAt), r.phone(bobAt)
			var rows, reply []string
			if reliableCaller {
				rows = []string{"Require: 100rel"}
			} else {
				reply = []string{"Require: 100rel", "RSeq: 1"}
			}
			inv := alice.invite("c1", rows...)
			alice.send(inv)
			a := r.attempt()
			_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2", For: a.id})
			out := bob.receive("INVITE")
			bob.answer(out, 183, "bob", answer, append(reply, "X-Early: 1")...)
			if !reliableCaller {
				bob.answer(bob.receive("PRACK"), 200, "", "")
			}
			early := want[call.Progress](e)
			a.leg.Early(early.Headers)
			m := alice.receive("183")
			if m.Get("X-Early") != "1" || (m.Get("RSeq") != "") != reliableCaller {
				t.Errorf("183: %+v", m)
			}
			if reliableCaller {
				alice.prack(inv, m, 2, "")
				alice.receive("200")
			}
			bob.answer(out, 200, "bob", answer)
			bob.receive("ACK")
			want[call.Answered](e)
			a.leg.Answer(nil)
			ok := alice.receive("200")
			alice.ack(inv, ok)
			want[call.Answered](a.events)
		})
	}
}

// C30, C27: two forks, both reliable: each gets its own PRACK; the loser is acknowledged and ended with a CSeq of its own.
func TestC30ReliableForks(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob, fork := r.phone(bobAt), r.phone(bob2At)
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		bob.answer(inv, 180, "bob", "", "Require: 100rel", "RSeq: 1")
		bob.answer(bob.receive("PRACK"), 200, "", "")
		want[call.Ringing](e)
		fork.answer(inv, 180, "fork", "", "Require: 100rel", "RSeq: 900")
		prack := fork.receive("PRACK")
		if prack.ToTag != "fork" || prack.Get("RAck") != "900 1 INVITE" {
			t.Errorf("PRACK: %+v", prack)
		}
		fork.answer(prack, 200, "", "")
		want[call.Ringing](e)
		bob.answer(inv, 200, "bob", answer)
		bob.receive("ACK")
		want[call.Answered](e)
		fork.answer(inv, 200, "fork", answer)
		fork.receive("ACK")
		bye := fork.receive("BYE")
		if bye.ToTag != "fork" || bye.CSeq.Number <= prack.CSeq.Number {
			t.Errorf("BYE: %+v", bye)
		}
		fork.answer(bye, 200, "", "")
	})
}

// C70: CANCEL crosses a reliable 18x, which gets its PRACK all the same and is told to nobody (RFC 5407 section 3.1.3).
func TestC70CancelCrossesReliable(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		leg, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		bob.answer(inv, 100, "", "")
		leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
		cancel := bob.receive("CANCEL")
		bob.answer(inv, 180, "bob", "", "Require: 100rel", "RSeq: 1")
		bob.answer(bob.receive("PRACK"), 200, "", "")
		bob.answer(cancel, 200, "bob", "")
		bob.answer(inv, 487, "bob", "")
		bob.receive("ACK")
		want[call.LegEnded](e)
	})
}

// C19: PRACK follows the route set that its response recorded.
func TestC19PrackFollowsRoutes(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob, proxy := r.phone(bobAt), r.phone(bob2At)
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		bob.answer(inv, 183, "bob", answer, "Require: 100rel", "RSeq: 1", "Record-Route: <sip:203.0.113.2;lr>")
		prack := proxy.receive("PRACK")
		if prack.Get("Route") != "<sip:203.0.113.2;lr>" || prack.URI != "sip:bob@203.0.113.1:5060" {
			t.Errorf("PRACK: %+v", prack)
		}
		proxy.answer(prack, 200, "", "")
		want[call.Progress](e)
	})
}

// C70: BYE of the caller overtakes its PRACK: the INVITE is over, the PRACK finds no dialog (RFC 5407 section 3.1.2); and a
// reliable response that its 200 has overtaken is nobody's any more.
func TestC70Reliable(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		inv := alice.invite("c1", "Require: 100rel")
		alice.send(inv)
		a := r.attempt()
		a.leg.Early(nil)
		early := alice.receive("183")
		alice.send(alice.request("BYE", "c1", 3, early.ToTag))
		alice.receive("200")
		alice.receive("487")
		a.events.ended(call.LabelCancelled)
		alice.prack(inv, early, 2, "")
		for { // the 487 is repeated, for it gets no ACK
			if m := <-alice.got; m.Status == 481 {
				break
			} else if m.Status != 487 {
				t.Fatalf("%+v", m)
			}
		}
	})
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		leg, e, inv := r.callOut(bob)
		bob.answer(inv, 183, "bob", port(answer, "6060"), "Require: 100rel", "RSeq: 5", "X-Late: 1")
		bob.quiet(time.Second)
		e.none(0)
		if got := r.remote().RTP.Port(); got != 6000 {
			t.Errorf("media of port %d", got)
		}
		leg.Hangup(call.Cause{By: call.ByApp}, nil)
		bob.answer(bob.receive("BYE"), 200, "", "")
	})
}
