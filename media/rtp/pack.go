package rtp

import (
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/tone"
)

// maxPacking is the longest packet that is put together from others.
const maxPacking = 60 * time.Millisecond

// packer puts packets of the length that the far end wants together from those that come in another one. Once it is
// needed, all that a session sends goes through it.
type packer struct {
	stamp  uint32 // of the first byte
	marker bool
	n      int // bytes that wait
	b      [bufSize + bufSize]byte
}

// repack takes in a packet under our numbers, and sends what is complete. Where time is missing in the source, what waits
// is sent as it is; what comes late is dropped. The caller holds the lock, as for flush.
func (t *sender) repack(s *Session, b []byte, stamp uint32, payloadType uint8, marker bool) {
	if t.pack == nil {
		t.pack = new(packer)
	}
	k := t.pack
	if payloadType != t.form.codecType {
		t.flush(s)
		t.transmit(s, b, t.line.seq+1, stamp, payloadType, marker)
		return
	}
	if late := int32(stamp - k.stamp - uint32(k.n)); k.n > 0 && late != 0 {
		if late < 0 {
			return
		}
		t.flush(s)
	}
	if k.n == 0 {
		k.stamp, k.marker = stamp, marker
	}
	k.n += copy(k.b[headerSize+k.n:], b[headerSize:])
	for k.n >= int(t.form.size) {
		t.ship(s, int(t.form.size))
	}
}

// ship sends the first n bytes that wait.
func (t *sender) ship(s *Session, n int) {
	k := t.pack
	t.transmit(s, k.b[:headerSize+n], t.line.seq+1, k.stamp, t.form.codecType, k.marker)
	copy(k.b[headerSize:], k.b[headerSize+n:headerSize+k.n])
	k.stamp, k.n, k.marker = k.stamp+uint32(n), k.n-n, false
}

// flush sends what waits for more.
func (t *sender) flush(s *Session) {
	if t.pack != nil && t.pack.n > 0 {
		t.ship(s, t.pack.n)
	}
}

// relayed is the latest telephone event of somebody else's that was made a tone, for a far end that knows none.
type relayed struct {
	source, start, next uint32 // in the source's time: where the event began, and where its sound goes on
	some, held          bool   // there was one; its end was not told yet
}

// maxSound is the most of a key's tone that one packet of its event makes, in samples.
const maxSound = 480

// covers tells whether p is audio of a time that the tone has, or will have: some send both.
func (r *relayed) covers(p *media.Packet) bool {
	if !r.some || p.Event || p.Source != r.source {
		return false
	}
	until := r.next - r.start
	if r.held {
		until += maxSound // where the end is lost, no more audio than this is
	}
	return p.Timestamp-r.start < until
}

// relayKey writes to dst as much of a key's tone as a packet of its event tells to be new, and gives the number of bytes.
// No clock is needed: the packets of an event tell how long it lasts already.
func (t *sender) relayKey(dst []byte, p *media.Packet) int {
	if t.form.noKeys || len(p.Payload) < 4 || int(p.Payload[0]) >= len(keys) {
		return 0
	}
	r := &t.relay
	switch ahead := int32(p.Timestamp - r.start); {
	case r.some && r.source == p.Source && ahead == 0:
	case r.some && r.source == p.Source && ahead < 0 && ahead > -clockRate:
		return 0 // of an event that is over
	default:
		*r = relayed{source: p.Source, start: p.Timestamp, next: p.Timestamp, some: true}
	}
	r.held = p.Payload[1]&keyEnd == 0
	done := r.next - r.start
	duration := uint32(p.Payload[2])<<8 | uint32(p.Payload[3])
	if duration <= done {
		return 0
	}
	var f [maxSound]int16
	n := min(int(duration-done), maxSound)
	tone.Key(f[:n], keys[p.Payload[0]], int(done))
	r.next += uint32(n)
	return t.transcoder().Encode(t.form.codec, dst, f[:n])
}
