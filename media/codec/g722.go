package codec

// G.722 splits 16 kHz audio into two bands and codes each by adaptive prediction: six bits for the lower, two for the
// upper one. What we hear and say is 8 kHz audio, which is the lower band: its samples are coded and decoded as they are,
// without the filters that split and join, and the upper band is silent. The names below are those of the recommendation.

// silentUpper is the code of an upper band that is silent and always was: it leaves that band's predictor as it begins.
const silentUpper = 3 << 6

// lowerBand is the predictor of the lower band (ITU-T G.722 section 3, block 4L), the same in coder and decoder.
type lowerBand struct {
	started bool
	nbl     int    // logarithm of the step
	detl    int    // the step
	s, sz   int    // predicted: by both filters, by the zeros
	a       [2]int // of the poles
	b       [6]int // of the zeros
	d       [6]int // differences, latest first
	r, p    [2]int // reconstructed, and partly so
}

// Tables 8, 9, 14, 15 and 17 of the recommendation.
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
	stepW     = [16]int{-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60}
	stepILB   = [32]int{
		2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
		2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
	}
)

func saturate(v int) int { return min(max(v, -1<<15), 1<<15-1) }

// decode gives the sample of a code.
func (l *lowerBand) decode(code byte) int16 {
	l.start()
	code &= 63
	out := min(max(l.s+(l.detl*outputQM6[code])>>15, -1<<14), 1<<14-1)
	l.adapt(code >> 2)
	return int16(out * 2)
}

// encode gives the code of a sample.
func (l *lowerBand) encode(sample int16) byte {
	l.start()
	e := saturate(int(sample)>>1 - l.s)
	size := e
	if e < 0 {
		size = -(e + 1)
	}
	i := 1
	for i < len(levelsQ6) && size >= (levelsQ6[i]*l.detl)>>12 {
		i++
	}
	code := byte(62 - i) // positive: 61 for the smallest, down to 32
	switch {
	case e < 0 && i < 3:
		code = byte(64 - i) // 63 and 62: the two smallest negative
	case e < 0:
		code = byte(34 - i) // 31 down to 4
	}
	l.adapt(code >> 2)
	return code | silentUpper
}

func (l *lowerBand) start() {
	if !l.started {
		*l = lowerBand{started: true, detl: 32}
	}
}

// adapt takes in the four upper bits of a code: those that every mode of the codec has.
func (l *lowerBand) adapt(code byte) {
	d := (l.detl * outputQM4[code]) >> 15
	l.nbl = min(max((l.nbl*127)>>7+stepW[code], 0), 18432)
	if shift := 8 - l.nbl>>11; shift > 0 {
		l.detl = stepILB[l.nbl>>6&31] >> shift << 2
	} else {
		l.detl = stepILB[l.nbl>>6&31] << -shift << 2
	}
	r, p := saturate(l.s+d), saturate(l.sz+d)
	l.adaptPoles(p)
	l.adaptZeros(d)
	l.r[1], l.r[0], l.p[1], l.p[0] = l.r[0], r, l.p[0], p
	copy(l.d[1:], l.d[:])
	l.d[0] = d

	l.sz = 0
	for i, b := range l.b {
		l.sz += (b * saturate(2*l.d[i])) >> 15
	}
	l.sz = saturate(l.sz)
	l.s = saturate(l.sz + saturate((l.a[0]*saturate(2*l.r[0]))>>15+(l.a[1]*saturate(2*l.r[1]))>>15))
}

func (l *lowerBand) adaptPoles(p int) {
	same0, same1 := p < 0 == (l.p[0] < 0), p < 0 == (l.p[1] < 0)
	lean := saturate(4 * l.a[0])
	if same0 {
		lean = min(-lean, 1<<15-1)
	}
	a1 := lean>>7 + (l.a[1]*32512)>>15
	if same1 {
		a1 += 128
	} else {
		a1 -= 128
	}
	a1 = min(max(a1, -12288), 12288)
	a0 := (l.a[0] * 32640) >> 15
	if same0 {
		a0 += 192
	} else {
		a0 -= 192
	}
	bound := saturate(15360 - a1)
	l.a = [2]int{min(max(saturate(a0), -bound), bound), a1}
}

func (l *lowerBand) adaptZeros(d int) {
	for i := range l.b {
		b := (l.b[i] * 32640) >> 15
		switch {
		case d == 0:
		case d < 0 == (l.d[i] < 0):
			b += 128
		default:
			b -= 128
		}
		l.b[i] = saturate(b)
	}
}
