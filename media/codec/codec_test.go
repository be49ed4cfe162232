package codec_test

import (
	"math"
	"testing"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
)

// Values of ITU-T G.711 tables 1 and 2, scaled to 16 bits.
func TestDecodedValues(t *testing.T) {
	for _, c := range []struct {
		codec media.Codec
		code  byte
		want  int16
	}{
		{media.PCMU, 0xff, 0}, {media.PCMU, 0x7f, 0}, {media.PCMU, 0x80, 32124}, {media.PCMU, 0x00, -32124},
		{media.PCMU, 0xfe, 8}, {media.PCMU, 0x7e, -8}, {media.PCMU, 0xef, 132}, {media.PCMU, 0xf0, 120},
		{media.PCMA, 0xd5, 8}, {media.PCMA, 0x55, -8}, {media.PCMA, 0xaa, 32256}, {media.PCMA, 0x2a, -32256},
		{media.PCMA, 0xc5, 264}, {media.PCMA, 0xf5, 528},
	} {
		var got [1]int16
		if codec.Decode(c.codec, got[:], []byte{c.code}) != 1 || got[0] != c.want {
			t.Errorf("%v %#x: %d, want %d", c.codec, c.code, got[0], c.want)
		}
	}
}

func TestEncodingFindsTheNearestCode(t *testing.T) {
	for _, c := range []media.Codec{media.PCMU, media.PCMA} {
		var all [256]int16
		for i := range all {
			codec.Decode(c, all[i:i+1], []byte{byte(i)})
		}
		for s := math.MinInt16; s <= math.MaxInt16; s++ {
			var b [1]byte
			codec.Encode(c, b[:], []int16{int16(s)})
			best := math.MaxInt
			for _, v := range all {
				best = min(best, abs(s-int(v)))
			}
			// Four neighbouring samples share an entry, so a sample next to a border may take the code next door.
			if got := abs(s - int(all[b[0]])); got > best+4 {
				t.Fatalf("%v: %d became %d, off by %d where %d is possible", c, s, all[b[0]], got, best)
			}
		}
	}
}

func abs(x int) int { return max(x, -x) }

func TestSilenceStaysSilent(t *testing.T) {
	for c, want := range map[media.Codec]byte{media.PCMU: 0xff, media.PCMA: 0xd5} {
		var b [1]byte
		codec.Encode(c, b[:], []int16{0})
		if b[0] != want {
			t.Errorf("%v: zero becomes %#x, silence is %#x", c, b[0], want)
		}
	}
}

// A code survives decoding and encoding, and a second way through the other law changes nothing more.
func TestTandem(t *testing.T) {
	other := map[media.Codec]media.Codec{media.PCMU: media.PCMA, media.PCMA: media.PCMU}
	for c, o := range other {
		for i := range 256 {
			var s [1]int16
			var b, far, back, far2 [1]byte
			codec.Decode(c, s[:], []byte{byte(i)})
			codec.Encode(c, b[:], s[:])
			var again [1]int16
			codec.Decode(c, again[:], b[:])
			if again != s {
				t.Errorf("%v %#x: %d comes back as %d", c, i, s[0], again[0])
			}
			codec.Transcode(o, c, far[:], b[:])
			codec.Transcode(c, o, back[:], far[:])
			codec.Transcode(o, c, far2[:], back[:])
			if far != far2 {
				t.Errorf("%v %#x → %v %#x → %#x → %#x", c, i, o, far[0], back[0], far2[0])
			}
		}
	}
}

func TestTranscodeSameAndUnknown(t *testing.T) {
	in, out := []byte{1, 2, 3}, make([]byte, 3)
	if n := codec.Transcode(media.PCMU, media.PCMU, out, in); n != 3 || string(out) != string(in) {
		t.Errorf("same codec: %d %v", n, out)
	}
	if n := codec.Transcode(media.NoCodec, media.PCMU, out, in); n != 0 {
		t.Errorf("to no codec: %d bytes", n)
	}
	if n := codec.Decode(media.NoCodec, make([]int16, 3), in); n != 0 {
		t.Errorf("from no codec: %d samples", n)
	}
}

// level gives the power of one frequency in samples of 8 kHz, in dB below a full-scale sine.
func level(s []int16, hz float64) float64 {
	var re, im float64
	for i, v := range s {
		x := 2 * math.Pi * hz * float64(i) / codec.Rate
		re += float64(v) * math.Cos(x)
		im += float64(v) * math.Sin(x)
	}
	return 20 * math.Log10(math.Hypot(re, im)*2/float64(len(s))/32767+1e-9)
}

