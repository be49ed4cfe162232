package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/exchange"
	"github.com/switchhook/switchhook/far"
	"github.com/switchhook/switchhook/invoke"
	"github.com/switchhook/switchhook/media/clip"
	"github.com/switchhook/switchhook/media/rtp"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/claim"
	"github.com/switchhook/switchhook/sip/registrar"
	"github.com/switchhook/switchhook/sip/transport"
	"github.com/switchhook/switchhook/store/sqlite"
)

// house is the whole program, built: every part once, in the order in which it is opened. It is closed in the reverse order.
type house struct {
	cfg     config
	log     *slog.Logger
	store   *sqlite.Store
	invoker *invoke.Invoker
	rtp     *rtp.Engine
	buckets *clip.Buckets
	studio  studio
	after   after
	voices
	dialects map[string]dialect.Dialect
	exchange *exchange.Exchange
	claims   *claim.Desk
	sip      *sip.Server
	phones   *registrar.Registrar
	box      *far.Box
	door
	peers   peerHealth
	opened  []func() error // what close undoes, last first
	failed  chan error     // a part that ended by itself
	logLost func() int64   // lines of the log that were left out; nil: none ever are
}

// door is the HTTP address.
type door struct {
	web   *http.Server
	webAt net.Listener
}

// openHouse builds everything. On an error what was opened is closed again.
func openHouse(ctx context.Context, cfg config, data string, log *slog.Logger, logLost func() int64) (_ *house, err error) {
	h := &house{cfg: cfg, log: log, claims: claim.New(), failed: make(chan error, 1), logLost: logLost}
	h.peers.changes = map[trunkPeer]change{}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	steps := []func(context.Context, string) error{
		h.openStore, h.openDoor, h.openFunctions, h.openMedia, h.openStudio, h.openSpeech, h.openBots, h.openDialects, h.openAfter, h.openBox, h.declareAll, h.openPhones, h.openCalls,
	}
	for _, step := range steps {
		if err := step(ctx, data); err != nil {
			return nil, err
		}
	}
	h.sip.Serve() // from here on nothing can be in the way any more
	h.serveWeb()
	return h, nil
}

// later notes what close must undo.
func (h *house) later(f func() error) { h.opened = append(h.opened, f) }

// close closes what was opened, last first.
func (h *house) close() error {
	var errs []error
	for len(h.opened) > 0 {
		last := len(h.opened) - 1
		errs = append(errs, h.opened[last]())
		h.opened = h.opened[:last]
	}
	return errors.Join(errs...)
}

// openStore opens the database in the data folder.
func (h *house) openStore(_ context.Context, data string) error {
	var err error
	h.store, err = sqlite.Open(filepath.Join(data, "switchhook.db"), sqlite.Options{Log: h.log, KeepAge: cmp.Or(h.cfg.Records.Keep, 30*24*time.Hour)})
	if err == nil {
		h.later(h.store.Close)
		h.peers.directory = h.store.Snapshot
	}
	return err
}

// logBody is how much of an event or an answer a call's log keeps.
func (h *house) logBody() int {
	if h.cfg.SIP.Trace {
		return 16 << 10
	}
	return 0
}

// openMedia opens the RTP engine and the buckets.
func (h *house) openMedia(_ context.Context, data string) error {
	c, err := h.cfg.media()
	if err != nil {
		return err
	}
	c.Log = h.log
	if h.rtp, err = rtp.New(c); err != nil {
		return err
	}
	h.later(h.rtp.Close)
	urls, err := h.cfg.buckets(data)
	if err != nil {
		return err
	}
	if h.buckets, err = clip.OpenBuckets(urls); err != nil {
		return h.cfg.text.at("$.buckets", err)
	}
	h.later(h.buckets.Close)
	for name, why := range missing(urls) { // it may come later, as what is mounted does
		h.log.Warn("the folder of a bucket is not there", "bucket", name, "error", why)
	}
	return nil
}

// openBox opens the carrier in a box where --dev has no other trunk for foreign numbers.
func (h *house) openBox(context.Context, string) error {
	if !h.cfg.dev {
		return nil
	}
	for _, t := range h.cfg.Trunks {
		if t.PSTN {
			return nil
		}
	}
	listen, err := h.cfg.listen()
	if err != nil {
		return err
	}
	h.box, err = far.NewBox(far.Config{Listen: netip.AddrPortFrom(loopbackBeside(listen), 0), Media: h.rtp, Log: h.log})
	if err != nil {
		return err
	}
	h.later(h.box.Close)
	return nil
}

