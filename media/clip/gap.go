package clip

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
)

const (
	fading        = 40  // samples of 8 kHz in which sound fades where a pause cuts it: a cut in a wave would click
	defaultSilent = 50  // decibels below full scale
	maxThreshold  = 100 // of the same: more than 16 bits can tell
)

// The tone at both ends of a pause that stays in the file.
const (
	beepHertz = 1400
	beepTime  = 200 * time.Millisecond
	beepLevel = 4000 // its peak: 18 dB below full scale
)

// noSound is a frame of it, of the highest rate.
var noSound media.WideFrame

// power gives the mean square of what counts as silence.
func (w *Wanted) power() int {
	below := w.Threshold
	if below == 0 {
		below = defaultSilent
	}
	return int((1 << 30) * math.Pow(10, -below/10)) // of full scale, 2^15 squared
}

// beep is how many samples the tone has.
func (w *Wanted) beep() int { return int(beepTime * time.Duration(w.Rate) / time.Second) }

// leave begins a pause: what was said before it fades.
func (r *Recording) leave() {
	if r.heard > 0 {
		r.fade(len(r.block)-2*r.wanted.fading()*r.wanted.Channels, func(i int) int { return r.wanted.fading() - i })
	}
	r.left, r.beep = true, r.wanted.beep()
}

// ring adds the tone to a frame of sound, in all channels.
func (r *Recording) ring(sound []byte) {
	all, ends := r.wanted.beep(), r.wanted.fading()
	for i := 0; i < len(sound) && r.beep > 0; r.beep-- {
		at := all - r.beep
		v := beepLevel * math.Sin(2*math.Pi*beepHertz*float64(at)/float64(r.wanted.Rate)) * float64(min(at, r.beep, ends)) / float64(ends)
		for range r.wanted.Channels {
			sum := int(int16(binary.LittleEndian.Uint16(sound[i:]))) + int(v)
			binary.LittleEndian.PutUint16(sound[i:], uint16(min(max(sum, math.MinInt16), math.MaxInt16)))
			i += 2
		}
	}
}

// fading is how many samples that takes.
func (w *Wanted) fading() int { return fading * w.Rate / codec.Rate }

// fade makes what stands in the block from there on as loud as gain says of each sample, in parts of fading.
func (r *Recording) fade(from int, gain func(i int) int) {
	all := r.wanted.fading()
	for i := range all * r.wanted.Channels {
		b := r.block[from+2*i:]
		v := int(int16(binary.LittleEndian.Uint16(b))) * gain(i/r.wanted.Channels) / all
		binary.LittleEndian.PutUint16(b, uint16(v))
	}
}
