package sip

import (
	"maps"
	"sync"

	"github.com/switchhook/switchhook/call"
)

// Refused says how a call came to nothing before there was a record of it.
type Refused struct {
	Direction call.Direction // Out: a limit let it not be placed
	Status    int
}

// refusedCalls counts them. Safe for all goroutines.
type refusedCalls struct {
	mu sync.Mutex
	n  map[Refused]uint64 // guarded by mu
	by map[string]uint64  // by trunk, those with 503; guarded by mu
}

// maxHasty is of how many trunks that is told.
const maxHasty = 65536

// hasty counts a call that came by a trunk and was refused because there were too many.
func (r *refusedCalls) hasty(trunk string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil {
		r.by = map[string]uint64{}
	}
	if _, known := r.by[trunk]; known || len(r.by) < maxHasty {
		r.by[trunk]++
	}
}

// Throttled gives how many calls that came by each trunk were refused with 503 before there was a record of them, since the start.
func (s *Server) Throttled() map[string]uint64 {
	s.gate.refused.mu.Lock()
	defer s.gate.refused.mu.Unlock()
	return maps.Clone(s.gate.refused.by)
}

func (r *refusedCalls) add(d call.Direction, status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n == nil {
		r.n = map[Refused]uint64{}
	}
	r.n[Refused{d, status}]++
}

// Refused gives how many calls were refused, or not placed, so since the start.
func (s *Server) Refused() map[Refused]uint64 {
	s.gate.refused.mu.Lock()
	defer s.gate.refused.mu.Unlock()
	return maps.Clone(s.gate.refused.n)
}
