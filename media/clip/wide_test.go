package clip_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/clip"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/media/tone"
)

// shrill makes a file of two tones at -12 dB: of 1 kHz, and of 5 kHz, which only 16 kHz has.
func (f form) shrill(length time.Duration) []byte {
	var data []byte
	for i := range int(length.Seconds() * float64(f.rate)) {
		at := 2 * math.Pi * float64(i) / float64(f.rate)
		for range f.channels {
			data = f.sample(data, 0.25*math.Sin(1000*at)+0.25*math.Sin(5000*at))
		}
	}
	return f.file(data)
}

// drainWide is drain in 16 kHz.
func drainWide(t *testing.T, s media.WideSource) []int16 {
	t.Helper()
	var out []int16
	var f media.WideFrame
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		err := s.NextWide(&f)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if f != (media.WideFrame{}) {
			out = append(out, f[:]...)
		}
	}
	t.Fatal("the stream never ends")
	return nil
}

// What has more than 8 kHz is played in 16 where that is asked for, whatever its rate and size; and in 8, to the same
// stream's listener or another one, nothing of what is above is heard where it does not belong.
func TestOpenWide(t *testing.T) {
	b := open(t, map[string]string{"p": "mem://"})
	for name, content := range map[string][]byte{
		"16 kHz":          pcm(16, 16000, 1).shrill(time.Second),
		"44.1 kHz":        pcm(16, 44100, 2).shrill(time.Second),
		"48 kHz, large":   pcm(32, 48000, 16).shrill(time.Second),
		"22.05 kHz":       pcm(16, 22050, 1).shrill(time.Second),
		"16 kHz, as text": pcm(24, 16000, 1).shrill(time.Second),
	} {
		t.Run(name, func(t *testing.T) {
			if large := strings.HasSuffix(name, "large"); large != (len(content) > clip.MaxShelf) {
				t.Fatalf("%d bytes", len(content))
			}
			put(t, b, "p", "x.wav", content)
			opened := func(open func(context.Context, string, string) (media.Stream, error)) media.Stream {
				s, err := open(t.Context(), "p", "x.wav")
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { s.Close() })
				return s
			}
			wide, ok := opened(b.OpenWide).(media.WideSource)
			if !ok {
				t.Fatal("it is not wide")
			}
			s := drainWide(t, wide)
			if d := time.Duration(len(s)) * time.Second / codec.WideRate; (d - time.Second).Abs() > 3*media.FrameTime {
				t.Errorf("%v of sound", d)
			}
			for _, hz := range []float64{1000, 5000} {
				if got := tone.Loudness(s[3200:12800], hz/2); math.Abs(got+12) > 0.5 { // which reckons with 8 kHz
					t.Errorf("%v Hz at %.1f dB", hz, got)
				}
			}
			for what, s := range map[string]media.Stream{"opened so": opened(b.Open), "opened wide": opened(b.OpenWide)} {
				narrow := drain(t, s)[1600:6400]
				if got := tone.Loudness(narrow, 1000); math.Abs(got+12) > 0.5 {
					t.Errorf("%s, in 8 kHz: 1000 Hz at %.1f dB", what, got)
				}
				if got := tone.Loudness(narrow, 3000); got > -60 {
					t.Errorf("%s, in 8 kHz: 5000 Hz is heard as 3000 Hz at %.1f dB", what, got)
				}
			}
		})
	}
	put(t, b, "p", "x.wav", wavTone(time.Second))
	s, err := b.OpenWide(t.Context(), "p", "x.wav")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, ok := s.(media.WideSource); ok {
		t.Error("8 kHz are wide")
	}
	hasTone(t, drain(t, s), time.Second, 1)
}

// A stream may be asked for 8 kHz and 16 in turn: each time it gives the next 20 ms.
func TestWideInTurn(t *testing.T) {
	b := open(t, map[string]string{"p": "mem://"})
	put(t, b, "p", "x.wav", pcm(16, 16000, 1).shrill(time.Second))
	s, err := b.OpenWide(t.Context(), "p", "x.wav")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	wide, ok := s.(media.WideSource)
	if !ok {
		t.Fatal("it is not wide")
	}
	var f media.Frame
	var w media.WideFrame
	n := 0
	for deadline := time.Now().Add(20 * time.Second); err == nil && time.Now().Before(deadline); runtime.Gosched() {
		var there bool
		if n%2 == 0 {
			err = wide.NextWide(&w)
			there = w != (media.WideFrame{})
		} else {
			err = s.Next(&f)
			there = f != (media.Frame{})
		}
		if there && err == nil {
			n++
		}
	}
	if !errors.Is(err, io.EOF) || n != 50 {
		t.Errorf("%d frames, then %v", n, err)
	}
}

