package far

import (
	"math"

	"github.com/switchhook/switchhook/media"
)

// Tone gives a sine of a frequency in Hz that never ends, at -12 dB of full scale.
func Tone(hz float64) media.Source { return &sine{step: 2 * math.Pi * hz / 8000} }

type sine struct{ phase, step float64 }

// Next implements [media.Source].
func (s *sine) Next(f *media.Frame) error {
	for i := range f {
		f[i] = int16(8192 * math.Sin(s.phase))
		s.phase = math.Mod(s.phase+s.step, 2*math.Pi)
	}
	return nil
}
