package sip

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/locate"
	"github.com/switchhook/switchhook/sip/transport"
)

// What the resolver keeps, and for how long what it does not find.
const (
	maxNames   = 4096
	maxLookups = 64 // at one time; half of them for names that far ends name
	keepFailed = 5 * time.Second
	lookupTime = 10 * time.Second
)

// Errors of finding where a request goes.
var (
	errTransportName = errors.New("transport is not udp, tcp or tls, or not one that sips allows")
	errTarget        = errors.New("address may not be called")
	errBusy          = errors.New("too many names being looked up")
)

// finding hears where a name is served.
type finding func(locate.Answer, error)

// resolver looks names up off the shards and remembers what it found. Safe for all goroutines.
type resolver struct {
	find func(context.Context, locate.Query) (locate.Answer, error)
	now  func() time.Time
	ctx  context.Context
	stop context.CancelFunc
	wait sync.WaitGroup

	mu    sync.Mutex
	names map[locate.Query]*name // guarded by mu
	busy  int                    // look-ups that run; guarded by mu
}

// name is what is known of one name. Guarded by the resolver's mu.
type name struct {
	answer  locate.Answer
	err     error
	until   time.Time
	waiting []finding     // not nil while a look-up runs
	last    locate.Answer // of the last look-up that found anything
}

func newResolver(find func(context.Context, locate.Query) (locate.Answer, error), now func() time.Time) *resolver {
	ctx, stop := context.WithCancel(context.Background())
	return &resolver{find: find, now: now, ctx: ctx, stop: stop, names: map[locate.Query]*name{}}
}

// close ends the look-ups and waits for them.
func (r *resolver) close() {
	r.stop()
	r.wait.Wait()
}

// ask calls then with where a name is served: at once if that is known, else from another goroutine.
func (r *resolver) ask(q locate.Query, then finding) { r.askAmong(maxLookups, q, then) }

// askNamed is ask for a name that a far end named: it leaves room for those that the directory names.
func (r *resolver) askNamed(q locate.Query, then finding) { r.askAmong(maxLookups/2, q, then) }

func (r *resolver) askAmong(most int, q locate.Query, then finding) {
	if answer, err, known := r.recall(most, q, then); known {
		then(answer, err)
	}
}

// known gives where a name was served when it was last found, and sees to it that it is looked up in time.
func (r *resolver) known(q locate.Query) locate.Answer {
	r.ask(q, func(locate.Answer, error) {})
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := r.names[q]; n != nil {
		return n.last
	}
	return locate.Answer{}
}

// recall gives what is known, or begins a look-up that then will hear of.
func (r *resolver) recall(most int, q locate.Query, then finding) (locate.Answer, error, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.names[q]
	switch {
	case n != nil && n.waiting != nil:
		n.waiting = append(n.waiting, then)
		return locate.Answer{}, nil, false
	case n != nil && r.now().Before(n.until):
		return n.answer, n.err, true
	case r.busy >= most:
		return locate.Answer{}, errBusy, true
	}
	var last locate.Answer
	if n != nil {
		last = n.last
	} else {
		r.makeRoom()
	}
	r.names[q] = &name{waiting: []finding{then}, last: last}
	r.busy++
	r.wait.Go(func() { r.run(q) })
	return locate.Answer{}, nil, false
}

// makeRoom forgets names that are out of date, or any, when there are too many.
func (r *resolver) makeRoom() {
	if len(r.names) < maxNames {
		return
	}
	now := r.now()
	for q, n := range r.names {
		if n.waiting == nil && now.After(n.until) {
			delete(r.names, q)
		}
	}
	for q, n := range r.names {
		if len(r.names) < maxNames {
			return
		}
		if n.waiting == nil {
			delete(r.names, q)
		}
	}
}

func (r *resolver) run(q locate.Query) {
	ctx, cancel := context.WithTimeout(r.ctx, lookupTime)
	answer, err := r.find(ctx, q)
	cancel()
	keep := answer.TTL
	if err != nil {
		answer, keep = locate.Answer{}, keepFailed
	}
	r.mu.Lock()
	n := r.names[q]
	waiting, last := n.waiting, n.last
	if err == nil {
		last = answer
	}
	*n = name{answer: answer, err: err, until: r.now().Add(keep), last: last}
	r.busy--
	r.mu.Unlock()
	for _, then := range waiting {
		then(answer, err)
	}
}

// hostAddr gives the address that a URI's host is, if it is one and not a name.
func hostAddr(host string) (netip.Addr, bool) {
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	host = strings.Replace(host, ":::", "::", 1) // RFC 5118 section 4.10: to be tolerated
	a, err := netip.ParseAddr(host)
	return a.Unmap(), err == nil
}

// networkOf gives the network that a URI asks for; near's where it asks for none. sips asks for TLS, and for nothing else.
func networkOf(u header.URI, near string) (string, error) {
	t, ok := u.Params.Get("transport")
	t = strings.ToLower(t)
	if strings.EqualFold(u.Scheme, "sips") {
		if ok && t != transport.TCP && t != transport.TLS { // RFC 5630 section 3.1.3: TLS over TCP
			return "", errTransportName
		}
		return transport.TLS, nil
	}
	switch {
	case !ok && near != "":
		return near, nil
	case !ok:
		return transport.UDP, nil
	case t == transport.UDP, t == transport.TCP, t == transport.TLS:
		return t, nil
	}
	return "", errTransportName
}

