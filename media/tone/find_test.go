package tone_test

import (
	"math"
	"math/rand/v2"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/media/tone"
	"github.com/switchhook/switchhook/test/need"
)

// found gives the keys that a finder finds in samples, which come in packets of 20 ms.
func found(samples []int16) (keys string) {
	var f tone.Finder
	var held byte
	for s := range slices.Chunk(samples, 160) {
		if k := f.Add(s); k != held {
			if held = k; k != 0 {
				keys += string(k)
			}
		}
	}
	return keys
}

// render gives all samples of a tone.
func render(t *testing.T, src media.Source) (out []int16) {
	t.Helper()
	var f media.Frame
	for src.Next(&f) == nil {
		out = append(out, f[:]...)
	}
	return out
}

// pair gives two sines, their levels in dB below full scale.
func pair(low, lowDB, high, highDB float64, d time.Duration) []int16 {
	out := make([]int16, d*8000/time.Second)
	a, b := 32767*math.Pow(10, lowDB/20), 32767*math.Pow(10, highDB/20)
	for i := range out {
		x := 2 * math.Pi * float64(i) / 8000
		out[i] = int16(a*math.Sin(low*x) + b*math.Sin(high*x))
	}
	return out
}

func TestC55FindsAllKeys(t *testing.T) {
	const all = "1234567890*#ABCD5577"
	const ms = time.Millisecond
	for _, c := range []struct{ on, off time.Duration }{{60 * ms, 60 * ms}, {80 * ms, 70 * ms}, {100 * ms, 100 * ms}, {500 * ms, 60 * ms}} {
		src, err := tone.Digits(all, c.on, c.off)
		if err != nil {
			t.Fatal(err)
		}
		samples := render(t, src)
		if got := found(samples); got != all {
			t.Errorf("%v/%v: %q", c.on, c.off, got)
		}
		for _, through := range []media.Codec{media.PCMU, media.PCMA, media.G722} { // and what comes out of a codec, with noise
			var e codec.Encoder
			var d codec.Decoder
			b, out := make([]byte, len(samples)), make([]int16, len(samples))
			e.Encode(through, b, samples)
			d.Decode(out, &media.Packet{Codec: through, Payload: b})
			for i := range out {
				out[i] += int16(rand.IntN(400) - 200)
			}
			if got := found(out); got != all {
				t.Errorf("%v/%v through %v: %q", c.on, c.off, through, got)
			}
		}
	}
}

// What is a key, and what is none, by its frequencies, levels and length (ITU-T Q.24).
func TestC55Limits(t *testing.T) {
	const long = 100 * time.Millisecond
	for _, c := range []struct {
		name    string
		samples []int16
		want    string
	}{
		{"1.5 % off", pair(770*1.015, -13, 1336*0.985, -13, long), "5"},
		{"4 % off", pair(770*1.04, -13, 1336*1.04, -13, long), ""},
		{"loud", pair(770, -7, 1336, -7, long), "5"},
		{"soft", pair(770, -33, 1336, -33, long), "5"},
		{"too soft", pair(770, -45, 1336, -45, long), ""},
		{"the higher one 3 dB louder", pair(770, -16, 1336, -13, long), "5"},
		{"the higher one 7 dB louder", pair(770, -20, 1336, -13, long), ""},
		{"the lower one 7 dB louder", pair(770, -13, 1336, -20, long), "5"},
		{"the lower one 11 dB louder", pair(770, -13, 1336, -24, long), ""},
		{"one alone", pair(770, -10, 1336, -80, long), ""},
		{"two rows", pair(770, -13, 852, -13, long), ""},
		{"short", pair(770, -13, 1336, -13, 25*time.Millisecond), ""},
		{"a dial tone", pair(350, -13, 440, -13, long), ""},
	} {
		samples := append(append(make([]int16, 800), c.samples...), make([]int16, 800)...)
		if got := found(samples); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Speech presses no keys.
func TestC55Speech(t *testing.T) {
	program := need.Tool(t, "espeak-ng", "apt-get install espeak-ng")
	const text = "Please listen to all of the following options, because our menu has changed. For sales say one; for service, " +
		"say two or three. Easy people see the sea. Who would have thought that you would choose the blue moon at noon? " +
		"Six thick thistle sticks; she sells sea shells. Welcome, hello, hello! Mississippi. A noisy noise annoys an oyster."
	for _, voice := range []string{"en-us", "en-us+f3", "de", "fr+f2", "es+m7"} {
		wav, err := exec.Command(program, "-v", voice, "--stdout", text+" "+text).Output()
		if err != nil {
			t.Fatal(err)
		}
		f, err := codec.NewFilter(22050, codec.Rate)
		if err != nil {
			t.Fatal(err)
		}
		var in []int16
		for i := 44; i+1 < len(wav); i += 2 {
			in = append(in, int16(uint16(wav[i])|uint16(wav[i+1])<<8))
		}
		out := codec.NewResampler(f).Push(nil, in)
		if got := found(out); got != "" || len(out) < 20*8000 {
			t.Errorf("%s: %q in %v", voice, got, time.Duration(len(out))*time.Second/8000)
		}
	}
}

func BenchmarkFinder(b *testing.B) {
	var f tone.Finder
	s := pair(770, -13, 1336, -13, media.FrameTime)
	b.ReportAllocs()
	for b.Loop() {
		f.Add(s)
	}
}
