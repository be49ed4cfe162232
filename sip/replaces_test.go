package sip_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/message"
)

// C60: an INVITE with Replaces goes to the call of the leg that it names, is taken in by its token, and answered.
func TestC60Replaces(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		a, inv, ok := r.callIn(alice)
		second := alice.invite("c2", fmt.Sprintf("Replaces: c1;from-tag=%s;to-tag=%s", inv.FromTag, ok.ToTag), "Require: replaces", "X-New: 1")
		alice.send(second)
		ev := want[call.Replacement](a.events)
		if v, _ := ev.Attempt.Headers.Get("X-New"); v != "1" || ev.Attempt.Trunk != "alice" {
			t.Errorf("attempt %+v", ev.Attempt)
		}
		e := newEvents(t)
		leg := r.s.Adopt(ev.Token, call.NewLegID(0), e.report)
		leg.Answer(nil)
		answered := alice.receive("200")
		alice.ack(second, answered)
		want[call.Answered](e)
		late := newEvents(t)
		if r.s.Adopt(ev.Token, call.NewLegID(0), late.report) != nil {
			t.Error("a leg was handed over twice")
		}
		want[call.LegEnded](late)
		for _, l := range []sip.Line{a.leg, leg} {
			l.Hangup(call.Cause{}, nil)
			alice.answer(alice.receive("BYE"), 200, "", "")
		}
	})
}

// S33: a dialog that is another's, or not there, is the same to who asks: 481.
func TestS33ReplacesOfOthers(t *testing.T) {
	for name, tc := range map[string]struct {
		rows   []string // of the INVITE: %s is our tag
		status string
		bob    bool // comes by another trunk
		accept directory.Choice
	}{
		"no such Call-ID":    {[]string{"Replaces: c9;from-tag=alice;to-tag=%s"}, "481", false, ""},
		"no such to-tag":     {[]string{"Replaces: c1;from-tag=alice;to-tag=x%s"}, "481", false, ""},
		"no such from-tag":   {[]string{"Replaces: c1;from-tag=alicf;to-tag=%s"}, "481", false, ""},
		"tags turned round":  {[]string{"Replaces: c1;to-tag=alice;from-tag=%s"}, "481", false, ""},
		"by another trunk":   {[]string{"Replaces: c1;from-tag=alice;to-tag=%s"}, "481", true, ""},
		"early only":         {[]string{"Replaces: c1;from-tag=alice;to-tag=%s;early-only"}, "486", false, ""},
		"may not":            {[]string{"Replaces: c1;from-tag=alice;to-tag=%s"}, "403", false, directory.Never},
		"two":                {[]string{"Replaces: c1;from-tag=alice;to-tag=%s", "Replaces: c2;from-tag=a;to-tag=%s"}, "400", false, ""},
		"no tags":            {[]string{"Replaces: c1"}, "400", false, ""},
		"nobody takes it in": {[]string{"Replaces: c1;from-tag=alice;to-tag=%s"}, "480", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, func(_ *sip.Config, c *directory.Content) { c.Trunks[0].Transfer.Accept = tc.accept })
				alice := r.phone(aliceAt)
				a, _, ok := r.callIn(alice)
				caller := alice
				if tc.bob {
					caller = r.phone(bobAt)
				}
				m := caller.invite("c2")
				for _, row := range tc.rows {
					m.Add("Replaces", fmt.Sprintf(row, ok.ToTag)[len("Replaces: "):])
				}
				caller.send(m)
				refused := caller.receive(tc.status)
				ack := caller.request("ACK", "c2", 1, refused.ToTag)
				ack.Set("Via", m.Get("Via"))
				caller.send(ack)
				if name == "nobody takes it in" {
					want[call.Replacement](a.events)
				}
				a.events.none(time.Second)
				a.leg.Hangup(call.Cause{}, nil)
				alice.answer(alice.receive("BYE"), 200, "", "")
				pass(40 * time.Second)
			})
		})
	}
}

// C60: a dialog that is over by now is 603, and one that rings here, which its caller did not begin with us, 481 (RFC 3891
// section 3).
func TestC60ReplacesInState(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		first := alice.invite("c1")
		alice.send(first)
		a := r.attempt()
		a.leg.Ring(0, nil)
		tag := alice.receive("180").ToTag
		try := func(callID, status string) {
			m := alice.invite(callID, fmt.Sprintf("Replaces: c1;from-tag=alice;to-tag=%s", tag))
			alice.send(m)
			refused := alice.receive(status)
			ack := alice.request("ACK", callID, 1, refused.ToTag)
			ack.Set("Via", m.Get("Via"))
			alice.send(ack)
			a.events.none(100 * time.Millisecond)
		}
		try("c2", "481")
		a.leg.Answer(nil)
		alice.ack(first, alice.receive("200"))
		want[call.Answered](a.events)
		a.leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
		bye := alice.receive("BYE")
		try("c3", "603")
		alice.answer(bye, 200, "", "")
		a.events.ended(call.LabelNormal)
	})
}

