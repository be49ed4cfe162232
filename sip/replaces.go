package sip

import (
	"log/slog"
	"net/url"
	"strings"
	"sync"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/sip/message"
)

// replaces names a dialog, as who is told of it knows it (RFC 3891 section 6.1): toTag is its own.
type replaces struct {
	callID, toTag, fromTag string
	early                  bool // only while the dialog is early
}

// String gives the value of Replaces.
func (r replaces) String() string {
	s := r.callID + ";to-tag=" + r.toTag + ";from-tag=" + r.fromTag
	if r.early {
		s += ";early-only"
	}
	return s
}

// parseReplaces reads the value of Replaces. Escapes that are left, of a value that was escaped twice in a Refer-To, are
// decoded.
func parseReplaces(value string) (replaces, error) {
	bad := &targetError{400, "Replaces names no dialog"}
	if !strings.Contains(value, ";") && strings.Contains(strings.ToLower(value), "%3b") {
		v, err := url.PathUnescape(value)
		if err != nil || header.CheckWire("Replaces", v) != nil {
			return replaces{}, bad
		}
		value = v
	}
	callID, rest, _ := strings.Cut(value, ";")
	r := replaces{callID: clone(strings.TrimSpace(callID))}
	for p := range strings.SplitSeq(rest, ";") {
		name, v, _ := strings.Cut(p, "=")
		v = clone(strings.TrimSpace(v))
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "to-tag":
			if r.toTag != "" {
				return r, bad
			}
			r.toTag = v
		case "from-tag":
			if r.fromTag != "" {
				return r, bad
			}
			r.fromTag = v
		case "early-only":
			r.early = true
		}
	}
	if r.callID == "" || strings.ContainsAny(r.callID, " ,") || !header.IsToken(r.toTag) || !header.IsToken(r.fromTag) {
		return r, bad
	}
	return r, nil
}

// replacing reads the Replaces of an INVITE; nil: there is none.
func replacing(m *message.Message) (*replaces, error) {
	switch n := m.Headers.Count("Replaces"); {
	case n == 0:
		return nil, nil
	case n > 1:
		return nil, &targetError{400, "several Replaces"}
	}
	r, err := parseReplaces(m.Get("Replaces"))
	if err != nil {
		return nil, err
	}
	return &r, nil
}

// seek finds the leg of a dialog for a peer of a trunk that wants to replace it, and calls then on that dialog's shard: with
// the leg, or the status that says why not (RFC 3891 section 3). Who is not concerned with a dialog does not learn whether
// there is one.
func (s *Server) seek(r replaces, p *peering, then func(*Leg, int)) {
	s.layer.Post(r.callID, func() {
		old, _ := s.dialogs.Find(r.callID, r.toTag, r.fromTag).(*Leg)
		switch {
		case old == nil, old.id == "", !p.shares(old.trunk):
			then(nil, 481)
		case !p.transfers():
			then(nil, 403)
		case old.ended, old.hung:
			then(nil, 603)
		case old.established && r.early:
			then(nil, 486)
		case !old.established && old.direction == call.In:
			then(nil, 481)
		default:
			old.guarded(func() { then(old, 0) })
		}
	})
}

// shares tells whether the peers of two trunks may know each other's dialogs: it is one trunk, or both are endpoints of one
// account.
func (p *peering) shares(o *peering) bool {
	switch {
	case p == o:
		return true
	case p.endpoint != nil || o.endpoint != nil:
		return p.endpoint != nil && o.endpoint != nil && p.endpoint.Account == o.endpoint.Account
	}
	return p.trunk.ID != "" && p.trunk.ID == o.trunk.ID
}

// takeOver hands a leg whose INVITE bears Replaces to the call of the leg whose place it shall take.
func (s *Server) takeOver(l *Leg, r replaces, at call.Attempt) {
	s.seek(r, l.trunk, func(old *Leg, status int) {
		if status == 0 {
			l.post(func() {
				if !l.ended {
					l.toll.moves(old)
				}
			})
			s.propose(old, at, func(id call.LegID, report call.Report) Line { return l.open(id, report) }, func() { l.unwanted(480, "its call does not take it") })
			return
		}
		s.refusals.tell(s.cfg.Log, slog.LevelInfo, "call refused", "trunk", l.trunkID(), "source", at.Source, "callId", l.callID,
			"to", at.To, "status", status, "reason", "the dialog that Replaces names can't be replaced")
		l.unwanted(status, "Replaces")
	})
}

// unwanted refuses a leg that nobody opened.
func (l *Leg) unwanted(status int, why string) {
	l.post(func() {
		l.hangup(call.Cause{SIP: status, Q850: meaningOf(status).q850, By: call.ByPlatform, Label: call.LabelRejected, Text: why}, nil)
	})
}

// Line is our end of something that can be talked over: a [Leg], or an end of a tie between two calls.
type Line interface {
	Ring(status int, rows header.List)
	Early(rows header.List)
	Answer(rows header.List)
	Hangup(cause call.Cause, rows header.List)
	Media() media.Session
	Describe() call.LegRecord
}

// adoptions are the lines that wait for the call of a leg whose place they shall take. Safe for all goroutines.
type adoptions struct {
	mu      sync.Mutex
	last    uint64                                        // guarded by mu
	waiting map[uint64]func(call.LegID, call.Report) Line // guarded by mu
}

func (a *adoptions) add(open func(call.LegID, call.Report) Line) uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waiting == nil {
		a.waiting = map[uint64]func(call.LegID, call.Report) Line{}
	}
	a.last++
	a.waiting[a.last] = open
	return a.last
}

// take gives what waits, once; nil: nothing does.
func (a *adoptions) take(token uint64) func(call.LegID, call.Report) Line {
	a.mu.Lock()
	defer a.mu.Unlock()
	open := a.waiting[token]
	delete(a.waiting, token)
	return open
}

// propose offers a line to the call of a leg, on that leg's shard. A call that does not take it in time does not want it.
func (s *Server) propose(old *Leg, at call.Attempt, open func(call.LegID, call.Report) Line, unwanted func()) {
	token := s.legs.adopt.add(open)
	old.emit(call.Replacement{Leg: old.id, Attempt: at, Token: token})
	old.after(s.cfg.Timers.Part, func() {
		if s.legs.adopt.take(token) != nil {
			unwanted()
		}
	})
}

// Adopt gives a call the line that a call.Replacement told of; nil, with LegEnded reported, where it is gone by now.
func (s *Server) Adopt(token uint64, id call.LegID, report call.Report) Line {
	open := s.legs.adopt.take(token)
	if open == nil {
		report(call.LegEnded{Leg: id, Cause: call.Cause{SIP: 487, Q850: 16, By: call.ByPeer, Label: call.LabelCancelled}})
		return nil
	}
	return open(id, report)
}
