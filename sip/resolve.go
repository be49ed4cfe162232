package sip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/transport"
)

// What the resolver keeps, and for how long: the standard library tells no TTL.
const (
	maxNames     = 4096
	maxLookups   = 64
	maxAddresses = 8
	keepFound    = 30 * time.Second
	keepFailed   = 5 * time.Second
	lookupTime   = 5 * time.Second
)

// Errors of finding where a request goes.
var (
	errTransportName = errors.New("transport is not udp or tcp")
	errTarget        = errors.New("address may not be called")
	errBusy          = errors.New("too many names being looked up")
)

// resolver looks host names up off the shards and remembers what it found. Safe for all goroutines.
type resolver struct {
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	now    func() time.Time
	ctx    context.Context
	stop   context.CancelFunc
	wait   sync.WaitGroup

	mu    sync.Mutex
	names map[string]*name // guarded by mu
	busy  int              // look-ups that run; guarded by mu
}

// name is what is known of one host name. Guarded by the resolver's mu.
type name struct {
	addrs   []netip.Addr
	err     error
	until   time.Time
	waiting []func([]netip.Addr, error) // not nil while a look-up runs
	last    []netip.Addr                // found by the last look-up that found any
}

func newResolver(lookup func(context.Context, string) ([]netip.Addr, error), now func() time.Time) *resolver {
	ctx, stop := context.WithCancel(context.Background())
	return &resolver{lookup: lookup, now: now, ctx: ctx, stop: stop, names: map[string]*name{}}
}

// close ends the look-ups and waits for them.
func (r *resolver) close() {
	r.stop()
	r.wait.Wait()
}

// find calls then with the addresses of the host: at once if they are known, else from another goroutine.
func (r *resolver) find(host string, then func([]netip.Addr, error)) {
	if addrs, err, known := r.ask(host, then); known {
		then(addrs, err)
	}
}

// known gives the addresses that the host had when it was last found, and sees to it that they are looked up in time.
func (r *resolver) known(host string) []netip.Addr {
	r.find(host, func([]netip.Addr, error) {})
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := r.names[host]; n != nil {
		return n.last
	}
	return nil
}

// ask gives what is known, or begins a look-up that then will hear of.
func (r *resolver) ask(host string, then func([]netip.Addr, error)) ([]netip.Addr, error, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.names[host]
	switch {
	case n != nil && n.waiting != nil:
		n.waiting = append(n.waiting, then)
		return nil, nil, false
	case n != nil && r.now().Before(n.until):
		return n.addrs, n.err, true
	case r.busy >= maxLookups:
		return nil, errBusy, true
	}
	var last []netip.Addr
	if n != nil {
		last = n.last
	} else {
		r.makeRoom()
	}
	r.names[host] = &name{waiting: []func([]netip.Addr, error){then}, last: last}
	r.busy++
	r.wait.Go(func() { r.run(host) })
	return nil, nil, false
}

// makeRoom forgets names that are out of date, or any, when there are too many.
func (r *resolver) makeRoom() {
	if len(r.names) < maxNames {
		return
	}
	now := r.now()
	for h, n := range r.names {
		if n.waiting == nil && now.After(n.until) {
			delete(r.names, h)
		}
	}
	for h, n := range r.names {
		if len(r.names) < maxNames {
			return
		}
		if n.waiting == nil {
			delete(r.names, h)
		}
	}
}

func (r *resolver) run(host string) {
	ctx, cancel := context.WithTimeout(r.ctx, lookupTime)
	addrs, err := r.lookup(ctx, host)
	cancel()
	keep := keepFound
	if err == nil && len(addrs) == 0 {
		err = errors.New("no address")
	}
	if err != nil {
		addrs, err, keep = nil, fmt.Errorf("look up %s: %w", header.Quote(host), err), keepFailed
	}
	if len(addrs) > maxAddresses {
		addrs = addrs[:maxAddresses]
	}
	r.mu.Lock()
	n := r.names[host]
	waiting, last := n.waiting, n.last
	if err == nil {
		last = addrs
	}
	*n = name{addrs: addrs, err: err, until: r.now().Add(keep), last: last}
	r.busy--
	r.mu.Unlock()
	for _, then := range waiting {
		then(addrs, err)
	}
}

// hostAddr gives the address that a URI's host is, if it is one and not a name.
func hostAddr(host string) (netip.Addr, bool) {
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	host = strings.Replace(host, ":::", "::", 1) // RFC 5118 section 4.10: to be tolerated
	a, err := netip.ParseAddr(host)
	return a.Unmap(), err == nil
}

// networkOf gives the network that a URI asks for; near's where it asks for none.
func networkOf(u header.URI, near string) (string, error) {
	t, ok := u.Params.Get("transport")
	switch {
	case strings.EqualFold(u.Scheme, "sips"):
		return "", errTransportName
	case !ok && near != "":
		return near, nil
	case !ok, strings.EqualFold(t, "udp"):
		return transport.UDP, nil
	case strings.EqualFold(t, "tcp"):
		return transport.TCP, nil
	}
	return "", errTransportName
}

func portOf(port int) uint16 {
	if port == 0 {
		return 5060
	}
	return uint16(port)
}

// resolve finds where the URI of a next hop inside a dialog is reached, and calls then on the shard of the Call-ID.
// near tells how the far end was reached until now: its flow is used again where it leads to the same host.
func (s *Server) resolve(callID, uri string, near transport.Target, then func(transport.Target, error)) {
	u, err := header.ParseURI(uri)
	if err != nil || !u.IsSIP() {
		then(transport.Target{}, fmt.Errorf("next hop %s: %w", header.Quote(uri), errTarget))
		return
	}
	network, err := networkOf(u, near.Network)
	if err != nil {
		then(transport.Target{}, fmt.Errorf("next hop %s: %w", header.Quote(uri), err))
		return
	}
	reach := func(addrs []netip.Addr, err error) {
		if far := near.Addr.Addr().Unmap(); err == nil && addrs[0].IsPrivate() && far.IsValid() && !far.IsPrivate() {
			then(near, nil) // behind NAT: what it calls itself leads nowhere from here
			return
		}
		if err == nil && !callable(addrs[0], near.Addr.Addr()) {
			err = fmt.Errorf("next hop %s: %w", header.Quote(uri), errTarget)
		}
		if err != nil {
			then(transport.Target{}, err)
			return
		}
		to := transport.Target{Network: network, Addr: netip.AddrPortFrom(addrs[0], portOf(u.Port))}
		if near.Network == network && near.Addr.Addr().Unmap() == addrs[0] {
			to.Flow = near.Flow
		}
		then(to, nil)
	}
	if a, ok := hostAddr(u.Host); ok {
		reach([]netip.Addr{a}, nil)
		return
	}
	s.names.find(strings.ToLower(u.Host), func(addrs []netip.Addr, err error) {
		s.layer.Post(callID, func() { reach(addrs, err) })
	})
}

// callable tells whether a far end may make us send to an address: never to many at once, and to this machine or its
// link only if the far end stands there itself.
func callable(a, far netip.Addr) bool {
	far = far.Unmap()
	switch {
	case !a.IsValid(), a.IsUnspecified(), a.IsMulticast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return false
	case a.IsLoopback():
		return far.IsLoopback()
	case a.IsLinkLocalUnicast():
		return far.IsLinkLocalUnicast()
	}
	return true
}
