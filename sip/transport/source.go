package transport

import (
	"net/netip"
	"sync"
)

// unicast tells whether a single host can have the address.
func unicast(a netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// maxSources is how many answers of the routing table are remembered.
const maxSources = 1024

// sources remembers which of our addresses packets toward an address leave from.
type sources struct {
	mu    sync.Mutex
	known map[netip.Addr]netip.Addr
}

// toward gives our address toward another; fallback, if the system can't tell.
func (s *sources) toward(n Network, to, fallback netip.Addr) netip.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.known[to]; ok {
		return a
	}
	a, err := n.Source(to)
	if err != nil {
		return fallback
	}
	if s.known == nil || len(s.known) >= maxSources {
		s.known = make(map[netip.Addr]netip.Addr)
	}
	s.known[to] = a
	return a
}
