package sip

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// Lockout is a source whose passwords for one user are not looked at, because it guessed too often.
type Lockout struct {
	Source netip.Prefix // an IPv4 address, or the /64 of an IPv6 one
	User   string       // as it was claimed: there need not be one
	Since  time.Time
	Until  time.Time
}

// Lockouts gives those that stand, the oldest first.
func (s *Server) Lockouts() []Lockout { return s.door.guesses.list(time.Now()) }

// Lift ends the ban of a source and all its lockouts; with a user, the lockout for that user alone. False: there is none.
func (s *Server) Lift(source netip.Addr, user string) bool {
	lifted := s.door.guesses.lift(source, user, time.Now())
	if user != "" {
		return lifted
	}
	return s.gate.guard.Lift(source) || lifted
}

func (g *guesses) list(now time.Time) []Lockout {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := []Lockout{}
	for key, t := range g.known {
		if !t.locked(now) {
			continue
		}
		bits := 32
		if key.from.Is6() {
			bits = 64
		}
		out = append(out, Lockout{Source: netip.PrefixFrom(key.from, bits), User: key.user, Since: t.last, Until: t.last.Add(guessRest)})
	}
	slices.SortFunc(out, func(a, b Lockout) int {
		return cmp.Or(a.Since.Compare(b.Since), a.Source.Addr().Compare(b.Source.Addr()), cmp.Compare(a.User, b.User))
	})
	return out
}

// lift forgets what a source guessed of a user, or of all where it is empty; false: it was shut out of none.
func (g *guesses) lift(source netip.Addr, user string, now time.Time) bool {
	if !source.IsValid() {
		return false
	}
	from := houseOf(source.Unmap())
	g.mu.Lock()
	defer g.mu.Unlock()
	lifted := false
	for key, t := range g.known {
		if key.from == from && (user == "" || key.user == user) && t.locked(now) {
			delete(g.known, key)
			lifted = true
		}
	}
	return lifted
}
