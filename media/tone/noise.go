package tone

import "math"

// Noise is what silence sounds like at a far end that sends none (RFC 3389): white noise of the level that it told. The
// zero value is off. Not for several goroutines.
type Noise struct {
	on   bool
	peak int32
	seed uint32
}

// Set takes over the payload of a comfort noise packet: its first byte is the level, in -dBov (RFC 3389 section 3.1). What
// it says of the spectrum does not count. A payload without level is none.
func (n *Noise) Set(payload []byte) {
	if len(payload) == 0 {
		return
	}
	n.SetLevel(-float64(payload[0] & 0x7f))
}

// SetLevel sets the level in dB relative to the loudest square wave (dBov); above -20 it is taken for -20, as nobody's
// silence is louder.
func (n *Noise) SetLevel(dBov float64) {
	rms := full * math.Pow(10, min(dBov, -20)/20)
	n.on, n.peak = true, int32(rms*math.Sqrt(3)) // of evenly spread values
	if n.seed == 0 {
		n.seed = 0x9e3779b9
	}
}

// Off ends it.
func (n *Noise) Off() { n.on = false }

// On tells whether there is noise.
func (n *Noise) On() bool { return n.on }

// Fill fills samples with noise.
func (n *Noise) Fill(s []int16) {
	x := n.seed
	for i := range s {
		x ^= x << 13 // xorshift32, Marsaglia 2003
		x ^= x >> 17
		x ^= x << 5
		s[i] = int16(int64(n.peak) * int64(int32(x)) >> 31)
	}
	n.seed = x
}
