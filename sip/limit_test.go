package sip_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/message"
)

const owner = "000000000001"

// owned gives the trunks and their account limits.
func owned(trunk, account directory.Limits) func(*sip.Config, *directory.Content) {
	return func(_ *sip.Config, c *directory.Content) {
		c.Trunks[1].Limits = trunk
		c.Accounts = []directory.Account{{ID: owner, Limits: account}}
	}
}

// S20: a trunk's standing and unanswered calls end at its limits, in both directions together; what is refused counts
// for nothing.
func TestS20TrunkLimits(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, owned(directory.Limits{Calls: 3, Unanswered: 2}, directory.Limits{}))
		bob := r.phone(bobAt)
		refused := func(d call.Dial, why string) {
			t.Helper()
			_, e := r.dial(d)
			end := want[call.LegEnded](e)
			if end.Cause.SIP != 503 || end.Cause.Label != call.LabelLimit || !strings.Contains(end.Cause.Text, why) {
				t.Errorf("%+v, want %q", end.Cause, why)
			}
		}
		leg, e := r.dial(call.Dial{Trunk: "bob", To: "1"})
		first := bob.receive("INVITE")
		bob.send(bob.invite("in"))
		in := r.attempt()
		refused(call.Dial{Trunk: "bob", To: "2"}, "trunk bob has 2 unanswered calls: raise its limits.unanswered")
		inv := bob.invite("too-many")
		bob.send(inv)
		m := bob.receive("503")
		if m.Get("Retry-After") == "" {
			t.Errorf("no Retry-After: %+v", m)
		}
		if n := r.s.Throttled(); len(n) != 1 || n["bob"] != 1 {
			t.Errorf("refused because there were too many: %v", n)
		}
		ack := bob.request("ACK", inv.CallID, 1, m.ToTag)
		ack.Set("Via", inv.Get("Via"))
		bob.send(ack)
		bob.answer(first, 200, "bob", answer)
		bob.receive("ACK")
		want[call.Answered](e)
		_, e3 := r.dial(call.Dial{Trunk: "bob", To: "3"})
		third := bob.receive("INVITE")
		refused(call.Dial{Trunk: "bob", To: "4"}, "trunk bob has 3 standing calls: raise its limits.calls")
		_, other := r.dial(call.Dial{Trunk: "alice", To: "5"}) // another trunk is not concerned
		other.none(time.Millisecond)
		leg.Hangup(call.Cause{}, nil)
		bob.answer(bob.receive("BYE"), 200, "", "")
		want[call.LegEnded](e)
		bob.answer(third, 486, "bob", "")
		bob.receive("ACK")
		e3.refused(486)
		in.leg.Hangup(call.Cause{SIP: 486}, nil)
		want[call.LegEnded](in.events)
		if calls, unanswered := r.s.Loads("trunk", "bob"); calls != 0 || unanswered != 0 {
			t.Errorf("%d calls, %d unanswered are left", calls, unanswered)
		}
	})
}

// An account's limits hold over all its trunks, for its rate too, and tell what to raise.
func TestAccountLimits(t *testing.T) {
	for name, c := range map[string]struct {
		limits directory.Limits
		why    string
	}{
		"calls":      {directory.Limits{Calls: 2}, "account " + owner + " has 2 standing calls: raise its limits.calls"},
		"unanswered": {directory.Limits{Unanswered: 2}, "account " + owner + " has 2 unanswered calls: raise its limits.unanswered"},
		"rate":       {directory.Limits{Rate: 2}, "account " + owner + " begins more than 2 calls a second: raise its limits.rate"},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, owned(directory.Limits{}, c.limits))
				alice, bob := r.phone(aliceAt), r.phone(bobAt)
				r.dial(call.Dial{Trunk: "bob", To: "1", Account: owner})
				bob.receive("INVITE")
				alice.send(alice.invite("a"))
				r.attempt()
				_, e := r.dial(call.Dial{Trunk: "two", To: "1"}) // of the trunk's account where none is named
				if end := want[call.LegEnded](e); end.Cause.SIP != 503 || !strings.Contains(end.Cause.Text, c.why) {
					t.Errorf("%+v, want %q", end.Cause, c.why)
				}
				alice.send(alice.invite("b"))
				alice.receive("503")
			})
		})
	}
}

