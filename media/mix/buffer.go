package mix

import (
	"sync"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
)

// Times in ticks of the 8 kHz clock.
const (
	frame    = media.FrameSamples
	span     = 4096       // what a buffer has room for
	longest  = 10 * frame // 200 ms: its delay at most, and the length of a packet
	cushion  = frame / 2  // what is kept beyond what is needed
	jump     = 8000       // a timestamp so far off is that of another stream
	idle     = 10 * 8000  // after this silence the next packet begins anew
	fading   = 3 * frame  // how long what is lost is made up for
	surveyed = 100        // frames after which the delay is judged: 2 s
	stale    = 3          // packets of a past long gone, after which we believe that the stream began anew
)

// buffer makes the packets of one far end even sound. Every codec here has one byte for each tick of its clock, so it keeps
// bytes by timestamp; packets may be of any length and come in any order.
type buffer struct {
	mu   sync.Mutex
	data [span]byte
	kind [span]media.Codec // none: nothing is there
	head uint32            // what is played next
	top  uint32            // after the newest there is
	// The numbering of the source that is heard.
	begun  bool
	source uint32
	seq    uint16 // the newest
	seen   uint64 // it and those before it, the newest lowest
	old    int

	delay
	late    uint64
	doubled uint64

	ears codec.Decoder
	each int              // samples of a tick: 1, or 2 for 16 kHz
	last [2 * frame]int16 // what was read last of what was there
	lost int              // samples made up since
	calm bool             // the last frame was silence, or near
	// What silence sounds like at the far end (RFC 3389), from when it said so to its next packet of audio.
	hush  [1]byte
	still bool
}

// delay is how a buffer follows the network.
type delay struct {
	margin int32 // the least time before its turn that a packet came in this survey
	came   int   // packets of this survey
	frames int   // read in this survey
	skip   int   // ticks too much
	hold   int   // ticks too little
}

// write takes in a packet.
func (b *buffer) write(p *media.Packet) {
	n := len(p.Payload)
	if p.Event || n == 0 || n > longest {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.begun || p.Source != b.source {
		b.begin(p)
	}
	if !b.fresh(p) {
		return
	}
	if p.Noise {
		b.still = int32(p.Timestamp-b.top) >= 0
		b.hush[0] = p.Payload[0]
		return
	}
	if p.Codec == media.NoCodec {
		return
	}
	ahead := int32(p.Timestamp - b.head)
	if ahead > jump || ahead < -jump {
		b.begin(p)
		b.seq, b.seen, ahead = p.Seq, 1, frame
	}
	b.came++
	b.margin = min(b.margin, ahead)
	if ahead < 0 {
		if ahead = b.overdue(p, ahead); ahead < 0 {
			return
		}
	}
	b.store(p)
	if over := int32(b.top-b.head) - longest; over > 0 {
		b.drop(int(over))
	}
}

// begin starts with a new stream, a frame before its first packet.
func (b *buffer) begin(p *media.Packet) {
	clear(b.kind[:])
	b.begun, b.source, b.old = true, p.Source, 0
	b.head, b.top = p.Timestamp-frame, p.Timestamp
	b.seq, b.seen = p.Seq-1, 0
	b.delay = delay{margin: longest}
}

// fresh tells whether a packet did not come before.
func (b *buffer) fresh(p *media.Packet) bool {
	switch d := int(int16(p.Seq - b.seq)); {
	case d >= 64:
		b.seq, b.seen = p.Seq, 1
	case d > 0:
		b.seq, b.seen = p.Seq, b.seen<<d|1
	case d > -64:
		if b.seen>>-d&1 != 0 {
			b.doubled++
			return false
		}
		b.seen |= 1 << -d
	default:
		if b.old++; b.old < stale {
			return false
		}
		b.begin(p)
		b.seq, b.seen = p.Seq, 1
	}
	b.old = 0
	return true
}

// overdue decides about a packet whose turn is past: what is newest is played after all, at once and with more delay from
// now on; for the rest there will be more delay the next time. It gives by how much the packet comes before its turn then.
func (b *buffer) overdue(p *media.Packet, ahead int32) int32 {
	b.late++
	if int32(p.Timestamp-b.top) >= 0 {
		b.head = p.Timestamp - cushion
		b.skip = 0
		return cushion
	}
	b.hold = min(max(b.hold, int(-ahead)), longest-int(min(max(int32(b.top-b.head), 0), longest)))
	return ahead
}

func (b *buffer) store(p *media.Packet) {
	b.still = false
	at := p.Timestamp
	for i, v := range p.Payload {
		k := (at + uint32(i)) % span
		b.data[k], b.kind[k] = v, p.Codec
	}
	if end := at + uint32(len(p.Payload)); int32(end-b.top) > 0 {
		b.top = end
	}
}

// drop leaves out what comes next.
func (b *buffer) drop(n int) {
	for i := range min(n, span) {
		b.kind[(b.head+uint32(i))%span] = media.NoCodec
	}
	b.head += uint32(n)
}

// read gives the next 20 ms, in 8 or 16 kHz as there is room in s. False when it is silence because nothing came for a while.
func (b *buffer) read(s []int16) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.begun {
		clear(s)
		return false
	}
	if each := len(s) / frame; b.each != each {
		b.each, b.lost = each, fading*each
		clear(b.last[:])
	}
	b.survey()
	switch {
	case b.hold > 0:
		b.hold -= frame
		return b.conceal(s)
	case b.skip > 0 && b.calm:
		b.drop(min(b.skip, frame))
		b.skip -= frame
	case b.skip >= cushion && b.frames == surveyed/2: // it is never silent: a little is folded into what follows
		b.skip = 0
		return b.fold(s)
	}
	heard := b.take(s)
	b.calm = !heard || power(s) < audible
	if int32(b.head-b.top) > idle {
		b.begun = false
	}
	return heard
}

