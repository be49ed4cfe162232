package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/sip/message"
)

// FlowID names a connection or a UDP socket. It is never used twice. Zero is none.
type FlowID uint64

// The networks.
const (
	UDP = "udp"
	TCP = "tcp"
	TLS = "tls" // over TCP
)

// DefaultPort gives the port of a network where none is named (RFC 3261 section 19.1.2).
func DefaultPort(network string) uint16 {
	if network == TLS {
		return 5061
	}
	return 5060
}

// Target is where to send.
type Target struct {
	Network string // UDP, TCP or TLS
	Addr    netip.AddrPort
	// Flow, if it still stands, is used: the connection or the UDP socket a request came by. Zero: any to Addr, or a new one.
	Flow FlowID
	// Secure says how a TLS connection is opened. Without it only one that stands is used.
	Secure *Secure
}

// Incoming is one message that came, or the fault of one. A request's top Via has received and rport already.
type Incoming struct {
	Msg     *message.Message // nil if Fault is set
	Fault   *message.Fault
	Source  netip.AddrPort
	Local   netip.AddrPort
	Network string
	Flow    FlowID
	Peer    *Peer // over TLS
	At      time.Time
}

// Reply gives the target of a response to this request (RFC 3261 section 18.2.2, RFC 3581): the flow it came by; for
// UDP the source address, with the source port if the top Via has rport, else the port of sent-by. If a TCP flow is
// gone, a new one goes to the source's address and the port of sent-by; none does over TLS, for nobody knows whose
// certificate should be there.
func (in *Incoming) Reply() Target {
	t := Target{Network: in.Network, Addr: in.Source, Flow: in.Flow}
	m := in.Msg
	if m == nil && in.Fault != nil {
		m = in.Fault.Request
	}
	if m == nil || in.Network == UDP && m.Via.RPort >= 0 {
		return t
	}
	port := uint16(m.Via.Port)
	if port == 0 {
		port = DefaultPort(in.Network)
	}
	t.Addr = netip.AddrPortFrom(in.Source.Addr(), port)
	return t
}

// Listen is an address to listen on.
type Listen struct {
	Network string
	Addr    netip.AddrPort
	// Advertise, if valid, is what Via and Contact shall name instead of Addr.
	Advertise netip.AddrPort
}

// Errors of sending.
var (
	ErrClosed = errors.New("transport is closed")
	ErrNoPath = errors.New("no socket for this network and address")
	ErrFull   = errors.New("too many flows")
	ErrSlow   = errors.New("the peer reads too slowly")
	ErrSize   = errors.New("message too long for a datagram")
	// ErrNoCertificate: TLS is to be listened for, and there is no certificate to show.
	ErrNoCertificate = errors.New("listening for TLS needs a certificate")
	// ErrNotAdmitted ends a flow whose source is not listened to.
	ErrNotAdmitted = errors.New("the source is not listened to")
)

// Config is a layer's settings. Zero values mean the defaults named.
type Config struct {
	Listen  []Listen
	Network Network // Machine

	// LenientLF takes datagrams whose lines end with LF alone.
	LenientLF bool

	MaxFlows      int           // connections accepted, and as many opened: 10,000
	MaxFlowsPerIP int           // accepted ones of one IPv4 address or IPv6 /64: 256
	HeaderTimeout time.Duration // for a TLS handshake, the first message of an accepted flow, and each message once begun: 10 s
	IdleTimeout   time.Duration // without a byte in either direction: 10 min
	KeepAlive     time.Duration // how often a flow that we opened is kept alive while nothing comes (RFC 5626 section 4.4.1): 100 s
	DialTimeout   time.Duration // 5 s, a TLS handshake included
	WriteTimeout  time.Duration // for the peer to take what was written: 10 s
	MaxQueued     int           // octets that wait for a flow's peer to read: 256 KiB

	// TLS says how TLS connections are accepted; needed where one is listened for.
	TLS *tls.Config
	// Admit, if set, tells whether what a source sends is to be read: asked for each datagram and each piece of a stream.
	// A stream that is not admitted is closed.
	Admit func(source netip.Addr, at time.Time) bool
	// Malformed, if set, hears of each message that can't be read, before the handler does; Fault is set. Those without a
	// status the handler does not hear of.
	Malformed func(Incoming)
	// Refused, if set, hears of each TLS connection that a far end opened and that came to nothing.
	Refused func(source netip.AddrPort, why error)

	// Recovered, if set, hears of a panic over a message, which is dropped. Unset, the panic ends the program.
	Recovered func(value any, stack []byte)
}

func (c Config) withDefaults() Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	num := func(n *int, v int) {
		if *n <= 0 {
			*n = v
		}
	}
	if c.Network == nil {
		c.Network = Machine{}
	}
	num(&c.MaxFlows, 10_000)
	num(&c.MaxFlowsPerIP, 256)
	num(&c.MaxQueued, 256<<10)
	def(&c.HeaderTimeout, 10*time.Second)
	def(&c.IdleTimeout, 10*time.Minute)
	def(&c.KeepAlive, 100*time.Second)
	def(&c.DialTimeout, 5*time.Second)
	def(&c.WriteTimeout, 10*time.Second)
	return c
}

// Layer is the sockets and the flow table.
type Layer struct {
	cfg     Config
	handler func(Incoming)
	listens []Listen // Addr as bound
	packets []*packetSocket
	streams []*streamSocket
	flows   table
	sources sources
	lastID  atomic.Uint64
	running sync.WaitGroup
	ctx     context.Context // ends when the layer closes
	stop    context.CancelFunc
	once    sync.Once
}

