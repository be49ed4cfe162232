package dialecttest

import (
	"strings"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
)

// state of a leg.
type state string

const (
	trying   state = "unanswered"
	answered state = "answered"
	ended    state = "ended"
)

// Far is the far end of one leg, played by the test. What makes no sense in its state (to answer what is over, to finish
// a prompt where none is heard) has no effect, as on a real line.
type Far struct {
	ID call.LegID

	c     *Call
	dir   call.Direction
	state state
	media bool // it can hear and be heard
	peer  *Far
	room  string // where it is; empty: in none
	heard bool   // by its peer
	sent  header.List
	last  header.List // what its answer to our BYE brings
	cause call.Cause
}

// Ring makes a dialled far end ring.
func (f *Far) Ring(h header.List) {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	if f.dir == call.Out && f.state == trying {
		f.c.emit(call.Ringing{Leg: f.ID, Headers: h})
	}
}

// Progress makes a dialled far end send early media.
func (f *Far) Progress(h header.List) {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	if f.dir == call.Out && f.state == trying {
		f.c.emit(call.Progress{Leg: f.ID, Headers: h})
		f.hears()
	}
}

// Answer makes a dialled far end answer.
func (f *Far) Answer(h header.List) {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	if f.dir != call.Out || f.state != trying {
		return
	}
	f.state = answered
	f.c.emit(call.Answered{Leg: f.ID, Headers: h})
	f.hears()
	for _, op := range f.ops() {
		f.c.done(op, call.Result{Headers: h}, nil)
	}
}

// Refuse makes a dialled far end refuse the call.
func (f *Far) Refuse(cause call.Cause, h header.List) {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	if f.dir == call.Out && f.state == trying {
		f.end(cause, h)
	}
}

// Hangup makes the far end hang up: a caller before the answer cancels.
func (f *Far) Hangup(h header.List) {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	cause := call.Cause{By: call.ByPeer, Q850: 16, Label: call.LabelNormal}
	if f.state == trying {
		cause = call.Cause{SIP: 487, By: call.ByPeer, Label: call.LabelCancelled}
	}
	f.end(cause, h)
}

// Consent makes the far end's answer to our BYE, or to our CANCEL, bring headers.
func (f *Far) Consent(h header.List) {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	f.last = h
}

// Press makes the far end press a key, which ends a prompt that waits for it.
func (f *Far) Press(digit byte) {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	if f.state == ended {
		return
	}
	f.c.emit(call.Digit{Leg: f.ID, Digit: digit, For: 100 * time.Millisecond})
	for _, op := range f.ops() {
		var until string
		switch cmd := op.cmd.(type) {
		case call.Play:
			until = cmd.Until
		case call.Say:
			until = cmd.Until
		case call.RecordAudio:
			until = cmd.Until
		}
		if strings.IndexByte(until, digit) >= 0 {
			f.c.complete(op, call.Result{Digit: digit}, nil)
		}
	}
}

// Finish lets the prompt that the far end hears come to its end.
func (f *Far) Finish() { f.Fail(nil) }

// Fail breaks the prompt that the far end hears: a file that can't be read, speech that can't be made.
func (f *Far) Fail(err error) {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	f.finish(err, 0)
}

// Hears gives the Play or Say that the far end hears; nil when none.
func (f *Far) Hears() call.Command {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	for _, op := range f.ops() {
		if isPrompt(op.cmd) {
			return op.cmd
		}
	}
	return nil
}

func isPrompt(cmd call.Command) bool {
	switch cmd.(type) {
	case call.Play, call.Say:
		return true
	}
	return false
}

// Answered tells whether the leg is answered and not over.
func (f *Far) Answered() bool {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	return f.state == answered
}

// Ended tells whether the leg is over, and why.
func (f *Far) Ended() (call.Cause, bool) {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	return f.cause, f.state == ended
}

// Peer gives the far end that this one talks with; nil when none.
func (f *Far) Peer() *Far {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	if !f.heard {
		return nil
	}
	return f.peer
}

// Got gives the headers that the driver last sent to the far end with a Dial, an Answer or a Hangup.
func (f *Far) Got() header.List {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	return f.sent
}

// What follows runs with c.mu held.

// ops gives the operations of the leg, as they are now.
func (f *Far) ops() []operation {
	var mine []operation
	for _, op := range f.c.ops {
		if op.leg == f {
			mine = append(mine, op)
		}
	}
	return mine
}

// finish ends the leg's prompt.
func (f *Far) finish(err error, digit byte) {
	for _, op := range f.ops() {
		if isPrompt(op.cmd) {
			f.c.done(op, call.Result{Digit: digit}, err)
		}
	}
}

func (f *Far) part() {
	if f.peer == nil {
		return
	}
	if f.heard {
		f.c.emit(call.Parted{A: f.ID, B: f.peer.ID})
	}
	f.heard, f.peer.heard = false, false
	f.peer.peer, f.peer = nil, nil
}

// hears gives the leg media.
func (f *Far) hears() {
	f.media = true
	f.connect()
}

// hearsEarly gives an unanswered caller early media.
func (f *Far) hearsEarly() {
	if f.dir == call.In {
		f.hears()
	}
}

// connect lets the leg and its peer hear each other, if both have media.
func (f *Far) connect() {
	if f.peer != nil && !f.heard && f.media && f.peer.media {
		f.heard, f.peer.heard = true, true
		f.c.emit(call.Joined{A: f.ID, B: f.peer.ID})
	}
}

// end ends the leg: its operations, its bridge, then itself.
func (f *Far) end(cause call.Cause, h header.List) {
	if f.state == ended {
		return
	}
	recordings := f.recordings()
	for _, op := range f.ops() {
		switch op.cmd.(type) {
		case call.Dial:
			f.c.done(op, call.Result{}, &call.Refusal{Cause: cause, Headers: h})
		case call.RecordAudio: // over when the file is in its bucket
		default:
			f.c.done(op, call.Result{}, call.ErrLegEnded)
		}
	}
	f.part()
	if f.room != "" {
		f.c.emit(call.Left{Leg: f.ID, Room: f.room})
	}
	f.state, f.cause, f.room = ended, cause, ""
	f.c.emit(call.LegEnded{Leg: f.ID, Cause: cause, Headers: h})
	for _, op := range recordings {
		f.c.complete(op, call.Result{}, nil)
	}
}
