package transaction

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transport"
)

// Client is a client transaction. Its methods are called on its shard.
type Client struct {
	shard          *shard
	req            *message.Message // nil once its end is told: it is the most that a transaction holds
	to             transport.Target
	on             func(*Client, *message.Message, error) // nil once nothing can follow
	state          func(*Client, clientEvent)
	key            string
	method, callID string // of the request

	data  []byte // the request as sent, while it may have to be sent again; then the ACK of a refusal
	extra header.List
	told  func(*message.Message) // of the CANCEL; nil: nobody
	// gaveUp: the user called Cancel. heard: a provisional response came, so that CANCEL may go. done: the end is told.
	gaveUp, heard, done bool

	retry    entry // Timers A, E
	deadline entry // Timers B, D, F, K, M
	interval time.Duration
}

// clientEvent is what happens to a client transaction.
type clientEvent struct {
	kind clientEventKind
	msg  *message.Message
	err  error
}

type clientEventKind uint8

const (
	responseCame  clientEventKind = iota
	resend                        // a timer
	timeUp                        // a timer
	sendingFailed                 // err says why
)

// Send starts a client transaction; it must be called on the shard of the request's Call-ID. Its Via, with a fresh
// branch, takes the place of any that the request has, so a request may be sent again to another target. on is called on
// the shard, never before Send has returned: for each response, every repeated and forked 2xx of an INVITE included,
// and at most once with (nil, err), after which nothing follows: [ErrTimeout] or [ErrTransport] (wrapped),
// [ErrOverload], or what is wrong with the message.
func (l *Layer) Send(req *message.Message, to transport.Target, on func(*Client, *message.Message, error)) *Client {
	s := l.shardOf(req.CallID)
	c := &Client{shard: s, req: req, to: to, on: on}
	if l.counts.clients.Load() >= int64(l.cfg.MaxClients) {
		c.state = (*Client).terminated
		s.post(func() { on(c, nil, ErrOverload) })
		return c
	}
	if err := s.addVia(req, to); err != nil {
		c.state = (*Client).terminated
		s.post(func() { on(c, nil, err) })
		return c
	}
	c.start()
	return c
}

// addVia gives a message our Via with a fresh branch.
func (s *shard) addVia(m *message.Message, to transport.Target) error {
	local := s.layer.cfg.Transport.Local(to.Network, to.Addr.Addr())
	if !local.IsValid() {
		return fmt.Errorf("%w: %w", ErrTransport, transport.ErrNoPath)
	}
	b := append(s.out[:0], "SIP/2.0/"...)
	switch to.Network {
	case transport.TCP:
		b = append(b, "TCP "...)
	case transport.TLS:
		b = append(b, "TLS "...)
	default:
		b = append(b, "UDP "...)
	}
	b = local.AppendTo(b)
	b = append(b, ";rport"...)
	if to.Secure.Shows() {
		b = append(b, ";alias"...) // RFC 5923: what we prove to be may be asked by the same connection
	}
	b = append(b, ";branch=z9hG4bK"...)
	b = s.token(b)
	s.out = b
	if via := string(b); m.Via.Raw == "" {
		m.Prepend("Via", via)
	} else {
		m.Set("Via", via)
	}
	return nil
}

// start puts the transaction into the table and sends the request.
func (c *Client) start() {
	s := c.shard
	cfg := &s.layer.cfg
	c.retry.owner, c.deadline.owner = c, c
	c.key = string(s.clientKey(c.req.Via.Branch, c.req.Method == "CANCEL"))
	c.method, c.callID = c.req.Method, c.req.CallID
	s.clients[c.key] = c
	s.layer.counts.clients.Add(1)
	c.state = (*Client).trying
	if c.req.Method == "INVITE" {
		c.state = (*Client).calling
	}
	data, err := c.req.Append(s.out[:0])
	if err == nil {
		s.out = data
		err = c.transmit(data)
	}
	if err != nil {
		s.post(func() { c.state(c, clientEvent{kind: sendingFailed, err: err}) })
		return
	}
	c.set(&c.deadline, 64*cfg.T1) // Timers B, F
	if !c.reliable() {
		c.data = append([]byte(nil), data...)
		c.interval = cfg.T1
		c.set(&c.retry, c.interval) // Timers A, E
	}
}

// transmit sends bytes; a stream may still fail later.
func (c *Client) transmit(data []byte) error {
	var failed func(error)
	if c.reliable() {
		failed = func(err error) {
			err = fmt.Errorf("%w: %w", ErrTransport, err)
			c.shard.post(func() { c.state(c, clientEvent{kind: sendingFailed, err: err}) })
		}
	}
	if err := c.shard.layer.cfg.Transport.Send(c.to, data, failed); err != nil {
		return fmt.Errorf("%w: %w", ErrTransport, err)
	}
	return nil
}