// portOf gives the port to call.
func portOf(port int, network string) uint16 {
	if port == 0 {
		return transport.DefaultPort(network)
	}
	return uint16(port)
}

// literal is the answer for a host that is an address.
func literal(a netip.Addr, port int, network string) locate.Answer {
	return locate.Answer{Static: true, Targets: []locate.Target{{Network: network, Port: portOf(port, network), Addrs: []netip.Addr{a}}}}
}

// queryOf gives what is to be found of a trunk's peer.
func queryOf(p directory.Peer) locate.Query {
	return locate.Query{Host: strings.ToLower(p.Host), Port: p.Port, Network: string(p.Transport)}
}

// places finds where a peer of a trunk is served, and calls then with the targets in the order in which they are to be
// tried: at once, or from another goroutine.
func (s *Server) places(t *directory.Trunk, p directory.Peer, then func([]transport.Target, error)) {
	found := func(answer locate.Answer, err error) {
		if err != nil {
			then(nil, err)
			return
		}
		then(s.targets(t, p.Host, answer))
	}
	if a, ok := hostAddr(p.Host); ok {
		network := transport.UDP
		if p.Transport != "" {
			network = string(p.Transport)
		}
		found(literal(a, p.Port, network), nil)
		return
	}
	s.names.ask(queryOf(p), found)
}

// targets gives the targets of an answer, those of a family that we don't listen on left out, and those that name
// servers have no business to lead us to: this machine and its link, unless the trunk is there. What asked lately to be
// left alone, or gave no answer, comes last.
func (s *Server) targets(t *directory.Trunk, host string, answer locate.Answer) ([]transport.Target, error) {
	var out []transport.Target
	why := errUnheard
	for _, place := range answer.Order(rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))) {
		a := place.Addr.Addr()
		if !answer.Static && !callable(a, netip.Addr{}) && (t == nil || !s.trunks.of(t).allows(a)) {
			why = fmt.Errorf("%w: %s", errTarget, a)
			continue
		}
		if !s.layer.Local(place.Network, a).IsValid() {
			continue
		}
		to := transport.Target{Network: place.Network, Addr: place.Addr}
		if place.Network == transport.TLS {
			secure, err := s.gate.keys.secure(t, strings.ToLower(host))
			if err != nil {
				return nil, fmt.Errorf("TLS with %s: %w", header.Quote(host), err)
			}
			to.Secure = secure
		}
		out = append(out, to)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: %w", header.Quote(host), why)
	}
	return s.peers.restedLast(out), nil
}

var errUnheard = errors.New("it has no address of a family that is listened on")

// resolve finds where the URI of a next hop inside a dialog is reached, and calls then on the shard of the Call-ID.
// near tells how the far end was reached until now: its flow is used again where it leads to the same host.
func (s *Server) resolve(callID, uri string, near transport.Target, then func(transport.Target, error)) {
	fail := func(err error) { then(transport.Target{}, fmt.Errorf("next hop %s: %w", header.Quote(uri), err)) }
	u, err := header.ParseURI(uri)
	if err != nil || !u.IsSIP() {
		fail(errTarget)
		return
	}
	network, err := networkOf(u, near.Network)
	if err != nil {
		fail(err)
		return
	}
	if near.Network == transport.TLS && network != transport.TLS { // what began in secret goes on so: it bears keys of SRTP
		then(near, nil)
		return
	}
	far := near.Addr.Addr().Unmap()
	reach := func(answer locate.Answer, err error) {
		if err != nil {
			fail(err)
			return
		}
		t, _ := s.cfg.Directory().TrunkBySource(far)
		all, err := s.targets(t, strings.Trim(u.Host, "[]"), answer)
		if err != nil {
			fail(err)
			return
		}
		to := all[0]
		for _, other := range all { // a name that leads to where the far end was goes on leading there
			if other.Network == near.Network && other.Addr.Addr() == far {
				to = other
				break
			}
		}
		switch a := to.Addr.Addr(); {
		case a.IsPrivate() && far.IsValid() && !far.IsPrivate():
			to = near // behind NAT: what it calls itself leads nowhere from here
		case !callable(a, far):
			fail(errTarget)
			return
		case near.Network == to.Network && far == a:
			to.Flow = near.Flow
			if near.Secure != nil {
				to.Secure = near.Secure // who it must prove to be is known
			}
		}
		then(to, nil)
	}
	if a, ok := hostAddr(u.Hop()); ok {
		reach(literal(a, u.Port, network), nil)
		return
	}
	q := locate.Query{Host: strings.ToLower(u.Hop()), Port: u.Port, Network: network}
	s.names.askNamed(q, func(answer locate.Answer, err error) {
		s.layer.Post(callID, func() { reach(answer, err) })
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
