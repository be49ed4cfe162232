package sip

import (
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/sip/dialog"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
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
	there   atomic.Pointer[map[netip.Addr]bool]     // addresses of all peers

	mu      sync.Mutex
	known   map[peerKey]*health // guarded by mu
	resting map[place]time.Time // what is called after others, and until when; guarded by mu
	pings   map[string]ping     // the last OPTIONS that came by each trunk; guarded by mu
}

// ping is one that came.
type ping struct {
	at   time.Time
	from netip.AddrPort
}

// place is one address of a peer.
type place struct {
	network string
	addr    netip.AddrPort
}

// health is what is known of one peer. Guarded by the watch's mu.
type health struct {
	failures int
	down     bool      // pings say so
	rest     time.Time // not to be called before, if others can be
	busy     time.Time // the same, as the peer itself asked
	noTCP    time.Time // not to be tried over TCP before
	ping     time.Time // when it is pinged next; zero if never
}

func (w *watch) init(s *Server) {
	w.s, w.known, w.resting, w.done = s, map[peerKey]*health{}, map[place]time.Time{}, make(chan struct{})
	w.pings = map[string]ping{}
	w.sources.Store(&map[netip.Addr][]string{})
	w.there.Store(&map[netip.Addr]bool{})
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
		w.s.enrolled.round()
		w.s.tellOverload()
		w.s.tellCertificates()
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
	for id := range w.pings {
		if trunks[id] == nil {
			delete(w.pings, id)
		}
	}
	for key, h := range w.known {
		if !h.ping.IsZero() && !there[key] {
			delete(w.known, key)
		}
	}
	return out
}

// learn looks up where peers that have names are: which trunks that list no addresses calls from there may come by, and
// whom nothing is held against.
func (w *watch) learn() {
	sources, there := map[netip.Addr][]string{}, map[netip.Addr]bool{}
	trunks := w.s.cfg.Directory().Trunks()
	for _, id := range slices.Sorted(maps.Keys(trunks)) { // in order: where two trunks name one host, always the same is first
		t := trunks[id]
		if t.Disabled {
			continue
		}
		for _, p := range t.Peers {
			if a, literal := hostAddr(p.Host); literal {
				there[a] = true
				continue
			}
			for _, target := range w.s.names.known(queryOf(p)).Targets {
				for _, a := range target.Addrs {
					there[a] = true
					if len(t.Allow) == 0 && !t.OutOnly && !slices.Contains(sources[a], id) {
						sources[a] = append(sources[a], id)
					}
				}
			}
		}
	}
	w.sources.Store(&sources)
	w.there.Store(&there)
}

// isPeer tells whether a trunk's peer is at an address, one that is only called included.
func (w *watch) isPeer(a netip.Addr) bool { return (*w.there.Load())[a] }

// trunksAt gives the IDs of the trunks that have a named peer at an address and let it call.
func (w *watch) trunksAt(a netip.Addr) []string { return (*w.sources.Load())[a] }

// pinged takes an OPTIONS that came by a trunk.
func (w *watch) pinged(trunk string, in transport.Incoming) {
	if trunk == "" {
		return // from this machine
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.pings[trunk]; known || len(w.pings) < maxHealth {
		w.pings[trunk] = ping{in.At, in.Source}
	}
}

// Pinged tells when, and from where, the last OPTIONS came by a trunk; false: none has since the start.
func (s *Server) Pinged(trunk string) (at time.Time, from netip.AddrPort, ok bool) {
	s.peers.mu.Lock()
	defer s.peers.mu.Unlock()
	p, ok := s.peers.pings[trunk]
	return p.at, p.from, ok
}

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
		case now.Before(h.rest) && t.Keepalive <= 0, now.Before(h.busy):
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
func (w *watch) failed(t *directory.Trunk, p directory.Peer, why string) {
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
		w.s.cfg.Log.Warn("a trunk's peer is down: it gets no calls until it answers a ping", "trunk", t.ID, "peer", peerName(p), "reason", why)
		w.s.cfg.Changed(t.ID, p, false)
	}
}

