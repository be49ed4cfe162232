package sip_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transport"
	"github.com/switchhook/switchhook/sip/transport/memnet"
)

var (
	serverAt = netip.MustParseAddrPort("192.0.2.1:5060")
	aliceAt  = netip.MustParseAddrPort("198.51.100.1:5060")
	bobAt    = netip.MustParseAddrPort("203.0.113.1:5060")
	bob2At   = netip.MustParseAddrPort("203.0.113.2:5060")
)

// fakeSession is media without packets.
type fakeSession struct {
	mu      sync.Mutex
	at      netip.AddrPort
	remote  media.Remote
	closed  bool
	packets uint64      // that came; guarded by mu
	keys    string      // that were to be pressed; guarded by mu
	open    *int        // counts the open ones
	shared  *sync.Mutex // guards open
}

func (f *fakeSession) Write(*media.Packet)                   {}
func (f *fakeSession) Connect(media.Port)                    {}
func (f *fakeSession) Play(media.Source, func(error)) func() { return func() {} }
func (f *fakeSession) SendDigits(keys string, _, _ time.Duration, _ bool, done func(error)) func() {
	f.mu.Lock()
	f.keys += keys
	f.mu.Unlock()
	done(nil)
	return func() {}
}
func (f *fakeSession) Tap(_, _ media.Port)                          {}
func (f *fakeSession) Mute(bool)                                    {}
func (f *fakeSession) OnDigit(func(digit byte, held time.Duration)) {}
func (f *fakeSession) Local() netip.AddrPort                        { return f.at }
func (f *fakeSession) SetRemote(r media.Remote) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.remote = r
	return nil
}
func (f *fakeSession) Stats() media.Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return media.Stats{Codec: f.remote.Codec, PacketsIn: f.packets}
}
func (f *fakeSession) Close() {
	f.shared.Lock()
	defer f.shared.Unlock()
	if !f.closed {
		f.closed = true
		*f.open--
	}
}

// rig is a server on a wire, with one trunk for Alice, who calls, and one for Bob and his second gateway.
type rig struct {
	t        *testing.T
	net      *memnet.Net
	s        *sip.Server
	attempts chan attempt
	dir      atomic.Pointer[directory.Snapshot]
	mu       sync.Mutex
	sessions int // open
	last     *fakeSession
}

// remote gives what the last session knows of the far end, once all is done that is under way.
func (r *rig) remote() media.Remote {
	synctest.Wait()
	r.last.mu.Lock()
	defer r.last.mu.Unlock()
	return r.last.remote
}

// speak makes the far end of the last session be heard.
func (r *rig) speak() {
	r.last.mu.Lock()
	defer r.last.mu.Unlock()
	r.last.packets++
}

// attempt is what Receive heard, with the leg made of it and its events.
type attempt struct {
	call.Attempt
	id     call.LegID
	leg    *sip.Leg
	events *events
}

// trunks is what most tests know.
func trunks() directory.Content {
	trusted := header.Trusted()
	return directory.Content{Trunks: []directory.Trunk{
		{ID: "alice", Account: "000000000001", Peers: []directory.Peer{{Host: aliceAt.Addr().String()}}, In: trusted, Out: trusted},
		{ID: "bob", Account: "000000000001", Peers: []directory.Peer{{Host: bobAt.Addr().String()}}, In: trusted, Out: trusted},
		{ID: "two", Account: "000000000001", In: trusted, Out: trusted, Peers: []directory.Peer{
			{Host: bobAt.Addr().String(), Priority: 1}, {Host: bob2At.Addr().String(), Priority: 2}}},
	}}
}

func newRig(t *testing.T, change ...func(*sip.Config, *directory.Content)) *rig {
	t.Helper()
	r := &rig{t: t, net: memnet.New(), attempts: make(chan attempt, 100)}
	content := trunks()
	cfg := sip.Config{
		Transport: transport.Config{Listen: both(serverAt), Network: r.net.Host(serverAt.Addr())},
		Shards:    2, Log: slog.New(newFaults(t)),
		Lookup: func(context.Context, string) ([]netip.Addr, error) { return nil, fmt.Errorf("no such host") },
	}
	cfg.Media = func(netip.Addr) (sip.Session, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.sessions++
		f := &fakeSession{at: netip.MustParseAddrPort(fmt.Sprintf("192.0.2.1:%d", 10000+2*r.sessions)), open: &r.sessions, shared: &r.mu}
		r.last = f
		return f, nil
	}
	cfg.Receive = func(at call.Attempt, open sip.Open) {
		e, id := newEvents(t), call.NewLegID(0)
		r.attempts <- attempt{at, id, open(id, e.report), e}
	}
	for _, f := range change {
		f(&cfg, &content)
	}
	r.dir.Store(directory.NewSnapshot(content))
	cfg.Directory = r.dir.Load
	s, err := sip.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.s = s
	s.Serve()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if r.sessions != 0 {
			t.Errorf("%d media sessions are still open", r.sessions)
		}
		if s.Legs() != 0 {
			t.Errorf("%d legs still stand", s.Legs())
		}
	})
	return r
}

