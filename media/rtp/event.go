package rtp

import (
	"encoding/binary"
	"time"
)

// press is a key that was pressed and let go; zero for none.
type press struct {
	digit byte
	held  time.Duration
}

const (
	keys        = "0123456789*#ABCD" // RFC 4733 section 3.2
	keySilence  = clockRate / 10     // audio this long after an event: its end was lost
	keyForgiven = time.Second        // the same where no audio follows
)

// keypress follows one telephone event through its packets (RFC 4733 section 2.5): many tell of the same one, the last
// three of its end, and any may be lost.
type keypress struct {
	active   bool // an event was seen
	reported bool
	code     byte
	start    uint32 // timestamp of this segment
	duration uint16 // of this segment
	before   uint32 // duration of the segments before
	seen     time.Duration
}

// event takes in a packet of an event, and gives a key once it is let go.
func (k *keypress) event(h header, payload []byte, now time.Duration) press {
	if len(payload) < 4 || int(payload[0]) >= len(keys) {
		return press{}
	}
	code, end, duration := payload[0], payload[1]&0x80 != 0, binary.BigEndian.Uint16(payload[2:])
	var lost press
	switch {
	case k.active && code == k.code && h.timestamp == k.start:
		k.duration = max(k.duration, duration)
	case k.active && int32(h.timestamp-k.start) < 0 && now-k.seen < keyForgiven:
		return press{} // a late packet of an event that is over
	case k.active && code == k.code && !k.reported && !h.marker && h.timestamp == k.start+uint32(k.duration):
		k.before += uint32(k.duration) // the next segment of a long one
		k.start, k.duration = h.timestamp, duration
	default:
		lost = k.report()
		*k = keypress{active: true, code: code, start: h.timestamp, duration: duration}
	}
	k.seen = now
	if end && lost.digit == 0 {
		return k.report()
	}
	return lost
}

// audio takes note that audio follows: an event that is well past has ended, even if nobody heard its end.
func (k *keypress) audio(h header) press {
	if !k.active || k.reported || int32(h.timestamp-k.start-uint32(k.duration)) < keySilence {
		return press{}
	}
	return k.report()
}

// expire ends an event of which nothing was heard for long.
func (k *keypress) expire(now time.Duration) press {
	if now-k.seen < keyForgiven {
		return press{}
	}
	return k.report()
}

func (k *keypress) report() press {
	if !k.active || k.reported {
		return press{}
	}
	k.reported = true
	return press{keys[k.code], time.Duration(k.before+uint32(k.duration)) * time.Second / clockRate}
}
