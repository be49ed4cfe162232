package codec

// band is the adaptive predictor of one band of G.722, the same in encoder and decoder (section 3.6, blocks 3 and 4).
type band struct {
	log, step int    // how far apart the quantizer's levels are
	s, zeros  int    // predicted: by both filters, by that of the zeros
	a         [2]int // coefficients of the poles
	b         [6]int // coefficients of the zeros
	d         [6]int // twice the differences, the latest first
	r         [2]int // twice what was reconstructed
	p         [2]int // what was partly reconstructed
}

func saturate(v int) int { return min(max(v, -1<<15), 1<<15-1) }

// limit keeps a band within 15 bits.
func limit(v int) int { return min(max(v, -1<<14), 1<<14-1) }

// scale adapts the step (block 3).
func (n *band) scale(w, top, shift int) {
	n.log = min(max((n.log*127)>>7+w, 0), top)
	n.step = stepILB[n.log>>6&31]
	if shift -= n.log >> 11; shift > 0 {
		n.step >>= shift
	} else {
		n.step <<= -shift
	}
	n.step <<= 2
}

// adapt takes in a difference and predicts the next sample (block 4).
func (n *band) adapt(d int) {
	p := saturate(n.zeros + d)
	n.adaptPoles(p)
	n.r[1], n.r[0] = n.r[0], saturate(2*saturate(n.s+d))
	n.p[1], n.p[0] = n.p[0], p
	poles := saturate((n.a[0]*n.r[0])>>15 + (n.a[1]*n.r[1])>>15)
	n.adaptZeros(d)
	n.s = saturate(poles + n.zeros)
}

// alike gives 1 for two of one sign, else -1: signs are as good as random, and branches on them are dear.
func alike(a, b int) int { return 1 | (a^b)>>63 }

func (n *band) adaptPoles(p int) {
	same0, same1 := alike(p, n.p[0]), alike(p, n.p[1])
	lean := min(-same0*saturate(4*n.a[0]), 1<<15-1)
	a1 := min(max((n.a[1]*32512)>>15+128*same1+lean>>7, -12288), 12288)
	bound := 15360 - a1
	n.a = [2]int{min(max((n.a[0]*32640)>>15+192*same0, -bound), bound), a1}
}

func (n *band) adaptZeros(d int) {
	grow := 128
	if d == 0 {
		grow = 0
	}
	next, sum := saturate(2*d), 0
	for i, before := range n.d {
		b := (n.b[i]*32640)>>15 + grow*alike(d, before)
		n.b[i], n.d[i] = b, next
		sum += (b * next) >> 15
		next = before
	}
	n.zeros = saturate(sum)
}