// A call counts once for its account, however many legs it has, and until the last of them is over; it is unanswered until
// the first of them is answered. A trunk counts each leg of its own.
func TestAccountCountsCalls(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, owned(directory.Limits{}, directory.Limits{Calls: 1, Unanswered: 1, Rate: 1}))
		alice, bob := r.phone(aliceAt), r.phone(bobAt)
		load := func(kind, id string, calls, unanswered int) {
			t.Helper()
			pass(time.Millisecond)
			if c, u := r.s.Loads(kind, id); c != calls || u != unanswered {
				t.Errorf("%s %s has %d calls, %d of them unanswered, want %d and %d", kind, id, c, u, calls, unanswered)
			}
		}
		inv := alice.invite("a")
		alice.send(inv)
		a := r.attempt()
		first, e1 := r.dial(call.Dial{Trunk: "bob", To: "1", For: a.id, Account: owner})
		ring := bob.receive("INVITE")
		_, e2 := r.dial(call.Dial{Trunk: "bob", To: "2", For: a.id, Account: owner})
		bob.answer(bob.receive("INVITE"), 486, "x", "")
		bob.receive("ACK")
		e2.refused(486)
		load("account", owner, 1, 1)
		load("trunk", "bob", 1, 1)
		bob.answer(ring, 200, "bob", answer)
		bob.receive("ACK")
		want[call.Answered](e1)
		load("account", owner, 1, 0)
		a.leg.Hangup(call.Cause{SIP: 480}, nil)
		alice.receive("480")
		want[call.LegEnded](a.events)
		load("account", owner, 1, 0)
		load("trunk", "alice", 0, 0)
		first.Hangup(call.Cause{Label: call.LabelNormal}, nil)
		bob.answer(bob.receive("BYE"), 200, "", "")
		e1.ended(call.LabelNormal)
		load("account", owner, 0, 0)
	})
}

// A trunk's own rate takes the place of the server's for each trunk.
func TestTrunkRateOfItsOwn(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, owned(directory.Limits{Rate: 1}, directory.Limits{}))
		bob := r.phone(bobAt)
		for i, refused := range []bool{false, true} {
			_, e := r.dial(call.Dial{Trunk: "bob", To: "1"})
			if refused {
				if end := want[call.LegEnded](e); !strings.Contains(end.Cause.Text, "trunk bob begins more than 1 calls a second: raise its limits.rate") {
					t.Errorf("call %d: %+v", i, end.Cause)
				}
				continue
			}
			bob.answer(bob.receive("INVITE"), 486, "bob", "")
			bob.receive("ACK")
			e.refused(486)
		}
	})
}

// What a trunk takes of calls that we place is apart from what comes in.
func TestTrunkRateOfPlacedCalls(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, owned(directory.Limits{Placed: 1}, directory.Limits{}))
		bob := r.phone(bobAt)
		for i, callID := range []string{"a", "b", "c"} {
			inv := bob.invite(callID)
			bob.send(inv)
			a := r.attempt()
			a.leg.Hangup(call.Cause{SIP: 480}, nil)
			refusal := bob.receive("480")
			ack := bob.request("ACK", callID, 1, refusal.ToTag)
			ack.Set("Via", inv.Get("Via"))
			bob.send(ack)
			if i > 1 {
				continue
			}
			_, e := r.dial(call.Dial{Trunk: "bob", To: "1"})
			if i == 1 {
				if end := want[call.LegEnded](e); end.Cause.SIP != 503 || !strings.Contains(end.Cause.Text, "more than 1 calls a second are placed by trunk bob: raise its limits.placed") {
					t.Errorf("%+v", end.Cause)
				}
				continue
			}
			bob.answer(bob.receive("INVITE"), 486, "bob", "")
			bob.receive("ACK")
			e.refused(486)
		}
	})
}

// S21: a redirection leads to no number that the trunk, or who dials, may not call.
func TestS21RedirectedToForbiddenNumber(t *testing.T) {
	for name, limits := range map[string][2]directory.Limits{
		"by the trunk":   {{Prefixes: []string{"+1", "!+1900"}}, {}},
		"by the account": {{}, {Prefixes: []string{"!+1900"}}},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, owned(limits[0], limits[1]))
				bob := r.phone(bobAt)
				_, e := r.dial(call.Dial{Trunk: "bob", To: "+12065550100"})
				bob.answer(bob.receive("INVITE"), 302, "bob", "", "Contact: <sip:+1%39005550100@"+bobAt.Addr().String()+">;q=1, <sip:+12065550111@"+bobAt.Addr().String()+">;q=0.5")
				bob.receive("ACK")
				inv := bob.receive("INVITE")
				if !strings.Contains(inv.URI, "+12065550111") {
					t.Errorf("%s was called", inv.URI)
				}
				bob.answer(inv, 486, "bob", "")
				bob.receive("ACK")
				e.refused(486)
			})
		})
	}
}

