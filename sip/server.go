package sip

import (
	"container/list"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/dialog"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
	"github.com/switchhook/switchhook/sip/transport"
)

// Server is the SIP edge. Its methods are safe for all goroutines.
type Server struct {
	cfg      Config
	sockets  *transport.Layer
	layer    *transaction.Layer
	dialogs  *dialog.Set
	names    *resolver
	gate     gate
	trunks   peerings
	loads    loads
	open     *peering // of requests from this machine that no trunk claims
	every    *header.Compiled
	limit    *rate.Limiter
	legs     legs
	peers    watch
	door     *doorman
	enrolled enrolments
	draining atomic.Bool
	told     struct{ refused, dropped int64 } // of overload; the watch's
	faults   *teller
	refusals *teller      // of INVITEs and of media
	close    func() error // once
}

var _ transaction.User = (*Server)(nil)

// New opens the sockets. Nothing is read before [Server.Serve]. Close it when done with, served or not.
func New(cfg Config) (*Server, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, names: newResolver(cfg.Locate, time.Now), faults: newTeller(1), refusals: newTeller(20)}
	if cfg.Transport.Recovered == nil {
		cfg.Transport.Recovered = s.broke
	}
	s.peers.init(s)
	s.openGate(&cfg.Transport)
	var err error
	if s.sockets, err = transport.New(cfg.Transport); err != nil {
		return nil, fmt.Errorf("SIP server: %w", err)
	}
	s.openHouse()
	s.gate.keys.open(cfg.Directory())
	s.trunks.rate, s.trunks.log, s.trunks.began, s.trunks.ready = cfg.Limits.TrunkRate, cfg.Log, time.Now(), map[string]*list.Element{}
	trusted := header.Trusted()
	s.open = &peering{trunk: &directory.Trunk{In: trusted, Out: trusted}, in: compiled(trusted, header.In), out: compiled(trusted, header.Out)}
	s.every = compiled(header.Policy{Trusted: true, Rules: []header.Rule{{Match: "*", Do: header.Keep}}}, header.In)
	if cfg.Limits.Rate > 0 {
		s.limit = limiter(cfg.Limits.Rate)
	}
	s.legs = legs{max: cfg.Limits.Legs, byID: map[call.LegID]*Leg{}, ties: map[call.LegID]int{}, all: map[*Leg]call.LegID{}}
	s.layer = transaction.New(transaction.Config{
		Transport: s.sockets, User: s, T1: cfg.Timers.T1, T2: cfg.Timers.T2, T4: cfg.Timers.T4, Shards: cfg.Shards,
		Recovered: s.broke,
	})
	s.dialogs = dialog.New(dialog.Config{
		Layer: s.layer, Resolve: s.resolve, T1: cfg.Timers.T1, T2: cfg.Timers.T2, Max: 2 * cfg.Limits.Legs,
	})
	s.door = s.newDoorman()
	s.enrolled = enrolments{s: s, of: map[string]*enrolment{}}
	s.close = sync.OnceValue(s.shut)
	return s, nil
}

// Serve begins to serve, once. It returns at once.
func (s *Server) Serve() {
	s.layer.Start()
	s.peers.start()
	s.gate.keys.start(s.cfg.Directory)
}

// Addrs gives the addresses listened on, as bound.
func (s *Server) Addrs() []transport.Listen {
	return s.sockets.Addrs()
}

// Legs gives the number of legs that stand.
func (s *Server) Legs() int { return s.legs.len() }

// Dialogs gives the number of dialogs that stand: those of legs, and some that end a little after their leg.
func (s *Server) Dialogs() int { return s.dialogs.Len() }

// Overload gives how many requests were refused with 503, and messages dropped, because too many others waited or stood.
func (s *Server) Overload() (refused, dropped int64) {
	st := s.layer.Stats()
	return st.Refused, st.Discarded
}

// tellOverload says so in the log, once each round. No call comes of what is refused there.
func (s *Server) tellOverload() {
	refused, dropped := s.Overload()
	if r, d := refused-s.told.refused, dropped-s.told.dropped; r > 0 || d > 0 {
		s.cfg.Log.Warn("overload: more SIP messages came than can be served", "refused", r, "dropped", d)
	}
	s.told.refused, s.told.dropped = refused, dropped
}

// Drain refuses new calls (503) and answers OPTIONS with 503 from now on, ends our registrations, and waits until no leg stands or the context
// is done.
func (s *Server) Drain(ctx context.Context) error {
	s.draining.Store(true)
	s.enrolled.leave(ctx)
	select {
	case <-s.legs.none():
		return nil
	case <-ctx.Done():
		return fmt.Errorf("draining: %d legs still stand: %w", s.legs.len(), ctx.Err())
	}
}

