package far

import (
	"sync/atomic"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/sip"
)

// Line is one call of a phone. Safe for all goroutines.
type Line struct {
	at       call.Attempt
	leg      *sip.Leg
	dialled  bool // it went out
	events   chan call.Event
	answered atomic.Bool
	end      atomic.Pointer[call.LegEnded]
}

// newLine makes a line without a leg.
func newLine(at call.Attempt) *Line { return &Line{at: at, events: make(chan call.Event, 256)} }

// incoming takes a call that came in.
func incoming(at call.Attempt, open sip.Open) *Line {
	l := newLine(at)
	l.leg = open(call.NewLegID(0), l.report)
	return l
}

// report takes an event of the leg. What nobody reads in time is dropped, but for the end.
func (l *Line) report(e call.Event) {
	switch e := e.(type) {
	case call.LegEnded:
		l.end.Store(&e)
		close(l.events)
		return
	case call.Accounted, call.Logged:
		return
	case call.Answered:
		l.answered.Store(true)
	}
	select {
	case l.events <- e:
	default:
	}
}

// Attempt tells who called whom, with which headers.
func (l *Line) Attempt() call.Attempt { return l.at }

// Events gives what happens; closed when the line is over. See [Line.Cause].
func (l *Line) Events() <-chan call.Event { return l.events }

// Cause tells how the line ended; zero while it stands. What [Line.Hangup] ended, this phone's user ended: [call.ByApp].
func (l *Line) Cause() call.Cause { return l.Ended().Cause }

// Ended tells all that is known of its end; zero while it stands.
func (l *Line) Ended() call.LegEnded {
	if e := l.end.Load(); e != nil {
		return *e
	}
	return call.LegEnded{}
}

// Ring tells the caller that it rings (180).
func (l *Line) Ring(rows header.List) { l.leg.Ring(0, rows) }

// Answer answers (200).
func (l *Line) Answer(rows header.List) { l.leg.Answer(rows) }

// Hangup hangs up, or refuses with a status a call that is not answered yet.
func (l *Line) Hangup(status int, rows header.List) {
	label := call.LabelNormal
	switch {
	case status == 486:
		label = call.LabelBusy
	case status != 0:
		label = call.LabelDeclined
	case l.dialled && !l.answered.Load():
		label = call.LabelCancelled
	}
	l.leg.Hangup(call.Cause{SIP: status, By: call.ByApp, Label: label}, rows)
}

// Media gives the line's sound; nil before there is any.
func (l *Line) Media() media.Session { return l.leg.Media() }