// packetSocket is one UDP address.
type packetSocket struct {
	listen Listen // Addr as bound
	id     FlowID
	conn   PacketConn
}

// streamSocket is one TCP or TLS address.
type streamSocket struct {
	listen   Listen
	listener net.Listener
}

// New opens the sockets. Nothing is read before [Layer.Serve].
func New(cfg Config) (*Layer, error) {
	l := &Layer{cfg: cfg.withDefaults()}
	l.ctx, l.stop = context.WithCancel(context.Background())
	l.flows.init(l.cfg.MaxFlows, l.cfg.MaxFlowsPerIP)
	for _, at := range cfg.Listen {
		if err := l.open(at); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	return l, nil
}

func (l *Layer) open(at Listen) error {
	switch at.Network {
	case UDP:
		conn, err := l.cfg.Network.ListenPacket(at.Addr)
		if err != nil {
			return err
		}
		at.Addr = conn.Addr()
		l.packets = append(l.packets, &packetSocket{listen: at, id: l.nextID(), conn: conn})
	case TLS:
		if l.cfg.TLS == nil {
			return ErrNoCertificate
		}
		fallthrough
	case TCP:
		listener, err := l.listen(at)
		if err != nil {
			return err
		}
		at.Addr = addrPort(listener.Addr())
		l.streams = append(l.streams, &streamSocket{listen: at, listener: listener})
	default:
		return ErrNoPath
	}
	l.listens = append(l.listens, at)
	return nil
}

// listen opens a TCP listener: where any port will do, on that of UDP beside it if that is free. Peers expect one port.
func (l *Layer) listen(at Listen) (net.Listener, error) {
	if at.Addr.Port() == 0 && at.Network == TCP {
		for _, s := range l.packets {
			if s.listen.Addr.Addr() != at.Addr.Addr() {
				continue
			}
			if listener, err := l.cfg.Network.Listen(s.listen.Addr); err == nil {
				return listener, nil
			}
		}
	}
	return l.cfg.Network.Listen(at.Addr)
}

func (l *Layer) nextID() FlowID { return FlowID(l.lastID.Add(1)) }

// Serve begins to read. The handler is called on readers' goroutines, must not block, and owns what it gets. It answers
// a fault, where it does, before it returns: a flow whose framing is lost is closed then. Serve returns at once, and is
// called once.
func (l *Layer) Serve(handler func(Incoming)) {
	l.handler = handler
	for _, s := range l.packets {
		l.running.Go(func() { l.readPackets(s) })
	}
	for _, s := range l.streams {
		l.running.Go(func() { l.accept(s) })
	}
}

// Send sends data, which it does not keep. It never blocks for long: a datagram leaves at once, a stream's bytes are
// queued to the flow's writer. failed, if not nil, is called once if the flow proves dead before the bytes were
// written; on any goroutine, and never after an error was returned.
func (l *Layer) Send(to Target, data []byte, failed func(error)) error {
	switch to.Network {
	case UDP:
		return l.sendPacket(to, data)
	case TCP, TLS:
		return l.sendStream(to, data, failed)
	}
	return ErrNoPath
}

// Local gives the address that Via and Contact shall name in messages of the network toward an address.
func (l *Layer) Local(network string, toward netip.Addr) netip.AddrPort {
	at, ok := l.listenFor(network, toward)
	if !ok {
		return netip.AddrPort{}
	}
	isHere := toward.IsLoopback() || toward.IsValid() && toward.Unmap() == at.Addr.Addr().Unmap() // what is sent to an advertised address may not come back
	if at.Advertise.IsValid() && !isHere {
		return at.Advertise
	}
	if at.Addr.Addr().IsUnspecified() {
		return netip.AddrPortFrom(l.sources.toward(l.cfg.Network, toward, at.Addr.Addr()), at.Addr.Port())
	}
	return at.Addr
}

// listenFor gives the first address of the network that has the other's family. Where none listens, that of the other
// network must do: answers come back on the connection that a request left by.
func (l *Layer) listenFor(network string, toward netip.Addr) (at Listen, ok bool) {
	for _, a := range l.listens {
		if toward.IsValid() && a.Addr.Addr().Is4() != toward.Unmap().Is4() {
			continue
		}
		if a.Network == network {
			return a, true
		}
		if !ok && (network == UDP || network == TCP || network == TLS) {
			at, ok = a, true
		}
	}
	return at, ok
}

// Addrs gives the addresses listened on, in the order of [Config], as bound (port 0 resolved).
func (l *Layer) Addrs() []Listen { return slices.Clone(l.listens) }

// Flows gives the number of TCP and TLS flows.
func (l *Layer) Flows() int { return l.flows.len() }

// lastWrites is how long Close lets flows write what is queued.
const lastWrites = time.Second

// Close closes all sockets and waits for their goroutines. What is queued is written first, if the peers read at once.
func (l *Layer) Close() error {
	var errs []error
	l.once.Do(func() {
		l.stop()
		for _, s := range l.packets {
			errs = append(errs, s.conn.Close())
		}
		for _, s := range l.streams {
			errs = append(errs, s.listener.Close())
		}
		flows := l.flows.shut()
		for _, f := range flows {
			f.finish()
		}
		patience, cancel := context.WithTimeout(context.Background(), lastWrites)
		defer cancel()
		for _, f := range flows {
			f.awaitWritten(patience.Done())
			f.close(ErrClosed)
		}
	})
	l.running.Wait()
	return errors.Join(errs...)
}

func (l *Layer) isClosed() bool { return l.ctx.Err() != nil }
