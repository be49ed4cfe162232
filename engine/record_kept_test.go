package engine_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/tone"
)

// A pause of a recording that is not to be shorter is silence in it, between two tones.
func TestRecordAudioBlank(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		defer s.close(t)
		cl, l := s.talking(t)
		v := newVoice(l, 500)
		op := do(t, cl, call.RecordAudio{Leg: l.id, Tracks: call.TracksApart, Bucket: "files", Key: "a.wav", Blank: true, Keys: true})
		hum(t, 2*time.Second, v)
		do(t, cl, call.Pause{Op: op.Op, On: true})
		hum(t, 3*time.Second, v)
		do(t, cl, call.Pause{Op: op.Op})
		hum(t, time.Second, v)
		do(t, cl, call.Stop{Op: op.Op})
		if d := next[call.Done](t, cl); is(d, 0, nil) != nil || d.Result.Recording.Length < 5900*time.Millisecond {
			t.Errorf("%+v with %+v", d, d.Result.Recording)
		}
		said := s.stored(t, "a.wav")[0]
		if got := tone.Loudness(said[8000:15000], 500); got < audible {
			t.Errorf("before the pause at %.1f dB", got)
		}
		if got := tone.Loudness(said[20000:38000], 500); got > nothing {
			t.Errorf("in the pause at %.1f dB", got)
		}
		if got := tone.Loudness(said[15900:17900], 1400); got < -28 {
			t.Errorf("the tone at %.1f dB", got)
		}
		over(cl)
	})
}

// What counts as silence is up to who records.
func TestRecordAudioThreshold(t *testing.T) {
	for threshold, want := range map[float64]bool{10: true, 40: false} { // a voice is some 16 dB below full scale
		synctest.Test(t, func(t *testing.T) {
			s := newStudio(t)
			defer s.close(t)
			cl, l := s.talking(t)
			v := newVoice(l, 500)
			op := do(t, cl, call.RecordAudio{Leg: l.id, Bucket: "files", Key: "a.wav", Silence: time.Second, Threshold: threshold})
			hum(t, 3*time.Second, v)
			do(t, cl, call.Stop{Op: op.Op})
			d := next[call.Done](t, cl)
			if is(d, 0, nil) != nil || d.Result.Recording.Length < 1100*time.Millisecond != want {
				t.Errorf("%v dB: %+v with %+v", threshold, d, d.Result.Recording)
			}
			over(cl)
		})
	}
}

// Metadata that a bucket could not keep is refused.
func TestRecordAudioMeta(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		defer s.close(t)
		cl, l := s.talking(t)
		many := map[string]string{}
		for c := range 17 {
			many[strings.Repeat("x", c+1)] = ""
		}
		for _, meta := range []map[string]string{
			{"": "x"}, {"Upper": "x"}, {"a b": "x"}, {"a": "line\r\nx: y"}, {"a": "ü"}, {"a": strings.Repeat("x", 2048)}, many,
		} {
			if _, err := cl.Do(ctx, call.RecordAudio{Leg: l.id, Bucket: "files", Key: "x", Meta: meta}); !errors.Is(err, call.ErrInvalid) {
				t.Errorf("%q: %v", meta, err)
			}
		}
		for _, threshold := range []float64{-1, 101} {
			if _, err := cl.Do(ctx, call.RecordAudio{Leg: l.id, Bucket: "files", Key: "x", Threshold: threshold}); !errors.Is(err, call.ErrInvalid) {
				t.Errorf("%v dB: %v", threshold, err)
			}
		}
		v := newVoice(l, 500)
		op := do(t, cl, call.RecordAudio{Leg: l.id, Bucket: "files", Key: "x", Meta: map[string]string{"call-id": "1", "recording-duration": call.MetaSeconds}})
		hum(t, 3*time.Second, v)
		do(t, cl, call.Stop{Op: op.Op})
		if d := next[call.Done](t, cl); is(d, 0, nil) != nil {
			t.Errorf("%+v", d)
		}
		if got := s.attribute(t, "x", "user.recording-duration"); got != "3" && got != "" {
			t.Errorf("recording-duration is %q", got)
		}
		over(cl)
	})
}

// A recording that is to be sure of its bucket says that it begins, or fails at once and leaves nothing behind.
func TestRecordAudioSure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		defer s.close(t)
		cl, l := s.talking(t)
		op := do(t, cl, call.RecordAudio{Leg: l.id, Bucket: "gone", Key: "x", Sure: true})
		if d := next[call.Done](t, cl); d.Op != op.Op || !errors.Is(d.Err, media.ErrAccess) {
			t.Errorf("%+v", d)
		}
		if left := s.recorder.Left(); len(left) > 0 {
			t.Errorf("%v is left", left)
		}
		op = do(t, cl, call.RecordAudio{Leg: l.id, Bucket: "files", Key: "x", Sure: true})
		v := newVoice(l, 500)
		hum(t, time.Second, v)
		if b := next[call.Began](t, cl); b.Op != op.Op || b.Leg != l.id {
			t.Errorf("%+v", b)
		}
		do(t, cl, call.Stop{Op: op.Op})
		if d := next[call.Done](t, cl); is(d, 0, nil) != nil {
			t.Errorf("%+v", d)
		}
		over(cl)
	})
}

// A key that a far end signals sounds in a recording that wants keys, and in no other.
func TestRecordAudioKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		defer s.close(t)
		cl, l := s.talking(t)
		v := newVoice(l, 500)
		for key, with := range map[string]bool{"with.wav": true, "without.wav": false} {
			do(t, cl, call.RecordAudio{Leg: l.id, Tracks: call.TracksFar, Bucket: "files", Key: key, Keys: with})
		}
		hum(t, time.Second, v)
		l.report(call.Digit{Digit: '5', For: 200 * time.Millisecond})
		next[call.Digit](t, cl)
		hum(t, time.Second, v)
		over(cl)
		for key, want := range map[string]bool{"with.wav": true, "without.wav": false} {
			said, loud := s.stored(t, key)[0], -120.0
			for at := 0; at+800 <= len(said); at += 160 {
				loud = max(loud, tone.Loudness(said[at:at+800], 1336))
			}
			if loud > -25 != want {
				t.Errorf("%s: the key's tone at %.1f dB", key, loud)
			}
		}
	})
}
