package mix

import (
	"encoding/binary"
	"sync"
	"time"

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

// Press lets an ear hear a key of the far end (0-9 * # A-D) that did not come with the audio, from now on for as long as it was
// held. Keys that come faster than they sound wait for each other; what is too much is not heard.
func (e *Ear) Press(key byte, held time.Duration) {
	e.signalled.press(key, held)
}

// signalled are keys that are told of in other ways than by the audio.
type signalled struct {
	mu   sync.Mutex
	due  []signalledKey
	wide codec.Widener
}

type signalledKey struct {
	key  byte
	left int // beats that it sounds, and then one of silence
	at   int // samples that it sounded
}

// Bounds of keys that are signalled.
const (
	maxSignalled  = 32
	shortestPress = 100 * time.Millisecond // many say nothing, or something shorter than a person could press
	longestPress  = 5 * time.Second
)

func (s *signalled) press(key byte, held time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.due) < maxSignalled {
		held = min(max(held, shortestPress), longestPress)
		s.due = append(s.due, signalledKey{key: key, left: int((held + media.FrameTime - 1) / media.FrameTime)})
	}
}

// sound puts the key that is due in the place of a frame of 8 or 16 kHz.
func (s *signalled) sound(f []int16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.due) == 0 {
		return
	}
	k := &s.due[0]
	var narrow media.Frame
	if k.left > 0 {
		tone.Key(narrow[:], k.key, k.at)
	}
	if len(f) == len(narrow) {
		copy(f, narrow[:])
	} else {
		s.wide.Widen(f, narrow[:])
	}
	k.at += len(narrow)
	if k.left--; k.left < 0 {
		s.due = s.due[1:]
	}
}
