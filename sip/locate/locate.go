package locate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"
)

// Bounds of one answer.
const (
	maxTargets   = 8  // names that SRV records give
	maxAddresses = 8  // of one name
	maxPlaces    = 32 // in all
	maxLookups   = 24 // questions to name servers
	maxServices  = 8  // of these, for NAPTR and SRV: the rest is for the addresses of all targets, of both kinds
)

// Bounds of how long an answer is kept.
const (
	shortest = 5 * time.Second
	longest  = time.Hour
	usual    = 30 * time.Second // where nobody says: the system's resolver tells no TTL
)

// Query is what is to be found.
type Query struct {
	Host    string // a name in lower case, no address
	Port    int    // 0: none is given
	Network string // "udp", "tcp" or "tls"; empty: none is given
	Secure  bool   // TLS alone will do (sips:)
}

// Target is one server of a domain.
type Target struct {
	Network  string // "udp", "tcp" or "tls"
	Host     string // its name
	Port     uint16
	Priority int // lower is tried first
	Weight   int // share within one priority
	Addrs    []netip.Addr
}

// Answer is where a domain is served.
type Answer struct {
	Targets []Target
	TTL     time.Duration // how long it may be kept
	Static  bool          // from /etc/hosts: what the operator wrote there
}

// Place is one address to call.
type Place struct {
	Network string
	Addr    netip.AddrPort
}