// declareAll takes over what the file and the flags declare.
func (h *house) declareAll(ctx context.Context, _ string) error {
	d, err := h.cfg.content()
	if err != nil {
		return err
	}
	if h.box != nil {
		t := boxTrunk(h.box.Phone().Addr())
		t.Account = d.Accounts[0].ID
		d.Trunks = append(d.Trunks, t)
	}
	if err := h.cfg.declare(ctx, h.store, d, h.dialects); err != nil {
		return err
	}
	for _, dia := range h.dialects {
		if r, ok := dia.(dialect.Refreshed); ok {
			if err := r.Refresh(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// openPhones opens the registrar, with what was registered before.
func (h *house) openPhones(ctx context.Context, _ string) (err error) {
	if h.phones, err = registrar.Open(ctx, registrar.Config{Keeper: h.store, Log: h.log}); err != nil {
		return err
	}
	h.later(h.phones.Close)
	return nil
}

// openCalls builds the way of a call: SIP edge, exchange, engine.
func (h *house) openCalls(context.Context, string) error {
	listen, err := h.cfg.listen()
	if err != nil {
		return err
	}
	dns, err := h.cfg.dns()
	if err != nil {
		return err
	}
	edge := new(edge)
	h.after.traffic = exchange.NewTraffic(h.store.Snapshot)
	h.exchange = exchange.New(exchange.Config{
		Engine: engine.New(engine.Config{
			Dialer: exchange.Outbound(h.store.Snapshot, h.dialects, h.after.traffic.Dialer(edge)), Opener: h.buckets, Speaker: h.speaker, Talker: h.talker(),
			Clock: h.studio.clock, Rooms: h.studio.rooms, Recorder: h.studio.recorder,
			Record: h.over, Log: h.cfg.SIP.Trace, Logger: h.log,
		}),
		Directory: h.store.Snapshot, Dialects: h.dialects, Logger: h.log, Traffic: h.after.traffic,
	})
	h.sip, err = sip.New(sip.Config{
		Endpoints: sip.Endpoints{Registrar: h.phones, Realm: h.cfg.SIP.Realm, Algorithms: h.cfg.SIP.hashes(), Route: exchange.Route(h.store.Snapshot)},
		Transport: transport.Config{Listen: listen}, Directory: h.store.Snapshot, Log: h.log, TrustLoopback: h.cfg.dev, Tracing: sip.Tracing{Trace: h.cfg.SIP.Trace, Copy: h.copies},
		Media:   func(toward netip.Addr) (sip.Session, error) { return h.rtp.Open(toward) },
		Reaches: h.rtp.Reaches,
		Limits:  sip.Limits{Legs: 2 * h.cfg.SIP.Calls, Rate: float64(h.cfg.SIP.Rate)},
		Changed: h.peers.changed, Claims: h.claims,
		TLS: directory.TLS{Cert: h.cfg.SIP.TLS.Cert, CertKey: h.cfg.SIP.TLS.Key}, DNS: dns, Guard: h.cfg.SIP.Guard.guard(),
		Receive: func(at call.Attempt, open sip.Open) {
			h.exchange.Receive(at, func(id call.LegID, r call.Report) engine.Leg { return open(id, r) })
		},
	})
	if err != nil {
		return fmt.Errorf("%w%s", err, elsewhere(err, "--sip", "sip.listen"))
	}
	edge.server.Store(h.sip)
	h.later(h.endCalls)
	return nil
}

// endCalls ends what stands, waits until it is over, and closes the SIP edge: what a call needs is closed after it.
func (h *house) endCalls() error {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.exchange.Drain(now); err != nil {
		h.log.Debug("calls ended", "reason", err)
	}
	return h.sip.Close()
}

var (
	_ engine.Adopter     = (*edge)(nil)
	_ engine.Holder      = (*sip.Leg)(nil)
	_ engine.Settler     = (*sip.Leg)(nil)
	_ engine.DigitSender = (*sip.Leg)(nil)
	_ engine.Referrer    = (*sip.Leg)(nil)
)

// edge lets the engine place legs on a SIP edge that is built after it.
type edge struct{ server atomic.Pointer[sip.Server] }

// Dial places a leg.
func (e *edge) Dial(id call.LegID, d call.Dial, r call.Report) engine.Leg {
	if d.Takes != "" {
		return e.server.Load().Tie(id, d, r)
	}
	return e.server.Load().Dial(id, d, r)
}

// Adopt hands over a leg that takes another's place.
func (e *edge) Adopt(token uint64, id call.LegID, r call.Report) engine.Leg {
	if l := e.server.Load().Adopt(token, id, r); l != nil {
		return l
	}
	return nil
}

// open tells whether other machines can reach one of our addresses.
func (h *house) open() bool {
	web, err := netip.ParseAddrPort(h.httpAddr())
	return err != nil || !web.Addr().Unmap().IsLoopback() || slices.ContainsFunc(h.sip.Addrs(), func(l transport.Listen) bool { return !l.Addr.Addr().IsLoopback() })
}

func (h *house) httpAddr() string { return h.webAt.Addr().String() }

func (h *house) sipAddr() string {
	for _, a := range h.sip.Addrs() {
		return a.Addr.String()
	}
	return ""
}

// sipURLs gives where we listen, as the file names it.
func (h *house) sipURLs() string {
	var all []string
	for _, a := range h.sip.Addrs() {
		all = append(all, a.Network+"://"+a.Addr.String())
	}
	return strings.Join(all, " ")
}

// drain takes no more calls and waits until those that stand are over or the context is done; then they are hung up.
func (h *house) drain(ctx context.Context) error {
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := h.sip.Drain(ctx); err != nil {
			h.log.Debug("SIP edge", "error", err)
		}
	})
	err := h.exchange.Drain(ctx)
	wait.Wait()
	return err
}
