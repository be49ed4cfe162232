package sip

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/sip/dialog"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transport"
)

const (
	maxFailures = 3               // in a row, and a peer is down, or rests
	maxHealth   = 10_000          // peers that something is known of
	round       = time.Second     // how often it is looked who is to be pinged
	tcpRest     = 5 * time.Minute // how long TCP is not tried again at a peer that does not take it
)

// watch knows which peers are up. Peers of trunks with a keep-alive interval are pinged with OPTIONS: after three
// failures (503, or no answer) in a row they are down, and not called until one is answered. Peers that are not pinged
// rest for a while after three INVITEs failed in a row, and are still called where there is no other. Safe for all
// goroutines.
type watch struct {
	s    *Server
	done chan struct{}
	wait sync.WaitGroup

	sources atomic.Pointer[map[netip.Addr][]string] // addresses of peers that have names → IDs of their trunks, in order

	mu    sync.Mutex
	known map[peerKey]*health // guarded by mu
}

// health is what is known of one peer. Guarded by the watch's mu.
type health struct {
	failures int
	down     bool      // pings say so
	rest     time.Time // not to be called before, if others can be
	noTCP    time.Time // not to be tried over TCP before
	ping     time.Time // when it is pinged next; zero if never
}

func (w *watch) init(s *Server) {
	w.s, w.known, w.done = s, map[peerKey]*health{}, make(chan struct{})
	w.sources.Store(&map[netip.Addr][]string{})
}

func (w *watch) start() { w.wait.Go(w.run) }

func (w *watch) stop() {
	close(w.done)
	w.wait.Wait()
}

func (w *watch) run() {
	tick := time.NewTicker(round)
	defer tick.Stop()
	for {
		for _, d := range w.due(time.Now()) {
			w.ping(d)
		}
		w.learn()
		w.s.tellOverload()
		select {
		case <-tick.C:
		case <-w.done:
			return
		}
	}
}

// pinged is one peer to be pinged.
type pinged struct {
	trunk *directory.Trunk
	peer  directory.Peer
}

// due gives the peers whose ping is due, and forgets peers that are gone.
func (w *watch) due(now time.Time) []pinged {
	trunks := w.s.cfg.Directory().Trunks()
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []pinged
	there := map[peerKey]bool{}
	for _, t := range trunks {
		if t.Keepalive <= 0 || t.Disabled {
			continue
		}
		for _, p := range t.Peers {
			key := keyOf(t.ID, p)
			there[key] = true
			h := w.of(key)
			if h == nil || now.Before(h.ping) {
				continue
			}
			h.ping = now.Add(t.Keepalive)
			out = append(out, pinged{t, p})
		}
	}
	for key, h := range w.known {
		if !h.ping.IsZero() && !there[key] {
			delete(w.known, key)
		}
	}
	return out
}

// learn looks up where calls may come from on trunks that list no addresses and name their peers.
func (w *watch) learn() {
	sources := map[netip.Addr][]string{}
	trunks := w.s.cfg.Directory().Trunks()
	for _, id := range slices.Sorted(maps.Keys(trunks)) { // in order: where two trunks name one host, always the same is first
		t := trunks[id]
		if len(t.Allow) > 0 || t.Disabled || t.OutOnly {
			continue
		}
		for _, p := range t.Peers {
			if _, literal := hostAddr(p.Host); literal {
				continue
			}
			for _, a := range w.s.names.known(strings.ToLower(p.Host)) {
				sources[a.Unmap()] = append(sources[a.Unmap()], id)
			}
		}
	}
	w.sources.Store(&sources)
}

// trunksAt gives the IDs of the trunks that have a named peer at an address and let it call.
func (w *watch) trunksAt(a netip.Addr) []string { return (*w.sources.Load())[a] }

// of gives what is known of a peer; nil when too much is known already. The caller holds mu.
func (w *watch) of(key peerKey) *health {
	h := w.known[key]
	if h == nil && len(w.known) < maxHealth {
		h = &health{}
		w.known[key] = h
	}
	return h
}

