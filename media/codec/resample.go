package codec

import (
	"fmt"
	"math"
)

// Rate is the sample rate of a media.Frame, in hertz, and WideRate that of a media.WideFrame.
const (
	Rate     = 8000
	WideRate = 2 * Rate
)

const (
	minRate   = 4000
	maxRate   = 192000
	crossings = 32   // zero crossings of the sinc on each side: about 70 dB down at half the rate, flat to 0.85 of that
	maxPhases = 1024 // odd rates that would need more are met to the nearest 1/1024 of a sample of the result
)

// Filter holds the coefficients that bring one sample rate to another: a windowed sinc in phases. It is not changed by
// use, and any number of [Resampler]s may share it.
type Filter struct {
	from, to, phases, taps int
	coef                   []float32 // phases rows of taps
}

// NewFilter computes the filter that brings sound of one rate, in hertz, from 4,000 to 192,000, to [Rate] or [WideRate].
func NewFilter(from, to int) (*Filter, error) {
	if from < minRate || from > maxRate {
		return nil, fmt.Errorf("sample rate %d Hz: not between %d and %d", from, minRate, maxRate)
	}
	if to != Rate && to != WideRate {
		return nil, fmt.Errorf("sample rate %d Hz: not one of ours", to)
	}
	f := &Filter{from: from, to: to}
	if from == to {
		return f, nil
	}
	f.phases = min(to/gcd(from, to), maxPhases*to/max(from, to))
	// The cut-off lies a little below half the lower of both rates, so that the transition band folds onto itself.
	lower := math.Min(1, float64(to)/float64(from))
	cut := 0.94 * lower
	half := int(math.Ceil(crossings / lower))
	f.taps = 2 * half
	f.coef = make([]float32, f.phases*f.taps)
	row := make([]float64, f.taps)
	for p := range f.phases {
		var sum float64
		for t := range row {
			x := float64(t-half+1) - float64(p)/float64(f.phases)
			row[t] = cut * sinc(cut*x) * kaiser(x/float64(half))
			sum += row[t]
		}
		for t, v := range row { // each phase passes a constant unchanged
			f.coef[p*f.taps+t] = float32(v / sum)
		}
	}
	return f, nil
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// kaiser is the Kaiser window with beta 7 on -1..1.
func kaiser(x float64) float64 {
	if x <= -1 || x >= 1 {
		return 0
	}
	const beta = 7
	return bessel(beta*math.Sqrt(1-x*x)) / bessel(beta)
}

// bessel is the modified Bessel function of the first kind, order zero.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-12; k++ {
		term *= (x / (2 * k)) * (x / (2 * k))
		sum += term
	}
	return sum
}

func gcd(x, y int) int {
	for y != 0 {
		x, y = y, x%y
	}
	return x
}

// Resampler brings one stream of samples to another rate. Not for several goroutines.
type Resampler struct {
	f    *Filter
	hist []float32 // samples not yet left behind
	at   int       // position of the next output after hist[taps/2-1], in 1/to of an input sample
}

// NewResampler starts a stream.
func NewResampler(f *Filter) *Resampler {
	r := &Resampler{f: f}
	if f.coef != nil {
		r.hist = make([]float32, f.taps/2-1, 4*f.taps) // silence before the first sample
	}
	return r
}

// Push appends to dst what in becomes at the other rate. Output lags behind the input by half the filter's length.
func (r *Resampler) Push(dst, in []int16) []int16 {
	if r.f.coef == nil {
		return append(dst, in...)
	}
	for _, s := range in {
		r.hist = append(r.hist, float32(s))
	}
	return r.drain(dst)
}

// Flush appends what is still inside, once the input has ended.
func (r *Resampler) Flush(dst []int16) []int16 {
	if r.f.coef == nil {
		return dst
	}
	for range r.f.taps / 2 {
		r.hist = append(r.hist, 0)
	}
	return r.drain(dst)
}

func (r *Resampler) drain(dst []int16) []int16 {
	f, used := r.f, 0
	whole, rest := f.from/f.to, f.from%f.to
	for used+f.taps <= len(r.hist) {
		phase := (r.at*f.phases + f.to/2) / f.to
		if phase >= f.phases { // rounding up met the next input sample
			phase = f.phases - 1
		}
		row, in := f.coef[phase*f.taps:(phase+1)*f.taps], r.hist[used:used+f.taps]
		var sum float32
		for i, c := range row {
			sum += c * in[i]
		}
		dst = append(dst, clamp(sum))
		used += whole
		if r.at += rest; r.at >= f.to {
			r.at -= f.to
			used++
		}
	}
	used = min(used, len(r.hist))
	r.hist = r.hist[:copy(r.hist, r.hist[used:])]
	return dst
}

func clamp(v float32) int16 {
	switch {
	case v >= math.MaxInt16:
		return math.MaxInt16
	case v <= math.MinInt16:
		return math.MinInt16
	}
	return int16(math.Round(float64(v)))
}
