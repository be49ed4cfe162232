package sip_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/sip"
)

// registering makes Bob's trunk, or the one with two gateways, one that we register at.
func registering(trunk int, expires time.Duration) func(*sip.Config, *directory.Content) {
	return func(_ *sip.Config, c *directory.Content) {
		l := bobsLogin
		l.Register, l.Expires = true, expires
		c.Trunks[trunk].Login = l
	}
}

// enrolment gives how the only registration stands.
func (r *rig) enrolment() sip.Enrolment {
	r.t.Helper()
	all := r.s.Enrolments()
	if len(all) != 1 {
		r.t.Fatalf("enrolments are %+v, want one", all)
	}
	return all[0]
}

// C47: who calls at a peer where we are registered has an address there.
func TestC47CallsWhereRegistered(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, registering(1, 10*time.Minute))
		bob := r.phone(bobAt)
		bob.answer(bob.receive("REGISTER"), 200, "", "", "Expires: 600")
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "+12065550100"})
		inv := bob.receive("INVITE")
		if from := inv.Get("From"); !strings.HasPrefix(from, "<sip:+12065550100@203.0.113.1>;tag=") {
			t.Errorf("From: %s", from)
		}
		bob.answer(inv, 486, "b", "")
		bob.receive("ACK")
		e.ended(call.LabelBusy)
	})
}

func TestC47RegisterAtCarrier(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, registering(1, 10*time.Minute))
		bob := r.phone(bobAt)
		first := bob.receive("REGISTER")
		if first.URI != "sip:203.0.113.1" || first.Get("To") != "<sip:switch@203.0.113.1>" || !strings.HasPrefix(first.Get("From"), "<sip:switch@203.0.113.1>;tag=") ||
			first.Get("Contact") != "<sip:switch@192.0.2.1:5060>" || first.Get("Expires") != "600" || first.Headers.Count("Contact") != 1 {
			t.Errorf("REGISTER %s\n%v", first.URI, first.Headers)
		}
		bob.challenge(first, 401, challengeOf("bob.example.com", "n1", "SHA-256"))
		second := bob.receive("REGISTER")
		proof(t, second, 401)
		if second.CSeq.Number != first.CSeq.Number+1 || second.CallID != first.CallID {
			t.Errorf("with credentials: CSeq %d after %d", second.CSeq.Number, first.CSeq.Number)
		}
		bob.answer(second, 200, "", "", "Contact: <sip:other@198.51.100.1>;expires=9, <sip:switch@192.0.2.1:5060>;expires=120")
		pass(time.Second)
		if e := r.enrolment(); !e.Up || e.Trunk != "bob" || e.User != "switch" || e.Peer != "203.0.113.1" || time.Until(e.Until).Round(time.Second) != 119*time.Second {
			t.Errorf("enrolment %+v", e)
		}
		began := time.Now()
		again := bob.receive("REGISTER")
		if wait := time.Since(began); wait < 90*time.Second || wait > 115*time.Second {
			t.Errorf("refreshed after %v of 120 s", wait)
		}
		if again.CallID != first.CallID || again.CSeq.Number <= second.CSeq.Number {
			t.Errorf("the refresh has Call-ID %s, CSeq %d", again.CallID, again.CSeq.Number)
		}
		bob.answer(again, 200, "", "", "Expires: 120")
		pass(time.Second)
		go func() {
			_ = r.s.Drain(context.Background()) // no leg stands
		}()
		last := bob.receive("REGISTER")
		if last.Get("Expires") != "0" {
			t.Errorf("the last REGISTER has Expires %s", last.Get("Expires"))
		}
		bob.answer(last, 200, "", "")
		pass(time.Minute)
		bob.quiet(time.Minute)
	})
}

func TestRegisterAtCarrierTooBrief(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, registering(1, time.Minute))
		bob := r.phone(bobAt)
		bob.answer(bob.receive("REGISTER"), 423, "x", "", "Min-Expires: 300")
		m := bob.receive("REGISTER")
		if m.Get("Expires") != "300" {
			t.Errorf("after 423 with Min-Expires 300 we ask for %s", m.Get("Expires"))
		}
		bob.answer(m, 200, "x", "", "Expires: 300")
		pass(time.Second)
		if !r.enrolment().Up {
			t.Error("not registered")
		}
	})
}

func TestRegisterAtCarrierFailover(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, registering(2, 0))
		bob, bob2 := r.phone(bobAt), r.phone(bob2At)
		bob.answer(bob.receive("REGISTER"), 503, "x", "", "Retry-After: 120")
		bob2.answer(bob2.receive("REGISTER"), 403, "x", "")
		pass(time.Second)
		if e := r.enrolment(); e.Up || e.Peer != "203.0.113.2" || !strings.HasPrefix(e.Why, "403") {
			t.Errorf("enrolment %+v", e)
		}
		began := time.Now()
		bob.receive("REGISTER") // and stays silent: the second gateway is asked
		if wait := time.Since(began); wait < 118*time.Second {
			t.Errorf("asked again after %v, though Retry-After is 120", wait)
		}
		bob2.answer(bob2.receive("REGISTER"), 200, "x", "")
		pass(time.Second)
		if e := r.enrolment(); !e.Up || e.Peer != "203.0.113.2" || e.Why != "" {
			t.Errorf("enrolment %+v", e)
		}
	})
}

// A call by a carrier where we are registered names our account in the Request-URI, and the number in To.
func TestCallFromCarrier(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, registering(0, 0))
		alice := r.phone(aliceAt)
		alice.answer(alice.receive("REGISTER"), 200, "x", "")
		inv := alice.invite("c1", "To: <sip:+12065550142@192.0.2.1>")
		inv.URI = "sip:switch@192.0.2.1:5060"
		alice.send(inv)
		a := r.attempt()
		if a.To != "+12065550142" {
			t.Errorf("called is %q", a.To)
		}
		a.leg.Hangup(call.Cause{SIP: 486, By: call.ByApp, Label: call.LabelBusy}, nil)
		alice.receive("486")
	})
}