func sine(rate int, hz float64, seconds float64) []int16 {
	out := make([]int16, int(float64(rate)*seconds))
	for i := range out {
		out[i] = int16(math.Round(16384 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))))
	}
	return out
}

func TestResampleKeepsSpeechAndDropsAliases(t *testing.T) {
	for _, rate := range []int{4000, 6000, 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 47999, 48000, 96000, 192000} {
		for _, to := range []int{codec.Rate, codec.WideRate} {
			resamples(t, rate, to)
		}
	}
}

func resamples(t *testing.T, rate, to int) {
	f, err := codec.NewFilter(rate, to)
	if err != nil {
		t.Fatal(err)
	}
	each := float64(to) / codec.Rate // level and residue reckon with 8 kHz
	middle := func(s []int16) []int16 { return s[to/8 : to-to/8] }
	pass := 0.85 * min(float64(to), float64(rate)) / 2
	for _, hz := range []float64{300, 1004, pass} {
		out := resample(f, sine(rate, hz, 1))
		if d := len(out) - to; abs(d) > 4 {
			t.Errorf("%d Hz: a second became %d samples", rate, len(out))
		}
		mid := middle(out)
		if got := level(mid, hz/each); math.Abs(got+6.02) > 0.5 {
			t.Errorf("%d Hz to %d: a tone of %.0f Hz at -6 dB comes out at %.1f dB", rate, to, hz, got)
		}
		if noise := residue(mid, hz/each); noise > -50 {
			t.Errorf("%d Hz to %d: beside %.0f Hz there is noise of %.1f dB", rate, to, hz, noise)
		}
	}
	above := float64(to) * 5 / 8
	if float64(rate) > 1.5*float64(to) {
		out := middle(resample(f, sine(rate, above, 1)))
		if got := level(out, (float64(to)-above)/each); got > -60 {
			t.Errorf("%d Hz to %d: %.0f Hz folds to %.0f Hz at %.1f dB", rate, to, above, float64(to)-above, got)
		}
	}
}

// residue gives what is left of s, in dB, once its part at hz is taken out.
func residue(s []int16, hz float64) float64 {
	var re, im float64
	for i, v := range s {
		x := 2 * math.Pi * hz * float64(i) / codec.Rate
		re += float64(v) * math.Cos(x)
		im += float64(v) * math.Sin(x)
	}
	re, im = re*2/float64(len(s)), im*2/float64(len(s))
	var sum float64
	for i, v := range s {
		x := 2 * math.Pi * hz * float64(i) / codec.Rate
		d := float64(v) - re*math.Cos(x) - im*math.Sin(x)
		sum += d * d
	}
	return 10 * math.Log10(2*sum/float64(len(s))/32767/32767+1e-12)
}

// resample pushes s in pieces of uneven size, as a reader would.
func resample(f *codec.Filter, s []int16) []int16 {
	r := codec.NewResampler(f)
	var out []int16
	for i, n := 0, 1; i < len(s); i, n = i+n, n*7%977+1 {
		out = r.Push(out, s[i:min(i+n, len(s))])
	}
	return r.Flush(out)
}

func TestRatesOutOfReach(t *testing.T) {
	for _, rate := range []int{-1, 0, 3999, 192001, 1 << 31} {
		if _, err := codec.NewFilter(rate, codec.Rate); err == nil {
			t.Errorf("a filter for %d Hz", rate)
		}
	}
	for _, to := range []int{-1, 0, 4000, 48000} {
		if _, err := codec.NewFilter(8000, to); err == nil {
			t.Errorf("a filter to %d Hz", to)
		}
	}
}

func BenchmarkTranscode(b *testing.B) {
	p := make([]byte, 160)
	for b.Loop() {
		codec.Transcode(media.PCMA, media.PCMU, p, p)
	}
}

func BenchmarkEncode(b *testing.B) {
	p, s := make([]byte, 160), sine(8000, 440, 0.02)
	for b.Loop() {
		codec.Encode(media.PCMU, p, s)
	}
}

func BenchmarkResample44100(b *testing.B) {
	f, err := codec.NewFilter(44100, codec.Rate)
	if err != nil {
		b.Fatal(err)
	}
	r, in, out := codec.NewResampler(f), sine(44100, 440, 0.02), make([]int16, 0, 400)
	for b.Loop() {
		out = r.Push(out[:0], in)
	}
}