// What has no more than 8 kHz is fetched and kept once, whoever plays it; what has more, once for each.
func TestShelfWide(t *testing.T) {
	for _, c := range []struct {
		rate, fetched int
		held          int64
	}{{8000, 1, 16000}, {16000, 2, 16000 + 32000}} {
		s := clip.NewShelf(1 << 20)
		defer s.Close()
		fetched := 0
		open := func(context.Context) (io.ReadCloser, error) {
			fetched++
			return io.NopCloser(reader(pcm(16, c.rate, 1).tone(time.Second))), nil
		}
		for _, play := range []func(context.Context, string, func(context.Context) (io.ReadCloser, error)) (media.Stream, error){s.PlayWide, s.Play, s.PlayWide, s.Play} {
			stream, err := play(t.Context(), "x", open)
			if err != nil {
				t.Fatal(err)
			}
			hasTone(t, drain(t, stream), time.Second, 1)
			stream.Close()
		}
		if held, _ := s.Held(); fetched != c.fetched || (held-c.held < -1000 || held-c.held > 1000) {
			t.Errorf("%d Hz: fetched %d times, %d bytes are held", c.rate, fetched, held)
		}
	}
}

// As long a sound as fits in 8 kHz fits in 16.
func TestShelfWideIsAsLong(t *testing.T) {
	s := clip.NewShelf(100_000)
	defer s.Close()
	for _, length := range []time.Duration{2900 * time.Millisecond, 3300 * time.Millisecond} {
		open := func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(reader(pcm(16, 16000, 1).tone(length))), nil
		}
		stream, err := s.PlayWide(t.Context(), length.String(), open)
		for f := (media.Frame{}); err == nil; err = stream.Next(&f) {
		}
		if short := length < 3*time.Second; errors.Is(err, io.EOF) != short || errors.Is(err, media.ErrTooLarge) == short {
			t.Errorf("%v: %v", length, err)
		}
		if stream != nil {
			stream.Close()
		}
	}
}

// sayWide lets a recording of 16 kHz hear a tone.
func sayWide(rec *clip.Recording, d time.Duration, hz float64) {
	for n := range int(d / media.FrameTime) {
		var f media.WideFrame
		for i := range f {
			f[i] = int16(8000 * math.Sin(2*math.Pi*hz/16000*float64(n*len(f)+i)))
		}
		rec.Hear(f[:], f[:])
	}
}

// A recording of 16 kHz is as long and as loud as what it heard, and tells its rate.
func TestRecordingWide(t *testing.T) {
	r, b := recorder(t, nil)
	for _, n := range []int{1, 2} {
		rec := begin(t, r, clip.Wanted{Channels: n, Rate: codec.WideRate, Bucket: "folder", Key: "a.wav", Silence: time.Second})
		if rec.Rate() != codec.WideRate {
			t.Errorf("%d Hz", rec.Rate())
		}
		sayWide(rec, 1300*time.Millisecond, 5000)
		rec.Pause(true)
		sayWide(rec, time.Second, 3000)
		rec.Pause(false)
		sayWide(rec, 2*time.Second, 0)
		<-rec.Ended() // by silence
		stored, err := r.Store(t.Context(), rec)
		if err != nil {
			t.Fatal(err)
		}
		file := content(t, b, "folder", "a.wav")
		if stored.Length != 2300*time.Millisecond || stored.Bytes != int64(len(file)) || binary.LittleEndian.Uint32(file[24:]) != 16000 {
			t.Errorf("stored %+v of %d bytes and %d Hz", stored, len(file), binary.LittleEndian.Uint32(file[24:]))
		}
		for i, s := range channels(t, file) {
			if got := tone.Loudness(s[:20000], 5000/2); math.Abs(got+12.2) > 0.2 {
				t.Errorf("channel %d at %.1f dB", i, got)
			}
			if got := tone.Loudness(s[20800:], 3000/2); got > -60 {
				t.Errorf("the pause is in channel %d at %.1f dB", i, got)
			}
		}
	}
	if err := r.Check(clip.Wanted{Format: clip.WAV, Rate: 48000, Bucket: "mem", Key: "x"}); !errors.Is(err, media.ErrFormat) {
		t.Errorf("a rate that there is not: %v", err)
	}
}