// A leg that still rings at the far end may be replaced by that far end, and only as it knows it.
func TestReplacesEarly(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		leg, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		bob.answer(inv, 180, "bob", "")
		want[call.Ringing](e)
		m := bob.invite("c2", fmt.Sprintf("Replaces: %s;to-tag=%s;from-tag=bob;early-only", inv.CallID, inv.FromTag))
		bob.send(m)
		ev := want[call.Replacement](e)
		n := newEvents(t)
		taken := r.s.Adopt(ev.Token, call.NewLegID(0), n.report)
		taken.Answer(nil)
		bob.ack(m, bob.receive("200"))
		want[call.Answered](n)
		leg.Hangup(call.Cause{Label: call.LabelElsewhere}, nil)
		cancel := bob.receive("CANCEL")
		bob.answer(cancel, 200, "bob", "")
		bob.answer(inv, 487, "bob", "")
		bob.receive("ACK")
		e.ended(call.LabelElsewhere)
		taken.Hangup(call.Cause{}, nil)
		bob.answer(bob.receive("BYE"), 200, "", "")
	})
}

// An attended transfer of two calls that both come here: REFER names the other dialog, escaped once, twice, or not at all;
// the call is asked for the leg, and a tie takes its place. No INVITE goes out.
func TestC60Attended(t *testing.T) {
	for name, write := range map[string]string{
		"escaped":       "<sip:+12065550100@192.0.2.1?Replaces=c2%%3Bto-tag%%3D%s%%3Bfrom-tag%%3Dalice>",
		"escaped twice": "<sip:+12065550100@192.0.2.1?Replaces=c2%%253Bto-tag%%253D%s%%253Bfrom-tag%%253Dalice>",
		"not escaped":   "<sip:+12065550100@192.0.2.1?Replaces=c2;to-tag=%s;from-tag=alice>",
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t)
				alice := r.phone(aliceAt)
				a, _, ok := r.callIn(alice)
				second := alice.invite("c2")
				alice.send(second)
				b := r.attempt()
				b.leg.Answer(nil)
				ok2 := alice.receive("200")
				alice.ack(second, ok2)
				want[call.Answered](b.events)
				alice.send(alice.refer(2, ok.ToTag, fmt.Sprintf(write, ok2.ToTag)))
				alice.receive("202")
				alice.told("refer", "active", "100")
				d := want[call.Asked](a.events).Dial
				if d.Takes != b.id || d.Named != "" || d.Replaces != "" {
					t.Fatalf("asked for %+v", d)
				}
				x, y := newEvents(t), newEvents(t)
				one := r.s.Tie(call.NewLegID(0), d, x.report)
				two := r.s.Adopt(want[call.Replacement](b.events).Token, call.NewLegID(0), y.report)
				two.Answer(nil)
				want[call.Answered](x)
				want[call.Answered](y)
				checkTie(t, one, two)
				checkTieKeys(t, one, two, y)
				one.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
				two.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
				if c := want[call.LegEnded](x).Cause; c.By != call.ByApp {
					t.Errorf("cause %v", c)
				}
				if end := want[call.LegEnded](y); end.Cause.By != call.ByPeer || end.Media.PacketsIn == 0 || end.Media.Codec != "PCMA" {
					t.Errorf("told %+v", end)
				}
				for _, l := range []*sip.Leg{a.leg, b.leg} {
					l.Hangup(call.Cause{}, nil)
					alice.answer(alice.receive("BYE"), 200, "", "")
				}
			})
		})
	}
}

// packets counts what is written.
type packets struct {
	mu sync.Mutex
	n  int
}

func (p *packets) Write(*media.Packet) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n++
}