// survey judges the delay from time to time: what no packet needed for a while is given back.
func (b *buffer) survey() {
	if b.frames++; b.frames < surveyed {
		return
	}
	if spare := int(b.margin) - frame; b.came > surveyed/4 && spare > 0 {
		b.skip = spare
	}
	b.frames, b.came, b.margin = 0, 0, longest
}

// take fills s with what is next, and makes up for what is not there.
func (b *buffer) take(s []int16) (heard bool) {
	for len(s) > 0 {
		at := b.head % span
		n, kind := 1, b.kind[at]
		for most := min(len(s)/b.each, span-int(at)); n < most && b.kind[int(at)+n] == kind; n++ {
		}
		now := s[:n*b.each]
		if kind == media.NoCodec {
			heard = b.conceal(now) || heard
		} else {
			b.decode(now, &media.Packet{Codec: kind, Source: b.source, Payload: b.data[at : int(at)+n]})
			clear(b.kind[at : int(at)+n])
			b.remember(now)
			heard = true
		}
		b.head += uint32(n)
		s = s[len(now):]
	}
	return heard
}

// remember keeps the last frame of what was heard.
func (b *buffer) remember(s []int16) {
	b.lost = 0
	last := b.last[:frame*b.each]
	copy(last, last[len(s):])
	copy(last[len(last)-len(s):], s)
}

// fold leaves out half a frame where there is no silence to leave out, by fading one half into the other.
func (b *buffer) fold(s []int16) bool {
	var half [2 * cushion]int16
	first := half[:cushion*b.each]
	heard := b.take(first)
	heard = b.take(s) || heard
	for i, v := range first {
		s[i] = int16((int(v)*(len(first)-i) + int(s[i])*i) / len(first))
	}
	return heard
}

// conceal makes up for what did not come: what was heard last, fading, or the far end's own silence.
func (b *buffer) conceal(s []int16) bool {
	if b.still {
		b.decode(s, &media.Packet{Noise: true, Payload: b.hush[:]})
		return true
	}
	all := fading * b.each
	if b.lost >= all {
		clear(s)
		return false
	}
	for i := range s {
		gain := max(all-b.lost, 0)
		s[i] = int16(int(b.last[b.lost%(frame*b.each)]) * gain / all)
		b.lost++
	}
	return true
}

// decode decodes codes, all of which stand for samples.
func (b *buffer) decode(dst []int16, p *media.Packet) {
	var n int
	if b.each == 1 {
		n = b.ears.Decode(dst, p)
	} else {
		n = b.ears.DecodeWide(dst, p)
	}
	clear(dst[n:])
}

// audible is the mean square of what is more than the noise of a quiet line: some 50 dB below a full-scale sine.
const audible = 60 * 60

// power gives the mean square.
func power(s []int16) int {
	sum := 0
	for _, v := range s {
		sum += int(v) * int(v)
	}
	return sum / len(s)
}
