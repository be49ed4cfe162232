package tone

import (
	"math"
	"sync"
	"time"
)

const (
	block = 320   // samples judged together: 40 ms, so tones 50 Hz apart are told from each other
	quiet = -45.0 // dB below a full-scale sine: less is silence
	share = 0.3   // of a block's power, for a frequency to count as heard; two of a dual tone each have half
	each  = time.Second * block / rate
)

// Detector tells which of some frequencies are in audio, and for how long each was. For any goroutine.
type Detector struct {
	mu    sync.Mutex
	hz    []float64
	heard []time.Duration
	buf   []int16
	total time.Duration
	loud  time.Duration
}

// NewDetector listens for these frequencies.
func NewDetector(hz ...float64) *Detector {
	return &Detector{hz: hz, heard: make([]time.Duration, len(hz)), buf: make([]int16, 0, block)}
}

// Add listens to samples of 8 kHz.
func (d *Detector) Add(samples []int16) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(samples) > 0 {
		n := min(len(samples), block-len(d.buf))
		d.buf = append(d.buf, samples[:n]...)
		samples = samples[n:]
		if len(d.buf) == block {
			d.judge()
			d.buf = d.buf[:0]
		}
	}
}

func (d *Detector) judge() {
	d.total += each
	all := power(d.buf)
	if decibels(all) < quiet {
		return
	}
	d.loud += each
	for i, hz := range d.hz {
		if goertzel(d.buf, hz) > share*all {
			d.heard[i] += each
		}
	}
}

// Heard gives how long a frequency was a good part of what was heard, in whole blocks of 40 ms. Zero for one that is
// not listened for.
func (d *Detector) Heard(hz float64) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.hz {
		if d.hz[i] == hz {
			return d.heard[i]
		}
	}
	return 0
}

// Listened gives how much audio was added, and how much of it was not silence.
func (d *Detector) Listened() (total, loud time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.total, d.loud
}

// Loudness gives how loud one frequency is in samples of 8 kHz, in dB below a full-scale sine.
func Loudness(samples []int16, hz float64) float64 { return decibels(goertzel(samples, hz)) }

// decibels relates a power to that of a full-scale sine.
func decibels(p float64) float64 { return 10 * math.Log10(p/(full*full/2.0)+1e-12) }

func power(s []int16) float64 {
	var sum float64
	for _, v := range s {
		sum += float64(v) * float64(v)
	}
	return sum / float64(max(len(s), 1))
}

// goertzel gives the power of one frequency.
func goertzel(s []int16, hz float64) float64 {
	c := 2 * math.Cos(2*math.Pi*hz/rate)
	var s1, s2 float64
	for _, v := range s {
		s1, s2 = float64(v)+c*s1-s2, s1
	}
	n := float64(max(len(s), 1))
	return 2 * (s1*s1 + s2*s2 - c*s1*s2) / (n * n)
}
