package codec

import "github.com/switchhook/switchhook/media"

// halfBand is one side of every other coefficient of a filter at a quarter of the rate, in 65536ths; those between are zero
// but for the middle, which is a half. Flat to 3.5 kHz, 6 dB down at 4 kHz, some 70 dB from 4.5 kHz on.
var halfBand = [16]int{20810, -6790, 3902, -2611, 1860, -1360, 1003, -738, 536, -382, 265, -177, 113, -67, 36, -16}

const taps = 2 * len(halfBand)

// between gives what lies in the middle of 32 samples.
func between(w *[taps]int16) int {
	sum := 0
	for i, c := range halfBand {
		sum += c * (int(w[taps/2-1-i]) + int(w[taps/2+i]))
	}
	return sum
}

// block is how many samples of 8 kHz are filtered at once.
const block = media.FrameSamples

// Widener brings a stream of 8 kHz to 16 kHz, 2 ms later. The zero value is ready. Not for several goroutines.
type Widener struct{ past [taps - 1]int16 }

// Widen writes two samples to dst for each one of src, as many as both hold, and gives their number.
func (w *Widener) Widen(dst, src []int16) int {
	var b [taps - 1 + block]int16
	n := min(len(dst)/2, len(src))
	for done := 0; done < n; {
		k := min(n-done, block)
		copy(b[:], w.past[:])
		copy(b[len(w.past):], src[done:done+k])
		for i, out := 0, dst[2*done:2*(done+k)]; i < k; i++ {
			in := (*[taps]int16)(b[i:])
			out[2*i], out[2*i+1] = in[taps/2-1], int16(saturate((between(in)+1<<14)>>15))
		}
		copy(w.past[:], b[k:])
		done += k
	}
	return 2 * n
}

// Narrower brings a stream of 16 kHz to 8 kHz, 2 ms later; what is above 4 kHz is left out. The zero value is ready. Not for
// several goroutines.
type Narrower struct {
	even [taps/2 - 1]int16
	odd  [taps - 1]int16
}

// Narrow writes a sample to dst for each two of src, as many as both hold, and gives their number.
func (w *Narrower) Narrow(dst, src []int16) int {
	var even [taps/2 - 1 + block]int16
	var odd [taps - 1 + block]int16
	n := min(len(dst), len(src)/2)
	for done := 0; done < n; {
		k := min(n-done, block)
		copy(even[:], w.even[:])
		copy(odd[:], w.odd[:])
		es, os := even[len(w.even):], odd[len(w.odd):]
		for i, in := 0, src[2*done:2*(done+k)]; i < k; i++ {
			es[i], os[i] = in[2*i], in[2*i+1]
		}
		for i := range k {
			dst[done+i] = int16(saturate((int(even[i])<<15 + between((*[taps]int16)(odd[i:])) + 1<<15) >> 16))
		}
		copy(w.even[:], even[k:])
		copy(w.odd[:], odd[k:])
		done += k
	}
	return n
}
