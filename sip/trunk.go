package sip

import (
	"cmp"
	"container/list"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/profile"
)

// peering is a trunk made ready for calls: its profile applied, its policies compiled, its rate limited. It never
// changes; when the trunk does, another takes its place.
type peering struct {
	key     string           // under which it is kept ready
	trunk   *directory.Trunk // with its profile
	of      *directory.Trunk // as the directory has it
	in, out *header.Compiled
	limit   *rate.Limiter // nil: none
	placed  *rate.Limiter // of calls that we place; nil: none
	keys    *keyring      // nil: none
	signing *signing      // nil: none
	uui     *uuiForm      // nil: nothing is known

	endpoint *directory.Endpoint // what it is in truth; nil for a trunk
}

// allows tells whether calls may come from an address.
func (p *peering) allows(a netip.Addr) bool {
	if p.trunk.OutOnly {
		return false
	}
	for _, prefix := range p.trunk.Allow {
		if prefix.Contains(a) {
			return true
		}
	}
	if len(p.trunk.Allow) > 0 {
		return false
	}
	for _, peer := range p.trunk.Peers {
		if host, ok := hostAddr(peer.Host); ok && host == a {
			return true
		}
	}
	return false
}

// callsFromAnywhere tells whether who proves to be one of the trunk's callers may be anywhere.
func (p *peering) callsFromAnywhere() bool {
	return len(p.trunk.Callers) > 0 && len(p.trunk.Allow) == 0 && !p.trunk.OutOnly
}

// asks tells whether a request from an address must prove to be one of the trunk's callers: each that begins a call, and
// whatever comes from elsewhere.
func (p *peering) asks(method string, from netip.Addr) bool {
	return len(p.trunk.Callers) > 0 && (method == "INVITE" || !p.allows(from))
}

// peerings keeps what is ready of the trunks in use. Safe for all goroutines.
type peerings struct {
	rate  float64 // calls a second of each trunk; 0: no limit
	log   *slog.Logger
	began time.Time // before it no signature holds of who is made ready for the first time
	house house

	mu    sync.Mutex
	ready map[string]*list.Element // of last, by trunk ID and by endpointKey; guarded by mu
	last  list.List                // of *peering, the one that was used last first; guarded by mu
}

// maxPeerings bounds what is kept ready of trunks that may no longer exist.
const maxPeerings = 10_000

// find gives what is ready under a key, which counts as used then; nil: nothing is. The caller holds mu.
func (ps *peerings) find(key string) *peering {
	at := ps.ready[key]
	if at == nil {
		return nil
	}
	ps.last.MoveToFront(at)
	p, _ := at.Value.(*peering) // there is nothing else
	return p
}

// keep keeps what was made ready under its key. Where that is one too many, the one that was not used for the longest time
// is made ready anew when it is needed again: it loses what it counted of its rate. The caller holds mu.
func (ps *peerings) keep(p *peering) {
	if at := ps.ready[p.key]; at != nil {
		at.Value = p
		return
	}
	if ps.last.Len() >= maxPeerings {
		old, _ := ps.last.Remove(ps.last.Back()).(*peering)
		delete(ps.ready, old.key)
		if old.signing != nil { // what it has seen is forgotten: nothing that was signed until now holds again
			ps.began = time.Now()
		}
	}
	ps.ready[p.key] = ps.last.PushFront(p)
}

// of gives the trunk made ready. A policy that does not compile, which the directory never keeps, lets nothing through.
func (ps *peerings) of(t *directory.Trunk) *peering {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	old := ps.find(t.ID)
	if old != nil && old.of == t {
		return old
	}
	return ps.prepare(t.ID, old, t, nil)
}

