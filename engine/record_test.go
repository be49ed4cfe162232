package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/tone"
)

// A recording holds the voices that were asked for, each at its time.
func TestRecordAudio(t *testing.T) {
	for _, c := range []struct {
		tracks call.Tracks
		want   [][2]bool // of each channel: the far end's voice, and what it hears
	}{
		{call.TracksMixed, [][2]bool{{true, true}}},
		{call.TracksApart, [][2]bool{{true, false}, {false, true}}},
		{call.TracksFar, [][2]bool{{true, false}}},
		{call.TracksToward, [][2]bool{{false, true}}},
	} {
		t.Run("tracks "+string(c.tracks), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio(t)
				defer s.close(t)
				cl, a := s.talking(t)
				ticket := do(t, cl, call.Dial{To: "+12065550199"})
				b := <-s.dialed
				b.answer()
				next[call.Answered](t, cl)
				next[call.Done](t, cl)
				do(t, cl, call.Join{A: a.id, B: ticket.Leg})
				next[call.Joined](t, cl)
				va, vb := newVoice(a, 500), newVoice(b, 900)
				op := do(t, cl, call.RecordAudio{Leg: a.id, Tracks: c.tracks, Bucket: "files", Key: "a.wav"})
				hum(t, 2*time.Second, va, vb)
				do(t, cl, call.Pause{Op: op.Op, On: true})
				hum(t, 3*time.Second, va, vb)
				do(t, cl, call.Pause{Op: op.Op})
				hum(t, time.Second, va, vb)
				do(t, cl, call.Stop{Op: op.Op})
				do(t, cl, call.Stop{Op: op.Op})
				done := next[call.Done](t, cl)
				r := done.Result.Recording
				if done.Err != nil || done.Op != op.Op || r == nil {
					t.Fatalf("%+v", done)
				}
				if r.Bucket != "files" || r.Key != "a.wav" || r.Length < 2900*time.Millisecond || r.Length > 3100*time.Millisecond || r.Bytes < 40000 || r.Began.IsZero() {
					t.Errorf("%+v", r)
				}
				for i, samples := range s.stored(t, "a.wav") {
					for k, hz := range []float64{500, 900} {
						got := tone.Loudness(samples[1600:len(samples)/2], hz)
						if c.want[i][k] && got < audible || !c.want[i][k] && got > nothing {
							t.Errorf("channel %d has %v Hz at %.1f dB", i, hz, got)
						}
					}
				}
				over(cl)
				if left := s.recorder.Left(); len(left) > 0 {
					t.Errorf("%v is left", left)
				}
				if n := s.Counts(); n != (engine.Counts{Recorded: 1}) {
					t.Errorf("counted %+v", n)
				}
			})
		})
	}
}

// What ends a recording, and what it leaves then.
func TestRecordAudioEnds(t *testing.T) {
	for _, c := range []struct {
		name  string
		cmd   call.RecordAudio
		end   func(*fakeLeg)
		check func(call.Done) error
	}{
		{"a digit", call.RecordAudio{Until: "12#"}, func(l *fakeLeg) { l.press('#') }, func(d call.Done) error { return is(d, '#', nil) }},
		{"its length", call.RecordAudio{Longest: time.Second}, nil, func(d call.Done) error { return is(d, 0, nil) }},
		{"silence", call.RecordAudio{Silence: 2 * time.Second}, nil, func(d call.Done) error { return is(d, 0, nil) }},
		{"the leg", call.RecordAudio{}, (*fakeLeg).hangup, func(d call.Done) error { return is(d, 0, nil) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio(t)
				defer s.close(t)
				cl, l := s.talking(t)
				v := newVoice(l, 500)
				c.cmd.Leg, c.cmd.Bucket, c.cmd.Key = l.id, "files", "a.wav"
				do(t, cl, c.cmd)
				hum(t, 2*time.Second, v)
				if c.end != nil {
					c.end(l)
				}
				time.Sleep(10 * time.Second) // in the bubble's time
				n := 0
				for _, ev := range over(cl) {
					if d, ok := ev.(call.Done); ok {
						n++
						if err := c.check(d); err != nil {
							t.Error(err)
						}
					}
				}
				if n != 1 {
					t.Errorf("%d Done", n)
				}
			})
		})
	}
}

// is tells what is wrong with the Done of a recording.
func is(d call.Done, digit byte, err error) error {
	if d.Result.Digit != digit || !errors.Is(d.Err, err) || (d.Result.Recording == nil) != (err != nil) {
		return fmt.Errorf("%+v with %+v", d, d.Result.Recording)
	}
	return nil
}

// The end of the call ends its recordings, which are stored before it is over.
func TestRecordingsOutliveTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		defer s.close(t)
		cl, l := s.talking(t)
		v := newVoice(l, 500)
		for i := range 3 {
			do(t, cl, call.RecordAudio{Leg: l.id, Bucket: "files", Key: fmt.Sprint(i, ".wav")})
		}
		hum(t, time.Second, v)
		n := 0
		for _, ev := range over(cl) {
			if d, ok := ev.(call.Done); ok && d.Err == nil && d.Result.Recording != nil {
				n++
			}
		}
		if n != 3 {
			t.Errorf("%d recordings", n)
		}
		for i := range 3 {
			if ch := s.stored(t, fmt.Sprint(i, ".wav")); tone.Loudness(ch[0][1600:], 500) < audible {
				t.Errorf("recording %d at %.1f dB", i, tone.Loudness(ch[0], 500))
			}
		}
	})
}