// closing is how long Close waits for the far ends to hear that their legs are over.
const closing = 2 * time.Second

// Close hangs up what stands, waits a little for the far ends to answer, and closes the sockets. Idempotent.
func (s *Server) Close() error { return s.close() }

func (s *Server) shut() error {
	s.draining.Store(true)
	s.peers.stop()
	for _, l := range s.legs.list() {
		l.Hangup(call.Cause{SIP: 503, By: call.ByPlatform, Label: call.LabelDrained}, nil)
	}
	patience, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	s.enrolled.leave(patience)
	select {
	case <-s.legs.none():
	case <-patience.Done():
	}
	s.names.close()
	err := s.sockets.Close()
	s.gate.keys.close(patience.Done())
	s.layer.Close()
	for _, l := range s.legs.list() { // the shards are gone: what they could not end any more
		s.abort(l, true)
	}
	return err
}

// abort ends a leg whose shard is gone. One that is listed is ended by who takes it off the list.
func (s *Server) abort(l *Leg, listed bool) {
	if !listed || s.legs.remove(l) {
		l.end(call.Cause{By: call.ByPlatform, Label: call.LabelDrained}, nil)
	}
}

// Request takes a new request; it is the transaction layer's.
func (s *Server) Request(tx *transaction.Server) {
	m, in := tx.Msg(), tx.Incoming()
	status, rows := screen(m)
	if m.ToTag != "" {
		if status != 0 {
			tx.Once()
			s.refuse(tx, status, rows...)
			return
		}
		s.dialogs.Request(tx)
		return
	}
	if m.Method == "REGISTER" && s.takesEndpoints() {
		s.register(tx)
		return
	}
	if status == 0 && unsafely(m.URI, &in) {
		status, rows = 416, []header.Field{{Name: "Warning", Value: `399 switchhook "sips is for TLS"`}}
	}
	host, user := target(m.URI)
	p, known := s.admitted(host, &in)
	if (!known || p == s.open) && s.claimsEndpoint(m, host, in, known) {
		if status != 0 {
			tx.Once()
			s.refuse(tx, status, rows...)
			return
		}
		s.fromEndpoint(tx, host, user)
		return
	}
	if !known {
		s.stranger(m, &in)
		s.gate.guard.Fault(in.Source.Addr(), faultUnknown, "requests that no trunk lets in", in.At)
		tx.Once()
		s.refuse(tx, 403)
		return
	}
	switch {
	case status != 0 && m.Method == "INVITE":
		s.turnAway(tx, p, status, whyOf(rows, message.Reason(status)), rows...)
		return
	case status != 0:
		s.refuse(tx, status, rows...)
		return
	}
	login := ""
	if p.asks(m.Method, in.Source.Addr().Unmap()) {
		if login, known = s.door.proveCaller(tx, p.trunk); !known {
			return
		}
	}
	s.serve(tx, p, host, user, login)
}

// stranger tells of a request that no trunk lets in: of INVITEs always, as somebody wonders why his call is refused.
func (s *Server) stranger(m *message.Message, in *transport.Incoming) {
	if m.Method != "INVITE" {
		s.cfg.Log.Debug("request from an unknown source", "source", in.Source, "method", m.Method)
		return
	}
	why := "no trunk knows the source: allow or peers of a trunk would name it, an endpoint would say its user"
	if t, ok := s.cfg.Directory().TrunkBySource(in.Source.Addr().Unmap()); ok {
		switch {
		case t.TLS.Mutual:
			why = "trunk " + t.ID + " takes calls over TLS alone, from who shows a certificate that descends from its tls.roots"
		case t.TLS.Need:
			why = "trunk " + t.ID + " takes calls over TLS alone (tls.need)"
		}
	}
	s.gate.unknown.tell(s.cfg.Log, slog.LevelInfo, "call of a stranger refused", "source", in.Source, "network", in.Network, "callId", m.CallID,
		"to", m.URI, "status", 403, "reason", why)
}

// serve takes a request outside of dialogs of a trunk's peer, or of an endpoint that has proven who it is; login is the user by
// whose password a trunk's caller did.
func (s *Server) serve(tx *transaction.Server, p *peering, host, user, login string) {
	switch m := tx.Msg(); m.Method {
	case "INVITE":
		s.invite(tx, p, host, p.called(m, user), login)
	case options:
		s.peers.pinged(p.trunk.ID, tx.Incoming())
		s.options(tx)
	default: // those that exist inside dialogs alone
		s.refuse(tx, 481)
	}
}

