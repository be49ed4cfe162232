package transport

import (
	"errors"
	"net/netip"
	"time"

	"github.com/switchhook/switchhook/sip/message"
)

// FlowID names a TCP connection or a UDP socket. It is never used twice. Zero is none.
type FlowID uint64

// The networks.
const (
	UDP = "udp"
	TCP = "tcp"
)

// Target is where to send.
type Target struct {
	Network string // UDP or TCP
	Addr    netip.AddrPort
	// Flow, if it still stands, is used: the connection or the UDP socket a request came by. Zero: any to Addr, or a new one.
	Flow FlowID
}

// Incoming is one message that came, or the fault of one.
type Incoming struct {
	Msg     *message.Message // nil if Fault is set
	Fault   *message.Fault
	Source  netip.AddrPort
	Local   netip.AddrPort
	Network string
	Flow    FlowID
	At      time.Time
}

// Reply gives the target of a response to this request (RFC 3261 section 18.2.2, RFC 3581): the flow it came by; for
// UDP the source address, with the source port if the top Via has rport, else the port of sent-by.
func (in *Incoming) Reply() Target { return Target{} }

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
)

// Config is a layer's settings. Zero values mean the defaults named.
type Config struct {
	Listen []Listen
}

// Layer is the sockets and the flow table.
type Layer struct{}

// New opens the sockets. Nothing is read before [Layer.Serve].
func New(cfg Config) (*Layer, error) { return &Layer{}, nil }

// Serve begins to read. The handler is called on readers' goroutines, must not block, and owns what it gets. Serve
// returns at once.
func (l *Layer) Serve(handler func(Incoming)) {}

// Send sends data, which it does not keep. It never blocks for long: a datagram leaves at once, a stream's bytes are
// queued to the flow's writer. failed, if not nil, is called once if the flow proves dead before the bytes were
// written; on another goroutine, and never after an error was returned.
func (l *Layer) Send(to Target, data []byte, failed func(error)) error { return nil }

// Local gives the address that Via and Contact shall name in messages of the network toward an address.
func (l *Layer) Local(network string, toward netip.Addr) netip.AddrPort { return netip.AddrPort{} }

// Addrs gives the addresses listened on, as bound (port 0 resolved).
func (l *Layer) Addrs() []Listen { return nil }

// Close closes all sockets and waits for their goroutines.
func (l *Layer) Close() error { return nil }
