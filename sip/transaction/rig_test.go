package transaction_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
	"github.com/switchhook/switchhook/sip/transport"
	"github.com/switchhook/switchhook/sip/transport/memnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	ourAddr  = netip.MustParseAddrPort("192.0.2.1:5060")
	peerAddr = netip.MustParseAddrPort("192.0.2.2:5060")
)

// rig is a layer on a network in memory, with a peer whose every datagram the test writes and reads. It runs in a
// synctest bubble: time passes when all wait.
type rig struct {
	*testing.T
	net   *memnet.Net
	layer *transaction.Layer
	user  *fakeUser
	peer  transport.PacketConn
	start time.Time
	got   chan arrival
}

// arrival is a message that the peer got, and when since the start.
type arrival struct {
	*message.Message
	at time.Duration
}

// fakeUser is the layer above: it notes what it hears and lets the test answer.
type fakeUser struct {
	request   func(*transaction.Server)
	servers   []*transaction.Server
	cancelled []*message.Message
	acks      []*message.Message
	strays    []*message.Message
}

func (u *fakeUser) Request(s *transaction.Server) {
	u.servers = append(u.servers, s)
	if u.request != nil {
		u.request(s)
	}
}
func (u *fakeUser) Cancelled(_ *transaction.Server, m *message.Message) {
	u.cancelled = append(u.cancelled, m)
}
func (u *fakeUser) Ack(m *message.Message, _ transport.Incoming) { u.acks = append(u.acks, m) }
func (u *fakeUser) Stray(in transport.Incoming)                  { u.strays = append(u.strays, in.Msg) }

// bubble runs a test on a fresh rig.
func bubble(t *testing.T, change func(*transaction.Config), test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, net: memnet.New(), user: &fakeUser{}, got: make(chan arrival, 100_000)}
		carrier, err := transport.New(transport.Config{
			Network: r.net.Host(ourAddr.Addr()),
			Listen:  []transport.Listen{{Network: transport.UDP, Addr: ourAddr}, {Network: transport.TCP, Addr: ourAddr}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if r.peer, err = r.net.Host(peerAddr.Addr()).ListenPacket(peerAddr); err != nil {
			t.Fatal(err)
		}
		cfg := transaction.Config{Transport: carrier, User: r.user, Shards: 1}
		if change != nil {
			change(&cfg)
		}
		r.layer = transaction.New(cfg)
		r.layer.Start()
		r.start = time.Now()
		go r.listen(r.peer)
		test(r)
		if err := carrier.Close(); err != nil {
			t.Error(err)
		}
		r.layer.Close()
		_ = r.peer.Close()
	})
}

func (r *rig) listen(c transport.PacketConn) {
	ds := []transport.Datagram{{Buf: make([]byte, 65536)}}
	for {
		if _, err := c.ReadBatch(ds); err != nil {
			return
		}
		m, err := message.Parse(ds[0].Buf[:ds[0].N])
		if err != nil {
			m = &message.Message{Status: -1, Reason: string(ds[0].Buf[:ds[0].N])} // a request's faults, mirrored
		}
		r.got <- arrival{m, time.Since(r.start)}
	}
}

// send sends lines from the peer, joined by CRLF.
func (r *rig) send(lines ...string) {
	r.Helper()
	if err := r.peer.WriteTo([]byte(strings.Join(lines, "\r\n")+"\r\n\r\n"), ourAddr); err != nil {
		r.Fatal(err)
	}
	synctest.Wait()
}

// request gives a request's lines.
func request(method, branch string, more ...string) []string {
	lines := []string{
		method + " sip:bob@192.0.2.1 SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.2:5060;rport;branch=z9hG4bK" + branch,
		"Max-Forwards: 70", "From: <sip:alice@192.0.2.2>;tag=a", "To: <sip:bob@192.0.2.1>", "Call-ID: call",
		"CSeq: 1 " + method, "Contact: <sip:alice@192.0.2.2>",
	}
	return append(lines, more...)
}

// answer gives a response's lines to a request that the peer got.
func answer(req arrival, status int, more ...string) []string {
	m := message.NewResponse(req.Message, status, "")
	m.Tag("peer")
	data, err := m.Append(nil)
	if err != nil {
		panic(err)
	}
	return append(strings.Split(strings.TrimSuffix(string(data), "\r\n\r\n"), "\r\n"), more...)
}

// on runs f on the shard and waits for what follows.
func (r *rig) on(f func()) {
	r.Helper()
	if !r.layer.Post("call", f) {
		r.Fatal("closed")
	}
	synctest.Wait()
}

// sleep lets the bubble's time go by.
func (r *rig) sleep(d time.Duration) {
	time.Sleep(d) // in the bubble's time: every test of this package that waits comes here
	synctest.Wait()
}

// next gives what the peer got next.
func (r *rig) next() arrival {
	r.Helper()
	select {
	case a := <-r.got:
		return a
	default:
		r.Fatal("the peer got nothing")
		return arrival{}
	}
}

// quiet holds that the peer got nothing more.
func (r *rig) quiet() {
	r.Helper()
	select {
	case a := <-r.got:
		r.Fatalf("the peer got %s %d at %v", a.Method, a.Status, a.at)
	default:
	}
}

// seen gives all that the peer got, as "status@seconds" or "METHOD@seconds".
func (r *rig) seen() string {
	var out []string
	for {
		select {
		case a := <-r.got:
			what := a.Method
			if what == "" {
				what = fmt.Sprint(a.Status)
			}
			out = append(out, fmt.Sprintf("%s@%g", what, a.at.Seconds()))
		default:
			return strings.Join(out, " ")
		}
	}
}

func (r *rig) wantSeen(want string) {
	r.Helper()
	if got := r.seen(); got != want {
		r.Errorf("the peer got\n  %s, want\n  %s", got, want)
	}
}

// outcome is what a client transaction told its user.
type outcome struct {
	heard []string
	err   error
	after bool // something was told after the error
}

func (o *outcome) on(_ *transaction.Client, m *message.Message, err error) {
	if o.err != nil {
		o.after = true
	}
	if err != nil {
		o.err = err
		o.heard = append(o.heard, "err")
		return
	}
	o.heard = append(o.heard, fmt.Sprint(m.Status))
}

func (o *outcome) String() string { return strings.Join(o.heard, " ") }

// outgoing makes a request of ours.
func outgoing(method string) *message.Message {
	m := message.NewRequest(method, "sip:alice@192.0.2.2")
	for _, f := range (header.List{
		{Name: "Max-Forwards", Value: "70"}, {Name: "From", Value: "<sip:bob@192.0.2.1>;tag=b"},
		{Name: "To", Value: "<sip:alice@192.0.2.2>"}, {Name: "Call-ID", Value: "call"}, {Name: "CSeq", Value: "7 " + method},
		{Name: "Contact", Value: "<sip:bob@192.0.2.1>"}, {Name: "Route", Value: "<sip:192.0.2.2;lr>"},
	}) {
		m.Add(f.Name, f.Value)
	}
	return m
}

// call starts a client transaction toward the peer.
func (r *rig) call(method string) (*transaction.Client, *outcome) {
	r.Helper()
	o := &outcome{}
	var c *transaction.Client
	r.on(func() {
		c = r.layer.Send(outgoing(method), transport.Target{Network: transport.UDP, Addr: peerAddr}, o.on)
	})
	return c, o
}

// wantEmpty holds that no transaction is left.
func (r *rig) wantEmpty() {
	r.Helper()
	if s := r.layer.Stats(); s.Clients != 0 || s.Servers != 0 {
		r.Errorf("left: %+v", s)
	}
}