// attempt waits for an INVITE to come through.
func (r *rig) attempt() attempt {
	r.t.Helper()
	select {
	case a := <-r.attempts:
		return a
	case <-time.After(10 * time.Second):
		r.t.Fatal("no attempt came through")
	}
	panic("unreachable")
}

// dial places a leg.
func (r *rig) dial(d call.Dial) (*sip.Leg, *events) {
	e := newEvents(r.t)
	return r.s.Dial(call.NewLegID(0), d, e.report), e
}

// events is what a leg reported.
type events struct {
	t      *testing.T
	ch     chan call.Event
	mu     sync.Mutex
	ledger []call.Entry
	log    []call.Log
	over   bool
}

func newEvents(t *testing.T) *events { return &events{t: t, ch: make(chan call.Event, 1000)} }

func (e *events) report(ev call.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over {
		e.t.Errorf("event after LegEnded: %#v", ev)
	}
	switch ev := ev.(type) {
	case call.Accounted:
		e.ledger = append(e.ledger, ev.Entries...)
		return
	case call.Logged:
		e.log = append(e.log, ev.Log)
		return
	case call.LegEnded:
		e.over = true
	}
	e.ch <- ev
}

// want waits for an event of the type, which must be the next.
func want[T call.Event](e *events) T {
	e.t.Helper()
	select {
	case ev := <-e.ch:
		if v, ok := ev.(T); ok {
			return v
		}
		e.t.Fatalf("event is %#v, want %T", ev, *new(T))
	case <-time.After(300 * time.Second):
		e.t.Fatalf("no event, want %T", *new(T))
	}
	panic("unreachable")
}

// none checks that nothing is reported for a while.
func (e *events) none(d time.Duration) {
	e.t.Helper()
	select {
	case ev := <-e.ch:
		e.t.Fatalf("event is %#v, want none", ev)
	case <-time.After(d):
	}
}

// entry finds a ledger entry by header name and message.
func (e *events) entry(msg, name string) (call.Entry, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, en := range e.ledger {
		if en.Message == msg && header.SameName(en.Name, name) {
			return en, true
		}
	}
	return call.Entry{}, false
}

// count counts the ledger entries of a header in a message.
func (e *events) count(msg, name string) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, en := range e.ledger {
		if en.Message == msg && header.SameName(en.Name, name) {
			n++
		}
	}
	return n
}

// phone is a far end that speaks what a test says.
type phone struct {
	t       *testing.T
	at      netip.AddrPort
	sockets *transport.Layer
	network string // what it calls by
	server  netip.AddrPort
	got     chan *message.Message
	mu      sync.Mutex
	came    map[*message.Message]transport.Incoming // guarded by mu
	branch  int
}

// both listens on UDP and TCP.
func both(at netip.AddrPort) []transport.Listen {
	return []transport.Listen{{Network: transport.UDP, Addr: at}, {Network: transport.TCP, Addr: at}}
}

// phone puts a far end into the net, over UDP alone if so said.
func (r *rig) phone(at netip.AddrPort, udpOnly ...bool) *phone {
	r.t.Helper()
	listen := both(at)
	if len(udpOnly) > 0 {
		listen = listen[:1]
	}
	sockets, err := transport.New(transport.Config{Listen: listen, Network: r.net.Host(at.Addr())})
	if err != nil {
		r.t.Fatal(err)
	}
	p := &phone{t: r.t, at: at, sockets: sockets, network: transport.UDP, server: serverAt, got: make(chan *message.Message, 1000),
		came: map[*message.Message]transport.Incoming{}}
	sockets.Serve(func(in transport.Incoming) {
		if in.Msg == nil {
			r.t.Errorf("the server sent what can't be read: %v", in.Fault)
			return
		}
		p.mu.Lock()
		p.came[in.Msg] = in
		p.mu.Unlock()
		p.got <- in.Msg
	})
	r.t.Cleanup(func() { sockets.Close() })
	return p
}

// over tells by which network a message came.
func (p *phone) over(m *message.Message) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.came[m].Network
}

// send writes a request to the server.
func (p *phone) send(m *message.Message) {
	p.t.Helper()
	p.sendTo(transport.Target{Network: p.network, Addr: p.server}, m)
}

func (p *phone) sendTo(to transport.Target, m *message.Message) {
	p.t.Helper()
	data, err := m.Append(nil)
	if err != nil {
		p.t.Fatalf("phone: %v", err)
	}
	if err := p.sockets.Send(to, data, nil); err != nil {
		p.t.Fatalf("phone: %v", err)
	}
}

// reply writes a response.
func (p *phone) reply(req, m *message.Message) {
	p.t.Helper()
	p.mu.Lock()
	in, ok := p.came[req]
	p.mu.Unlock()
	if !ok { // a fork answers what another has got
		p.sendTo(transport.Target{Network: transport.UDP, Addr: serverAt}, m)
		return
	}
	p.sendTo(in.Reply(), m)
}

