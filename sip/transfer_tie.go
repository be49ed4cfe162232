package sip

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media"
)

// tie connects two calls: what is written to one end comes out at the other. An attended transfer whose two legs are of two
// calls (RFC 5589 section 7) puts an end into each, in the place of the leg whose far end asked; no INVITE goes out.
type tie struct {
	legs *legs
	ends [2]tieEnd // the one that was dialled, and the one that takes the leg's place
	hops int       // Max-Forwards that what is dialled for either goes on with

	codec atomic.Uint32 // of the last packet

	mu   sync.Mutex
	over bool // guarded by mu
}

// tieEnd is one end of a tie, a leg.
type tieEnd struct {
	*tie
	other    *tieEnd
	id       call.LegID
	party    string
	report   atomic.Pointer[call.Report]
	to       atomic.Pointer[media.Port] // hears what comes from the other end
	in, out  atomic.Pointer[media.Port] // taps
	pressed  atomic.Pointer[func(byte, time.Duration)]
	packets  atomic.Uint64 // that were written to this end
	muted    atomic.Bool
	left     atomic.Bool // its call knows that it is over
	answered bool        // guarded by tie.mu
	start    time.Time
}

var errTie = errors.New("not possible between two calls")

// maxTies bounds how many ties in a row are followed.
const maxTies = 16

// Tie makes a line that takes the place of a leg of ours, of whatever call (call.Dial.Takes). It returns at once; failures
// are reported as call.LegEnded.
func (s *Server) Tie(id call.LegID, d call.Dial, r call.Report) Line {
	t := &tie{legs: &s.legs, hops: 70}
	if hops, ok := s.legs.hops(d.For); ok {
		t.hops = hops - 1
	}
	a, b := &t.ends[0], &t.ends[1]
	*a = tieEnd{tie: t, other: b, id: id, party: d.To, start: time.Now()}
	*b = tieEnd{tie: t, other: a, party: d.From, start: a.start}
	a.report.Store(&r)
	gone := func(why string) {
		t.end(a, call.Cause{SIP: 480, Q850: 31, By: call.ByPlatform, Label: call.LabelRejected, Text: why})
	}
	old := s.legs.find(d.Takes)
	switch {
	case t.hops < 0:
		t.end(a, call.Cause{SIP: 483, Q850: 25, By: call.ByPlatform, Label: call.LabelRejected, Text: "Max-Forwards is used up"})
		return a
	case old == nil:
		gone("the leg to be replaced is gone")
		return a
	}
	s.legs.tie(id, t.hops)
	old.post(func() {
		if old.ended || old.hung {
			gone("the leg to be replaced is over")
			return
		}
		at := call.Attempt{Account: old.trunk.trunk.Account, Trunk: old.trunkID(), From: d.From, To: d.To, At: old.now()}
		s.propose(old, at, func(id call.LegID, r call.Report) Line {
			b.id = id
			s.legs.tie(id, t.hops)
			b.report.Store(&r)
			if t.isOver() { // it ended as it was taken in
				b.leave(call.Cause{Q850: 16, By: call.ByPeer, Label: call.LabelCancelled})
			}
			return b
		}, func() { gone("its call does not take the transfer") })
	})
	return a
}

// tell reports an event of the end to its call, if it has one.
func (e *tieEnd) tell(ev call.Event) {
	if r := e.report.Load(); r != nil {
		(*r)(ev)
	}
}

// end ends both ends, once: who hung up with the cause, the other as if its far end had.
func (t *tie) end(who *tieEnd, cause call.Cause) {
	t.mu.Lock()
	over := t.over
	t.over = true
	t.mu.Unlock()
	if over {
		return
	}
	who.leave(cause)
	who.other.leave(call.Cause{SIP: cause.SIP, Q850: cause.Q850, By: call.ByPeer, Label: cause.Label, Text: cause.Text})
}

// leave tells the end's call, if it has one, that it is over.
func (e *tieEnd) leave(cause call.Cause) {
	if r := e.report.Load(); r != nil && e.left.CompareAndSwap(false, true) {
		e.legs.untie(e.id)
		(*r)(call.LegEnded{Leg: e.id, Cause: cause, Media: statsOf(tieMedia{e}.Stats())})
	}
}

// isOver tells whether both ends have ended.
func (t *tie) isOver() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.over
}

// Ring does nothing: it is answered at once.
func (e *tieEnd) Ring(int, header.List) {}

// Early does nothing, as Ring.
func (e *tieEnd) Early(header.List) {}

