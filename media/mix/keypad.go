package mix

import (
	"encoding/binary"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/media/tone"
)

// keypad writes packets to a buffer, those of telephone events (RFC 4733 section 2.5) as the tones they stand for: the ticks
// that each packet is the first to tell of. Any may be lost, and the last three tell the same.
type keypad struct {
	to     *buffer
	source uint32
	begun  bool // there was an event
	code   byte
	start  uint32 // timestamp of this segment
	told   uint32 // ticks of it that were heard
	before uint32 // and of the segments before

	tone    [longest]int16
	payload [longest]byte
}

// pad holds the keys by their event codes (RFC 4733 section 3.2).
const pad = "0123456789*#ABCD"

// Write implements [media.Port].
func (k *keypad) Write(p *media.Packet) {
	if !p.Event {
		k.to.write(p)
		return
	}
	if len(p.Payload) < 4 || int(p.Payload[0]) >= len(pad) || !k.follow(p) {
		return
	}
	until := uint32(binary.BigEndian.Uint16(p.Payload[2:]))
	if until <= k.told {
		return
	}
	from := max(k.told, until-min(until, longest)) // what is longer ago than the buffer is long is played already
	n := int(until - from)
	tone.Key(k.tone[:n], pad[k.code], int(k.before+from))
	codec.Encode(media.PCMU, k.payload[:], k.tone[:n])
	k.told = until
	k.to.write(&media.Packet{Codec: media.PCMU, Seq: p.Seq, Timestamp: k.start + from, Source: p.Source, Payload: k.payload[:n]})
}

// follow tells whether a packet is of the event under way, which it may begin.
func (k *keypad) follow(p *media.Packet) bool {
	ago := int32(k.start - p.Timestamp)
	same := k.begun && p.Source == k.source
	switch {
	case same && ago == 0 && p.Payload[0] == k.code:
		return true
	case same && ago > 0 && ago < jump:
		return false // a late packet of an event that is over
	case same && p.Payload[0] == k.code && p.Timestamp == k.start+k.told:
		k.before += k.told // the next segment of a long one
	default:
		k.before = 0
	}
	k.begun, k.source, k.code, k.start, k.told = true, p.Source, p.Payload[0], p.Timestamp, 0
	return true
}
