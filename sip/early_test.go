package sip_test

import (
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/message"
)

// port is a description with another media port.
func port(body, to string) string { return strings.Replace(body, "audio 6000", "audio "+to, 1) }

// C26: 180 without SDP after 183 with SDP keeps the early media; the 200 need not repeat it.
func TestC26EarlyMediaStays(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		bob.answer(inv, 183, "bob", answer)
		want[call.Progress](e)
		bob.answer(inv, 180, "bob", "")
		if ev := want[call.Ringing](e); ev.Status != 180 {
			t.Errorf("ringing: %+v", ev)
		}
		bob.answer(inv, 183, "bob", answer)
		e.none(time.Second)
		if r.remote().RTP.Port() != 6000 {
			t.Errorf("remote: %+v", r.remote())
		}
		bob.answer(inv, 200, "bob", "")
		bob.receive("ACK")
		want[call.Answered](e)
	})
}

// What the caller speaks is known as soon as its leg has done what it was asked for; at once where the server is gone.
func TestLegSettles(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		alice.send(alice.invite("1"))
		a := r.attempt()
		for _, ask := range []func(header.List){a.leg.Early, a.leg.Answer} {
			ask(nil)
			known := make(chan media.Codec, 1)
			a.leg.Settle(func() {
				r.last.mu.Lock()
				defer r.last.mu.Unlock()
				known <- r.last.remote.Codec
			})
			if c := <-known; c != media.PCMU {
				t.Errorf("the codec is %v", c)
			}
		}
		if err := r.s.Close(); err != nil {
			t.Fatal(err)
		}
		gone := false
		a.leg.Settle(func() { gone = true })
		if !gone {
			t.Error("it waits for a server that is gone")
		}
	})
}

// C30, C26: several early dialogs with media: the newest is heard; when it is gone (199), the one before; the one that answers
// in the end.
func TestC30EarlyMediaOfForks(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		heard := func(want uint16) {
			t.Helper()
			pass(time.Millisecond)
			if got := r.remote().RTP.Port(); got != want {
				t.Errorf("media of port %d is heard, want %d", got, want)
			}
		}
		bob.answer(inv, 183, "one", port(answer, "6001"))
		heard(6001)
		bob.answer(inv, 183, "two", port(answer, "6002"))
		heard(6002)
		bob.answer(inv, 183, "one", port(answer, "6001")) // says nothing new
		heard(6002)
		bob.answer(inv, 199, "two", "")
		heard(6001)
		bob.answer(inv, 200, "three", port(answer, "6003"))
		bob.receive("ACK")
		heard(6003)
		want[call.Progress](e)
		want[call.Progress](e)
		want[call.Answered](e)
	})
}

// C42: 183 and 200 with different descriptions: an unreliable one binds nobody, a reliable one is the answer.
func TestC42TwoAnswers(t *testing.T) {
	for _, reliable := range []bool{false, true} {
		inTime(t, func(t *testing.T) {
			r := newRig(t)
			bob := r.phone(bobAt)
			_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
			inv := bob.receive("INVITE")
			if reliable {
				bob.answer(inv, 183, "bob", answer, "Require: 100rel", "RSeq: 1")
				bob.answer(bob.receive("PRACK"), 200, "", "")
			} else {
				bob.answer(inv, 183, "bob", answer)
			}
			want[call.Progress](e)
			bob.answer(inv, 200, "bob", port(answer, "6006"))
			bob.receive("ACK")
			want[call.Answered](e)
			if got := r.remote().RTP.Port(); (got == 6000) != reliable {
				t.Errorf("reliable %v: media of port %d", reliable, got)
			}
		})
	}
}

