package sip

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/sip/message"
)

// Enrolment is how our registration at one trunk's peers stands.
type Enrolment struct {
	Trunk string
	User  string    // our account there
	Peer  string    // host of the peer that is, or was last, asked
	Up    bool      // we are registered
	Since time.Time // up, or down, since; zero while nothing has been heard
	Until time.Time // when the registration expires; zero where there is none
	Why   string    // why it failed the last time; empty where it did not
}

// enrolments keeps us registered at the peers of trunks that want it (RFC 3261 section 10.2). Safe for all goroutines.
type enrolments struct {
	s *Server

	mu      sync.Mutex
	of      map[string]*enrolment // by trunk; guarded by mu
	leaving bool                  // guarded by mu
}

// round begins the registrations of trunks that are new, and ends those of trunks that want none any more. The watch
// calls it every second.
func (es *enrolments) round() {
	trunks := es.s.cfg.Directory().Trunks()
	es.mu.Lock()
	defer es.mu.Unlock()
	if es.leaving {
		return
	}
	for id, e := range es.of {
		if t := trunks[id]; !enrols(t) || !sameEnrolment(t, e.trunk) {
			es.s.layer.Post(e.callID, func() { e.quit(func() {}) })
			delete(es.of, id)
		}
	}
	for id, t := range trunks {
		if enrols(t) && es.of[id] == nil {
			e := newEnrolment(es.s, t)
			es.of[id] = e
			es.s.layer.Post(e.callID, e.begin)
		}
	}
}

// enrols tells whether a trunk wants us to register at its peers.
func enrols(t *directory.Trunk) bool {
	return t != nil && !t.Disabled && t.Login.Register && len(t.Peers) > 0
}

// sameEnrolment tells whether a trunk has changed in nothing that our registration depends on.
func sameEnrolment(a, b *directory.Trunk) bool {
	return a == b || a.Login == b.Login && slices.Equal(a.Peers, b.Peers)
}

// leave ends all registrations, for good, and waits until the peers have heard of it, a little while at most.
func (es *enrolments) leave(ctx context.Context) {
	es.mu.Lock()
	all := es.of
	es.of, es.leaving = nil, true
	es.mu.Unlock()
	gone := make(chan struct{}, len(all))
	waiting := 0
	for _, e := range all {
		if es.s.layer.Post(e.callID, func() { e.quit(func() { gone <- struct{}{} }) }) {
			waiting++
		}
	}
	ctx, cancel := context.WithTimeout(ctx, closing)
	defer cancel()
	for range waiting {
		select {
		case <-gone:
		case <-ctx.Done():
			return
		}
	}
}

// Enrolments tells how our registrations at trunks' peers stand, in order of trunks.
func (s *Server) Enrolments() []Enrolment {
	es := &s.enrolled
	es.mu.Lock()
	defer es.mu.Unlock()
	out := make([]Enrolment, 0, len(es.of))
	for _, e := range es.of {
		out = append(out, e.told())
	}
	slices.SortFunc(out, func(a, b Enrolment) int {
		return cmp.Or(strings.Compare(a.Trunk, b.Trunk), strings.Compare(a.User, b.User))
	})
	return out
}

// told gives how it stands.
func (e *enrolment) told() Enrolment {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state
}

// tell changes how it stands, and says in the log when we are registered, when no longer, and why.
func (e *enrolment) tell(change func(*Enrolment)) {
	e.mu.Lock()
	before := e.state
	change(&e.state)
	now := e.state
	if now.Up != before.Up || before.Since.IsZero() && now.Why != "" {
		e.state.Since = time.Now()
	}
	e.mu.Unlock()
	log := e.s.cfg.Log.With("trunk", now.Trunk, "peer", now.Peer, "user", now.User)
	switch {
	case now.Up && !before.Up:
		log.Info("registered at a trunk's peer", "until", now.Until)
	case before.Up && !now.Up && now.Why == "":
		log.Info("no longer registered at a trunk's peer")
	case !now.Up && now.Why != "" && now.Why != before.Why:
		log.Warn("not registered at a trunk's peer", "reason", now.Why)
	}
}

// called gives whom a request of a trunk is for. Peers that we are registered at name our account in the Request-URI, for
// that is our Contact, and whom they call in To.
func (p *peering) called(m *message.Message, user string) string {
	if !p.trunk.Login.Register || user != p.trunk.Login.User {
		return user
	}
	u, ok := addressOf(m, "To")
	if !ok || u.User == "" {
		return user
	}
	return party(u)
}