// prepare makes a trunk, or what an endpoint is as a trunk, ready under a key, in place of what was ready before, if any. The
// caller holds mu.
func (ps *peerings) prepare(key string, old *peering, t *directory.Trunk, e *directory.Endpoint) *peering {
	full := profile.Applied(t)
	p := &peering{key: key, trunk: full, of: t, endpoint: e, in: compiled(full.In, header.In), out: compiled(full.Out, header.Out)}
	var keys *keyring
	var signs *signing
	if old != nil {
		keys, signs = old.keys, old.signing
	}
	p.keys, p.uui = keyringOf(full.Login, keys), formOf(full)
	if p.signing = signingOf(full.Signing, signs, ps.began); p.signing != signs {
		p.signing.tellKeys(ps.log, t.ID)
	}
	var limit, placed *rate.Limiter
	if old != nil {
		limit, placed = old.limit, old.placed
	}
	p.limit, p.placed = limiterOf(cmp.Or(full.Limits.Rate, ps.rate), limit), limiterOf(full.Limits.Placed, placed)
	ps.keep(p)
	return p
}

func compiled(p header.Policy, d header.Direction) *header.Compiled {
	p.Direction = d
	c, err := p.Compile()
	if err != nil {
		c, _ = header.Policy{Name: p.Name, Direction: d}.Compile()
	}
	return c
}

// limiterOf gives the limiter of a rate: the one that there was where it is the same; nil for none.
func limiterOf(perSecond float64, before *rate.Limiter) *rate.Limiter {
	switch {
	case perSecond <= 0:
		return nil
	case before != nil && before.Limit() == rate.Limit(perSecond):
		return before
	}
	return limiter(perSecond)
}

// limiter lets rate calls a second through, and as many at once.
func limiter(perSecond float64) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond)))
}

// trunkFor finds the trunk that a request comes by: the one that the Request-URI's host names, if it lets the source
// call, else the one that the source belongs to, by prefix, address or name, the operator's before those that customers of
// other accounts made. Without either, a source on this machine may be trusted.
func (s *Server) trunkFor(host string, source netip.Addr) (*peering, bool) {
	snapshot := s.cfg.Directory()
	source = source.Unmap()
	local := s.cfg.TrustLoopback && source.IsLoopback()
	if t, ok := snapshot.TrunkByHost(host); ok && !t.Disabled {
		if p := s.trunks.of(t); local || p.allows(source) || p.callsFromAnywhere() || slices.Contains(s.peers.trunksAt(source), t.ID) {
			return p, true
		}
		return nil, false
	}
	by, found := snapshot.TrunkBySource(source)
	for _, id := range s.peers.trunksAt(source) { // as of the last round: the trunk may have changed
		t, ok := snapshot.Trunk(id)
		if !ok || t.Disabled || t.OutOnly || len(t.Allow) > 0 {
			continue
		}
		if !found || by.Made() && !t.Made() && t.Account != by.Account { // a customer takes no peer from the operator
			by, found = t, true
		}
	}
	if found {
		return s.trunks.of(by), true
	}
	return s.open, local
}

// order gives the peers in the order in which they are tried: by priority, and by chance within one, in proportion to
// their weights (as RFC 2782 does for SRV records).
func order(peers []directory.Peer, random *rand.Rand) []directory.Peer {
	out := slices.Clone(peers)
	slices.SortStableFunc(out, func(a, b directory.Peer) int { return a.Priority - b.Priority })
	for from := 0; from < len(out); {
		to, sum := from, 0
		for to < len(out) && out[to].Priority == out[from].Priority {
			sum += max(1, out[to].Weight)
			to++
		}
		at, n := from, random.IntN(sum)
		for n >= max(1, out[at].Weight) {
			n -= max(1, out[at].Weight)
			at++
		}
		chosen := out[at]
		copy(out[from+1:at+1], out[from:at])
		out[from] = chosen
		from++
	}
	return out
}

// peerKey names a peer of a trunk.
type peerKey struct {
	trunk, host, transport string
	port                   int
}

func keyOf(trunk string, p directory.Peer) peerKey {
	return peerKey{trunk, strings.ToLower(p.Host), string(p.Transport), p.Port}
}