// The counts are exact whatever the ends of calls: refused, cancelled, answered and hung up by either side, never
// acknowledged, unreachable, redirected, not placed.
func TestCountsUnderChaos(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, owned(directory.Limits{Calls: 12, Unanswered: 9}, directory.Limits{Calls: 15, Unanswered: 12}))
		alice, bob := r.phone(aliceAt), r.phone(bobAt)
		random := rand.New(rand.NewPCG(1, 2))
		respond := func(p *phone, m *message.Message) {
			switch {
			case m.Status == 200 && m.CSeq.Method == "INVITE" && random.IntN(2) == 0: // else it is never acknowledged
				p.ack(&message.Message{CallID: m.CallID, CSeq: message.CSeq{Number: 1}}, m)
			case m.Method == "INVITE":
				chaos(p, m, random.IntN(7))
			case m.IsRequest() && m.Method != "ACK":
				p.answer(m, 200, "", "")
			}
		}
		live := func(d time.Duration) {
			for ; d > 0; d -= 50 * time.Millisecond {
				pass(50 * time.Millisecond)
				for len(alice.got) > 0 {
					respond(alice, <-alice.got)
				}
				for len(bob.got) > 0 {
					respond(bob, <-bob.got)
				}
			}
		}
		var legs []*sip.Leg
		for i := range 400 {
			switch random.IntN(3) {
			case 0:
				l := r.s.Dial(call.NewLegID(0), call.Dial{Trunk: []string{"bob", "two", "nobody"}[random.IntN(3)], To: "1", Timeout: 20 * time.Second,
					Headers: header.List{{Name: "X-I", Value: fmt.Sprint(i)}}}, func(call.Event) {})
				legs = append(legs, l)
			case 1:
				alice.send(alice.invite(fmt.Sprint("c", i)))
				pass(time.Millisecond)
				select {
				case a := <-r.attempts:
					if random.IntN(2) == 0 {
						a.leg.Answer(nil)
					}
					legs = append(legs, a.leg)
				default:
				}
			default:
				if len(legs) > 0 {
					legs[random.IntN(len(legs))].Hangup(call.Cause{SIP: 486}, nil)
				}
			}
			live(time.Duration(random.IntN(300)) * time.Millisecond)
			calls, unanswered := r.s.Loads("account", owner)
			if calls > 15 || unanswered > 12 || unanswered > calls || unanswered < 0 {
				t.Fatalf("%d calls, %d unanswered", calls, unanswered)
			}
		}
		for _, l := range legs {
			l.Hangup(call.Cause{}, nil)
		}
		live(3 * time.Minute)
		for _, k := range [][2]string{{"trunk", "bob"}, {"trunk", "two"}, {"trunk", "alice"}, {"account", owner}} {
			if calls, unanswered := r.s.Loads(k[0], k[1]); calls != 0 || unanswered != 0 {
				t.Errorf("%s %s: %d calls, %d unanswered are left of %d legs", k[0], k[1], calls, unanswered, r.s.Legs())
			}
		}
	})
}

// chaos answers an INVITE in one of seven ways, of which silence is one.
func chaos(p *phone, m *message.Message, way int) {
	switch way {
	case 0:
		p.answer(m, 486, "x", "")
	case 1:
		p.answer(m, 180, "x", "")
	case 2:
		p.answer(m, 503, "x", "")
	case 3:
		p.answer(m, 302, "x", "", "Contact: <sip:9@"+p.at.Addr().String()+">")
	case 4, 5:
		p.answer(m, 200, "x", answer)
	}
}

// S21: a far end is not sent to call what its trunk, or the call's account, may not: the transfer is carried out here,
// where the number is refused like any other.
func TestS21ReferToForbiddenNumber(t *testing.T) {
	for name, limits := range map[string][2]directory.Limits{
		"by the trunk":   {{Prefixes: []string{"!+1900"}}, {}},
		"by the account": {{}, {Prefixes: []string{"+1", "!+1900"}}},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, owned(limits[0], limits[1]), on(func(b *directory.Trunk) { b.Transfer.Strategy = "both" }))
				bob := r.phone(bobAt)
				leg, e, _ := r.callBob(bob, "bob")
				for _, to := range []call.Refer{{To: "+19005550100"}, {URI: "sip:+1%39005550100@203.0.113.1"}, {To: "+19005550100", Account: owner}} {
					leg.Refer(to, nil)
					if got := want[call.Referred](e); !got.Anchor {
						t.Errorf("%+v: %+v", to, got)
					}
				}
				leg.Hangup(call.Cause{}, nil)
				bob.answer(bob.receive("BYE"), 200, "", "")
			})
		})
	}
}

