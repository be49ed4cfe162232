package mix

import (
	"math/rand/v2"
	"sync/atomic"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
)

// Entrant is who enters a room.
type Entrant struct {
	ID string // what names it to those who are told who speaks
	To media.Port
	// Codec tells what To wants, now and after each change; asked each second, from the clock's goroutine. Nil: PCMU.
	Codec  func() media.Codec
	Muted  bool         // it only listens
	Silent bool         // nobody hears a tone as it comes and goes
	Back   bool         // it was away for a while: nobody hears a tone as it comes
	Music  media.Source // what it hears while it is alone; nil for silence. It must not end, and is taken from the clock's goroutine
	// Speaking is told who is heard loudest from now on, by its ID; nobody when empty. It must not block. May be nil.
	Speaking func(id string)
}

// Party is somebody in a room. What its far end says is written to it.
type Party struct {
	Entrant
	room  *Room
	in    buffer
	muted atomic.Bool
	gone  atomic.Bool
	away  atomic.Bool // it has gone for a while: nobody hears a tone

	// The clock's goroutine's.
	frame   media.Frame   // what it says
	wide    *voice        // the same in 16 kHz, while its codec has that
	level   int           // smoothed mean square of that
	hang    int           // beats for which it still counts as talking
	talks   bool          // it is in this beat's mix
	talked  bool          // it was in that of the beat before
	mouth   codec.Encoder // of what only it hears
	codec   media.Codec
	asked   int // beats until its codec is asked for
	packet  media.Packet
	payload [frame]byte
}

var _ media.Port = (*Party)(nil)

// Write takes what the far end says.
func (p *Party) Write(k *media.Packet) {
	if !p.gone.Load() {
		p.in.write(k)
	}
}

// Mute keeps what it says from the others, or lets it through again.
func (p *Party) Mute(on bool) { p.muted.Store(on) }

// Leave takes it out of its room. Idempotent. A packet may still be written to it within the beat that runs.
func (p *Party) Leave() {
	if !p.gone.Swap(true) {
		p.room.left()
	}
}

// Pause takes it out of its room for a while: nobody hears a tone. It comes back as another party.
func (p *Party) Pause() {
	p.away.Store(true)
	p.Leave()
}

const (
	hangBeats = 15 // 300 ms: the ends of words are not cut off
	askBeats  = 50 // a second
)

// listen reads what the party says in this beat, and tells whether that is to be heard.
func (p *Party) listen() {
	p.talks = false
	var heard bool
	if p.wide != nil {
		heard = p.in.read(p.wide.frame[:])
		p.wide.narrow.Narrow(p.frame[:], p.wide.frame[:])
	} else {
		heard = p.in.read(p.frame[:])
	}
	if !heard || p.muted.Load() {
		p.level -= p.level / 16
		p.hang = 0
		return
	}
	now := power(p.frame[:])
	if now > p.level {
		p.level += (now - p.level) / 4
	} else {
		p.level -= (p.level - now) / 16
	}
	switch {
	case now >= audible:
		p.hang = hangBeats
	case p.hang > 0:
		p.hang--
	}
	p.talks = p.hang > 0
}

// send gives the party a payload of its codec, of the room's time.
func (p *Party) send(payload []byte, seq uint16, stamp uint32) {
	p.packet.Codec, p.packet.Seq, p.packet.Timestamp, p.packet.Payload = p.codec, seq, stamp, payload
	p.To.Write(&p.packet)
	p.packet.Marker = false
}

// meet begins with a party that has come.
func (p *Party) meet() {
	p.packet = media.Packet{Marker: true, Source: rand.Uint32()}
}

// ask asks for the codec from time to time.
func (p *Party) ask() {
	if p.asked--; p.asked >= 0 {
		return
	}
	p.asked, p.codec = askBeats-1, media.PCMU
	if p.Codec != nil {
		if c := p.Codec(); c != media.NoCodec {
			p.codec = c
		}
	}
	switch {
	case p.codec != media.G722:
		p.wide = nil
	case p.wide == nil:
		p.wide = new(voice)
	}
}