// Before it is recorded the far end hears a tone.
func TestRecordAudioBeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		defer s.close(t)
		cl, l := s.talking(t)
		v := newVoice(l, 500)
		op := do(t, cl, call.RecordAudio{Leg: l.id, Bucket: "files", Key: "a.wav", Beep: true})
		ticks := 0
		for { // the session plays
			if _, ok := v.tick(); !ok {
				break
			}
			ticks++
		}
		if ticks != 10 {
			t.Errorf("a tone of %d frames", ticks)
		}
		hum(t, time.Second, v)
		do(t, cl, call.Stop{Op: op.Op})
		if d := next[call.Done](t, cl); is(d, 0, nil) != nil {
			t.Error(is(d, 0, nil))
		}
		op = do(t, cl, call.RecordAudio{Leg: l.id, Bucket: "files", Key: "b.wav", Beep: true})
		do(t, cl, call.Stop{Op: op.Op}) // before the tone is over
		for {
			if _, ok := v.tick(); !ok {
				break
			}
		}
		if d := next[call.Done](t, cl); d.Err != nil || d.Result.Recording != nil {
			t.Errorf("%+v", d)
		}
		over(cl)
	})
}

// A room is recorded until it is over.
func TestRecordRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		defer s.close(t)
		cl, a := s.talking(t)
		other, b := s.talking(t)
		if _, err := cl.Do(ctx, call.RecordAudio{Room: "x", Bucket: "files", Key: "a.wav"}); !errors.Is(err, call.ErrState) {
			t.Errorf("no room: %v", err)
		}
		do(t, cl, call.Enter{Leg: a.id, Room: "x", Silent: true})
		do(t, other, call.Enter{Leg: b.id, Room: "x", Silent: true})
		next[call.Entered](t, cl)
		do(t, cl, call.RecordAudio{Room: "x", Bucket: "files", Key: "a.wav"})
		va, vb := newVoice(a, 500), newVoice(b, 900)
		hum(t, 2*time.Second, va, vb)
		next[call.Speaking](t, cl)
		over(other)
		do(t, cl, call.Leave{Leg: a.id})
		next[call.Left](t, cl)
		if d := next[call.Done](t, cl); is(d, 0, nil) != nil || d.Leg != "" {
			t.Errorf("%+v", d)
		}
		ch := s.stored(t, "a.wav")
		for _, hz := range []float64{500, 900} {
			if got := tone.Loudness(ch[0][3200:14000], hz); got < audible {
				t.Errorf("%v Hz at %.1f dB", hz, got)
			}
		}
		over(cl)
	})
}

// What can't be recorded is refused; a bucket that fails is told, and what was recorded kept.
func TestRecordAudioFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		defer s.close(t)
		cl, l := s.talking(t)
		for _, c := range []struct {
			cmd  call.RecordAudio
			want error
		}{
			{call.RecordAudio{Bucket: "files", Key: "x"}, call.ErrInvalid},
			{call.RecordAudio{Leg: l.id, Room: "x", Bucket: "files", Key: "x"}, call.ErrInvalid},
			{call.RecordAudio{Leg: l.id, Bucket: "files", Key: "x", Format: "ogg"}, call.ErrInvalid},
			{call.RecordAudio{Leg: l.id, Bucket: "files", Key: "x", Tracks: "all"}, call.ErrInvalid},
			{call.RecordAudio{Leg: l.id, Bucket: "files", Key: "x", Longest: -1}, call.ErrInvalid},
			{call.RecordAudio{Leg: l.id, Bucket: "none", Key: "x"}, call.ErrInvalid},
			{call.RecordAudio{Leg: l.id, Bucket: "files", Key: "../x"}, media.ErrAccess},
			{call.RecordAudio{Leg: "nobody", Bucket: "files", Key: "x"}, call.ErrNoLeg},
			{call.RecordAudio{Room: "x", Tracks: call.TracksApart, Bucket: "files", Key: "x"}, call.ErrInvalid},
		} {
			if _, err := cl.Do(ctx, c.cmd); !errors.Is(err, c.want) {
				t.Errorf("%+v: %v", c.cmd, err)
			}
		}
		if _, err := cl.Do(ctx, call.Pause{Op: 77}); !errors.Is(err, call.ErrState) {
			t.Errorf("pausing nothing: %v", err)
		}
		op := do(t, cl, call.RecordAudio{Leg: l.id, Bucket: "gone", Key: "x"})
		v := newVoice(l, 500)
		hum(t, time.Second, v)
		do(t, cl, call.Stop{Op: op.Op})
		d := next[call.Done](t, cl)
		left := s.recorder.Left()
		if !errors.Is(d.Err, media.ErrAccess) || len(left) != 1 || !strings.Contains(d.Err.Error(), left[0]) || d.Result.Recording != nil {
			t.Errorf("%+v; left %v", d, left)
		}
		if n := s.Counts(); n.RecordingsFailed != 1 || n.Recorded != 0 {
			t.Errorf("counted %+v", n)
		}
		over(cl)
	})
}
