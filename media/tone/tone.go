package tone

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/media"
)

const (
	rate = 8000
	full = 32767
)

// Level is how loud each frequency of a tone is, in dB below a full-scale sine: near the -10 dBm0 of exchanges.
const Level = -13.0

// Part is one stretch of a tone: all of its frequencies at once, or silence when there are none.
type Part struct {
	Hz  []float64
	For time.Duration
}

// Tone plays parts one after the other. Not for several sessions at once.
type Tone struct {
	parts []Part
	times int // left to begin; negative for ever
	at    int // the part that plays
	n     int // its sample
}

var _ media.Source = (*Tone)(nil)

// New gives a tone that plays parts that many times over, for ever when times is negative.
func New(times int, parts ...Part) *Tone {
	t := &Tone{parts: slices.Clone(parts), times: times}
	var whole time.Duration
	for i := range t.parts {
		t.parts[i].For = max(t.parts[i].For, 0)
		whole += t.parts[i].For
	}
	if samples(whole) == 0 {
		t.times = 0
	}
	return t
}

func samples(d time.Duration) int { return int(d * rate / time.Second) }

// Next fills the next 20 ms; io.EOF when no part is left.
func (t *Tone) Next(f *media.Frame) error {
	if t.times == 0 {
		return io.EOF
	}
	clear(f[:])
	for done := 0; done < len(f) && t.times != 0; {
		p := t.parts[t.at]
		n := min(len(f)-done, samples(p.For)-t.n)
		for _, hz := range p.Hz {
			add(f[done:done+n], hz, t.n)
		}
		done, t.n = done+n, t.n+n
		if t.n >= samples(p.For) {
			t.next()
		}
	}
	return nil
}

func (t *Tone) next() {
	t.n = 0
	if t.at++; t.at == len(t.parts) {
		t.at = 0
		if t.times > 0 {
			t.times--
		}
	}
}

// add adds a sine that began n samples before s, by the recurrence of sin: two calls of it serve all samples.
func add(s []int16, hz float64, n int) {
	w, loud := 2*math.Pi*hz/rate, full*math.Pow(10, Level/20)
	c, y, before := 2*math.Cos(w), loud*math.Sin(w*float64(n)), loud*math.Sin(w*float64(n-1))
	for i := range s {
		v := float64(s[i]) + y
		s[i] = int16(math.Round(max(-full, min(full, v))))
		y, before = c*y-before, y
	}
}

// Sine gives a tone of one frequency; for ever when d is negative.
func Sine(hz float64, d time.Duration) *Tone { return Dual(hz, 0, d) }

// Dual gives a tone of two frequencies; for ever when d is negative.
func Dual(hz1, hz2 float64, d time.Duration) *Tone {
	p := Part{Hz: []float64{hz1}, For: d}
	if hz2 != 0 {
		p.Hz = append(p.Hz, hz2)
	}
	if d < 0 {
		p.For = time.Hour
		return New(-1, p)
	}
	return New(1, p)
}

// Silence gives a stretch of it; for ever when d is negative.
func Silence(d time.Duration) *Tone {
	if d < 0 {
		return New(-1, Part{For: time.Second})
	}
	return New(1, Part{For: d})
}

// Ringback gives what a caller of that country hears while the far end rings, for ever. The countries are those of
// [Network].
func Ringback(country string) (*Tone, error) { return Network(country, Ringing) }

// The frequencies of the keys (ITU-T Q.23).
var (
	rows    = [4]float64{697, 770, 852, 941}
	columns = [4]float64{1209, 1336, 1477, 1633}
)

const keys = "123A456B789C*0#D"

// Digits gives the tones of keys (0-9 * # A-D), each as long as on says, with as much silence after it as off says.
func Digits(digits string, on, off time.Duration) (*Tone, error) {
	parts := make([]Part, 0, 2*len(digits))
	for _, d := range strings.ToUpper(digits) {
		i := strings.IndexRune(keys, d)
		if i < 0 {
			return nil, fmt.Errorf("tone of digit %q: no such key", d)
		}
		parts = append(parts, Part{[]float64{rows[i/4], columns[i%4]}, on}, Part{nil, off})
	}
	return New(1, parts...), nil
}