// An endpoint's limits are its own: another endpoint's calls do not count for it.
func TestEndpointLimits(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t), func(_ *sip.Config, c *directory.Content) {
			for i := range c.Endpoints {
				c.Endpoints[i].Options.Limits.Unanswered = 1
			}
		})
		carol := r.line(phoneAt, "carol", "carol's")
		call1 := carol.callTo("sip:+12065550100@example.com", "c1")
		carol.send(call1)
		refusal := carol.receive("401")
		carol.acknowledge(call1, refusal)
		carol.send(carol.prove(call1, refusal))
		a := r.attempt()
		for _, user := range []string{"carol", "dave"} {
			calls, unanswered := r.s.Loads("endpoint", user)
			if want := map[string]int{"carol": 1}[user]; calls != want || unanswered != want {
				t.Errorf("%s: %d calls, %d unanswered", user, calls, unanswered)
			}
		}
		call2 := carol.callTo("sip:+12065550100@example.com", "c2")
		carol.send(call2)
		refusal = carol.receive("401")
		carol.acknowledge(call2, refusal)
		carol.send(carol.prove(call2, refusal))
		if m := carol.receive("503"); m.Get("Retry-After") == "" {
			t.Errorf("%+v", m)
		}
		a.leg.Hangup(call.Cause{SIP: 486}, nil)
		want[call.LegEnded](a.events)
		if calls, _ := r.s.Loads("endpoint", "carol"); calls != 0 {
			t.Errorf("%d calls are left", calls)
		}
	})
}

// What is kept ready of trunks is bounded: the one that was not used for the longest time gives way, and no other loses what
// it counted. What one that verifies has seen is lost with it: then nothing that was signed before holds again.
func TestReadyTrunksGiveWay(t *testing.T) {
	began := time.Now().Add(-time.Hour)
	ready, kept, since := sip.Ready(began)
	limited := directory.Options{Limits: directory.Limits{Rate: 1}}
	busy, idle := &directory.Trunk{ID: "busy", Options: limited}, &directory.Trunk{ID: "idle", Options: limited}
	first, gone := ready(busy), ready(idle)
	fill := func(from, to int) {
		for i := from; i < to; i++ {
			ready(&directory.Trunk{ID: strconv.Itoa(i)})
		}
	}
	fill(0, sip.MaxPeerings-2)
	if ready(busy) != first || kept() != sip.MaxPeerings {
		t.Fatalf("%d are kept, not all of %d", kept(), sip.MaxPeerings)
	}
	signed := &directory.Trunk{ID: "signed", Options: directory.Options{Signing: directory.Signing{Verify: []string{"/nowhere"}}}}
	ready(signed)
	if ready(busy) != first || ready(idle) == gone {
		t.Error("another one than the trunk that was used last gave way")
	}
	if kept() != sip.MaxPeerings || !since().Equal(began) {
		t.Errorf("%d are kept, signatures hold since %s", kept(), since())
	}
	fill(sip.MaxPeerings, 2*sip.MaxPeerings)
	if kept() != sip.MaxPeerings || !since().After(began) {
		t.Errorf("%d are kept, signatures hold since %s", kept(), since())
	}
}

// What a trunk's peers dial through us counts as placed by their trunk, whichever it leaves by; a caller who is refused for it may
// come again, and hears the phrase that belongs to the refusal.
func TestTrunkRateOfTransit(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, func(_ *sip.Config, c *directory.Content) { c.Trunks[0].Limits.Placed = 1 })
		alice, bob := r.phone(aliceAt), r.phone(bobAt)
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", Via: "alice"})
		bob.answer(bob.receive("INVITE"), 486, "bob", "")
		bob.receive("ACK")
		e.refused(486)
		alice.send(alice.invite("a"))
		a := r.attempt()
		_, e = r.dial(call.Dial{Trunk: "bob", To: "1", Via: "alice", For: a.id})
		end := want[call.LegEnded](e)
		if end.Cause.SIP != 503 || !strings.Contains(end.Cause.Text, "are placed by trunk alice: raise its limits.placed") {
			t.Errorf("%+v", end.Cause)
		}
		end.Cause.Phrase = "Too fast\r\nX-Evil: 1"
		a.leg.Hangup(end.Cause, nil)
		if got := alice.receive("503"); got.Get("Retry-After") == "" || got.Reason != "Too fast??X-Evil: 1" {
			t.Errorf("%+v", got)
		}
	})
}
