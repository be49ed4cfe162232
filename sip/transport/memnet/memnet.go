package memnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/switchhook/switchhook/sip/transport"
)

// queue is how many datagrams wait in a socket before more are lost.
const queue = 4096

// Net is a network. The zero value is not ready: see [New].
type Net struct {
	mu      sync.Mutex
	packets map[netip.AddrPort]*packetConn
	streams map[netip.AddrPort]*listener
	port    uint16
	lose    func(from, to netip.AddrPort, data []byte) bool
}

// New makes a network without hosts.
func New() *Net {
	return &Net{
		packets: make(map[netip.AddrPort]*packetConn),
		streams: make(map[netip.AddrPort]*listener),
		port:    40_000,
	}
}

// Lose sets what decides which datagrams are lost; nil loses none.
func (n *Net) Lose(lose func(from, to netip.AddrPort, data []byte) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lose = lose
}

// Host gives the network as the host of an address sees it.
func (n *Net) Host(addr netip.Addr) transport.Network { return host{n, addr} }

type host struct {
	net  *Net
	addr netip.Addr
}

func (h host) Source(netip.Addr) (netip.Addr, error) { return h.addr, nil }

// bind gives the address to listen on: the host's own for an unspecified one, a free port for port 0.
func (h host) bind(a netip.AddrPort) netip.AddrPort {
	addr, port := a.Addr(), a.Port()
	if !addr.IsValid() || addr.IsUnspecified() {
		addr = h.addr
	}
	if port == 0 {
		port = h.net.port
		h.net.port++
	}
	return netip.AddrPortFrom(addr, port)
}

var errInUse = errors.New("address in use")

func (h host) ListenPacket(a netip.AddrPort) (transport.PacketConn, error) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	at := h.bind(a)
	if h.net.packets[at] != nil {
		return nil, fmt.Errorf("%s: %w", at, errInUse)
	}
	c := &packetConn{net: h.net, at: at, in: make(chan packet, queue), closed: make(chan struct{})}
	h.net.packets[at] = c
	return c, nil
}

func (h host) Listen(a netip.AddrPort) (net.Listener, error) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	at := h.bind(a)
	if h.net.streams[at] != nil {
		return nil, fmt.Errorf("%s: %w", at, errInUse)
	}
	l := &listener{net: h.net, at: at, in: make(chan net.Conn), closed: make(chan struct{})}
	h.net.streams[at] = l
	return l, nil
}

// Dial connects to a listener; to an address without one it is refused at once.
func (h host) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	h.net.mu.Lock()
	l := h.net.streams[to]
	from := h.bind(netip.AddrPortFrom(h.addr, 0))
	h.net.mu.Unlock()
	if l == nil {
		return nil, fmt.Errorf("%s: connection refused", to)
	}
	near, far := net.Pipe()
	select {
	case l.in <- &conn{far, to, from}:
		return &conn{near, from, to}, nil
	case <-l.closed:
		return nil, fmt.Errorf("%s: connection refused", to)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type packet struct {
	data []byte
	from netip.AddrPort
}

type packetConn struct {
	net    *Net
	at     netip.AddrPort
	in     chan packet
	once   sync.Once
	closed chan struct{}
}

func (c *packetConn) Addr() netip.AddrPort { return c.at }

func (c *packetConn) ReadBatch(ds []transport.Datagram) (int, error) {
	n := 0
	take := func(p packet) {
		ds[n].N = copy(ds[n].Buf, p.data)
		ds[n].From = p.from
		n++
	}
	select {
	case p := <-c.in:
		take(p)
	case <-c.closed:
		return 0, net.ErrClosed
	}
	for n < len(ds) {
		select {
		case p := <-c.in:
			take(p)
		default:
			return n, nil
		}
	}
	return n, nil
}

func (c *packetConn) WriteTo(data []byte, to netip.AddrPort) error {
	c.net.mu.Lock()
	lose, peer := c.net.lose, c.net.packets[to]
	c.net.mu.Unlock()
	if peer == nil || lose != nil && lose(c.at, to, data) {
		return nil
	}
	select {
	case peer.in <- packet{append([]byte(nil), data...), c.at}:
	default: // its queue is full
	}
	return nil
}

func (c *packetConn) Close() error {
	c.once.Do(func() {
		close(c.closed)
		c.net.mu.Lock()
		defer c.net.mu.Unlock()
		delete(c.net.packets, c.at)
	})
	return nil
}

type listener struct {
	net    *Net
	at     netip.AddrPort
	in     chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.at) }

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.in:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.net.mu.Lock()
		defer l.net.mu.Unlock()
		delete(l.net.streams, l.at)
	})
	return nil
}

// conn is a pipe's end with addresses.
type conn struct {
	net.Conn
	local, remote netip.AddrPort
}

func (c *conn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.local) }
func (c *conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }
