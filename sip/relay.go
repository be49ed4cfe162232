package sip

import (
	"time"
)

// relaying is keys of the leg that this one is joined with, on their way to the far end one after the other.
type relaying struct {
	due  []pressedKey
	busy bool
}

type pressedKey struct {
	digit byte
	held  time.Duration
}

const (
	maxDue     = 64 // keys that wait; what comes beyond is not passed on
	relayedGap = 60 * time.Millisecond
	relayedMin = 60 * time.Millisecond
	relayedMax = 2 * time.Second
)

// RelayDigit passes on a key that the far end of the leg joined with this one has pressed, where it is not passed on with
// the audio: it came by signalling, or this far end's trunk wants keys by INFO.
func (l *Leg) RelayDigit(digit byte, held time.Duration, signalled bool) {
	if !signalled && l.trunk.audio().Keys != "info" {
		return
	}
	l.post(func() {
		if len(l.media.keys.due) < maxDue {
			l.media.keys.due = append(l.media.keys.due, pressedKey{digit, min(max(held, relayedMin), relayedMax)})
			l.relayNext()
		}
	})
}

// relayNext presses the next key when none is being pressed. A key that the far end does not take is lost, as on any line.
func (l *Leg) relayNext() {
	r := &l.media.keys
	if r.busy || len(r.due) == 0 || l.ended {
		return
	}
	k := r.due[0]
	r.due, r.busy = r.due[1:], true
	l.SendDigits(string(rune(k.digit)), k.held, relayedGap, func(error) {
		l.post(func() {
			r.busy = false
			l.relayNext()
		})
	})
}
