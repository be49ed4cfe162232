package engine_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/media/tone"
)

// Legs of several calls meet in a room of their account.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		defer s.close(t)
		var calls []*engine.Call
		var legs []*fakeLeg
		var all []*voice
		for i := range 3 {
			c, l := s.talking(t)
			do(t, c, call.Enter{Leg: l.id, Room: "lounge", Silent: true, Muted: i == 2})
			if ev := next[call.Entered](t, c); ev != (call.Entered{Leg: l.id, Room: "lounge"}) {
				t.Errorf("%+v", ev)
			}
			calls, legs, all = append(calls, c), append(legs, l), append(all, newVoice(l, 500+200*float64(i)))
		}
		check := func(when string, want [3][3]bool) {
			t.Helper()
			hum(t, time.Second, all...)
			for i, v := range all {
				for k := range all {
					if got := v.loud(500 + 200*float64(k)); want[i][k] && got < audible || !want[i][k] && got > nothing {
						t.Errorf("%s: %d hears %d at %.1f dB", when, i, k, got)
					}
				}
			}
		}
		check("all", [3][3]bool{{false, true, false}, {true, false, false}, {true, true, false}})
		for _, c := range calls {
			if ev := next[call.Speaking](t, c); ev.Room != "lounge" || ev.Leg != legs[0].id && ev.Leg != legs[1].id {
				t.Errorf("%+v", ev)
			}
		}
		speaking := 0
		for _, c := range calls {
			standing, err := c.Standing(t.Context())
			if err != nil || len(standing) != 1 || standing[0].Room != "lounge" {
				t.Fatalf("%+v, %v", standing, err)
			}
			if standing[0].Speaking {
				speaking++
			}
		}
		if speaking != 1 {
			t.Errorf("%d are said to speak", speaking)
		}
		do(t, calls[2], call.Mute{Leg: legs[2].id})
		check("unmuted", [3][3]bool{{false, true, true}, {true, false, true}, {true, true, false}})
		do(t, calls[1], call.Leave{Leg: legs[1].id})
		do(t, calls[1], call.Leave{Leg: legs[1].id})
		synctest.Wait() // what was mixed as it left has come
		all[1].take()
		check("one left", [3][3]bool{{false, false, true}, {}, {true, false, false}})
		legs[0].hangup()
		for _, c := range calls {
			over(c)
		}
	})
}

// What a call hears of a room, in order: entering, joining a bridge instead, being put on hold, and the end.
func TestRoomEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		defer s.close(t)
		c, a := s.inbound()
		do(t, c, call.Enter{Leg: a.id, Room: "x"})
		if got := <-a.told; got != "early" {
			t.Errorf("an unanswered leg was told %q", got)
		}
		next[call.Entered](t, c)
		do(t, c, call.Answer{Leg: a.id})
		next[call.Answered](t, c)

		ticket := do(t, c, call.Dial{To: "+12065550199"})
		b := <-s.dialed
		do(t, c, call.Enter{Leg: b.id, Room: "x"}) // it has no media yet
		b.answer()
		next[call.Answered](t, c)
		if ev := next[call.Entered](t, c); ev.Leg != ticket.Leg {
			t.Errorf("%+v", ev)
		}
		next[call.Done](t, c)

		do(t, c, call.Join{A: a.id, B: b.id})
		next[call.Left](t, c)
		next[call.Left](t, c)
		next[call.Joined](t, c)
		do(t, c, call.Enter{Leg: a.id, Room: "y"})
		next[call.Parted](t, c)
		next[call.Entered](t, c)
		do(t, c, call.Enter{Leg: a.id, Room: "z"})
		if ev := next[call.Left](t, c); ev.Room != "y" {
			t.Errorf("%+v", ev)
		}
		next[call.Entered](t, c)

		op := do(t, c, call.Play{Leg: a.id, Clips: []call.Clip{{Key: "1x1"}}, Times: -1}) // instead of the mix
		do(t, c, call.Stop{Op: op.Op})
		next[call.Done](t, c)

		a.hangup()
		if ev := next[call.Left](t, c); ev.Room != "z" {
			t.Errorf("%+v", ev)
		}
		next[call.LegEnded](t, c)
		if _, err := c.Do(ctx, call.Enter{Leg: a.id, Room: "x"}); !errors.Is(err, call.ErrLegEnded) {
			t.Errorf("entering when it is over: %v", err)
		}
		if _, err := c.Do(ctx, call.Enter{Leg: b.id}); !errors.Is(err, call.ErrInvalid) {
			t.Errorf("a room without name: %v", err)
		}
		over(c)
	})
}

