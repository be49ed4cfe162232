package transaction

import (
	crand "crypto/rand"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transport"
)

// shard is one goroutine with all that it owns: the transactions of the Call-IDs that belong to it, their timers, and
// whatever the layer above keeps for these Call-IDs.
type shard struct {
	layer *Layer
	wake  chan struct{}

	mu       sync.Mutex
	inbox    []work
	messages int // in inbox
	closed   bool

	// What follows is the goroutine's own.
	now     time.Time // of the batch
	wheel   wheel
	servers map[string]*Server
	merged  map[string]*Server // the same, by what identifies a request that came by another branch
	clients map[string]*Client
	spent   []*Server // answered in this batch: their requests are let go after it
	random  *rand.ChaCha8
	key     []byte // scratch
	out     []byte // scratch
}

// work is one thing to do: a message, or a function.
type work struct {
	in transport.Incoming
	f  func()
}

// admission is what became of a message at the shard's door.
type admission uint8

const (
	admitted admission = iota
	refused            // a new request: tell the sender to come later
	discarded
)

func newShard(l *Layer) *shard {
	s := &shard{
		layer: l, wake: make(chan struct{}, 1), now: time.Now(),
		servers: make(map[string]*Server), merged: make(map[string]*Server), clients: make(map[string]*Client),
	}
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // it does not fail: see its documentation
	s.random = rand.NewChaCha8(seed)
	s.wheel.init(s.now)
	return s
}

func (s *shard) post(f func()) bool {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return false
	}
	s.inbox = append(s.inbox, work{f: f})
	first := len(s.inbox) == 1
	s.mu.Unlock()
	if first {
		s.signal()
	}
	return true
}

// receive takes a message in. New work is refused before the inbox is so full that calls in progress suffer.
func (s *shard) receive(in transport.Incoming) admission {
	limit := s.layer.cfg.MaxInbox
	s.mu.Lock()
	switch {
	case s.closed, s.messages >= limit:
		s.mu.Unlock()
		return discarded
	case s.messages >= limit/2 && opens(in.Msg):
		s.mu.Unlock()
		return refused
	}
	s.inbox = append(s.inbox, work{in: in})
	s.messages++
	first := len(s.inbox) == 1
	s.mu.Unlock()
	if first {
		s.signal()
	}
	return admitted
}

// opens tells whether a request asks for something new.
func opens(m *message.Message) bool {
	return m.IsRequest() && m.ToTag == "" && m.Method != "ACK" && m.Method != "CANCEL"
}

func (s *shard) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *shard) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.signal()
}

// run is the shard's goroutine.
func (s *shard) run() {
	timer := time.NewTimer(farthest)
	defer timer.Stop()
	var armed time.Time // when the timer fires; zero: it does not
	var batch []work
	fire := s.fire
	for {
		var ok bool
		if batch, ok = s.take(batch); !ok {
			return
		}
		s.now = time.Now()
		for i := range batch {
			s.do(&batch[i])
			batch[i] = work{}
		}
		s.wheel.advance(s.now, fire)
		s.letGo()
		if len(batch) > 0 {
			continue // there may be more
		}
		wait, ok := s.wheel.wait(s.now)
		if at := s.now.Add(wait); ok && (armed.IsZero() || at.Before(armed)) {
			armed = at
			timer.Reset(wait)
		}
		select {
		case <-s.wake:
		case <-timer.C:
			armed = time.Time{}
		}
	}
}

// letGo lets the requests of transactions go that were answered.
func (s *shard) letGo() {
	for i, t := range s.spent {
		t.in, s.spent[i] = nil, nil
		t.tag = strings.Clone(t.tag) // inside a dialog it is a part of the request
	}
	s.spent = s.spent[:0]
	if cap(s.spent) > maxSpare {
		s.spent = nil
	}
}

// maxSpare is how large a batch may be for its memory to be kept.
const maxSpare = 1024

