package transaction

import (
	"errors"
	"time"

	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transport"
)

// Server is a server transaction. Its methods are called on its shard.
type Server struct {
	shard       *shard
	in          *transport.Incoming // nil once the answer is out: it is the most that a transaction holds
	to          transport.Target
	state       func(*Server, serverEvent) error
	key, merged string

	tag       string
	last      []byte // the last response, as sent, while it may have to be sent again
	final     bool
	cancelled bool
	once      bool

	retry    entry // Timer G
	deadline entry // Timers H, I, J, L
	interval time.Duration
}

// serverEvent is what happens to a server transaction.
type serverEvent struct {
	kind serverEventKind
	in   *transport.Incoming // requestCame, ackCame, cancelCame
	msg  *message.Message    // respond
}

type serverEventKind uint8

const (
	requestCame  serverEventKind = iota // the request, again
	ackCame                             // its ACK
	cancelCame                          // its CANCEL
	respond                             // the user answers
	retryFired                          // a timer
	deadlineCame                        // a timer
)

// request starts a server transaction, or hands a repeated request to its own.
func (s *shard) request(in *transport.Incoming) {
	m := in.Msg
	key := s.serverKey(m, m.Method)
	if t := s.servers[string(key)]; t != nil {
		_ = t.state(t, serverEvent{kind: requestCame, in: in})
		return
	}
	if s.layer.counts.servers.Load() >= int64(s.layer.cfg.MaxServers) {
		s.layer.counts.refused.Add(1)
		s.layer.answer(in, m, 503, "")
		return
	}
	kept := *in // what in points to is used for the next message
	t := &Server{shard: s, in: &kept, to: in.Reply(), tag: m.ToTag}
	t.retry.owner, t.deadline.owner = t, t
	if n := len(key); m.ToTag == "" {
		both := string(s.addMergedKey(m))
		t.key, t.merged = both[:n], both[n:]
		if s.merged[t.merged] != nil {
			s.layer.answer(in, m, 482, "")
			return
		}
		s.merged[t.merged] = t
	} else {
		t.key = string(key)
	}
	s.servers[t.key] = t
	s.layer.counts.servers.Add(1)
	if m.Method == "INVITE" {
		t.state = (*Server).inviteProceeding
	} else {
		t.state = (*Server).trying
		t.set(&t.deadline, 64*s.layer.cfg.T1)
	}
	s.ask(t)
	if t.untold() { // the user answers later; a 200 ms timer would save it for the fastest alone
		_ = t.Respond(message.NewResponse(m, 100, ""))
	}
}

// Msg gives the request; nil once a final response was sent and the work that led to it is done: only its bytes are
// needed then.
func (t *Server) Msg() *message.Message {
	if t.in == nil {
		return nil
	}
	return t.in.Msg
}

// Incoming gives the request with where it came from; empty when [Server.Msg] is nil.
func (t *Server) Incoming() transport.Incoming {
	if t.in == nil {
		return transport.Incoming{}
	}
	return *t.in
}

// Reply gives where responses go.
func (t *Server) Reply() transport.Target { return t.to }

// Tag gives the To-tag of this transaction's responses: the request's own To-tag, else a random one, always the same.
// The 100 carries none; the layer's answer to a CANCEL carries it.
func (t *Server) Tag() string {
	if t.tag == "" {
		t.tag = string(t.shard.token(nil))
	}
	return t.tag
}

// Respond sends a provisional or final response, with [Server.Tag] if it has no To-tag. A final response is the last:
// after it Respond gives [ErrFinal]. A 2xx to INVITE is repeated by [Server.Repeat]; any other final response is
// repeated by the transaction as needed. Where nobody waits for an answer any more, Respond gives [ErrTimeout]. A message that can't be written (the error wraps [message.ErrMessage])
// changes nothing if it is provisional; if it is final, 500 is sent in its place. Any other error says that the sending
// failed, and the transaction goes on as if the response was lost on its way.
func (t *Server) Respond(m *message.Message) error {
	if t.final {
		return ErrFinal
	}
	if t.key == "" {
		return ErrTimeout
	}
	if m.Status > 100 && !t.once && t.untold() {
		_ = t.Respond(message.NewResponse(t.Msg(), 100, ""))
	}
	err := t.write(m)
	if err == nil {
		return t.state(t, serverEvent{kind: respond, msg: m})
	}
	if m.Status >= 200 {
		m = message.NewResponse(t.Msg(), 500, "")
		if t.write(m) == nil {
			return errors.Join(err, t.state(t, serverEvent{kind: respond, msg: m}))
		}
	}
	return err
}

// untold tells whether who sent an INVITE has heard nothing of it yet.
func (t *Server) untold() bool {
	m := t.Msg()
	return t.last == nil && t.key != "" && m != nil && m.Method == "INVITE"
}

// write makes the bytes of a response, and keeps them for repetition.
func (t *Server) write(m *message.Message) error {
	if m.Status > 100 {
		m.Tag(t.Tag())
		t.tag = m.ToTag
	}
	data, err := m.Append(t.shard.out[:0])
	if err != nil {
		return err
	}
	t.shard.out = data
	if m.Status >= 200 {
		t.last = nil // it stays for 32 s: in no more memory than it needs
	}
	t.last = append(t.last[:0], data...)
	return nil
}

// Acknowledged says that the ACK of a 2xx to INVITE has come: there is nothing to repeat any more, and copies of the
// INVITE end here (RFC 6026).
func (t *Server) Acknowledged() { t.last = nil }

// Repeat sends the last response again: the layer above does so with a 2xx to INVITE until the ACK comes (RFC 3261
// section 13.3.1.4), and with reliable provisional responses (RFC 3262).
func (t *Server) Repeat() error {
	if t.last == nil {
		return nil
	}
	return t.shard.layer.cfg.Transport.Send(t.to, t.last, nil)
}

// Once says, before the answer, that who asks has not proved to be where it seems to be. The refusal of an INVITE is then
// sent for each INVITE that comes, and not repeated until an ACK comes: a forged address would get a dozen answers to one
// question (RFC 3261 section 8.2.7). What is lost is asked again, for no 100 was sent. And the request is not remembered
// for longer than its copies may be under way, T4 after the answer, so that floods don't fill the table.
func (t *Server) Once() { t.once = true }

// Done tells whether a final response was sent.
func (t *Server) Done() bool { return t.final }

func (t *Server) set(e *entry, d time.Duration) { t.shard.wheel.set(e, t.shard.now, d) }
func (t *Server) stop(e *entry)                 { t.shard.wheel.stop(e) }
func (t *Server) reliable() bool                { return t.to.Network != transport.UDP }

func (t *Server) expired(e *entry) {
	kind := retryFired
	if e == &t.deadline {
		kind = deadlineCame
	}
	_ = t.state(t, serverEvent{kind: kind})
}

// finish takes note of the final response. The request, the most that a transaction holds, is let go when the shard has
// done what it is at: there it may still be asked for.
func (t *Server) finish() {
	t.final = true
	t.shard.spent = append(t.shard.spent, t)
}

// end takes the transaction out of the tables. Nothing is sent for it any more.
func (t *Server) end() {
	s := t.shard
	t.state = (*Server).terminated
	t.stop(&t.retry)
	t.stop(&t.deadline)
	delete(s.servers, t.key)
	if t.merged != "" {
		delete(s.merged, t.merged)
	}
	t.key, t.last = "", nil
	s.layer.counts.servers.Add(-1)
}