// C26: P-Early-Media (RFC 5009): what the network does not let through is no early media; who understands it is told.
func TestC26PEarlyMedia(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice, bob := r.phone(aliceAt), r.phone(bobAt)
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		if inv.Get("P-Early-Media") != "supported" {
			t.Errorf("INVITE: %+v", inv)
		}
		bob.answer(inv, 183, "bob", answer, "P-Early-Media: inactive")
		bob.answer(inv, 183, "bob", answer, "P-Early-Media: RecvOnly")
		e.none(time.Second)
		bob.answer(inv, 183, "bob", answer, "P-Early-Media: sendonly, gated")
		want[call.Progress](e)
		bob.answer(inv, 486, "bob", "")
		bob.receive("ACK")
		e.ended(call.LabelBusy)

		for _, row := range []string{"P-Early-Media: supported", "X-None: 1"} {
			alice.send(alice.invite("c"+row[:1], row))
			a := r.attempt()
			a.leg.Early(nil)
			m := alice.receive("183")
			if got := m.Get("P-Early-Media"); (got == "sendrecv") != (row[0] == 'P') {
				t.Errorf("with %s: P-Early-Media: %q", row, got)
			}
			a.leg.Hangup(call.Cause{SIP: 480}, nil)
			alice.receive("480")
		}
	})
	inTime(t, func(t *testing.T) { // from who is not trusted it counts for nothing, and goes to nobody
		r := newRig(t, func(_ *sip.Config, c *directory.Content) {
			c.Trunks[1].In, c.Trunks[1].Out = header.Untrusted(), header.Untrusted()
		})
		bob := r.phone(bobAt)
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		if inv.Headers.Has("P-Early-Media") {
			t.Errorf("INVITE: %+v", inv)
		}
		bob.answer(inv, 183, "bob", answer, "P-Early-Media: inactive")
		want[call.Progress](e)
	})
	inTime(t, func(t *testing.T) { // so it is where a rule of a trusted trunk drops it
		r := newRig(t, func(_ *sip.Config, c *directory.Content) {
			drop := header.Rule{Match: "P-Early-Media", Do: header.Drop}
			for i := range c.Trunks {
				in, out := &c.Trunks[i].In, &c.Trunks[i].Out
				in.Rules, out.Rules = append([]header.Rule{drop}, in.Rules...), append([]header.Rule{drop}, out.Rules...)
			}
		})
		alice, bob := r.phone(aliceAt), r.phone(bobAt)
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		if inv.Headers.Has("P-Early-Media") {
			t.Errorf("INVITE: %+v", inv)
		}
		bob.answer(inv, 183, "bob", answer, "P-Early-Media: inactive")
		want[call.Progress](e)
		alice.send(alice.invite("c1", "P-Early-Media: supported"))
		r.attempt().leg.Early(nil)
		if m := alice.receive("183"); m.Headers.Has("P-Early-Media") {
			t.Errorf("183: %+v", m)
		}
	})
}

// C26: what a trusted callee says of early media reaches the caller, as it changes too.
func TestC26PEarlyMediaPasses(t *testing.T) {
	for _, reliable := range []string{"X-None: 1", "Supported: 100rel"} {
		inTime(t, func(t *testing.T) {
			r := newRig(t)
			alice, bob := r.phone(aliceAt), r.phone(bobAt)
			alice.send(alice.invite("c1", "P-Early-Media: supported", reliable))
			a := r.attempt()
			_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2", For: a.id})
			inv := bob.receive("INVITE")
			bob.answer(inv, 183, "bob", answer, "P-Early-Media: SendOnly, gated, X-other")
			want[call.Progress](e)
			a.leg.Early(nil)
			told := func(want string) {
				t.Helper()
				m := alice.receive("183")
				if got := m.Get("P-Early-Media"); got != want {
					t.Errorf("P-Early-Media: %q, want %q", got, want)
				}
				if rseq := m.Get("RSeq"); rseq != "" {
					prack := alice.request("PRACK", "c1", 1+alice.branch, m.ToTag)
					prack.Add("RAck", rseq+" 1 INVITE")
					alice.send(prack)
					alice.receive("200")
				}
			}
			told("sendonly, gated")
			bob.answer(inv, 183, "bob", answer, "P-Early-Media: inactive")
			told("inactive")
			bob.answer(inv, 183, "bob", answer, "P-Early-Media: inactive", "X-Other: 1")
			alice.quiet(time.Millisecond)
			bob.answer(inv, 183, "bob", answer, "P-Early-Media: sendrecv")
			want[call.Progress](e)
			told("sendrecv")
			a.leg.Hangup(call.Cause{SIP: 480}, nil)
			alice.receive("480")
		})
	}
}

// C62: 181 and 182 are relayed with their context, and told once each.
func TestC62ForwardedAndQueued(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice, bob := r.phone(aliceAt), r.phone(bobAt)
		alice.send(alice.invite("c1"))
		a := r.attempt()
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2", For: a.id})
		inv := bob.receive("INVITE")
		for i, status := range []int{180, 181, 183, 182, 180} {
			rows := []string{"X-Step: " + string(rune('0'+i)), "Diversion: <sip:+12065550188@example.com>;reason=unconditional"}
			bob.answer(inv, status, "bob", "", rows...)
			bob.answer(inv, status, "bob", "", rows...) // once more, as UDP may have it
			ev := want[call.Ringing](e)
			if ev.Status != status {
				t.Errorf("ringing: %+v", ev)
			}
			e.none(time.Second)
			a.leg.Ring(ev.Status, ev.Headers)
			m := alice.receive(name(&message.Message{Status: status}))
			if m.Get("X-Step") != string(rune('0'+i)) {
				t.Errorf("%d: %+v", status, m)
			}
		}
		if n := e.count("180", "X-Step"); n != 2 {
			t.Errorf("%d ledger entries of two different 180s", n)
		}
		bob.answer(inv, 486, "bob", "")
		bob.receive("ACK")
		a.leg.Hangup(call.Cause{SIP: 486}, nil)
		alice.receive("486")
	})
}

