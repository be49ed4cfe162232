package far

import (
	"iter"
	"math"
	"sync"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
)

// Ear listens: connect a session to it. The zero value is ready. Safe for all goroutines.
type Ear struct {
	mu      sync.Mutex
	decode  codec.Decoder
	samples []int16
}

// maxHeard bounds what an ear remembers: ten minutes.
const maxHeard = 10 * 60 * 8000

// Write hears one packet.
func (e *Ear) Write(p *media.Packet) {
	var f [4 * media.FrameSamples]int16
	e.mu.Lock()
	defer e.mu.Unlock()
	n := e.decode.Decode(f[:], p)
	if len(e.samples)+n <= maxHeard {
		e.samples = append(e.samples, f[:n]...)
	}
}

// Frames gives what was heard, frame by frame.
func (e *Ear) Frames() iter.Seq[media.Frame] {
	e.mu.Lock()
	all := e.samples
	e.mu.Unlock()
	return func(yield func(media.Frame) bool) {
		for len(all) >= media.FrameSamples {
			if !yield(media.Frame(all[:media.FrameSamples])) {
				return
			}
			all = all[media.FrameSamples:]
		}
	}
}

// quiet is the root mean square below which a frame counts as silence.
const quiet = 200

// Sound tells for how long something was heard that was not silence.
func (e *Ear) Sound() time.Duration {
	n := 0
	for f := range e.Frames() {
		if loudness(f[:]) > quiet {
			n++
		}
	}
	return time.Duration(n) * media.FrameTime
}

// window is what a tone is looked for in: half a second.
const window = 4000

// Tone tells the frequency of the tone that was heard last, in Hz, to the nearest 5; 0 when it was no single tone.
func (e *Ear) Tone() int {
	e.mu.Lock()
	all := e.samples
	e.mu.Unlock()
	for end := len(all); end >= window; end -= window / 2 {
		w := all[end-window : end]
		if loudness(w) > quiet {
			return pitch(w)
		}
	}
	return 0
}

func loudness(s []int16) float64 {
	var sum float64
	for _, v := range s {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(s)))
}

// pitch finds the frequency that holds most of the energy, by Goertzel's algorithm at each candidate.
func pitch(s []int16) int {
	var energy float64
	for _, v := range s {
		energy += float64(v) * float64(v)
	}
	best, power := 0, 0.0
	for hz := 200; hz <= 3600; hz += 5 {
		if p := goertzel(s, float64(hz)); p > power {
			best, power = hz, p
		}
	}
	// A pure tone has all its energy in one line: |X|² = N/2 · energy. Less than half of that is no single tone.
	if power < 0.5*float64(len(s))/2*energy {
		return 0
	}
	return best
}

func goertzel(s []int16, hz float64) float64 {
	c := 2 * math.Cos(2*math.Pi*hz/8000)
	var a, b float64
	for _, v := range s {
		a, b = float64(v)+c*a-b, a
	}
	return a*a + b*b - c*a*b
}