// checkTieKeys wants keys to be heard in the other call: those that were signalled as such, the others as of its audio.
func checkTieKeys(t *testing.T, one, two sip.Line, y *events) {
	t.Helper()
	relay, ok := one.(interface {
		RelayDigit(digit byte, held time.Duration, signalled bool)
	})
	if !ok {
		t.Fatal("a tie relays no keys")
	}
	var pressed string
	two.Media().OnDigit(func(d byte, _ time.Duration) { pressed += string(d) })
	relay.RelayDigit('5', 100*time.Millisecond, false)
	relay.RelayDigit('6', 100*time.Millisecond, true)
	if d := want[call.Digit](y); d.Digit != '6' || d.For != 100*time.Millisecond || pressed != "5" {
		t.Errorf("told %+v, heard %q", d, pressed)
	}
	one.Media().Write(&media.Packet{Codec: media.PCMA})
	if in, out := two.Media().Stats(), one.Media().Stats(); in.PacketsIn == 0 || in.PacketsIn != out.PacketsOut || in.Codec != media.PCMA || out.Codec != media.PCMA {
		t.Errorf("stats %+v and %+v", in, out)
	}
}

// Max-Forwards goes on through a tie: who is dialled for an end of it is so many hops away, and none when they are used up.
func TestTieHops(t *testing.T) {
	inTime(t, func(t *testing.T) {
		for given, left := range map[int]int{10: 8, 1: -1, 0: -1} {
			r := newRig(t)
			alice, bob := r.phone(aliceAt), r.phone(bobAt)
			inv := alice.invite("c1", fmt.Sprint("Max-Forwards: ", given))
			alice.send(inv)
			if given == 0 { // it goes no further than here
				alice.receive("483")
				continue
			}
			a := r.attempt()
			inv = alice.invite("c2")
			alice.send(inv)
			old := r.attempt()
			x := newEvents(t)
			end := call.NewLegID(0)
			tie := r.s.Tie(end, call.Dial{Takes: old.id, For: a.id}, x.report)
			_, e := r.dial(call.Dial{Trunk: "bob", To: "1", For: end})
			if left < 0 {
				e.refused(483)
			} else {
				out := bob.receive("INVITE")
				if got := out.Get("Max-Forwards"); got != fmt.Sprint(left) {
					t.Errorf("%d came, %s went out", given, got)
				}
				bob.answer(out, 486, "b", "")
				bob.receive("ACK")
				e.refused(486)
			}
			tie.Hangup(call.Cause{}, nil)
		}
	})
}

// checkTie wants what is written to one end to come out at the other.
func checkTie(t *testing.T, one, two sip.Line) {
	t.Helper()
	var heard, tapped, said packets
	a, b := one.Media(), two.Media()
	b.Connect(&heard)
	b.Tap(&tapped, nil)
	a.Tap(nil, &said)
	a.Write(&media.Packet{})
	b.Mute(true)
	a.Write(&media.Packet{})
	b.Mute(false)
	b.Connect(nil)
	a.Write(&media.Packet{})
	if heard.n != 1 || tapped.n != 3 || said.n != 3 {
		t.Errorf("heard %d, tapped %d, %d", heard.n, tapped.n, said.n)
	}
	played := make(chan error, 1)
	a.Play(nil, func(err error) { played <- err })
	if <-played == nil {
		t.Error("played to nobody")
	}
}

// Two far ends with two calls between them transfer each other out of both: what is left are two ties in a circle. They end,
// and nothing that is played or pressed into them runs for ever. With an end of a third call in between, it is the same.
func TestS39TransferredInACircle(t *testing.T) {
	for n := 1; n <= 3; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t)
				alice := r.phone(aliceAt)
				a, _, _ := r.callIn(alice)
				var ones, twos []sip.Line
				var all []*events
				for range n {
					x, y := newEvents(t), newEvents(t)
					ones = append(ones, r.s.Tie(call.NewLegID(0), call.Dial{Takes: a.id}, x.report))
					twos = append(twos, r.s.Adopt(want[call.Replacement](a.events).Token, call.NewLegID(0), y.report))
					all = append(all, x, y)
				}
				for i := range n {
					two, one := twos[i].Media(), ones[(i+1)%n].Media()
					two.Connect(one)
					one.Connect(two)
				}
				one := ones[0].Media()
				one.Write(&media.Packet{})
				played := make(chan error, 2)
				one.Play(nil, func(err error) { played <- err })
				one.SendDigits("1", 0, 0, false, func(err error) { played <- err })
				for range 2 {
					if <-played == nil {
						t.Error("somebody heard it")
					}
				}
				ended := 0
				for _, e := range all {
					e.mu.Lock()
					if e.over {
						ended++
					}
					e.mu.Unlock()
				}
				if ended < 2 {
					t.Errorf("%d ends have ended", ended)
				}
				a.leg.Hangup(call.Cause{}, nil)
				alice.answer(alice.receive("BYE"), 200, "", "")
			})
		})
	}
}

