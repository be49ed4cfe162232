package guard

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Config is a guard's settings. Zero values mean the defaults named; a negative one means no limit.
type Config struct {
	Rate    float64       // messages a second from one stranger: 200
	Burst   float64       // as many at once: 1000
	Faults  float64       // weight of faults that gets a stranger banned: 50
	Window  time.Duration // within which, about: they wear off at Faults a Window: 1 min
	Ban     time.Duration // how long a ban lasts: 10 min
	Sources int           // strangers remembered, and as many bans: 16,384

	// Allow are networks that are never dropped.
	Allow []netip.Prefix
	// Exempt tells of sources that are never dropped. It is asked at most once a second for each, under the guard's lock.
	Exempt func(source netip.Addr) bool
	// Banned hears of each new ban. It must not call the guard.
	Banned func(Ban)
}

// Ban is one source that is not listened to.
type Ban struct {
	Source netip.Prefix // an IPv4 address, or the /64 of an IPv6 one
	Since  time.Time
	Until  time.Time
	Why    string // the fault that was the last straw
	Drops  uint64 // messages dropped since
}

// Stats is what a guard tells of itself. All but Banned are totals.
type Stats struct {
	Banned  int    // sources that are banned now
	Bans    uint64 // since the start
	Faults  uint64 // of strangers
	Dropped uint64 // messages of banned sources
	Slowed  uint64 // messages of sources that sent too fast
}

// Guard is safe for all goroutines.
type Guard struct {
	cfg Config

	bans, faults, dropped, slowed atomic.Uint64

	mu      sync.Mutex
	sources *recent[source] // guarded by mu
	banned  *recent[Ban]    // in the order in which they end; guarded by mu
	trusted *recent[int64]  // until when, in Unix nanoseconds; guarded by mu
}

// source is what is kept of one that was heard. Times are Unix nanoseconds.
type source struct {
	tokens  float64
	filled  int64
	faults  float64
	faulted int64
	checked int64 // whether it is exempt
	exempt  bool
}

// New makes a guard.
func New(cfg Config) *Guard {
	def := func(f *float64, v float64) {
		if *f == 0 {
			*f = v
		}
	}
	def(&cfg.Rate, 200)
	def(&cfg.Burst, 1000)
	def(&cfg.Faults, 50)
	if cfg.Window <= 0 {
		cfg.Window = time.Minute
	}
	if cfg.Ban == 0 {
		cfg.Ban = 10 * time.Minute
	}
	if cfg.Sources <= 0 {
		cfg.Sources = 1 << 14
	}
	if cfg.Exempt == nil {
		cfg.Exempt = func(netip.Addr) bool { return false }
	}
	if cfg.Banned == nil {
		cfg.Banned = func(Ban) {}
	}
	return &Guard{cfg: cfg, sources: newRecent[source](cfg.Sources), banned: newRecent[Ban](cfg.Sources), trusted: newRecent[int64](cfg.Sources)}
}

// network gives what counts as one source.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // the length suits the family
	return p
}

// of gives what is known of a source, and whether nothing may be held against it. The caller holds mu.
func (g *Guard) of(a, key netip.Addr, now int64) (*source, bool) {
	s := g.sources.use(key)
	if s.filled == 0 {
		s.tokens, s.filled = g.cfg.Burst, now
	}
	if s.checked == 0 || now-s.checked > int64(time.Second) {
		until := g.trusted.find(key)
		a = a.Unmap()
		s.exempt = until != nil && *until > now || slices.ContainsFunc(g.cfg.Allow, func(p netip.Prefix) bool { return p.Contains(a) }) || g.cfg.Exempt(a)
		s.checked = now
	}
	return s, s.exempt
}

// Admit tells whether a message of a source is to be read: one of a source that is banned, or sends too fast, is not.
func (g *Guard) Admit(a netip.Addr, at time.Time) bool {
	key, now := network(a).Addr(), at.UnixNano()
	g.mu.Lock()
	defer g.mu.Unlock()
	if b := g.banned.find(key); b != nil {
		if at.Before(b.Until) {
			b.Drops++
			g.dropped.Add(1)
			return false
		}
		g.banned.remove(key)
	}
	s, exempt := g.of(a, key, now)
	if exempt || g.cfg.Rate < 0 {
		return true
	}
	if d := now - s.filled; d > 0 {
		s.tokens = min(g.cfg.Burst, s.tokens+float64(d)/float64(time.Second)*g.cfg.Rate)
		s.filled = now
	}
	if s.tokens < 1 {
		g.slowed.Add(1)
		return false
	}
	s.tokens--
	return true
}

// Banned tells whether a source is banned: what it connects is closed.
func (g *Guard) Banned(a netip.Addr, at time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.banned.find(network(a).Addr())
	return b != nil && at.Before(b.Until)
}

// Fault holds something against a source: why says what, weight how much it counts beside others.
func (g *Guard) Fault(a netip.Addr, weight float64, why string, at time.Time) {
	if !a.IsValid() || g.cfg.Faults < 0 {
		return
	}
	if ban, fell := g.fault(a, weight, why, at); fell {
		g.cfg.Banned(ban)
	}
}

func (g *Guard) fault(a netip.Addr, weight float64, why string, at time.Time) (Ban, bool) {
	prefix, now := network(a), at.UnixNano()
	key := prefix.Addr()
	g.mu.Lock()
	defer g.mu.Unlock()
	if b := g.banned.find(key); b != nil && at.Before(b.Until) {
		return Ban{}, false // what came before the ban
	}
	s, exempt := g.of(a, key, now)
	if exempt {
		return Ban{}, false
	}
	g.faults.Add(1)
	if d := now - s.faulted; d > 0 {
		s.faults = max(0, s.faults-float64(d)/float64(g.cfg.Window)*g.cfg.Faults)
		s.faulted = now
	}
	if s.faults += weight; s.faults < g.cfg.Faults {
		return Ban{}, false
	}
	g.sources.remove(key)
	b := g.banned.use(key)
	*b = Ban{Source: prefix, Since: at, Until: at.Add(g.cfg.Ban), Why: why}
	g.bans.Add(1)
	return *b, true
}

// Trust says that a source has proved who it is, by a password or a certificate: nothing is held against it for so long, or
// longer where that was said before.
func (g *Guard) Trust(a netip.Addr, d time.Duration, at time.Time) {
	key := network(a).Addr()
	g.mu.Lock()
	defer g.mu.Unlock()
	until := g.trusted.use(key)
	*until = max(*until, at.Add(d).UnixNano())
	if s := g.sources.find(key); s != nil {
		s.checked = 0
	}
}

// Bans gives those that stand, the oldest first.
func (g *Guard) Bans(at time.Time) []Ban {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := []Ban{}
	g.banned.oldest(func(key netip.Addr, b *Ban) bool {
		if at.Before(b.Until) {
			out = append(out, *b)
		} else {
			g.banned.remove(key)
		}
		return true
	})
	return out
}

// Lift ends the ban of a source; false: there is none.
func (g *Guard) Lift(a netip.Addr) bool {
	if !a.IsValid() {
		return false
	}
	key := network(a).Addr()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.banned.find(key) == nil {
		return false
	}
	g.banned.remove(key)
	g.sources.remove(key)
	return true
}

// Stats gives the guard's figures.
func (g *Guard) Stats(at time.Time) Stats {
	return Stats{
		Banned: len(g.Bans(at)), Bans: g.bans.Load(), Faults: g.faults.Load(), Dropped: g.dropped.Load(), Slowed: g.slowed.Load(),
	}
}
