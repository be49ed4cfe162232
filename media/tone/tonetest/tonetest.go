package tonetest

import (
	"math"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/tone"
)

// Whistle is a tone of 5 kHz for who hears 16 kHz, and of 1 kHz for who hears 8: one hears what was asked for. Both have
// the level tone.Level, and never end.
type Whistle struct {
	media.Source
	sent int // samples of 16 kHz
}

var _ media.WideSource = (*Whistle)(nil)

// NewWhistle makes one that begins at zero.
func NewWhistle() *Whistle { return &Whistle{Source: tone.Sine(1000, -1)} }

// NextWide gives the next 20 ms of 5 kHz.
func (w *Whistle) NextWide(f *media.WideFrame) error {
	for i := range f {
		f[i] = int16(32767 * math.Pow(10, tone.Level/20) * math.Sin(2*math.Pi*5000/16000*float64(w.sent+i)))
	}
	w.sent += len(f)
	return nil
}