// peerName gives a peer as the operator's file names it: its host, and its port and transport where they are set.
func peerName(p directory.Peer) string {
	name := p.Host
	if p.Port != 0 {
		name = net.JoinHostPort(p.Host, strconv.Itoa(p.Port))
	}
	if p.Transport != "" {
		name += ";" + string(p.Transport)
	}
	return name
}

// asked takes the Retry-After of a peer none of whose addresses is left to try (RFC 3261 section 21.5.4).
func (w *watch) asked(t *directory.Trunk, p directory.Peer, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h := w.of(keyOf(t.ID, p)); h != nil {
		h.busy = time.Now().Add(d)
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
		w.s.cfg.Log.Info("a trunk's peer is up again", "trunk", t.ID, "peer", peerName(p))
		w.s.cfg.Changed(t.ID, p, true)
	}
}

// rest says that a place gave no answer, or asked to be left alone for a while; or that it answers.
func (w *watch) rest(to transport.Target, ok bool, d time.Duration) {
	at := place{to.Network, to.Addr}
	w.mu.Lock()
	defer w.mu.Unlock()
	if ok {
		delete(w.resting, at)
		return
	}
	if _, in := w.resting[at]; !in && len(w.resting) >= maxHealth {
		clear(w.resting) // they are called in their turn then
	}
	w.resting[at] = time.Now().Add(d)
}

// restedLast puts what rests behind what does not.
func (w *watch) restedLast(all []transport.Target) []transport.Target {
	if len(all) < 2 {
		return all
	}
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	rests := func(to transport.Target) int {
		if now.Before(w.resting[place{to.Network, to.Addr}]) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(all, func(a, b transport.Target) int { return rests(a) - rests(b) })
	return all
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

// ping sends OPTIONS to all addresses of a peer. No answer within the time for a first response is a failure; one that comes later still
// tells that the peer is up.
func (w *watch) ping(d pinged) {
	s, callID := w.s, randomID()
	s.places(d.trunk, d.peer, func(all []transport.Target, err error) {
		if err != nil {
			w.failed(d.trunk, d.peer, err.Error())
			return
		}
		s.layer.Post(callID, func() {
			p := &pinging{pinged: d, left: len(all)}
			for _, to := range all {
				w.options(p, callID, to)
			}
		})
	})
}

// pinging is one peer with its pings out: one for each address. All are of one shard.
type pinging struct {
	pinged
	left     int // without an outcome
	answered bool
}

// heard takes the outcome of a ping. A peer is up if one of its addresses answers.
func (p *pinging) heard(w *watch, to transport.Target, ok bool, why string) {
	w.rest(to, ok, w.s.cfg.Timers.Rest)
	p.left--
	switch {
	case ok && !p.answered:
		p.answered = true
		w.answered(p.trunk, p.peer)
	case p.left == 0 && !p.answered:
		w.failed(p.trunk, p.peer, why)
	}
}

func (w *watch) options(p *pinging, callID string, to transport.Target) {
	s := w.s
	id := dialog.Identity{CallID: callID, Tag: randomID(), Contact: s.contact(to.Network, to.Addr.Addr())}
	id.Local = "<sip:switchhook@" + s.layer.Local(to.Network, to.Addr.Addr()).String() + ">"
	id.Target = requestURI("", p.peer)
	id.Remote = "<" + id.Target + ">"
	m := dialog.Draft(id, "OPTIONS")
	m.Add("Accept", sdpType)
	m.Add("User-Agent", s.cfg.Product)
	told := false
	late := s.layer.After(callID, s.cfg.Timers.Attempt, func() {
		if !told {
			told = true
			p.heard(w, to, false, "no answer in time")
		}
	})
	s.layer.Send(m, to, func(_ *transaction.Client, resp *message.Message, err error) {
		if resp != nil && resp.Status < 200 {
			return
		}
		late.Stop()
		switch {
		case err == nil && resp.Status != 503:
			if told { // late, and yet
				w.rest(to, true, 0)
				w.answered(p.trunk, p.peer)
				return
			}
			p.heard(w, to, true, "")
		case told:
		case err != nil:
			p.heard(w, to, false, err.Error())
		default:
			p.heard(w, to, false, "it answers 503")
		}
		told = true
	})
}