// Of a tie whose other call does not want it, or that is gone, the end that was dialled ends.
func TestTieInVain(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		a, _, _ := r.callIn(alice)
		x := newEvents(t)
		r.s.Tie(call.NewLegID(0), call.Dial{Takes: a.id}, x.report)
		token := want[call.Replacement](a.events).Token
		pass(10 * time.Second)
		x.refused(480)
		if r.s.Adopt(token, call.NewLegID(0), newEvents(t).report) != nil {
			t.Error("it was handed over all the same")
		}
		y := newEvents(t)
		r.s.Tie(call.NewLegID(0), call.Dial{Takes: "gone"}, y.report)
		y.refused(480)
		z, w := newEvents(t), newEvents(t)
		one := r.s.Tie(call.NewLegID(0), call.Dial{Takes: a.id}, z.report)
		token = want[call.Replacement](a.events).Token
		one.Hangup(call.Cause{Label: call.LabelCancelled}, nil)
		z.ended(call.LabelCancelled)
		r.s.Adopt(token, call.NewLegID(0), w.report)
		w.ended(call.LabelCancelled)
		a.leg.Hangup(call.Cause{}, nil)
		alice.answer(alice.receive("BYE"), 200, "", "")
	})
}

// Attended by us: the REFER names the dialog that we have with the other far end, as that one knows it.
func TestReferWithOther(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, func(_ *sip.Config, c *directory.Content) { c.Trunks[1].Transfer.Strategy = "refer-to" })
		bob := r.phone(bobAt)
		leg, e, _ := r.callBob(bob, "bob")
		other := newEvents(t)
		id := call.NewLegID(0)
		second := r.s.Dial(id, call.Dial{Trunk: "bob", To: "+12065550133", From: "2"}, other.report)
		inv := bob.receive("INVITE")
		bob.answer(inv, 200, "bo+b", answer)
		bob.receive("ACK")
		want[call.Answered](other)
		leg.Refer(call.Refer{With: id}, header.List{{Name: "X-Id", Value: "1"}})
		m := bob.receive("REFER")
		wanted := fmt.Sprintf("<sip:bob@203.0.113.1:5060?X-Id=1&Replaces=%s%%3Bto-tag%%3Dbo%%2Bb%%3Bfrom-tag%%3D%s>", inv.CallID, inv.FromTag)
		if m.Get("Refer-To") != wanted {
			t.Errorf("Refer-To %s; want %s", m.Get("Refer-To"), wanted)
		}
		bob.answer(m, 603, "", "")
		if !want[call.Referred](e).Anchor {
			t.Error("it is not carried out here")
		}
		leg.Refer(call.Refer{With: "gone"}, nil)
		if !want[call.Referred](e).Anchor {
			t.Error("it is not carried out here")
		}
		for _, l := range []*sip.Leg{leg, second} {
			l.Hangup(call.Cause{}, nil)
			bob.answer(bob.receive("BYE"), 200, "", "")
		}
	})
}

// An INVITE that takes its callee from a dialog of its own bears that dialog's name.
func TestDialReplaces(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		leg, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2", Replaces: "x@y;to-tag=a;from-tag=b"})
		inv := bob.receive("INVITE")
		if inv.Get("Replaces") != "x@y;to-tag=a;from-tag=b" || inv.Get("Require") != "replaces" {
			t.Errorf("Replaces %q, Require %q", inv.Get("Replaces"), inv.Get("Require"))
		}
		bob.answer(inv, 481, "bob", "")
		bob.receive("ACK")
		e.refused(481)
		_ = leg
	})
}

