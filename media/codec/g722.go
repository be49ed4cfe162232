package codec

// G.722 at 64 kbit/s splits 16 kHz audio by quadrature mirror filters into two bands of 8 kHz each and codes both by
// adaptive prediction: six bits for the lower, two for the upper one, together a byte for two samples. The names of tables
// and blocks below are those of the recommendation.

// g722Encoder codes one stream. The zero value is ready, as of g722Decoder.
type g722Encoder struct {
	begun     bool
	low, high band
	split     mirror
}

// encode codes two samples of 16 kHz for each byte of dst.
func (g *g722Encoder) encode(dst []byte, samples []int16) {
	if !g.begun {
		g.begun, g.low.step, g.high.step = true, lowStep, highStep
	}
	for i := range dst {
		x, y := g.split.pass(int32(samples[2*i]), int32(samples[2*i+1]))
		low, high := int(y+x)>>14, int(y-x)>>14
		dst[i] = g.low.quantizeLow(low) | g.high.quantizeHigh(high)<<6
		g.low.adaptLow(dst[i] >> 2 & 15)
		g.high.adaptHigh(dst[i] >> 6)
	}
}

// g722Decoder decodes one stream.
type g722Decoder struct {
	begun     bool
	low, high band
	join      mirror
}

// decode gives two samples of 16 kHz for each code.
func (g *g722Decoder) decode(dst []int16, codes []byte) {
	if !g.begun {
		g.begun, g.low.step, g.high.step = true, lowStep, highStep
	}
	for i, c := range codes {
		low := limit(g.low.s + (g.low.step*outputQM6[c&63])>>15)
		high := limit(g.high.s + (g.high.step*outputQM2[c>>6])>>15)
		g.low.adaptLow(c >> 2 & 15)
		g.high.adaptHigh(c >> 6)
		x, y := g.join.pass(int32(low+high), int32(low-high))
		dst[2*i], dst[2*i+1] = int16(saturate(int(y>>11))), int16(saturate(int(x>>11)))
	}
}

// mirror is the quadrature mirror filter of 24 taps that splits bands and joins them (section 4.2 and 4.4).
type mirror struct {
	at   int
	a, b [2 * len(filterH)]int32 // the latest of both inputs, each kept twice: any twelve in a row stand together
}

// filterH is every other coefficient of the filter (Table 11); the rest are the same backwards.
var filterH = [12]int32{3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11}

// pass takes in a sample of each input and gives both halves of the filter.
func (m *mirror) pass(a, b int32) (x, y int32) {
	n := m.at
	m.a[n], m.b[n] = a, b
	m.a[n+len(filterH)], m.b[n+len(filterH)] = a, b
	if n++; n == len(filterH) {
		n = 0
	}
	m.at = n
	as, bs := (*[12]int32)(m.a[n:]), (*[12]int32)(m.b[n:])
	for i, h := range filterH {
		x += h * as[i]
		y += h * bs[11-i]
	}
	return x, y
}

// Where the steps of both bands begin, and how far their logarithms go.
const (
	lowStep, highStep = 32, 8
	lowTop, highTop   = 18432, 22528
)

// Tables 8, 9, 14, 15 and 17 of the recommendation, and those of the upper band beside.
var (
	levelsQ6 = [...]int{
		0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219, 1339, 1458,
		1612, 1765, 1980, 2195, 2557, 2919,
	}
	outputQM6 = [64]int{
		-136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
		-7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
		24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
		4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
	}
	outputQM4 = [16]int{0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0}
	outputQM2 = [4]int{-7408, -1616, 7408, 1616}
	stepWL    = [16]int{-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60}
	stepWH    = [4]int{798, -214, 798, -214}
	stepILB   = [32]int{
		2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
		2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
	}
)

// quantizeLow gives the six bits of a sample of the lower band (block 1L).
func (n *band) quantizeLow(sample int) byte {
	e := saturate(sample - n.s)
	size := e
	if e < 0 {
		size = -(e + 1)
	}
	lo, hi := 1, len(levelsQ6) // the first level that is larger
	for lo < hi {
		if mid := (lo + hi) / 2; size >= (levelsQ6[mid]*n.step)>>12 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	switch {
	case e >= 0:
		return byte(62 - lo) // 61 for the smallest, down to 32
	case lo < 3:
		return byte(64 - lo) // 63 and 62: the two smallest negative
	}
	return byte(34 - lo) // 31 down to 4
}

// quantizeHigh gives the two bits of a sample of the upper band (block 1H).
func (n *band) quantizeHigh(sample int) byte {
	e := saturate(sample - n.s)
	level := (564 * n.step) >> 12
	switch {
	case e >= level:
		return 2
	case e >= 0:
		return 3
	case -(e + 1) >= level:
		return 0
	}
	return 1
}

// adaptLow takes in the four upper bits of the lower band's code: those that every mode of the codec has.
func (n *band) adaptLow(code byte) {
	d := (n.step * outputQM4[code]) >> 15
	n.scale(stepWL[code], lowTop, 8)
	n.adapt(d)
}

func (n *band) adaptHigh(code byte) {
	d := (n.step * outputQM2[code]) >> 15
	n.scale(stepWH[code], highTop, 10)
	n.adapt(d)
}
