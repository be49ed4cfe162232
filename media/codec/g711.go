package codec

import (
	"cmp"
	"slices"

	"github.com/switchhook/switchhook/media"
)

// Silence in each law: the code of a zero sample.
const (
	muZero = 0xff
	aZero  = 0xd5
)

// table holds what one law of G.711 needs.
type table struct {
	linear [256]int16     // code → sample
	code   [1 << 14]uint8 // sample >> 2 → code
	other  [256]uint8     // code → code of the other law
}

// Both laws. Nobody writes to them.
var muLaw, aLaw = laws()

// laws computes both tables, each with the way to the other.
func laws() (mu, a *table) {
	mu, a = newTable(muLinear, muZero), newTable(aLinear, aZero)
	for i := range 256 {
		mu.other[i] = a.encode(mu.linear[i])
		a.other[i] = mu.encode(a.linear[i])
	}
	return mu, a
}

// muLinear gives the value of a mu-law code (ITU-T G.711 table 2), scaled to 16 bits.
func muLinear(c uint8) int16 {
	c = ^c
	v := (int16(c&0x0f)<<3 + 0x84) << (c >> 4 & 7)
	if c&0x80 != 0 {
		return 0x84 - v
	}
	return v - 0x84
}

// aLinear gives the value of an A-law code (ITU-T G.711 table 1), scaled to 16 bits.
func aLinear(c uint8) int16 {
	c ^= 0x55
	v, segment := int16(c&0x0f)<<4+8, c>>4&7
	if segment > 0 {
		v = (v + 0x100) << (segment - 1)
	}
	if c&0x80 != 0 {
		return v
	}
	return -v
}

func newTable(linear func(uint8) int16, silence uint8) *table {
	t := &table{}
	order := make([]uint8, 256)
	for i := range t.linear {
		t.linear[i], order[i] = linear(uint8(i)), uint8(i)
	}
	slices.SortStableFunc(order, func(x, y uint8) int {
		if c := cmp.Compare(t.linear[x], t.linear[y]); c != 0 {
			return c
		}
		return cmp.Compare(y, x) // of the two codes for zero, the higher one counts
	})
	order = slices.CompactFunc(order, func(x, y uint8) bool { return t.linear[x] == t.linear[y] })
	k := 0
	for s := -1 << 13; s < 1<<13; s++ {
		v := s<<2 + 2 // the middle of the four samples that share an entry
		for k+1 < len(order) && distance(v, t.linear[order[k+1]]) <= distance(v, t.linear[order[k]]) {
			k++
		}
		t.code[uint16(s)&0x3fff] = order[k]
	}
	t.code[0] = silence
	return t
}

func distance(v int, code int16) int {
	if d := v - int(code); d >= 0 {
		return d
	}
	return int(code) - v
}

func (t *table) encode(s int16) uint8 { return t.code[uint16(s)>>2] }

func of(c media.Codec) *table {
	switch c {
	case media.PCMU:
		return muLaw
	case media.PCMA:
		return aLaw
	}
	return nil
}

// Encode writes samples as codes of c to dst, as many as both hold, and gives their number; 0 for a codec it does not know.
func Encode(c media.Codec, dst []byte, samples []int16) int {
	t := of(c)
	if t == nil {
		return 0
	}
	n := min(len(dst), len(samples))
	dst, samples = dst[:n], samples[:n]
	for i, s := range samples {
		dst[i] = t.encode(s)
	}
	return n
}

// Decode writes the samples of payload to dst, as many as both hold, and gives their number; 0 for a codec it does not know.
func Decode(c media.Codec, dst []int16, payload []byte) int {
	t := of(c)
	if t == nil {
		return 0
	}
	n := min(len(dst), len(payload))
	dst, payload = dst[:n], payload[:n]
	for i, b := range payload {
		dst[i] = t.linear[b]
	}
	return n
}

// Transcode writes payload, which is encoded with from, to dst in the encoding to, and gives the number of bytes; 0 when
// it knows no way. dst and payload may be the same.
func Transcode(to, from media.Codec, dst, payload []byte) int {
	t := of(from)
	if t == nil || of(to) == nil {
		return 0
	}
	n := min(len(dst), len(payload))
	if from == to {
		return copy(dst, payload[:n])
	}
	for i, b := range payload[:n] {
		dst[i] = t.other[b]
	}
	return n
}
