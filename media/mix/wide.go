package mix

import "github.com/switchhook/switchhook/media/codec"

// voice is what a party says in 16 kHz. The room hears it in 8 kHz as well.
type voice struct {
	frame  [2 * frame]int16
	narrow codec.Narrower
}

// wide is the mix for those who have 16 kHz: what they say as it is, and what the others say brought to 16 kHz, once for all.
type wide struct {
	up  codec.Widener
	sum [2 * frame]int32
	out [2 * frame]int16
}

// widen begins to mix in 16 kHz, or ends it.
func (r *Room) widen(on bool) {
	switch {
	case !on:
		r.wide = nil
	case r.wide == nil:
		r.wide = new(wide)
	}
}

// addWide sums what is said in 16 kHz, and what is in the sum of 8 kHz already.
func (r *Room) addWide() {
	w := r.wide
	if w == nil {
		return
	}
	saturate(r.out[:], r.sum[:], nil)
	w.up.Widen(w.out[:], r.out[:])
	clear(w.sum[:])
	sum(w.sum[:], w.out[:])
	for _, p := range r.talkers {
		if p.wide != nil {
			sum(w.sum[:], p.wide.frame[:])
		}
	}
}
