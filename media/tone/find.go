package tone

import "math"

const (
	keyBlock  = 102   // samples judged together: 12.75 ms, so that the frequencies of keys fall apart
	keyLevel  = -36.0 // dB below a full-scale sine: less is no key
	keyShare  = 0.55  // of a block's power that both frequencies have at the least: speech has more beside them
	keyStand  = 4.0   // how far each stands out of its like: 6 dB
	keyTwist  = 6.3   // how much louder the lower may be: 8 dB
	keyUntwst = 2.5   // and the higher one: 4 dB (ITU-T Q.24)
	keyProof  = 3     // blocks in a row that prove a key, or its end
)

// Finder tells which key is held by its tone (ITU-T Q.23, Q.24). The zero value is ready. Not for several goroutines.
type Finder struct {
	buf  [keyBlock]int16
	n    int
	held byte // the key; 0 for none
	last byte // what the last block holds
	run  int  // blocks in a row that hold it
}

// Add listens to samples of 8 kHz and gives the key that is held at their end; 0 for none. A key shows some 40 ms after it
// was pressed, and goes as late.
func (f *Finder) Add(samples []int16) byte {
	for len(samples) > 0 {
		n := copy(f.buf[f.n:], samples)
		samples = samples[n:]
		if f.n += n; f.n == keyBlock {
			f.n = 0
			f.judge()
		}
	}
	return f.held
}

func (f *Finder) judge() {
	key := judgeKey(f.buf[:])
	if key != f.last {
		f.last, f.run = key, 0
	}
	if f.run++; f.run >= keyProof || key == f.held {
		f.held = key
	}
}

// judgeKey gives the key of a block.
func judgeKey(s []int16) byte {
	all := power(s)
	if decibels(all) < keyLevel {
		return 0
	}
	row, low := loudest(s, rows)
	column, high := loudest(s, columns)
	switch {
	case row < 0 || column < 0, low+high < keyShare*all, low > keyTwist*high, high > keyUntwst*low:
		return 0
	}
	return keys[4*row+column]
}

// loudest gives which of four frequencies stands out, and its power; -1 where none does.
func loudest(s []int16, hz [4]float64) (at int, most float64) {
	var p [4]float64
	for i := range hz {
		p[i] = goertzel(s, hz[i])
		if p[i] > p[at] {
			at = i
		}
	}
	for i := range p {
		if i != at && p[i]*keyStand > p[at] {
			return -1, math.NaN()
		}
	}
	return at, p[at]
}
