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