// Answer answers both ends, once.
func (e *tieEnd) Answer(rows header.List) {
	e.mu.Lock()
	before := e.over || e.answered
	e.answered = true
	e.mu.Unlock()
	if !before {
		e.tell(call.Answered{Leg: e.id})
		e.other.tell(call.Answered{Leg: e.other.id, Headers: rows})
	}
}

// Hangup ends both ends.
func (e *tieEnd) Hangup(cause call.Cause, _ header.List) { e.end(e, cause) }

// Media gives the end's media.
func (e *tieEnd) Media() media.Session { return tieMedia{e} }

// SendDigits presses keys at who is connected with the other end.
func (e *tieEnd) SendDigits(keys string, tone, gap time.Duration, done func(error)) (stop func()) {
	return tieMedia{e}.SendDigits(keys, tone, gap, false, done)
}

// Describe gives what is known for the record.
func (e *tieEnd) Describe() call.LegRecord { return call.LegRecord{To: e.party, Start: e.start} }

// tieMedia is the media of an end.
type tieMedia struct{ *tieEnd }

// Write lets the other end say it.
func (e tieMedia) Write(p *media.Packet) {
	for range maxTies {
		e.packets.Add(1)
		e.codec.Store(uint32(p.Codec))
		if tap := e.out.Load(); tap != nil {
			(*tap).Write(p)
		}
		o := e.other
		if tap := o.in.Load(); tap != nil {
			(*tap).Write(p)
		}
		to := o.to.Load()
		if to == nil || o.muted.Load() {
			return
		}
		next, tied := (*to).(tieMedia)
		if !tied {
			(*to).Write(p)
			return
		}
		e = next
	}
}

func store(where *atomic.Pointer[media.Port], p media.Port) {
	if p == nil {
		where.Store(nil)
		return
	}
	where.Store(&p)
}

// Connect says who hears what comes from the other end. Where that is the end of a further tie, and these lead back here,
// the far ends have transferred each other until nobody was left: then it ends, and the calls with it.
func (e tieMedia) Connect(p media.Port) {
	store(&e.to, p)
	if _, endless := (tieMedia{e.other}).beyond(); endless {
		e.end(e.tieEnd, call.Cause{SIP: 482, Q850: 25, By: call.ByPlatform, Label: call.LabelRejected, Text: "the calls were transferred in a circle"})
	}
}

// Tap copies what comes from the other end, and what goes there.
func (e tieMedia) Tap(in, out media.Port) {
	store(&e.in, in)
	store(&e.out, out)
}

// Mute keeps what comes from the other end from who is connected.
func (e tieMedia) Mute(on bool) { e.muted.Store(on) }

// beyond gives the media that the other end is connected with, behind further ties where there are such; nil: none. endless
// tells that these lead nowhere but on.
func (e tieMedia) beyond() (s media.Session, endless bool) {
	for range maxTies {
		to := e.other.to.Load()
		if to == nil {
			return nil, false
		}
		next, tied := (*to).(tieMedia)
		if !tied {
			s, _ = (*to).(media.Session)
			return s, false
		}
		e = next
	}
	return nil, true
}

// Play plays to who is connected with the other end.
func (e tieMedia) Play(src media.Source, done func(error)) func() {
	if s, _ := e.beyond(); s != nil {
		return s.Play(src, done)
	}
	done(context.Canceled)
	return func() {}
}

// SendDigits presses keys at who is connected with the other end.
func (e tieMedia) SendDigits(keys string, tone, gap time.Duration, inBand bool, done func(error)) func() {
	if s, _ := e.beyond(); s != nil {
		return s.SendDigits(keys, tone, gap, inBand, done)
	}
	done(errTie)
	return func() {}
}

// OnDigit says who hears keys that come with the other end's audio.
func (e tieMedia) OnDigit(f func(digit byte, held time.Duration)) { e.pressed.Store(&f) }

// RelayDigit lets the other end's call hear a key: it passes with the audio, unless it was signalled.
func (e *tieEnd) RelayDigit(digit byte, held time.Duration, signalled bool) {
	o := e.other
	if signalled {
		o.tell(call.Digit{Leg: o.id, Digit: digit, For: held})
	} else if f := o.pressed.Load(); f != nil {
		(*f)(digit, held)
	}
}

// Stats gives what passed: nothing is lost between two calls.
func (e tieMedia) Stats() media.Stats {
	return media.Stats{PacketsIn: e.other.packets.Load(), PacketsOut: e.packets.Load(), Codec: media.Codec(e.codec.Load())}
}

// Close disconnects the end.
func (e tieMedia) Close() { e.Connect(nil) }
