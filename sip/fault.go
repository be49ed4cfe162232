package sip

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"

	"golang.org/x/time/rate"

	"github.com/switchhook/switchhook/call"
)

// Faults of our own are caught where the work began: what no leg is concerned with is given up ([Server.broke]), what is a
// leg's ends that leg ([Leg.net]). Either is told with its stack, and everything else goes on.

// teller lets what a far end can bring about be logged no faster than one can read, and counts the rest.
type teller struct {
	room   *rate.Limiter
	untold atomic.Int64
}

func newTeller(perSecond float64) *teller {
	return &teller{room: rate.NewLimiter(rate.Limit(perSecond), 10)}
}

// tell logs a line, and how many of its kind before it were not logged.
func (t *teller) tell(log *slog.Logger, level slog.Level, message string, attrs ...any) {
	if !t.room.Allow() {
		t.untold.Add(1)
		return
	}
	if n := t.untold.Swap(0); n > 0 {
		attrs = append(attrs, "untold", n)
	}
	log.Log(context.Background(), level, message, attrs...)
}

// broke tells of work that was given up: the transport or the transaction layer caught its panic.
func (s *Server) broke(fault any, stack []byte) {
	s.faults.tell(s.cfg.Log, slog.LevelError, "SIP message given up: a fault of ours", "fault", fault, "stack", string(stack))
}

// guarded does a piece of the leg's work.
func (l *Leg) guarded(work func()) {
	defer l.net()
	work()
}

// net, deferred, catches a panic in the leg's work and ends the leg.
func (l *Leg) net() {
	fault := recover()
	if fault == nil {
		return
	}
	l.s.faults.tell(l.s.cfg.Log, slog.LevelError, "leg broke", "callId", l.callID, "leg", string(l.id), "fault", fault, "stack", string(debug.Stack()))
	cause := call.Cause{SIP: 500, Q850: 41, By: call.ByPlatform, Label: call.LabelInternal, Text: oneLine(fmt.Sprint(fault))}
	defer func() {
		if recover() != nil { // not even that works: the far end finds out by itself
			l.end(cause, nil)
		}
	}()
	l.hangup(cause, nil)
}