// A leg whose trunk wants that tells of the tones of the network, beside being recorded.
func TestTones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		defer s.close(t)
		var l *fakeLeg
		c := s.Start(call.Origin{}, func(id call.LegID, r call.Report) engine.Leg {
			l = newLeg(id, call.In, r)
			return toneLeg{l}
		})
		do(t, c, call.Answer{Leg: l.id})
		next[call.Answered](t, c)
		op := do(t, c, call.RecordAudio{Leg: l.id, Bucket: "files", Key: "a.wav"})
		v := newVoice(l, 500)
		busy, err := tone.Network("eu", tone.Busy)
		if err != nil {
			t.Fatal(err)
		}
		v.src = busy
		hum(t, 4*time.Second, v)
		if ev := next[call.Tone](t, c); ev != (call.Tone{Leg: l.id, Tone: "busy"}) {
			t.Errorf("%+v", ev)
		}
		do(t, c, call.Stop{Op: op.Op})
		if d := next[call.Done](t, c); is(d, 0, nil) != nil || d.Result.Recording.Length < 3*time.Second {
			t.Errorf("%+v", d)
		}
		over(c)
	})
}

// toneLeg is a leg of a trunk that wants tones to be recognised.
type toneLeg struct{ *fakeLeg }

func (toneLeg) ListensForTones() bool { return true }

// Who waits alone hears music, over and over, and a clip that is not there is silence.
func TestRoomMusic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		defer s.close(t)
		c, l := s.talking(t)
		v := newVoice(l, 500)
		do(t, c, call.Enter{Leg: l.id, Room: "x", Music: call.Clip{Key: "9000x3"}})
		next[call.Entered](t, c)
		hum(t, time.Second, v)
		next[call.Speaking](t, c)
		heard := v.take()
		if n := len(heard); n < 7000 {
			t.Fatalf("heard %d samples", n)
		}
		loud := 0
		for _, x := range heard {
			if x > 8000 {
				loud++
			}
		}
		if loud < 40 {
			t.Errorf("%d frames of music", loud)
		}
		do(t, c, call.Enter{Leg: l.id, Room: "y", Music: call.Clip{Key: "missing"}})
		next[call.Left](t, c)
		next[call.Entered](t, c)
		hum(t, time.Second, v)
		over(c)
		if open, _ := s.bucket.counts(); open != 0 {
			t.Errorf("%d clips are open", open)
		}
	})
}

// Who is on hold hears the music that is played to it, over and over, and its room or its peer again when it is taken off.
func TestMusicOnHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		defer s.close(t)
		c, l := s.talking(t)
		v := newVoice(l, 500)
		do(t, c, call.Enter{Leg: l.id, Room: "x"})
		next[call.Entered](t, c)
		do(t, c, call.Hold{Leg: l.id, On: true})
		next[call.Left](t, c)
		op := do(t, c, call.Play{Leg: l.id, Clips: []call.Clip{{Key: "9000x3"}}, Times: -1})
		synctest.Wait()
		loud := 0
		for range 200 {
			if x, ok := v.tick(); !ok {
				t.Fatal("the music ended")
			} else if x == 9000 {
				loud++
			}
			time.Sleep(20 * time.Millisecond) // of the bubble
		}
		if loud < 150 {
			t.Errorf("%d frames of 200 are music", loud)
		}
		do(t, c, call.Hold{Leg: l.id})
		next[call.Entered](t, c)
		do(t, c, call.Stop{Op: op.Op})
		next[call.Done](t, c)
		over(c)
		if open, _ := s.bucket.counts(); open != 0 {
			t.Errorf("%d clips are open", open)
		}
	})
}

// Rooms of the same name of two accounts are two rooms.
func TestRoomsOfAccountsAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		defer s.close(t)
		mine, a := s.talking(t)
		var b *fakeLeg
		theirs := s.Start(call.Origin{Attempt: call.Attempt{Account: "999988887777"}}, func(id call.LegID, r call.Report) engine.Leg {
			b = newLeg(id, call.In, r)
			return b
		})
		do(t, mine, call.Enter{Leg: a.id, Room: "x"})
		do(t, theirs, call.Enter{Leg: b.id, Room: "x"})
		va, vb := newVoice(a, 500), newVoice(b, 900)
		hum(t, time.Second, va, vb)
		if va.loud(900) > nothing || vb.loud(500) > nothing {
			t.Error("two accounts hear each other")
		}
		over(mine)
		over(theirs)
	})
}