// receive waits for the next message, which must be of the method or status; 100s are passed over.
func (p *phone) receive(what string) *message.Message {
	p.t.Helper()
	return p.receiveIn(what, 300*time.Second)
}

func (p *phone) receiveIn(what string, limit time.Duration) *message.Message {
	p.t.Helper()
	for {
		select {
		case m := <-p.got:
			if m.Status == 100 && what != "100" {
				continue
			}
			if name(m) != what {
				p.t.Fatalf("%v got %s, want %s\n%+v", p.at, name(m), what, m)
			}
			return m
		case <-time.After(limit):
			p.t.Fatalf("%v got nothing, want %s", p.at, what)
		}
	}
}

func name(m *message.Message) string {
	if m.IsRequest() {
		return m.Method
	}
	return fmt.Sprint(m.Status)
}

// quiet checks that nothing comes for a while.
func (p *phone) quiet(d time.Duration) {
	p.t.Helper()
	select {
	case m := <-p.got:
		p.t.Fatalf("%v got %s, want nothing", p.at, name(m))
	case <-time.After(d):
	}
}

const offer = `v=0
o=- 1 1 IN IP4 198.51.100.1
s=-
c=IN IP4 198.51.100.1
t=0 0
m=audio 4000 RTP/AVP 0 8 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
`

func crlf(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }

// invite makes Alice's INVITE with more rows.
func (p *phone) invite(callID string, rows ...string) *message.Message {
	m := p.request("INVITE", callID, 1, "")
	for _, row := range rows {
		n, v, _ := strings.Cut(row, ": ")
		m.Set(n, v)
	}
	m.Add("Content-Type", "application/sdp")
	m.Body = crlf(offer)
	return m
}

// request makes a request of a phone that calls the server.
func (p *phone) request(method, callID string, seq int, toTag string) *message.Message {
	p.branch++
	m := message.NewRequest(method, "sip:+12065550100@192.0.2.1")
	m.Add("Via", fmt.Sprintf("SIP/2.0/%s %s;branch=z9hG4bK%s-%d", strings.ToUpper(p.network), p.at, callID, p.branch))
	m.Add("Max-Forwards", "70")
	m.Add("From", "\"Alice\" <sip:+12065550199@198.51.100.1>;tag=alice")
	to := "<sip:+12065550100@192.0.2.1>"
	if toTag != "" {
		to += ";tag=" + toTag
	}
	m.Add("To", to)
	m.Add("Call-ID", callID)
	m.Add("CSeq", fmt.Sprintf("%d %s", seq, method))
	m.Add("Contact", "<sip:alice@"+p.at.String()+">")
	return m
}

// ack acknowledges a 2xx to an INVITE.
func (p *phone) ack(inv, ok *message.Message) {
	m := p.request("ACK", inv.CallID, int(inv.CSeq.Number), ok.ToTag)
	p.send(m)
}

// answer answers a request; a 2xx or 18x with SDP if body says so.
func (p *phone) answer(req *message.Message, status int, tag string, body string, rows ...string) *message.Message {
	m := message.NewResponse(req, status, "")
	if tag != "" {
		m.Tag(tag)
	}
	if req.Method == "INVITE" {
		m.Add("Contact", "<sip:bob@"+p.at.String()+">")
	}
	for _, row := range rows {
		n, v, _ := strings.Cut(row, ": ")
		m.Add(n, v)
	}
	if body != "" {
		m.Add("Content-Type", "application/sdp")
		m.Body = crlf(body)
	}
	p.reply(req, m)
	return m
}

// ended waits for the leg's end, which must bear this label.
func (e *events) ended(label call.Label) {
	e.t.Helper()
	if end := want[call.LegEnded](e); end.Cause.Label != label {
		e.t.Errorf("cause: %+v, want %s", end.Cause, label)
	}
}

// refused waits for the leg's end, which must bear this status.
func (e *events) refused(status int) {
	e.t.Helper()
	if end := want[call.LegEnded](e); end.Cause.SIP != status {
		e.t.Errorf("cause: %+v, want %d", end.Cause, status)
	}
}

// inTime runs a test in a bubble whose clock only moves when all wait.
func inTime(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// pass lets the bubble's time go by, and all that is due in it happen. It costs no real time.
func pass(d time.Duration) {
	time.Sleep(d) // in the bubble's time: every test of this package that waits comes here
	synctest.Wait()
}

// callIn brings an inbound leg to the answer.
func (r *rig) callIn(alice *phone) (attempt, *message.Message, *message.Message) {
	r.t.Helper()
	inv := alice.invite("c1")
	alice.send(inv)
	a := r.attempt()
	a.leg.Answer(nil)
	ok := alice.receive("200")
	alice.ack(inv, ok)
	want[call.Answered](a.events)
	return a, inv, ok
}

const answer = `v=0
o=- 2 2 IN IP4 203.0.113.1
s=-
c=IN IP4 203.0.113.1
t=0 0
m=audio 6000 RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
`
