package engine_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/tone"
)

// chimes tells whether a voice was told by a tone that somebody comes or goes, in what it heard since it was last asked.
func (v *voice) chimes() bool {
	for s := v.take(); len(s) >= 4*media.FrameSamples; s = s[media.FrameSamples:] {
		if w := s[:4*media.FrameSamples]; tone.Loudness(w, 480) > -28 || tone.Loudness(w, 620) > -28 {
			return true
		}
	}
	return false
}

// Who is put on hold in a room neither hears it nor is heard, by whichever side, and nobody is told by a tone that it goes
// and comes back.
func TestHoldInRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		defer s.close(t)
		c1, l1 := s.talking(t)
		c2, l2 := s.talking(t)
		do(t, c1, call.Enter{Leg: l1.id, Room: "x"})
		do(t, c2, call.Enter{Leg: l2.id, Room: "x"})
		one, two := newVoice(l1, 300), newVoice(l2, 900)
		hum(t, time.Second, one, two)
		if !one.chimes() {
			t.Error("nobody is told that the second has come")
		}
		check := func(when string, heard bool) {
			t.Helper()
			hum(t, time.Second, one, two)
			if got := one.loud(900); heard && got < audible || !heard && got > nothing {
				t.Errorf("%s the second is heard at %.1f dB", when, got)
			}
			if one.chimes() {
				t.Errorf("%s a tone is heard", when)
			}
		}
		do(t, c2, call.Hold{Leg: l2.id, On: true})
		synctest.Wait() // what was mixed as it left has come
		two.take()
		check("on hold", false)
		if heard := two.take(); len(heard) > 0 {
			t.Errorf("who is on hold hears %d samples", len(heard))
		}
		do(t, c2, call.Hold{Leg: l2.id})
		check("back", true)
		l2.report(call.Held{On: true})
		synctest.Wait()
		check("with its own music", false)
		l2.report(call.Held{})
		synctest.Wait()
		check("back from that", true)
		do(t, c2, call.Leave{Leg: l2.id})
		hum(t, time.Second, one)
		if !one.chimes() {
			t.Error("nobody is told that the second has left")
		}
		over(c1)
		over(c2)
	})
}

// entered wants a leg to have come into a room, whatever else happened before.
func entered(t *testing.T, c *engine.Call, id call.LegID, room string) {
	t.Helper()
	for {
		switch ev := (<-c.Events()).(type) {
		case call.Entered:
			if ev != (call.Entered{Leg: id, Room: room}) {
				t.Errorf("told %+v", ev)
			}
			return
		case nil:
			t.Fatal("the call is over")
		}
	}
}

// The far end of a leg in a room transfers it: the target comes into the room in its place.
func TestTransferFromRoom(t *testing.T) {
	for name, leaves := range map[string]bool{"it stays until it is told": false, "it leaves at once": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio(t)
				defer s.close(t)
				c, l := s.talking(t)
				saw(t, l, "answer")
				other, l2 := s.talking(t)
				do(t, c, call.Enter{Leg: l.id, Room: "x"})
				next[call.Entered](t, c)
				do(t, other, call.Enter{Leg: l2.id, Room: "x"})
				l.ask("+12065550177")
				target := <-s.dialed
				if d := target.dial; d.For != l.id || d.To != "+12065550177" {
					t.Errorf("dialled with %+v", d)
				}
				target.ring()
				if leaves {
					l.hangup()
					next[call.Left](t, c)
				}
				target.answer()
				if m := next[call.Transferred](t, c); m.Leg != l.id || m.Peer != "" || m.To != target.id {
					t.Errorf("told %+v", m)
				}
				entered(t, c, target.id, "x")
				synctest.Wait()
				v, w := newVoice(target, 500), newVoice(l2, 900)
				hum(t, time.Second, v, w)
				if v.loud(900) < audible || w.loud(500) < audible {
					t.Errorf("they hear each other at %.1f and %.1f dB", v.loud(900), w.loud(500))
				}
				if !leaves {
					saw(t, l, "notify 180", "notify 200")
					time.Sleep(6 * time.Second) // in the bubble's time
					saw(t, l, "hangup normal")
				}
				over(c)
				over(other)
			})
		})
	}
}

// A leg that takes another's place comes into its room.
func TestReplacementInRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		defer s.close(t)
		c, l := s.talking(t)
		do(t, c, call.Enter{Leg: l.id, Room: "x", Silent: true})
		next[call.Entered](t, c)
		l.report(call.Replacement{Token: 1, Attempt: call.Attempt{From: "+12065550188"}})
		n := <-s.dialed
		entered(t, c, n.id, "x")
		over(c)
	})
}

// Who is transferred hears that the target rings, or what the target sends before its answer; and its peer again when
// that comes to nothing.
func TestTransferIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(nil)
		c, a, b := talk(t, w)
		defer c.Close(byApp)
		b.ask("+12065550177")
		target := <-w.dialed
		target.ring()
		synctest.Wait()
		loud := func() bool {
			for range 10 {
				if x, ok := a.session.tick(); ok && x != 0 {
					return true
				}
			}
			return false
		}
		if !loud() {
			t.Error("no ringback is heard")
		}
		target.progress()
		synctest.Wait()
		if loud() {
			t.Error("the ringback goes on over early media")
		}
		if target.session.connected() != a.session || b.session.connected() != nil {
			t.Error("early media is not heard alone")
		}
		target.end(busy)
		synctest.Wait()
		if b.session.connected() != a.session || a.session.connected() != b.session {
			t.Error("they do not hear each other any more")
		}
		b.ask("+12065550178")
		target = <-w.dialed
		target.ring()
		target.answer()
		synctest.Wait()
		if target.session.connected() != a.session || a.session.connected() != target.session || loud() {
			t.Error("they do not talk with each other")
		}
	})
}
