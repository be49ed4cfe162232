package tone_test

import (
	"math/rand/v2"
	"os/exec"
	"testing"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/media/tone"
	"github.com/switchhook/switchhook/test/need"
)

// recognised gives what a listener recognises, packet by packet.
func recognised(s []int16) (kinds []tone.Kind) {
	l := tone.NewListener()
	for len(s) > 0 {
		n := min(len(s), 160)
		if k := l.Add(s[:n]); k != "" {
			kinds = append(kinds, k)
		}
		s = s[n:]
	}
	return kinds
}

func TestNetworkTones(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for country, kinds := range map[string][]tone.Kind{
		"us": {tone.Dial, tone.Busy, tone.Congestion, tone.Ringing, tone.SIT},
		"uk": {tone.Dial, tone.Busy, tone.Congestion, tone.Ringing},
		"eu": {tone.Dial, tone.Busy, tone.Congestion, tone.Ringing},
		"fr": {tone.Dial, tone.Busy, tone.Congestion, tone.Ringing},
		"jp": {tone.Dial, tone.Busy, tone.Ringing, tone.SIT},
	} {
		for _, kind := range kinds {
			src, err := tone.Network(country, kind)
			if err != nil {
				t.Fatal(err)
			}
			clean := hear(t, src, 20*time.Second)
			for _, quieter := range []int16{1, 8} { // 18 dB less, with noise 20 dB below that
				s := make([]int16, 700+len(clean)) // it begins in the midst of nothing
				for i, v := range clean {
					s[700+i] = v / quieter
				}
				for i := range s {
					s[i] += int16(random.IntN(400)-200) / quieter
				}
				codes := make([]byte, len(s))
				codec.Encode(media.PCMU, codes, s)
				codec.Decode(media.PCMU, s, codes)
				if got := recognised(s); len(got) != 1 || got[0] != kind {
					t.Errorf("%s of %s, 1/%d: recognised %v", kind, country, quieter, got)
				}
			}
		}
	}
	if _, err := tone.Network("xx", tone.Busy); err == nil {
		t.Error("a country that is not known has a tone")
	}
}

// What is no tone of the network is not taken for one.
func TestNetworkTonesOfNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]int16, 20*8000)
	for i := range noise {
		noise[i] = int16(random.IntN(20000) - 10000)
	}
	keys, err := tone.Digits("123456789*0#ABCD5555", 100*time.Millisecond, 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	odd := tone.New(-1, tone.Part{Hz: []float64{425}, For: 120 * time.Millisecond}, tone.Part{For: 900 * time.Millisecond})
	for name, s := range map[string][]int16{
		"noise": noise, "keys": hear(t, keys, 10*time.Second), "silence": make([]int16, 80000),
		"another frequency": hear(t, tone.Sine(700, -1), 10*time.Second), "another cadence": hear(t, odd, 20*time.Second),
	} {
		if got := recognised(s); len(got) > 0 {
			t.Errorf("%s: recognised %v", name, got)
		}
	}
}

func TestNetworkTonesOfSpeech(t *testing.T) {
	espeak := need.Tool(t, "espeak-ng", "espeak-ng")
	sox := need.Tool(t, "sox", "sox")
	for _, voice := range []string{"en", "de", "fr", "en+f3"} {
		dir := t.TempDir()
		text := "The number that you have dialled is not in service. Please hang up and try again, one two three four five six seven eight nine zero. "
		text += text + text
		if out, err := exec.Command(espeak, "-v", voice, "-w", dir+"/a.wav", text).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		raw, err := exec.Command(sox, dir+"/a.wav", "-r", "8000", "-c", "1", "-b", "16", "-e", "signed", "-t", "raw", "-").Output()
		if err != nil {
			t.Fatal(err)
		}
		s := make([]int16, len(raw)/2)
		for i := range s {
			s[i] = int16(uint16(raw[2*i]) | uint16(raw[2*i+1])<<8)
		}
		if len(s) < 10*8000 {
			t.Fatalf("%d samples of speech", len(s))
		}
		if got := recognised(s); len(got) > 0 {
			t.Errorf("in speech of %s: recognised %v", voice, got)
		}
	}
}

// One tone after the other is told, each once.
func TestNetworkTonesInTurn(t *testing.T) {
	var s []int16
	for _, k := range []tone.Kind{tone.Ringing, tone.Busy, tone.Ringing} {
		src, err := tone.Network("eu", k)
		if err != nil {
			t.Fatal(err)
		}
		s = append(s, hear(t, src, 15*time.Second)...)
	}
	got := recognised(s)
	if len(got) != 3 || got[0] != tone.Ringing || got[1] != tone.Busy || got[2] != tone.Ringing {
		t.Errorf("recognised %v", got)
	}
}

func BenchmarkListener(b *testing.B) {
	l := tone.NewListener()
	var f media.Frame
	src, err := tone.Network("eu", tone.Busy)
	if err != nil {
		b.Fatal(err)
	}
	if err := src.Next(&f); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		l.Add(f[:])
	}
}
