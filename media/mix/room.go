package mix

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/media/tone"
)

// Room is where parties hear each other. It is made and found by [Rooms].
type Room struct {
	all  *Rooms
	name string

	mu      sync.Mutex // after Rooms.mu
	arrived []*Party   // not yet met
	sinks   []*hearing // who listen to all
	present int
	over    bool

	voices atomic.Bool // somebody with 16 kHz is or was here

	// The clock's goroutine's.
	parties []*Party
	talkers []*Party
	hearers []*hearing
	seq     uint16
	stamp   uint32
	sum     [frame]int32
	out     media.Frame
	wide    *wide // nil while nobody has 16 kHz
	common  [codecs]shared
	tones   []*tone.Tone
	loudest speaker
}

// shared is the mix for all who are silent, encoded for one codec.
type shared struct {
	made    bool
	mouth   codec.Encoder
	payload [frame]byte
}

// codecs is one more than the highest [media.Codec].
const codecs = int(media.G722) + 1

// crowd is how many are mixed at one time, the loudest: the noise of a hundred lines is louder than a voice.
const crowd = 16

// beat mixes 20 ms. False when the room is over.
func (r *Room) beat() bool {
	if !r.gather() {
		return false
	}
	r.seq++
	r.stamp += frame
	r.talkers = r.talkers[:0]
	some := false
	for _, p := range r.parties {
		p.ask()
		some = some || p.wide != nil
		if p.listen(); p.talks {
			r.talkers = append(r.talkers, p)
		}
	}
	r.choose()
	r.widen(some)
	r.add()
	for _, p := range r.parties {
		r.serve(p)
		p.talked = p.talks
	}
	r.record()
	if who, changed := r.loudest.judge(r.talkers); changed {
		r.tell(who)
	}
	return true
}

// pass lets those who listen hear silence. The parties' far ends have heard nothing either.
func (r *Room) pass(beats int) {
	r.stamp += uint32(beats) * frame
	var silence media.WideFrame
	for range beats {
		for _, h := range r.hearers {
			h.sink.Hear(silence[:each(h.sink)*frame], nil)
		}
	}
}

// gather takes in who has come and lets go who has left.
func (r *Room) gather() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.arrived {
		p.meet()
		if !p.Silent && !p.Back && len(r.parties) > 0 {
			r.ring(entry)
		}
		r.parties = append(r.parties, p)
	}
	clear(r.arrived)
	r.arrived = r.arrived[:0]
	r.parties = slices.DeleteFunc(r.parties, func(p *Party) bool {
		if !p.gone.Load() {
			return false
		}
		if !p.Silent && !p.away.Load() {
			r.ring(exit)
		}
		return true
	})
	r.hearers = append(r.hearers[:0], r.sinks...)
	if !r.over {
		return true
	}
	for _, h := range r.hearers {
		h.sink.Over()
	}
	return false
}

// The tones with which a party comes and goes.
var (
	entry = [2]float64{480, 620}
	exit  = [2]float64{620, 480}
)

// ring plays two short tones to all, unless enough of them wait already.
func (r *Room) ring(hz [2]float64) {
	if len(r.tones) < 2 {
		const each = 80 * time.Millisecond
		r.tones = append(r.tones, tone.New(1, tone.Part{Hz: hz[:1], For: each}, tone.Part{Hz: hz[1:], For: each}))
	}
}

// choose leaves only the loudest in the mix where too many talk.
func (r *Room) choose() {
	if len(r.talkers) <= crowd {
		return
	}
	slices.SortFunc(r.talkers, func(a, b *Party) int { return b.level - a.level })
	for _, p := range r.talkers[crowd:] {
		p.talks = false
	}
	r.talkers = r.talkers[:crowd]
}

// add sums what is said, and the tones of the room.
func (r *Room) add() {
	clear(r.sum[:])
	for i := range r.common {
		r.common[i].made = false
	}
	for _, p := range r.talkers {
		if p.wide == nil {
			sum(r.sum[:], p.frame[:])
		}
	}
	r.addTone()
	r.addWide() // of what is 8 kHz up to here
	for _, p := range r.talkers {
		if p.wide != nil {
			sum(r.sum[:], p.frame[:])
		}
	}
}

func sum(to []int32, s []int16) {
	for i, v := range s {
		to[i] += int32(v)
	}
}

func (r *Room) addTone() {
	if len(r.tones) == 0 {
		return
	}
	if err := r.tones[0].Next(&r.out); err != nil {
		r.tones = slices.Delete(r.tones, 0, 1)
		return
	}
	for i, v := range r.out {
		r.sum[i] += int32(v) / 4
	}
}

// serve gives one party what it shall hear.
func (r *Room) serve(p *Party) {
	switch {
	case p.gone.Load():
	case len(r.parties) == 1 && p.Music != nil:
		r.music(p)
		p.send(p.payload[:], r.seq, r.stamp)
	case p.talks:
		if !p.talked { // what its far end has decoded so far is what all have
			p.mouth = r.common[int(p.codec)%codecs].mouth
		}
		r.encode(&p.mouth, p.payload[:], p.codec, p)
		p.send(p.payload[:], r.seq, r.stamp)
	default:
		s := &r.common[int(p.codec)%codecs]
		if !s.made {
			s.made = true
			r.encode(&s.mouth, s.payload[:], p.codec, nil)
		}
		p.send(s.payload[:], r.seq, r.stamp)
	}
}

// encode encodes what is said, less what one says who is not to hear itself.
func (r *Room) encode(mouth *codec.Encoder, dst []byte, c media.Codec, less *Party) {
	switch {
	case c == media.G722 && less != nil:
		saturate(r.wide.out[:], r.wide.sum[:], less.wide.frame[:])
	case c == media.G722:
		saturate(r.wide.out[:], r.wide.sum[:], nil)
	case less != nil:
		saturate(r.out[:], r.sum[:], less.frame[:])
	default:
		saturate(r.out[:], r.sum[:], nil)
	}
	if c == media.G722 {
		mouth.EncodeWide(dst, r.wide.out[:])
		return
	}
	mouth.Encode(c, dst, r.out[:])
}

// saturate gives a sum less what one of it says, within 16 bits.
func saturate(dst []int16, sum []int32, less []int16) {
	for i, v := range sum {
		if less != nil {
			v -= int32(less[i])
		}
		dst[i] = clip(v)
	}
}

func clip(v int32) int16 { return int16(max(-1<<15, min(v, 1<<15-1))) }

// tell says who speaks.
func (r *Room) tell(who *Party) {
	id := ""
	if who != nil {
		id = who.ID
	}
	for _, p := range r.parties {
		if p.Speaking != nil && !p.gone.Load() {
			p.Speaking(id)
		}
	}
}
