package rtp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/tone"
)

// ErrKey says that something is no key: 0-9 * # A-D, "," and "w" for half a second, "W" for a second.
var ErrKey = errors.New("no such key")

const (
	maxKeys     = 256
	defaultTone = 100 * time.Millisecond
	shortest    = 2                                             // frames of a tone, or of a gap
	segment     = 0xffff / media.FrameSamples                   // frames of one segment of an event: its length has 16 bits
	longest     = 30 * time.Second / media.FrameTime            // frames of a tone, or of a gap
	keyVolume   = 10                                            // dBm0 below zero (RFC 4733 section 2.3.4)
	keyEnd      = 0x80                                          // its end bit
	keyEnds     = 3                                             // how often the end is told (section 2.5.1.4)
	half        = int(500 * time.Millisecond / media.FrameTime) // frames of half a second
)

// keyer presses keys, one after the other, on the clock of prompts.
type keyer struct {
	keys      string // what is left
	tone, gap int    // frames
	inBand    bool   // whatever the far end agreed on
	done      func(error)

	code  uint8 // of the key that is pressed
	sound bool  // it is pressed as a tone in the audio
	told  int   // frames of it that were sent; 0: none is pressed
	since int   // frames of it that were sent before its segment, which began at stamp
	ends  int   // packets of its end
	rest  int   // frames to wait for
	stamp uint32
}

// readKeys checks what is to be pressed.
func readKeys(s string) (string, error) {
	if len(s) > maxKeys {
		return "", fmt.Errorf("%w: %d of them, %d at the most", ErrKey, len(s), maxKeys)
	}
	b := []byte(s)
	for i, c := range b {
		if 'a' <= c && c <= 'd' {
			b[i] = c - 'a' + 'A'
		}
		if strings.IndexByte(keys+",wW", b[i]) < 0 {
			return "", fmt.Errorf("%w: %q", ErrKey, c)
		}
	}
	return string(b), nil
}

// inFrames gives d in frames, rounded up.
func inFrames(d, otherwise time.Duration) int {
	if d <= 0 {
		d = otherwise
	}
	return int(min(max((d+media.FrameTime-1)/media.FrameTime, shortest), longest))
}

// SendDigits presses keys at the far end, in place of audio: as telephone events (RFC 4733) where the far end knows them,
// else, or if inBand is true, as tones. "," and "w" pause for half a second, "W" for a second. Tone is how long a key is
// held and gap the silence after it, in steps of 20 ms; 100 ms each when zero, 30 s at the most. Keys wait until the far end
// listens. done is called once: with nil when all is sent, [context.Canceled] when stopped or replaced by other keys, [ErrClosed]
// when the session was closed.
func (s *Session) SendDigits(keys string, tone, gap time.Duration, inBand bool, done func(error)) (stop func()) {
	k := &keyer{tone: inFrames(tone, defaultTone), gap: inFrames(gap, defaultTone), inBand: inBand, done: done}
	var err error
	if k.keys, err = readKeys(keys); err != nil {
		k.end(err)
		return func() {}
	}
	s.tx.mu.Lock()
	if s.closed.Load() {
		s.tx.mu.Unlock()
		k.end(ErrClosed)
		return func() {}
	}
	old := s.tx.letGo(s)
	s.tx.keys = k
	start := !s.tx.ticking
	s.tx.ticking = true
	s.tx.mu.Unlock()
	if start {
		s.sh.startPlaying(s)
	}
	old.end(context.Canceled)
	return func() {
		s.tx.mu.Lock()
		mine := s.tx.keys == k
		if mine {
			s.tx.letGo(s)
		}
		s.tx.mu.Unlock()
		if mine {
			k.end(context.Canceled)
		}
	}
}

// end tells that it is over. A nil keyer has nobody to tell.
func (k *keyer) end(err error) {
	if k != nil && k.done != nil {
		k.done(err)
	}
}

// busy tells whether the keyer has the audio's place. A nil one has not.
func (k *keyer) busy() bool { return k != nil && (k.told > 0 || k.inBand) }

// letGo takes the keyer away and lets go of a key that is pressed: the end of an event must not stay untold.
func (t *sender) letGo(s *Session) *keyer {
	k := t.keys
	if k != nil && k.told > 0 && !k.sound && t.sending {
		for k.ends < keyEnds {
			t.pressEvent(s, k, true)
		}
	}
	t.keys = nil
	return k
}

// press does what is due of the keys in these 20 ms: over tells that all are sent, took that audio has no place. The
// caller holds the lock.
func (t *sender) press(s *Session, now time.Duration) (over, took bool) {
	k := t.keys
	if !t.sending {
		return false, k.busy()
	}
	switch {
	case k.rest > 0:
		k.rest--
	case k.told > 0:
		t.hold(s, k, now)
		return false, true
	case k.keys == "":
		t.keys = nil
		return true, false
	default:
		c := k.keys[0]
		k.keys = k.keys[1:]
		switch c {
		case 'W':
			k.rest = 2*half - 1
		case 'w', ',':
			k.rest = half - 1
		default:
			k.code, k.sound, k.ends, k.since = uint8(strings.IndexByte(keys, c)), k.inBand || t.form.eventType == 0, 0, 0
			if !k.sound {
				t.flush(s)
				k.stamp, t.line.by = t.line.join(0, 0, now), byKeys
			}
			t.hold(s, k, now)
			return false, true
		}
	}
	if k.inBand { // between tones there is silence: who listens for them must not hear speech
		var f media.Frame
		t.say(s, &f, now)
	}
	return false, k.inBand
}

// hold sends 20 ms of the key that is pressed, or tells of its end.
func (t *sender) hold(s *Session, k *keyer, now time.Duration) {
	switch {
	case k.sound:
		var f media.Frame
		tone.Key(f[:], keys[k.code], k.told*media.FrameSamples)
		t.say(s, &f, now)
		if k.told++; k.told == k.tone {
			k.told, k.rest = 0, k.gap
		}
	default:
		t.pressEvent(s, k, k.told+1 >= k.tone)
		if k.ends == keyEnds {
			k.told, k.rest = 0, max(k.gap-keyEnds+1, 0) // the end was told again in the gap
		}
	}
}

// pressEvent sends a packet of the event that is pressed (RFC 4733 section 2.5.1): all bear the time of its start, or of the
// start of its segment where it is a long one (section 2.5.1.3).
func (t *sender) pressEvent(s *Session, k *keyer, end bool) {
	marker := k.told == 0
	if k.told-k.since == segment && k.ends == 0 {
		k.since, k.stamp = k.told, k.stamp+segment*media.FrameSamples
	}
	if k.ends == 0 {
		k.told++
	}
	var b [headerSize + 4]byte
	b[headerSize], b[headerSize+1] = k.code, keyVolume
	if end {
		b[headerSize+1] |= keyEnd
		k.ends++
	}
	length := uint32((k.told - k.since) * media.FrameSamples)
	binary.BigEndian.PutUint16(b[headerSize+2:], uint16(length))
	t.transmit(s, b[:], t.line.seq+1, k.stamp, t.form.eventType, marker)
	t.line.length = length // what comes next begins where the event ends
}