// Keys go by INFO where the trunk says so, one after the other.
func TestDigitsByInfo(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, func(_ *sip.Config, c *directory.Content) { c.Trunks[1].Audio.Keys = "info" })
		bob := r.phone(bobAt)
		leg, _, _ := r.callBob(bob, "bob")
		done := make(chan error, 1)
		begun := time.Now()
		leg.SendDigits("1,a", 100*time.Millisecond, 100*time.Millisecond, func(err error) { done <- err })
		for _, key := range []string{"1", "A"} {
			m := bob.receive("INFO")
			if m.ContentType() != "application/dtmf-relay" || string(m.Body) != "Signal="+key+"\r\nDuration=100\r\n" {
				t.Errorf("%s: %q", m.ContentType(), m.Body)
			}
			bob.answer(m, 200, "", "")
		}
		if err := <-done; err != nil || time.Since(begun) < 900*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		leg.SendDigits("1", 100*time.Millisecond, 100*time.Millisecond, func(err error) { done <- err })
		bob.answer(bob.receive("INFO"), 415, "", "")
		if err := <-done; err == nil {
			t.Error("what was refused was done")
		}
		stop := leg.SendDigits("WW1", 100*time.Millisecond, 100*time.Millisecond, func(err error) { done <- err })
		stop()
		if err := <-done; err == nil {
			t.Error("what was stopped was done")
		}
		leg.Hangup(call.Cause{}, nil)
		bob.answer(bob.receive("BYE"), 200, "", "")

		// Who answers that there is no such call has lost it (RFC 3261 section 12.2.1.2), and so has who answers nothing.
		for _, status := range []int{481, 0} {
			leg, e, _ := r.callBob(bob, "bob")
			leg.SendDigits("1", 100*time.Millisecond, 100*time.Millisecond, func(err error) { done <- err })
			if info := bob.receive("INFO"); status != 0 {
				bob.answer(info, status, "", "")
			}
			if err := <-done; err == nil {
				t.Error("what was lost was done")
			}
			bye := <-bob.got
			for ; bye.Method == "INFO"; bye = <-bob.got {
			}
			bob.answer(bye, 481, "", "")
			if end := want[call.LegEnded](e); end.Cause.Label != call.LabelProtocol {
				t.Errorf("%d: %+v", status, end.Cause)
			}
		}
	})
}

func FuzzReplaces(f *testing.F) {
	for _, s := range []string{"a@b;to-tag=1;from-tag=2", "a;from-tag=2;to-tag=1;early-only", "a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2", ";;", "a;to-tag=1;to-tag=2;from-tag=3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		value, ok := sip.ReplacesOf(s)
		if !ok {
			return
		}
		if again, ok := sip.ReplacesOf(value); !ok || again != value {
			t.Errorf("%q is read as %q, and that as %q", s, value, again)
		}
	})
}

func FuzzReferTo(f *testing.F) {
	for _, s := range []string{"<sip:1@h?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2>", "<tel:+1-2>", "sip:x", "<sip:%00@h?X-A=%0d%0a>", "<sips:a@[::1];method=INVITE?X-A=1&X-B=>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m := &message.Message{Method: "REFER", Headers: header.List{{Name: "Refer-To", Value: s}}}
		d, rows, err := sip.TargetOf(m)
		if err != nil {
			return
		}
		for _, r := range rows {
			if err := header.CheckWire(r.Name, r.Value); err != nil {
				t.Errorf("%q gives a row that can't be sent: %v", s, err)
			}
		}
		if u, err := header.ParseURI(d.URI); err != nil || u.Headers != "" {
			t.Errorf("%q gives the URI %q: %v", s, d.URI, err)
		}
	})
}

// An endpoint may transfer its calls, and is transferred to numbers that it calls through us.
func TestEndpointTransfers(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t), func(_ *sip.Config, c *directory.Content) {
			for i := range c.Endpoints {
				c.Endpoints[i].Options.Transfer.Strategy = "refer-to"
			}
		})
		carol := r.line(phoneAt, "carol", "carol's")
		inv := carol.callTo("sip:+12065550100@example.com", "c1")
		carol.send(inv)
		refusal := carol.receive("401")
		carol.acknowledge(inv, refusal)
		carol.send(carol.prove(inv, refusal))
		a := r.attempt()
		a.leg.Answer(nil)
		ok := carol.receive("200")
		within := func(method string) *message.Message {
			m := carol.request(method, "c1", carol.seq, ok.ToTag)
			m.Set("From", inv.Get("From"))
			return m
		}
		carol.send(within("ACK"))
		want[call.Answered](a.events)
		carol.seq++
		refer := within("REFER")
		refer.Add("Refer-To", "<sip:dave@example.com>")
		carol.send(refer)
		carol.receive("202")
		if d := want[call.Asked](a.events).Dial; d.To != "dave" || d.Named != "example.com" {
			t.Errorf("asked for %+v", d)
		}
		carol.answer(carol.receive("NOTIFY"), 200, "", "")
		a.leg.Refer(call.Refer{To: "+12065550177"}, nil)
		m := carol.receive("REFER")
		if m.Get("Refer-To") != "<sip:+12065550177@192.0.2.1:5060>" {
			t.Errorf("Refer-To: %s", m.Get("Refer-To"))
		}
		carol.answer(m, 603, "", "")
		if !want[call.Referred](a.events).Anchor {
			t.Error("it is not carried out here")
		}
		a.leg.Hangup(call.Cause{}, nil)
		carol.answer(carol.receive("BYE"), 200, "", "")
	})
}
