package codec_test

import (
	"math"
	"testing"

	"github.com/switchhook/switchhook/media/codec"
)

// through brings samples to the other rate, in pieces.
func through(f func(dst, src []int16) int, s []int16, piece int) (out []int16) {
	for at := 0; at < len(s); at += piece {
		b := make([]int16, 2*piece)
		out = append(out, b[:f(b, s[at:min(at+piece, len(s))])]...)
	}
	return out
}

// From 8 to 16 kHz and back: flat in the band of the telephone, and nothing of one half in the other.
func TestHalfBand(t *testing.T) {
	for _, hz := range []float64{50, 300, 1000, 2000, 3000, 3400} {
		var up codec.Widener
		var down codec.Narrower
		wide := through(up.Widen, sine(8000, hz, 1), 160)
		if got := level(wide[2000:14000], hz/2); math.Abs(got+6.02) > 0.05 { // level reckons with 8 kHz
			t.Errorf("%.0f Hz at 16 kHz: %.2f dB", hz, got)
		}
		if got := residue(wide[2000:14000], hz/2); got > -60 {
			t.Errorf("%.0f Hz at 16 kHz: noise of %.1f dB", hz, got)
		}
		narrow := through(down.Narrow, wide, 320)[1000:7000]
		if got := level(narrow, hz); math.Abs(got+6.02) > 0.05 {
			t.Errorf("%.0f Hz there and back: %.2f dB", hz, got)
		}
		if got := residue(narrow, hz); got > -60 {
			t.Errorf("%.0f Hz there and back: noise of %.1f dB", hz, got)
		}
	}
	for _, hz := range []float64{4500, 4800, 5500, 7000, 7900} {
		var down codec.Narrower
		if got := level(through(down.Narrow, sine(16000, hz, 1), 320)[1000:7000], 8000-hz); got > -66 {
			t.Errorf("%.0f Hz is heard at %.0f Hz, at %.1f dB", hz, 8000-hz, got)
		}
	}
}

// A constant stays what it is, the loudest too; pieces of any size give the same; what is odd is left to the caller.
func TestHalfBandPieces(t *testing.T) {
	for _, v := range []int16{0, 1, -1, 12345, math.MaxInt16, math.MinInt16} {
		s := make([]int16, 400)
		for i := range s {
			s[i] = v
		}
		var up codec.Widener
		var down codec.Narrower
		wide := through(up.Widen, s, 7)
		narrow := through(down.Narrow, wide, 14)
		if wide[len(wide)-1] != v || wide[len(wide)-2] != v || narrow[len(narrow)-1] != v {
			t.Errorf("%d becomes %d and %d", v, wide[len(wide)-1], narrow[len(narrow)-1])
		}
	}
	noise := signals()["noise at full scale"]
	var up1, up2 codec.Widener
	var down1, down2 codec.Narrower
	if n := differ(through(up1.Widen, noise, 160), through(up2.Widen, noise, 1)); n >= 0 {
		t.Errorf("to 16 kHz: %d differs", n)
	}
	if n := differ(through(down1.Narrow, noise, 1000), through(down2.Narrow, noise, 2)); n >= 0 {
		t.Errorf("to 8 kHz: %d differs", n)
	}
	if n := up1.Widen(make([]int16, 5), make([]int16, 9)); n != 4 {
		t.Errorf("%d samples to 16 kHz", n)
	}
	if n := down1.Narrow(make([]int16, 5), make([]int16, 9)); n != 4 {
		t.Errorf("%d samples to 8 kHz", n)
	}
}

func BenchmarkHalfBand(b *testing.B) {
	var up codec.Widener
	var down codec.Narrower
	narrow, wide := make([]int16, 160), make([]int16, 320)
	b.ReportAllocs()
	for b.Loop() {
		up.Widen(wide, narrow)
		down.Narrow(narrow, wide)
	}
}
