package rtp

import (
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
)

// longestQuiet is how long comfort noise goes on that is not told again: its source may be gone.
const longestQuiet = 30 * time.Second

// quiet is the silence of somebody who sends comfort noise (RFC 3389), made audible for a far end that does not know it: on
// the clock of prompts, until audio comes again.
type quiet struct {
	decode codec.Decoder
	packet media.Packet
	level  [1]byte
	until  time.Duration
}

// hush begins the noise of a packet, or changes its level.
func (t *sender) hush(s *Session, p *media.Packet) {
	if t.quiet == nil {
		t.quiet = &quiet{packet: media.Packet{Noise: true}}
	}
	q := t.quiet
	q.packet.Payload = q.level[:copy(q.level[:], p.Payload)]
	q.until = s.sh.e.now() + longestQuiet
	if !t.ticking {
		t.ticking = true
		s.sh.startPlaying(s)
	}
}

// fill makes the next 20 ms of the noise; false when there is none.
func (q *quiet) fill(f *media.Frame, now time.Duration) bool {
	return q != nil && now < q.until && q.decode.Decode(f[:], &q.packet) > 0
}