// repeat sends the kept bytes again. If that fails, the far end looks silent, and the time-out tells.
func (c *Client) repeat() {
	_ = c.shard.layer.cfg.Transport.Send(c.to, c.data, nil)
}

// Request gives the request as sent; nil after the return of the on that was told the final response or the error.
func (c *Client) Request() *message.Message { return c.req }

// Target gives where the request was sent.
func (c *Client) Target() transport.Target { return c.to }

// Cancel gives the INVITE up: CANCEL is sent at once if a provisional response came, else as soon as one comes (RFC
// 3261 section 9.1), with the extra rows (Reason). The outcome comes through on as before: usually 487, or a 2xx that
// crossed, or ErrTimeout when no final response comes in 64*T1. Later calls do nothing.
func (c *Client) Cancel(extra header.List) {
	if c.gaveUp || c.done || c.method != "INVITE" {
		return
	}
	c.gaveUp, c.extra = true, extra
	if c.heard {
		c.cancel()
	}
}

// OnCancel makes f hear of the CANCEL when it is sent, once.
func (c *Client) OnCancel(f func(*message.Message)) { c.told = f }

// cancel sends the CANCEL, in a transaction of its own whose answer tells nothing.
func (c *Client) cancel() {
	m := c.derive("CANCEL", "")
	for _, f := range c.extra {
		m.Add(f.Name, f.Value)
	}
	child := &Client{shard: c.shard, req: m, to: c.to, on: func(*Client, *message.Message, error) {}}
	child.start()
	if c.told != nil {
		c.told(m)
	}
	c.set(&c.deadline, 64*c.shard.layer.cfg.T1)
}

// derive makes the ACK of a refusal or the CANCEL of an INVITE: its Via, Request-URI, From, Call-ID, CSeq number and
// Route (RFC 3261 sections 9.1 and 17.1.1.3). An empty to means the request's own.
func (c *Client) derive(method, to string) *message.Message {
	m := message.NewRequest(method, c.req.URI)
	m.Add("Via", c.req.Get("Via"))
	m.Add("Max-Forwards", "70")
	m.Add("From", c.req.Get("From"))
	if to == "" {
		to = c.req.Get("To")
	}
	m.Add("To", to)
	m.Add("Call-ID", c.req.CallID)
	m.Add("CSeq", strconv.FormatUint(uint64(c.req.CSeq.Number), 10)+" "+method)
	for route := range c.req.Headers.Values("Route") {
		m.Add("Route", route)
	}
	return m
}

// acknowledge sends the ACK of a refusal and keeps it for the refusal's repetitions.
func (c *Client) acknowledge(refusal *message.Message) {
	data, err := c.derive("ACK", refusal.Get("To")).Append(c.shard.out[:0])
	if err != nil {
		c.data = nil
		return // its To can't be written: the far end gives up by itself
	}
	c.shard.out = data
	c.data = bytes.Clone(data)
	c.repeat()
}

func (c *Client) set(e *entry, d time.Duration) { c.shard.wheel.set(e, c.shard.now, d) }
func (c *Client) stop(e *entry)                 { c.shard.wheel.stop(e) }
func (c *Client) reliable() bool                { return c.to.Network != transport.UDP }

func (c *Client) expired(e *entry) {
	kind := resend
	if e == &c.deadline {
		kind = timeUp
	}
	c.state(c, clientEvent{kind: kind})
}

// end takes the transaction out of the table.
func (c *Client) end() {
	c.state = (*Client).terminated
	c.stop(&c.retry)
	c.stop(&c.deadline)
	c.data = nil
	delete(c.shard.clients, c.key)
	c.shard.layer.counts.clients.Add(-1)
}

// fail ends the transaction and tells the user.
func (c *Client) fail(err error) {
	c.end()
	c.done = true
	c.tell(nil, err)
}

// tell tells the user the final response, or the error in its place, and lets go of what nothing needs any more: the
// transaction stays for up to 32 s.
func (c *Client) tell(m *message.Message, err error) {
	more := m != nil && m.Status < 300 && c.method == "INVITE" // 2xx, repeated and forked
	c.on(c, m, err)
	c.req, c.extra = nil, nil
	if !more {
		c.on = nil
	}
}

// SendAck sends an ACK for a 2xx, outside transactions, with a fresh branch. Calling again with the same message repeats
// the same bytes. It must be called on the shard of the Call-ID.
func (l *Layer) SendAck(ack *message.Message, to transport.Target) error {
	s := l.shardOf(ack.CallID)
	if ack.Via.Raw == "" {
		if err := s.addVia(ack, to); err != nil {
			return err
		}
	}
	data, err := ack.Append(s.out[:0])
	if err != nil {
		return err
	}
	s.out = data
	if err := l.cfg.Transport.Send(to, data, nil); err != nil {
		return fmt.Errorf("%w: %w", ErrTransport, err)
	}
	return nil
}
