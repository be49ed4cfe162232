package sip

import (
	"fmt"
	"runtime/debug"
	"sync/atomic"

	"golang.org/x/time/rate"

	"github.com/switchhook/switchhook/call"
)

// Faults of our own are caught where the work began: what no leg is concerned with is given up ([Server.broke]), what is a
// leg's ends that leg ([Leg.net]). Either is told with its stack, and everything else goes on.

// faults tells of faults, and no faster than one can read: who finds one may send it a thousand times a second.
type faults struct {
	room   *rate.Limiter
	untold atomic.Int64
}

func newFaults() *faults { return &faults{room: rate.NewLimiter(1, 10)} }

// tell logs a fault with its stack and how many before it were not told.
func (s *Server) tell(message string, fault any, stack []byte, more ...any) {
	if !s.faults.room.Allow() {
		s.faults.untold.Add(1)
		return
	}
	s.cfg.Log.Error(message, append(more, "fault", fault, "untold", s.faults.untold.Swap(0), "stack", string(stack))...)
}

// broke tells of work that was given up: the transport or the transaction layer caught its panic.
func (s *Server) broke(fault any, stack []byte) {
	s.tell("SIP message given up: a fault of ours", fault, stack)
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
	l.s.tell("leg broke", fault, debug.Stack(), "callId", l.callID, "leg", string(l.id))
	cause := call.Cause{SIP: 500, Q850: 41, By: call.ByPlatform, Label: call.LabelInternal, Text: oneLine(fmt.Sprint(fault))}
	defer func() {
		if recover() != nil { // not even that works: the far end finds out by itself
			l.end(cause, nil)
		}
	}()
	l.hangup(cause, nil)
}
