package rtp

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/switchhook/switchhook/media"
)

// Interface is an address that media is sent from and received at.
type Interface struct {
	Bind   netip.Addr // of this machine
	Public netip.Addr // what far ends must send to, where it differs (1:1 NAT of a cloud); else zero
}

// Config is an engine's settings.
type Config struct {
	Interfaces       []Interface   // at least one; of each family, the first serves
	PortMin, PortMax uint16        // RTP on the even ports, RTCP one above; 10000 and 59999 when zero
	Rest             time.Duration // how long a port given back is not given out; 2 s when zero, none when negative
	Shards           int           // goroutines that carry packets; GOMAXPROCS when zero, and never more
	DSCP             int           // mark of the packets (RFC 2474); 46, expedited forwarding, when zero, none when negative
	// LearnAnyone also believes a source that is neither the host of the SDP nor the one that signals, if it alone
	// speaks within the first seconds. It lets in far ends behind NAT whose proxy tells nothing of it, and lets anyone
	// who guesses the port have the audio until the far end speaks.
	LearnAnyone bool
	Log         *slog.Logger // slog.Default when nil
}

// ErrClosed says that the engine or the session is closed.
var ErrClosed = media.ErrClosed

// ErrFamily says that no interface has an address of the wanted family.
var ErrFamily = errors.New("no interface of this address family")

// Engine carries the packets of all sessions.
type Engine struct {
	cfg    Config
	start  time.Time
	ranges []*ports // of each interface
	shards []*shard
	opened atomic.Uint64
	wg     sync.WaitGroup
	closed atomic.Bool
}

// New starts an engine. Close it when done with.
func New(cfg Config) (*Engine, error) {
	if len(cfg.Interfaces) == 0 {
		return nil, errors.New("RTP engine: no interface")
	}
	if cfg.PortMin == 0 && cfg.PortMax == 0 {
		cfg.PortMin, cfg.PortMax = 10000, 59999
	}
	if cfg.Rest == 0 {
		cfg.Rest = 2 * time.Second
	}
	if cfg.DSCP == 0 {
		cfg.DSCP = 46
	}
	cfg.DSCP = max(cfg.DSCP, 0) & 0x3f
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if procs := runtime.GOMAXPROCS(0); cfg.Shards <= 0 || cfg.Shards > procs {
		cfg.Shards = procs
	}
	e := &Engine{cfg: cfg, start: time.Now()}
	for _, i := range cfg.Interfaces {
		if !i.Bind.IsValid() {
			return nil, errors.New("RTP engine: an interface without address")
		}
		if i.Bind.IsUnspecified() && !i.Public.IsValid() {
			return nil, fmt.Errorf("RTP engine: interface %v needs a public address: far ends cannot send to all addresses", i.Bind)
		}
		r := newPorts(cfg.PortMin, cfg.PortMax, cfg.Rest)
		if r.count == 0 {
			return nil, fmt.Errorf("RTP engine: no pair of ports between %d and %d", cfg.PortMin, cfg.PortMax)
		}
		e.ranges = append(e.ranges, r)
	}
	for range cfg.Shards {
		sh, err := newShard(e)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("RTP engine: %w", err), e.Close())
		}
		e.shards = append(e.shards, sh)
		e.wg.Go(sh.loop)
	}
	return e, nil
}

// now is the engine's own clock: time since it started, never set back.
func (e *Engine) now() time.Duration { return time.Since(e.start) }

// tries is how many pairs of ports are tried that another program has taken.
const tries = 64

// Open gives a session with a pair of ports, on the interface of the family of toward, or on the first one when that is
// not valid. It discards what it receives until [Session.SetRemote].
func (e *Engine) Open(toward netip.Addr) (*Session, error) {
	if e.closed.Load() {
		return nil, fmt.Errorf("opening an RTP session: %w", ErrClosed)
	}
	i, err := e.iface(toward)
	if err != nil {
		return nil, fmt.Errorf("opening an RTP session towards %v: %w", toward, err)
	}
	bind, public := e.cfg.Interfaces[i].Bind.Unmap(), e.cfg.Interfaces[i].Public.Unmap()
	switch {
	case public.IsValid() && !e.isHere(toward, bind):
	case bind.IsUnspecified():
		public = toward.Unmap()
	default:
		public = bind
	}
	for try := 0; ; try++ {
		port, err := e.ranges[i].take(e.now())
		if err != nil {
			return nil, fmt.Errorf("opening an RTP session: %w", err)
		}
		s, err := e.bind(netip.AddrPortFrom(bind, port))
		if err == nil {
			s.local, s.ports = netip.AddrPortFrom(public, port), e.ranges[i]
			if err = s.sh.add(s); err == nil {
				return s, nil
			}
			s.Close()
			return nil, fmt.Errorf("opening an RTP session: %w", err)
		}
		e.ranges[i].give(port, e.now())
		e.cfg.Log.Debug("RTP port passed over", "port", port, "err", err)
		if !errors.Is(err, unix.EADDRINUSE) || try == tries {
			return nil, fmt.Errorf("opening an RTP session: %w", err)
		}
	}
}

// isHere tells whether a far end is on this machine: it hears where we are, not what others must call us by, for what goes out to
// there may not come back.
func (e *Engine) isHere(toward, bind netip.Addr) bool {
	return toward.IsLoopback() || toward.IsValid() && toward.Unmap() == bind
}

// Reaches tells whether an interface has the family of an address.
func (e *Engine) Reaches(toward netip.Addr) bool {
	_, err := e.iface(toward)
	return err == nil
}

func (e *Engine) iface(toward netip.Addr) (int, error) {
	if !toward.IsValid() {
		return 0, nil
	}
	for i, f := range e.cfg.Interfaces {
		if f.Bind.Unmap().Is4() == toward.Unmap().Is4() {
			return i, nil
		}
	}
	return 0, ErrFamily
}

// bind makes a session with an RTP socket at ap. The one for RTCP is opened with the first packet: a call that is not
// answered, or has no media, does without.
func (e *Engine) bind(ap netip.AddrPort) (*Session, error) {
	data, err := openSocket(ap, uint8(e.cfg.DSCP))
	if err != nil {
		return nil, err
	}
	// Sessions opened one after the other are often the legs of one call: they share a shard, two by two.
	s := &Session{sh: e.shards[(e.opened.Add(1)-1)/2%uint64(len(e.shards))], data: data, control: -1, bound: ap}
	s.tx.init(rand.Uint32(), uint16(rand.Uint32()), rand.Uint32(), rand.Uint64())
	return s, nil
}

// Close closes all sessions and waits until no packet is carried any more. Idempotent.
func (e *Engine) Close() error {
	if e.closed.Swap(true) {
		return nil
	}
	var errs []error
	for _, sh := range e.shards {
		sh.closeSessions()
		errs = append(errs, sh.close())
	}
	e.wg.Wait()
	return errors.Join(errs...)
}
