package transport_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transport"
	"github.com/switchhook/switchhook/sip/transport/memnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	ourAddr  = netip.MustParseAddrPort("192.0.2.1:5060")
	peerAddr = netip.MustParseAddrPort("192.0.2.2:5060")
)

// heard collects what a layer's handler got.
type heard struct {
	mu  sync.Mutex
	all []transport.Incoming
	on  func(transport.Incoming)
}

func (h *heard) handle(in transport.Incoming) {
	h.mu.Lock()
	h.all = append(h.all, in)
	on := h.on
	h.mu.Unlock()
	if on != nil {
		on(in)
	}
}

func (h *heard) take() []transport.Incoming {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.all
	h.all = nil
	return all
}

// methods names what was heard, faults by their status.
func (h *heard) methods() string {
	var out []string
	for _, in := range h.take() {
		if in.Fault != nil {
			out = append(out, fmt.Sprint(in.Fault.Status))
		} else {
			out = append(out, in.Msg.Method)
		}
	}
	return strings.Join(out, " ")
}

// rig is a layer on a network in memory, in a synctest bubble.
type rig struct {
	*testing.T
	layer *transport.Layer
	heard *heard
	net   *memnet.Net
	peer  transport.Network
}

func bubble(t *testing.T, change func(*transport.Config), test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		cfg := transport.Config{
			Network: n.Host(ourAddr.Addr()),
			Listen:  []transport.Listen{{Network: transport.UDP, Addr: ourAddr}, {Network: transport.TCP, Addr: ourAddr}},
		}
		if change != nil {
			change(&cfg)
		}
		l, err := transport.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		r := &rig{T: t, layer: l, heard: &heard{}, net: n, peer: n.Host(peerAddr.Addr())}
		l.Serve(r.heard.handle)
		test(r)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

// connect opens a TCP connection from the peer; what it gets is collected.
func (r *rig) connect() *stream {
	r.Helper()
	c, err := r.peer.Dial(context.Background(), ourAddr)
	if err != nil {
		r.Fatal(err)
	}
	s := &stream{Conn: c, done: make(chan struct{})}
	go s.collect()
	synctest.Wait()
	return s
}

// stream is the peer's end of a connection.
type stream struct {
	net.Conn
	mu   sync.Mutex
	got  strings.Builder
	done chan struct{}
}

func (s *stream) collect() {
	defer close(s.done)
	buf := make([]byte, 4096)
	for {
		n, err := s.Read(buf)
		s.mu.Lock()
		s.got.Write(buf[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *stream) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.String()
}

// closed tells whether the far end closed.
func (s *stream) closed() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

func (r *rig) write(s *stream, text string) {
	r.Helper()
	if _, err := io.WriteString(s, text); err != nil && !s.closed() {
		r.Fatal(err)
	}
	synctest.Wait()
}

// sleep lets the bubble's time go by.
func (r *rig) sleep(d time.Duration) {
	time.Sleep(d) // in the bubble's time: every test of this package that waits comes here
	synctest.Wait()
}

// request is a sound request.
func request(method, via string, more ...string) string {
	lines := append([]string{
		method + " sip:bob@192.0.2.1 SIP/2.0", "Via: " + via, "Max-Forwards: 70", "From: <sip:alice@192.0.2.2>;tag=a",
		"To: <sip:bob@192.0.2.1>", "Call-ID: call", "CSeq: 1 " + method, "Contact: <sip:alice@192.0.2.2>",
	}, more...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

const tcpVia = "SIP/2.0/TCP 192.0.2.2;branch=z9hG4bK1"

func tcpRequest(method, body string) string {
	return request(method, tcpVia, fmt.Sprintf("Content-Length: %d", len(body))) + body
}

// respondTo gives the bytes of a response.
func respondTo(t testing.TB, in transport.Incoming, status int) []byte {
	t.Helper()
	req := in.Msg
	if in.Fault != nil {
		req = in.Fault.Request
	}
	data, err := message.NewResponse(req, status, "").Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// readMessage reads one message with an empty body from a stream.
func readMessage(t testing.TB, r *bufio.Reader) *message.Message {
	t.Helper()
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("after %q: %v", b.String(), err)
		}
		b.WriteString(line)
		if line == "\r\n" {
			m, err := message.Parse([]byte(b.String()))
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
	}
}