// Order gives the places in the order in which they are tried: by priority, and by chance within one, in proportion to
// the weights (RFC 2782). A server's addresses follow each other.
func (a Answer) Order(random *rand.Rand) []Place {
	targets := slices.Clone(a.Targets)
	slices.SortStableFunc(targets, func(x, y Target) int { return cmp.Compare(x.Priority, y.Priority) })
	var out []Place
	for from := range targets {
		to, sum := from, 0
		for to < len(targets) && targets[to].Priority == targets[from].Priority {
			sum += targets[to].Weight
			to++
		}
		at := from
		if sum > 0 {
			for n := random.IntN(sum); n >= targets[at].Weight; at++ {
				n -= targets[at].Weight
			}
		}
		chosen := targets[at]
		copy(targets[from+1:at+1], targets[from:at])
		targets[from] = chosen
		for _, addr := range chosen.Addrs {
			if p := (Place{chosen.Network, netip.AddrPortFrom(addr, chosen.Port)}); len(out) < maxPlaces && !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	return out
}

// Config is a locator's settings.
type Config struct {
	// Servers are the name servers to ask. Empty: those of /etc/resolv.conf for NAPTR and SRV, the system's resolver for
	// addresses.
	Servers []netip.AddrPort
	// Timeout is how long one server is waited for: 2 s.
	Timeout time.Duration
	// Hosts is the file of static names: /etc/hosts.
	Hosts string
	// Lookup finds addresses by the system's resolver: net.DefaultResolver.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// Plain: no name server is asked for NAPTR and SRV.
	Plain bool
}

// Locator finds. Safe for all goroutines; it keeps nothing.
type Locator struct {
	cfg Config
}

// New makes a locator.
func New(cfg Config) *Locator {
	if cfg.Timeout <= 0 {
		cfg.Timeout = 2 * time.Second
	}
	if cfg.Hosts == "" {
		cfg.Hosts = "/etc/hosts"
	}
	if cfg.Lookup == nil {
		cfg.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	return &Locator{cfg}
}

// Errors of finding nothing.
var (
	// ErrNone: there is no server of the kind that was asked for.
	ErrNone = errors.New("no address")
	// ErrNoService: the domain says itself that it is not served so (RFC 2782: an SRV record whose target is ".").
	ErrNoService = errors.New(`the domain says that it has no such service (SRV ".")`)
)

// Find finds where a domain is served. What can't be found out by NAPTR or SRV is looked for by address, as if there were
// none: a name server that does not know these records must not cut a peer off. A domain that says that it has no such
// service is [ErrNoService], whatever addresses it has.
func (l *Locator) Find(ctx context.Context, q Query) (Answer, error) {
	q.Host = strings.TrimSuffix(q.Host, ".")
	if addrs := l.static(q.Host); len(addrs) > 0 {
		return Answer{Targets: []Target{q.plain(addrs)}, TTL: shortest, Static: true}, nil
	}
	s := &search{l: l, ttl: longest, most: maxServices}
	brief, cancel := context.WithTimeout(ctx, 2*l.cfg.Timeout) // addresses need their time too
	services := s.services(brief, q)
	cancel()
	s.most = maxLookups
	if len(services) == 0 {
		if slices.Contains(s.denied, q.network()) {
			return Answer{}, fmt.Errorf("look up %q: %s: %w", q.Host, q.network(), ErrNoService)
		}
		addrs, err := s.addresses(ctx, q.Host)
		if err != nil {
			return Answer{}, fmt.Errorf("look up %q: %w", q.Host, err)
		}
		return Answer{Targets: []Target{q.plain(addrs)}, TTL: s.kept()}, nil
	}
	a := Answer{}
	var errs []error
	for _, t := range services {
		addrs, err := s.addresses(ctx, t.Host)
		if err != nil {
			errs = append(errs, fmt.Errorf("look up %q, which serves %q: %w", t.Host, q.Host, err))
			continue
		}
		t.Addrs = addrs
		a.Targets = append(a.Targets, t)
	}
	if a.TTL = s.kept(); len(a.Targets) == 0 {
		return Answer{}, errors.Join(errs...)
	}
	return a, nil
}

// plain is the one target of a name that has neither NAPTR nor SRV records.
func (q Query) plain(addrs []netip.Addr) Target {
	t := Target{Network: q.network(), Host: q.Host, Port: uint16(q.Port), Addrs: addrs}
	if t.Port == 0 {
		t.Port = 5060
		if t.Network == "tls" {
			t.Port = 5061
		}
	}
	return t
}

// network is the one that the query asks for: UDP where it does not say (RFC 3263 section 4.1).
func (q Query) network() string {
	switch {
	case q.Network != "":
		return q.Network
	case q.Secure:
		return "tls"
	}
	return "udp"
}

// static gives the addresses that the file of static names has of a host.
func (l *Locator) static(host string) []netip.Addr {
	if host == "localhost" {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()}
	}
	text, err := os.ReadFile(l.cfg.Hosts)
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 2 || len(out) == maxAddresses {
			continue
		}
		a, err := netip.ParseAddr(fields[0])
		if err == nil && slices.ContainsFunc(fields[1:], func(name string) bool { return strings.EqualFold(name, host) }) {
			out = append(out, a.Unmap().WithZone(""))
		}
	}
	return out
}

// search is one run of Find.
type search struct {
	l       *Locator
	ttl     time.Duration // the least that was said
	lookups int
	most    int      // lookups now allowed
	denied  []string // networks by which the domain says that it is not served
	dead    error    // no name server answers: none is asked again
}

// kept gives how long the answer may be kept.
func (s *search) kept() time.Duration { return min(max(s.ttl, shortest), longest) }

// live makes a TTL count.
func (s *search) live(seconds uint32) {
	if d := time.Duration(seconds) * time.Second; d < s.ttl {
		s.ttl = d
	}
}

// addresses gives the addresses of a name, IPv6 and IPv4.
func (s *search) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if addrs := s.l.static(host); len(addrs) > 0 {
		return addrs, nil
	}
	var addrs []netip.Addr
	var err error
	if len(s.l.cfg.Servers) > 0 {
		addrs, err = s.hosts(ctx, host)
	} else {
		addrs, err = s.l.cfg.Lookup(ctx, host)
		s.live(uint32(usual / time.Second))
	}
	if err == nil && len(addrs) == 0 {
		err = ErrNone
	}
	if err != nil {
		return nil, err
	}
	out := make([]netip.Addr, 0, len(addrs))
	for _, a := range addrs {
		if a = a.Unmap().WithZone(""); !slices.Contains(out, a) && len(out) < maxAddresses {
			out = append(out, a)
		}
	}
	return out, nil
}
