package far

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media/rtp"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/transport"
)

// Config is a phone's settings.
type Config struct {
	// Listen is where it takes calls, UDP and TCP; port 0 for any.
	Listen netip.AddrPort
	// Media carries its sound. It stays the caller's to close.
	Media *rtp.Engine
	// Incoming hears of each call that comes in; it must not block. Without it, calls are refused.
	Incoming func(*Line)
	// Product is its name in User-Agent and Server: "Switchhook phone".
	Product string
	Audio   directory.Audio // what it wants of audio, both ways
	TLS     directory.TLS   // how it knows the servers that it reaches over TLS
	Log     *slog.Logger
}

// Phone calls and is called. Safe for all goroutines.
type Phone struct {
	server *sip.Server
	audio  directory.Audio
	tls    directory.TLS
	mu     sync.Mutex // guards trunks
	trunks map[string]directory.Trunk
	snap   atomic.Pointer[directory.Snapshot]
}

// everyone is the trunk that whoever calls the phone comes by.
const everyone = "everyone"

// maxTargets bounds how many different places one phone calls.
const maxTargets = 1000

// NewPhone opens a phone's sockets. Close it when done with.
func NewPhone(c Config) (*Phone, error) {
	p := &Phone{audio: c.Audio, tls: c.TLS, trunks: map[string]directory.Trunk{}}
	p.add(directory.Trunk{ID: everyone, Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}})
	cfg := sip.Config{
		Transport: transport.Config{Listen: []transport.Listen{{Network: transport.UDP, Addr: c.Listen}, {Network: transport.TCP, Addr: c.Listen}}},
		Directory: p.snap.Load,
		Media:     func(toward netip.Addr) (sip.Session, error) { return c.Media.Open(toward) },
		Product:   cmp.Or(c.Product, "Switchhook phone"),
		Log:       c.Log,
		Shards:    1,
	}
	if c.Incoming != nil {
		cfg.Receive = func(at call.Attempt, open sip.Open) { c.Incoming(incoming(at, open)) }
	}
	var err error
	p.server, err = sip.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("phone: %w", err)
	}
	p.server.Serve()
	return p, nil
}

// Addr gives the UDP address that it listens on.
func (p *Phone) Addr() netip.AddrPort {
	for _, l := range p.server.Addrs() {
		if l.Network == transport.UDP {
			return l.Addr
		}
	}
	return netip.AddrPort{}
}

// Close hangs up and closes the sockets.
func (p *Phone) Close() error { return p.server.Close() }

// open is the policy of a test instrument: whatever is said is sent, and whatever comes is shown, other platforms' reserved
// names included.
func open(d header.Direction) header.Policy {
	return header.Policy{Name: "phone", Direction: d, Trusted: true, Rules: []header.Rule{
		{Match: "X-AMZN*", Do: header.Keep}, {Match: "X-MS-*", Do: header.Keep}, {Match: "*", Do: header.Keep},
	}}
}

// add makes a trunk known.
func (p *Phone) add(t directory.Trunk) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t.Audio, t.TLS = p.audio, p.tls
	t.Transfer.Accept = directory.Never // it has nobody who would carry a REFER out
	t.In, t.Out = open(header.In), open(header.Out)
	p.trunks[t.ID] = t
	var c directory.Content
	for _, t := range p.trunks {
		c.Trunks = append(c.Trunks, t)
	}
	p.snap.Store(directory.NewSnapshot(c))
}

// Outgoing says whom a phone calls, and how.
type Outgoing struct {
	Number    string              // the user part of the Request-URI
	URI       string              // the whole Request-URI, where it names another host than the server's; empty: made of Number, Host and Port
	Host      string              // address or name of the server
	Port      int                 // 0 means 5060, over TLS 5061
	Transport directory.Transport // "udp", "tcp" or "tls"; empty means udp
	From      string              // the caller's number
	Headers   header.List
}

// errTargets: a phone is no call generator.
var errTargets = errors.New("this phone has called too many different places")

// Call dials. It returns at once; what happens shows in the line's events.
func (p *Phone) Call(o Outgoing) (*Line, error) {
	trunk := place(o.Host, o.Port, o.Transport)
	if _, known := p.snap.Load().Trunk(trunk); !known {
		if len(p.snap.Load().Trunks()) > maxTargets {
			return nil, errTargets
		}
		p.add(directory.Trunk{ID: trunk, Peers: []directory.Peer{{Host: o.Host, Port: o.Port, Transport: o.Transport}}})
	}
	l := newLine(call.Attempt{From: o.From, To: o.Number, Host: o.Host, Headers: o.Headers})
	l.dialled = true
	l.leg = p.server.Dial(call.NewLegID(0), call.Dial{To: o.Number, URI: o.URI, From: o.From, Trunk: trunk, Headers: o.Headers}, l.report)
	return l, nil
}

// Wait waits until a line is answered, or says why it is not going to be.
func (l *Line) Wait(ctx context.Context) (header.List, error) {
	for {
		select {
		case e, ok := <-l.events:
			if !ok {
				return nil, fmt.Errorf("not answered: %s", l.Cause())
			}
			if a, answered := e.(call.Answered); answered {
				return a.Headers, nil
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
