package transaction

import (
	"errors"
	"net/netip"
	"time"

	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transport"
)

// Errors that a client transaction or a send ends with.
var (
	ErrTimeout   = errors.New("no response in time")
	ErrTransport = errors.New("the transport failed")
	ErrOverload  = errors.New("too many transactions")
	ErrFinal     = errors.New("a final response was sent before")
	ErrClosed    = errors.New("the transaction layer is closed")
)

// User is the layer above. Its methods are called on the shard of the Call-ID and must never block.
type User interface {
	// Request brings a new request other than ACK and CANCEL. The INVITE's 100 is sent already. The user answers with
	// [Server.Respond], now or later.
	Request(s *Server)
	// Cancelled says that a CANCEL matched this INVITE server transaction, once, before a final response. The CANCEL is
	// answered already; the user answers the INVITE with 487. cancel is the CANCEL itself (its Reason, say).
	Cancelled(s *Server, cancel *message.Message)
	// Ack brings an ACK that matched no transaction or an accepted one: the ACK for a 2xx.
	Ack(ack *message.Message, in transport.Incoming)
	// Stray brings a response that matches no client transaction: a late or repeated 2xx to INVITE.
	Stray(in transport.Incoming)
}

// Carrier is what the layer needs of the transport: [transport.Layer], or a test's.
type Carrier interface {
	Serve(handler func(transport.Incoming))
	Send(to transport.Target, data []byte, failed func(error)) error
	Local(network string, toward netip.Addr) netip.AddrPort
}

// Config is a layer's settings. Zero values mean the defaults named.
type Config struct {
	Transport Carrier
	User      User
	// T1, T2, T4 of RFC 3261 table 4: 500 ms, 4 s, 5 s.
	T1, T2, T4 time.Duration
	// Shards is the number of goroutines that own transactions: GOMAXPROCS.
	Shards int
}

// Layer is the transaction layer.
type Layer struct{}

// New makes the layer. Nothing runs before [Layer.Start].
func New(cfg Config) *Layer { return &Layer{} }

// Start runs the shards and begins to read from the transport.
func (l *Layer) Start() {}

// Close stops the shards and waits for them. Close the transport first. What was posted and not run is dropped.
func (l *Layer) Close() {}

// Post runs f on the shard of the Call-ID, after what was posted before. It never blocks and may be called from
// anywhere, the shard included. False: the layer is closed, f will not run.
func (l *Layer) Post(callID string, f func()) bool { return true }

// Timer is one call of a function in the future. Its methods are called on its shard.
type Timer struct{}

// Stop stops the timer, and tells whether it was still to fire. A nil or zero timer is stopped.
func (t *Timer) Stop() bool { return false }

// After calls f on the shard of the Call-ID after d. It must be called on that shard.
func (l *Layer) After(callID string, d time.Duration, f func()) *Timer { return &Timer{} }

// Now gives the time of the batch of work that the shard of the Call-ID is doing. It must be called on that shard.
func (l *Layer) Now(callID string) time.Time { return time.Time{} }

// Send starts a client transaction; it must be called on the shard of the request's Call-ID. It puts a Via row with a
// fresh branch before the others. on is called on the shard, never before Send has returned: for each response, every
// repeated and forked 2xx of an INVITE included, and at most once with (nil, err) after which nothing follows:
// [ErrTimeout] or [ErrTransport] (wrapped), [ErrOverload], or what is wrong with the message.
func (l *Layer) Send(req *message.Message, to transport.Target, on func(*Client, *message.Message, error)) *Client {
	return &Client{}
}

// SendAck sends an ACK for a 2xx, outside transactions, with a fresh branch. The bytes can be repeated by calling again:
// the Via is added once.
func (l *Layer) SendAck(ack *message.Message, to transport.Target) error { return nil }

// Local gives the address that Contact shall name toward a target.
func (l *Layer) Local(network string, toward netip.Addr) netip.AddrPort { return netip.AddrPort{} }

// Client is a client transaction. Its methods are called on its shard.
type Client struct{}

// Request gives the request as sent.
func (c *Client) Request() *message.Message { return nil }

// Target gives where the request was sent.
func (c *Client) Target() transport.Target { return transport.Target{} }

// Cancel gives the INVITE up: CANCEL is sent at once if a provisional response came, else as soon as one comes (RFC
// 3261 section 9.1), with the extra rows (Reason). The outcome comes through on as before: usually 487, or a 2xx that
// crossed, or ErrTimeout when no final response comes in 64*T1. Later calls do nothing.
func (c *Client) Cancel(extra header.List) {}

// Server is a server transaction. Its methods are called on its shard.
type Server struct{}

// Msg gives the request.
func (s *Server) Msg() *message.Message { return nil }

// Incoming gives the request with where it came from.
func (s *Server) Incoming() transport.Incoming { return transport.Incoming{} }

// Reply gives where responses go.
func (s *Server) Reply() transport.Target { return transport.Target{} }

// Tag gives the To-tag of this transaction's responses: the request's own To-tag, else a random one, always the same.
// The 100 carries none; the layer's answer to a CANCEL carries it.
func (s *Server) Tag() string { return "" }

// Respond sends a provisional or final response, with [Server.Tag] if it has no To-tag. After a final response it gives
// [ErrFinal]. A final response other than a 2xx to INVITE is repeated by the transaction as needed; see Repeat.
func (s *Server) Respond(m *message.Message) error { return nil }

// Repeat sends the last response again: the layer above does so with a 2xx to INVITE until the ACK comes (RFC 3261
// section 13.3.1.4), and with reliable provisional responses (RFC 3262).
func (s *Server) Repeat() error { return nil }

// Done tells whether a final response was sent.
func (s *Server) Done() bool { return false }