// Cancelled takes the news of a CANCEL; it is the transaction layer's.
func (s *Server) Cancelled(tx *transaction.Server, cancel *message.Message) {
	s.dialogs.Cancelled(tx, cancel)
}

// Ack takes the ACK of a 2xx; it is the transaction layer's.
func (s *Server) Ack(ack *message.Message, in transport.Incoming) { s.dialogs.Ack(ack, in) }

// Stray takes a response that no transaction waits for; it is the transaction layer's.
func (s *Server) Stray(in transport.Incoming) { s.dialogs.Stray(in.Msg) }

// refuse answers a request that no leg takes.
func (s *Server) refuse(tx *transaction.Server, status int, rows ...header.Field) {
	m := message.NewResponse(tx.Msg(), status, "")
	m.Add("Server", s.cfg.Product)
	for _, f := range rows {
		m.Add(f.Name, f.Value)
	}
	_ = tx.Respond(m) // a peer that can't be reached asks again
}

// turnAway refuses an INVITE of a trunk. No call comes of it, so the log alone can tell.
func (s *Server) turnAway(tx *transaction.Server, p *peering, status int, why string, rows ...header.Field) {
	m := tx.Msg()
	s.refuse(tx, status, rows...)
	s.gate.refused.add(call.In, status)
	if status == 503 {
		s.gate.refused.hasty(p.trunk.ID)
	}
	s.refusals.tell(s.cfg.Log, slog.LevelInfo, "call refused", "trunk", p.trunk.ID, "source", tx.Incoming().Source, "callId", m.CallID,
		"to", m.URI, "status", status, "reason", why)
}

// contact is our Contact in messages of a network toward an address.
func (s *Server) contact(network string, toward netip.Addr) string {
	return contactOf(network, s.layer.Local(network, toward))
}

func contactOf(network string, at netip.AddrPort) string {
	c := "<sip:" + at.String()
	if network != transport.UDP {
		c += ";transport=" + network
	}
	return c + ">"
}

// legs keeps the legs that stand. Safe for all goroutines.
type legs struct {
	max   int
	adopt adoptions // those that wait for a call to take them

	mu    sync.Mutex
	byID  map[call.LegID]*Leg // guarded by mu
	ties  map[call.LegID]int  // Max-Forwards of those that are ends of ties; guarded by mu
	all   map[*Leg]call.LegID // the ID is empty until it is known; guarded by mu
	empty []chan struct{}     // closed when no leg stands; guarded by mu
}

// add takes a leg in; false: there are too many.
func (ls *legs) add(l *Leg) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if len(ls.all) >= ls.max {
		return false
	}
	ls.all[l] = ""
	return true
}

// name makes a leg known by its ID, if it still stands.
func (ls *legs) name(id call.LegID, l *Leg) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if _, ok := ls.all[l]; ok {
		ls.all[l], ls.byID[id] = id, l
	}
}

func (ls *legs) find(id call.LegID) *Leg {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return ls.byID[id]
}

// hops gives the Max-Forwards that a leg came or went with.
func (ls *legs) hops(id call.LegID) (int, bool) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l := ls.byID[id]; l != nil {
		return l.hops, true
	}
	n, ok := ls.ties[id]
	return n, ok
}

// tie makes the Max-Forwards of an end of a tie known; untie forgets them.
func (ls *legs) tie(id call.LegID, hops int) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.ties[id] = hops
}

func (ls *legs) untie(id call.LegID) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	delete(ls.ties, id)
}

// remove takes a leg out; false: it was not in.
func (ls *legs) remove(l *Leg) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	id, in := ls.all[l]
	delete(ls.byID, id)
	delete(ls.all, l)
	if len(ls.all) == 0 {
		for _, c := range ls.empty {
			close(c)
		}
		ls.empty = nil
	}
	return in
}

func (ls *legs) len() int {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return len(ls.all)
}

func (ls *legs) list() []*Leg {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	out := make([]*Leg, 0, len(ls.all))
	for l := range ls.all {
		out = append(out, l)
	}
	return out
}

// none gives a channel that is closed when no leg stands.
func (ls *legs) none() <-chan struct{} {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	c := make(chan struct{})
	if len(ls.all) == 0 {
		close(c)
	} else {
		ls.empty = append(ls.empty, c)
	}
	return c
}
