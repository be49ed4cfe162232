package mix

import (
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
)

// voice is what a party says in 16 kHz. The room hears it in 8 kHz as well.
type voice struct {
	frame  [2 * frame]int16
	narrow codec.Narrower
}

// wide is the mix for those who have 16 kHz: what they say as it is, and what the others say brought to 16 kHz, once for all.
type wide struct {
	up  codec.Widener
	sum [2 * frame]int32
	out media.WideFrame
}

// widen begins to mix in 16 kHz, or ends it: somebody has that, or who listens to the whole room wants it.
func (r *Room) widen(on bool) {
	if on && !r.voices.Load() {
		r.voices.Store(true)
	}
	for _, h := range r.hearers {
		on = on || h.wide
	}
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

// record lets those who listen to the whole room hear it, in 16 kHz where they want that.
func (r *Room) record() {
	saturate(r.out[:], r.sum[:], nil)
	done := false
	for _, h := range r.hearers {
		if !h.wide {
			h.sink.Hear(r.out[:], nil)
			continue
		}
		if !done {
			done = true
			saturate(r.wide.out[:], r.wide.sum[:], nil)
		}
		h.sink.Hear(r.wide.out[:], nil)
	}
}

// music encodes what a party hears while it is alone, in 16 kHz where both have that.
func (r *Room) music(p *Party) {
	if src, ok := p.Music.(media.WideSource); ok && p.codec == media.G722 {
		if err := src.NextWide(&r.wide.out); err != nil {
			clear(r.wide.out[:])
		}
		p.mouth.EncodeWide(p.payload[:], r.wide.out[:])
		return
	}
	if err := p.Music.Next(&r.out); err != nil {
		clear(r.out[:])
	}
	p.mouth.Encode(p.codec, p.payload[:], r.out[:])
}