// take gives what is in the inbox and leaves spare there to be filled.
func (s *shard) take(spare []work) ([]work, bool) {
	if cap(spare) > maxSpare {
		spare = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := s.inbox
	s.inbox = spare[:0]
	s.messages = 0
	return batch, !s.closed
}

func (s *shard) do(w *work) {
	defer s.recover()
	if w.f != nil {
		w.f()
		return
	}
	s.message(&w.in)
}

// fire tells one timer's owner.
func (s *shard) fire(e *entry) {
	defer s.recover()
	e.owner.expired(e)
}

// recover keeps one message's panic from ending all calls, where the configuration wants that.
func (s *shard) recover() {
	if s.layer.cfg.Recovered == nil {
		return
	}
	if v := recover(); v != nil {
		s.layer.cfg.Recovered(v, debug.Stack())
	}
}

// ask hands a new request to the user. One over which the user breaks is answered all the same, where panics are caught.
func (s *shard) ask(t *Server) {
	asked := false
	defer func() {
		if !asked && !t.final && s.layer.cfg.Recovered != nil {
			_ = t.Respond(message.NewResponse(t.Msg(), 500, "")) // answered before it broke: as good
		}
	}()
	s.layer.cfg.User.Request(t)
	asked = true
}

// message routes what came to its transaction or to the user.
func (s *shard) message(in *transport.Incoming) {
	m := in.Msg
	switch {
	case !m.IsRequest():
		s.response(in)
	case m.Method == "ACK":
		if t := s.servers[string(s.serverKey(m, "INVITE"))]; t != nil {
			_ = t.state(t, serverEvent{kind: ackCame, in: in})
			return
		}
		s.layer.cfg.User.Ack(m, *in)
	case m.Method == "CANCEL":
		s.cancel(in)
	default:
		s.request(in)
	}
}

// response hands a response to its client transaction.
func (s *shard) response(in *transport.Incoming) {
	m := in.Msg
	if m.ViaCount() != 1 {
		return // RFC 3261 section 8.1.3.3: it is not for us
	}
	c := s.clients[string(s.clientKey(m.Via.Branch, m.CSeq.Method == "CANCEL"))]
	switch {
	case c != nil && c.method == m.CSeq.Method && c.callID == m.CallID:
		c.state(c, clientEvent{kind: responseCame, msg: m})
	case c == nil && m.CSeq.Method == "INVITE" && m.Status/100 == 2:
		s.layer.cfg.User.Stray(*in)
	}
}

// cancel answers a CANCEL hop by hop (RFC 3261 section 9.2). It needs no transaction of its own: the same CANCEL gets
// the same answer.
func (s *shard) cancel(in *transport.Incoming) {
	t := s.servers[string(s.serverKey(in.Msg, "INVITE"))]
	if t == nil {
		s.layer.answer(in, in.Msg, 481, "")
		return
	}
	m := message.NewResponse(in.Msg, 200, "")
	m.Tag(t.Tag())
	if data, err := m.Append(s.out[:0]); err == nil {
		s.out = data
		_ = s.layer.cfg.Transport.Send(in.Reply(), data, nil) // it comes again if this was lost
	}
	_ = t.state(t, serverEvent{kind: cancelCame, in: in})
}

const tokenChars = "abcdefghijklmnopqrstuvwxyz234567"

// token appends 125 random bits: nobody guesses a branch or a tag.
func (s *shard) token(b []byte) []byte {
	for range 2 {
		bits := s.random.Uint64()
		for range 12 {
			b = append(b, tokenChars[bits&31])
			bits >>= 5
		}
	}
	return b
}

// serverKey gives the key of the server transaction that a request belongs to (RFC 3261 section 17.2.3), in scratch
// memory. method is the transaction's: INVITE for ACK and CANCEL. Requests without the magic cookie are matched as RFC
// 2543 does, but for the To-tag, which an ACK has and its INVITE has not.
func (s *shard) serverKey(m *message.Message, method string) []byte {
	b := s.key[:0]
	if v := &m.Via; v.Cookie() {
		b = append(append(b, v.Branch...), 0)
		b = append(append(b, v.Host...), byte(v.Port>>8), byte(v.Port))
	} else {
		b = append(append(b, 0), m.CallID...)
		b = append(append(b, 0), m.FromTag...)
		b = appendNumber(append(b, 0), m.CSeq.Number)
		b = append(b, v.Raw...)
	}
	s.key = append(append(b, 0), method...)
	return s.key
}

// addMergedKey appends to the scratch memory what two requests have in common that are one request come by two ways
// (RFC 3261 section 8.2.2.2).
func (s *shard) addMergedKey(m *message.Message) []byte {
	b := append(append(s.key, m.CallID...), 0)
	b = append(append(b, m.FromTag...), 0)
	s.key = append(appendNumber(b, m.CSeq.Number), m.Method...)
	return s.key
}

func appendNumber(b []byte, n uint32) []byte {
	return append(b, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// clientKey gives the key of a client transaction: a CANCEL has the branch of its INVITE.
func (s *shard) clientKey(branch string, cancel bool) []byte {
	s.key = append(s.key[:0], branch...)
	if cancel {
		s.key = append(s.key, 0)
	}
	return s.key
}
