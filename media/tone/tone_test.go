package tone_test

import (
	"errors"
	"io"
	"math"
	"testing"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/tone"
)

// hear takes at most d of a source.
func hear(t *testing.T, src media.Source, d time.Duration) []int16 {
	t.Helper()
	var out []int16
	for range int(d / media.FrameTime) {
		var f media.Frame
		if err := src.Next(&f); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		out = append(out, f[:]...)
	}
	return out
}

// at gives the stretch from one time to another.
func at(s []int16, from, to time.Duration) []int16 {
	return s[int(from*8000/time.Second):int(to*8000/time.Second)]
}

func TestRingback(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		country string
		hz      []float64
		on, off [][2]time.Duration
	}{
		{"us", []float64{440, 480}, [][2]time.Duration{{0, 2000 * ms}, {6000 * ms, 8000 * ms}}, [][2]time.Duration{{2000 * ms, 6000 * ms}}},
		{"UK", []float64{400, 450}, [][2]time.Duration{{0, 400 * ms}, {600 * ms, 1000 * ms}, {3000 * ms, 3400 * ms}}, [][2]time.Duration{{400 * ms, 600 * ms}, {1000 * ms, 3000 * ms}}},
		{"eu", []float64{425}, [][2]time.Duration{{0, 1000 * ms}, {5000 * ms, 6000 * ms}}, [][2]time.Duration{{1000 * ms, 5000 * ms}}},
		{"fr", []float64{440}, [][2]time.Duration{{0, 1500 * ms}}, [][2]time.Duration{{1500 * ms, 5000 * ms}}},
	} {
		src, err := tone.Ringback(c.country)
		if err != nil {
			t.Fatal(err)
		}
		s := hear(t, src, 10*time.Second)
		for _, r := range c.on {
			for _, hz := range c.hz {
				if l := tone.Loudness(at(s, r[0], r[1]), hz); math.Abs(l-tone.Level) > 0.5 {
					t.Errorf("%s, %v: %v Hz at %.1f dB", c.country, r, hz, l)
				}
			}
		}
		for _, r := range c.off {
			for i, v := range at(s, r[0], r[1]) {
				if v != 0 {
					t.Errorf("%s: %d at sample %d of the pause %v", c.country, v, i, r)
					break
				}
			}
		}
	}
	if _, err := tone.Ringback("atlantis"); err == nil {
		t.Error("a country that is none has a ringback tone")
	}
}

func TestDigits(t *testing.T) {
	src, err := tone.Digits("1590*#ad", 100*time.Millisecond, 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	s := hear(t, src, 10*time.Second)
	if len(s) != 8*150*8 {
		t.Errorf("%d samples", len(s))
	}
	for i, hz := range [][2]float64{{697, 1209}, {770, 1336}, {852, 1477}, {941, 1336}, {941, 1209}, {941, 1477}, {697, 1633}, {941, 1633}} {
		from := time.Duration(i) * 150 * time.Millisecond
		for _, f := range hz {
			if l := tone.Loudness(at(s, from, from+100*time.Millisecond), f); math.Abs(l-tone.Level) > 1 {
				t.Errorf("digit %d: %v Hz at %.1f dB", i, f, l)
			}
		}
	}
	if _, err := tone.Digits("12x", time.Second, 0); err == nil {
		t.Error("x is no key")
	}
}

func TestLengths(t *testing.T) {
	for name, c := range map[string]struct {
		src  *tone.Tone
		want int // frames, of 500
	}{
		"a second":          {tone.Sine(440, time.Second), 50},
		"a part of a frame": {tone.Sine(440, 30*time.Millisecond), 2},
		"nothing":           {tone.Silence(0), 0},
		"no parts":          {tone.New(-1), 0},
		"parts of nothing":  {tone.New(-1, tone.Part{}, tone.Part{For: -time.Second}), 0},
		"three times":       {tone.New(3, tone.Part{For: 40 * time.Millisecond}), 6},
		"for ever":          {tone.Silence(-1), 500},
		"a tone for ever":   {tone.Sine(440, -1), 500},
	} {
		if got := len(hear(t, c.src, 10*time.Second)) / media.FrameSamples; got != c.want {
			t.Errorf("%s: %d frames, want %d", name, got, c.want)
		}
	}
}

// A tone has no clicks: its phase goes on from frame to frame.
func TestPhase(t *testing.T) {
	s := hear(t, tone.Sine(1004, time.Second), time.Second)
	for i, v := range s {
		want := 32767 * math.Pow(10, tone.Level/20) * math.Sin(2*math.Pi*1004*float64(i)/8000)
		if math.Abs(float64(v)-want) > 2 {
			t.Fatalf("sample %d: %d, want %.0f", i, v, want)
		}
	}
}

func TestDetector(t *testing.T) {
	d := tone.NewDetector(400, 450, 1000)
	d.Add(hear(t, tone.Sine(400, time.Second), time.Second))
	d.Add(hear(t, tone.Silence(time.Second), time.Second))
	d.Add(hear(t, tone.Dual(400, 1000, time.Second), time.Second))
	for hz, want := range map[float64]time.Duration{400: 2 * time.Second, 450: 0, 1000: time.Second, 7: 0} {
		if got := d.Heard(hz); (got - want).Abs() > 40*time.Millisecond {
			t.Errorf("%v Hz for %v, want %v", hz, got, want)
		}
	}
	if total, loud := d.Listened(); total != 3*time.Second || loud != 2*time.Second {
		t.Errorf("listened to %v, of which %v loud", total, loud)
	}
}

func BenchmarkRingback(b *testing.B) {
	src, err := tone.Ringback("us")
	if err != nil {
		b.Fatal(err)
	}
	var f media.Frame
	for b.Loop() {
		if err := src.Next(&f); err != nil {
			b.Fatal(err)
		}
	}
}