// usable gives the peers of a trunk that may be called now.
func (w *watch) usable(t *directory.Trunk) []directory.Peer {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	var up, resting []directory.Peer
	for _, p := range t.Peers {
		switch h := w.known[keyOf(t.ID, p)]; {
		case h == nil:
			up = append(up, p)
		case h.down && t.Keepalive > 0:
		case now.Before(h.rest) && t.Keepalive <= 0:
			resting = append(resting, p)
		default:
			up = append(up, p)
		}
	}
	if len(up) == 0 {
		return resting
	}
	return up
}

// failed counts a failure of a peer: a ping or an INVITE that got 503, or no answer.
func (w *watch) failed(t *directory.Trunk, p directory.Peer) {
	w.mu.Lock()
	h := w.of(keyOf(t.ID, p))
	fell := false
	if h != nil {
		h.failures++
		if h.failures >= maxFailures {
			fell = !h.down && t.Keepalive > 0
			h.down = t.Keepalive > 0
			h.rest = time.Now().Add(w.s.cfg.Timers.Rest)
		}
	}
	w.mu.Unlock()
	if fell {
		w.s.cfg.Log.Warn("peer is down", "trunk", t.ID, "peer", p.Host, "port", p.Port)
		w.s.cfg.Changed(t.ID, p, false)
	}
}

// answered says that a peer has answered.
func (w *watch) answered(t *directory.Trunk, p directory.Peer) {
	w.mu.Lock()
	h := w.known[keyOf(t.ID, p)]
	rose := h != nil && h.down
	if h != nil {
		h.failures, h.down, h.rest = 0, false, time.Time{}
	}
	w.mu.Unlock()
	if rose {
		w.s.cfg.Log.Info("peer is up", "trunk", t.ID, "peer", p.Host, "port", p.Port)
		w.s.cfg.Changed(t.ID, p, true)
	}
}

// takesTCP tells whether TCP may be tried at a peer that is reached over UDP.
func (w *watch) takesTCP(trunk string, p directory.Peer) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.known[keyOf(trunk, p)]
	return h == nil || !time.Now().Before(h.noTCP)
}

// refusesTCP says that TCP to a peer failed.
func (w *watch) refusesTCP(trunk string, p directory.Peer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := w.of(keyOf(trunk, p)); h != nil {
		h.noTCP = time.Now().Add(tcpRest)
	}
}

// ping sends OPTIONS to a peer. No answer within the time for a first response is a failure; one that comes later still
// tells that the peer is up.
func (w *watch) ping(d pinged) {
	s, callID := w.s, randomID()
	network := transport.UDP
	if d.peer.Transport != "" {
		network = string(d.peer.Transport)
	}
	found := func(addrs []netip.Addr, err error) {
		if err != nil {
			w.failed(d.trunk, d.peer)
			return
		}
		s.layer.Post(callID, func() {
			w.options(d, callID, transport.Target{Network: network, Addr: netip.AddrPortFrom(addrs[0].Unmap(), portOf(d.peer.Port))})
		})
	}
	if a, ok := hostAddr(d.peer.Host); ok {
		found([]netip.Addr{a}, nil)
		return
	}
	s.names.find(strings.ToLower(d.peer.Host), found)
}

func (w *watch) options(d pinged, callID string, to transport.Target) {
	s := w.s
	id := dialog.Identity{CallID: callID, Tag: randomID(), Contact: s.contact(to.Network, to.Addr.Addr())}
	id.Local = "<sip:switchhook@" + s.layer.Local(to.Network, to.Addr.Addr()).String() + ">"
	id.Target = requestURI("", d.peer)
	id.Remote = "<" + id.Target + ">"
	m := dialog.Draft(id, "OPTIONS")
	m.Add("Accept", sdpType)
	m.Add("User-Agent", s.cfg.Product)
	told := false
	late := s.layer.After(callID, s.cfg.Timers.Attempt, func() {
		if !told {
			told = true
			w.failed(d.trunk, d.peer)
		}
	})
	s.ask(s.trunks.of(d.trunk), m, to, 0, func(resp *message.Message, err error) {
		late.Stop()
		switch {
		case err == nil && resp.Status != 503:
			w.answered(d.trunk, d.peer)
		case !told:
			w.failed(d.trunk, d.peer)
		}
		told = true
	})
}