// C25, C24: a trunk whose peers make the offer: in the 2xx, answered in ACK, which is the same each time; or in a reliable
// response, answered in PRACK.
func TestC25DelayedOfferOut(t *testing.T) {
	const theirs = `v=0
o=- 7 7 IN IP4 203.0.113.1
s=-
c=IN IP4 203.0.113.1
t=0 0
m=audio 6100 RTP/AVP 8 0 101
a=rtpmap:101 telephone-event/8000
m=video 6200 RTP/AVP 96
a=rtpmap:96 H264/90000
`
	delayed := with("bob", directory.Signalling{Delayed: true})
	for _, reliable := range []bool{false, true} {
		inTime(t, func(t *testing.T) {
			r := newRig(t, delayed)
			bob := r.phone(bobAt)
			leg, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
			inv := bob.receive("INVITE")
			if len(inv.Body) > 0 || inv.Get("Content-Type") != "" {
				t.Errorf("INVITE: %+v", inv)
			}
			bob.answer(inv, 183, "bob", theirs) // binds nobody
			e.none(time.Second)
			var got string
			if reliable {
				bob.answer(inv, 183, "bob", theirs, "Require: 100rel", "RSeq: 1")
				prack := bob.receive("PRACK")
				got = string(prack.Body)
				bob.answer(prack, 200, "", "")
				want[call.Progress](e)
				bob.answer(inv, 200, "bob", "")
				if ack := bob.receive("ACK"); len(ack.Body) > 0 {
					t.Errorf("ACK: %s", ack.Body)
				}
			} else {
				bob.answer(inv, 200, "bob", theirs)
				got = string(bob.receive("ACK").Body)
				bob.answer(inv, 200, "bob", theirs)
				if again := string(bob.receive("ACK").Body); again != got {
					t.Errorf("ACK: %s\nthen %s", got, again)
				}
			}
			if !strings.Contains(got, "m=audio 10002 RTP/AVP 8 101\r\n") || !strings.Contains(got, "m=video 0 ") {
				t.Errorf("answer: %s", got)
			}
			want[call.Answered](e)
			if leg.Media() == nil || r.remote().RTP.Port() != 6100 || r.remote().Codec != media.PCMA {
				t.Errorf("remote: %+v", r.remote())
			}
		})
	}
	for _, bad := range []string{"", "v=0\n", strings.Replace(theirs, "RTP/AVP 8 0 101", "RTP/AVP 18", 1)} {
		inTime(t, func(t *testing.T) {
			r := newRig(t, delayed)
			bob := r.phone(bobAt)
			_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
			inv := bob.receive("INVITE")
			bob.answer(inv, 200, "bob", bad)
			ack := bob.receive("ACK")
			if strings.Contains(bad, "m=") && !strings.Contains(string(ack.Body), "m=audio 0 ") {
				t.Errorf("ACK: %s", ack.Body)
			}
			bob.answer(bob.receive("BYE"), 200, "", "")
			e.ended(call.LabelMedia)
		})
	}
	inTime(t, func(t *testing.T) { // a fork that answers second is told that nothing of its offer is taken
		r := newRig(t, delayed)
		bob, fork := r.phone(bobAt), r.phone(bob2At)
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		bob.answer(inv, 200, "bob", theirs)
		bob.receive("ACK")
		want[call.Answered](e)
		fork.answer(inv, 200, "fork", theirs)
		if ack := fork.receive("ACK"); !strings.Contains(string(ack.Body), "m=audio 0 ") || !strings.Contains(string(ack.Body), "m=video 0 ") {
			t.Errorf("ACK: %s", ack.Body)
		}
		fork.answer(fork.receive("BYE"), 200, "", "")
	})
}

// A 2xx needs not wait for the PRACK of a response without description; that PRACK is answered all the same.
func TestC27AnswerOvertakesPrack(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		inv := alice.invite("c1", "Supported: 100rel")
		alice.send(inv)
		a := r.attempt()
		a.leg.Ring(0, nil)
		ring := alice.receive("180")
		a.leg.Answer(nil)
		ok := alice.receive("200")
		alice.prack(inv, ring, 2, "")
		if m := alice.receive("200"); m.CSeq.Method != "PRACK" {
			t.Errorf("answer: %+v", m)
		}
		alice.ack(inv, ok)
		want[call.Answered](a.events)
	})
}
