package transport_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/sip/transport"
	"github.com/switchhook/switchhook/sip/transport/memnet"
)

func TestStreamPipelinedAndInPieces(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		s := r.connect()
		whole := "\r\n" + tcpRequest("INVITE", "v=0\r\n") + tcpRequest("INFO", "") + tcpRequest("BYE", "")
		r.write(s, whole)
		if got := r.heard.methods(); got != "INVITE INFO BYE" {
			t.Error(got)
		}
		for i := range len(whole) {
			r.write(s, whole[i:i+1])
		}
		got := r.heard.take()
		if len(got) != 3 || got[0].Network != transport.TCP || got[0].Flow == 0 || got[0].Flow != got[2].Flow || string(got[0].Msg.Body) != "v=0\r\n" {
			t.Errorf("%+v", got)
		}
		if err := r.layer.Send(got[0].Reply(), respondTo(t, got[0], 200), nil); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if !strings.HasPrefix(s.text(), "SIP/2.0 200 OK\r\n") {
			t.Errorf("got %q", s.text())
		}
		s.Close()
		synctest.Wait()
		if r.layer.Flows() != 0 {
			t.Error("the flow is left")
		}
	})
}

// TestStreamOrder: 400 requests of one flow arrive in order.
func TestStreamOrder(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		s := r.connect()
		var b strings.Builder
		for i := range 400 {
			b.WriteString(strings.Replace(tcpRequest("INFO", ""), "Call-ID: call", fmt.Sprintf("Call-ID: %d", i), 1))
		}
		r.write(s, b.String())
		got := r.heard.take()
		for i, in := range got {
			if in.Msg.CallID != fmt.Sprint(i) {
				t.Fatalf("%d. is %s", i, in.Msg.CallID)
			}
		}
		if len(got) != 400 {
			t.Errorf("%d came", len(got))
		}
	})
}

func TestKeepAlive(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		s := r.connect()
		r.write(s, "\r\n\r\n")
		if s.text() != "\r\n" {
			t.Errorf("answered %q", s.text())
		}
		r.write(s, tcpRequest("OPTIONS", "")+"\r\n\r\n")
		if s.text() != "\r\n\r\n" || r.heard.methods() != "OPTIONS" {
			t.Errorf("answered %q", s.text())
		}
	})
}

// TestFirstMessageDeadline: who connects and says nothing, or drips, is closed; who spoke may be silent until it idles.
func TestFirstMessageDeadline(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		silent, drip, pinging, good := r.connect(), r.connect(), r.connect(), r.connect()
		r.write(good, tcpRequest("OPTIONS", ""))
		text := tcpRequest("OPTIONS", "")
		for i := range 9 {
			r.write(drip, text[i:i+1])
			r.write(pinging, "\r\n\r\n")
			r.sleep(time.Second)
		}
		if silent.closed() || drip.closed() || pinging.closed() {
			t.Error("closed too soon")
		}
		r.sleep(2 * time.Second)
		if !silent.closed() || !drip.closed() || !pinging.closed() || good.closed() {
			t.Errorf("closed: silent %v, drip %v, pinging %v, good %v", silent.closed(), drip.closed(), pinging.closed(), good.closed())
		}
		for i := range 11 { // a later message must not drip either
			if !good.closed() {
				r.write(good, text[i:i+1])
			}
			r.sleep(time.Second)
		}
		if !good.closed() || r.layer.Flows() != 0 {
			t.Error("a dripping message is waited for")
		}
	})
}

func TestIdle(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		s := r.connect()
		r.write(s, tcpRequest("OPTIONS", ""))
		in := r.heard.take()[0]
		r.sleep(9 * time.Minute)
		if err := r.layer.Send(in.Reply(), respondTo(t, in, 200), nil); err != nil { // what we write counts too
			t.Fatal(err)
		}
		r.sleep(9 * time.Minute)
		if s.closed() {
			t.Fatal("closed though it was used")
		}
		r.write(s, "\r\n\r\n")
		r.sleep(9 * time.Minute)
		if s.closed() {
			t.Fatal("closed though it was kept alive")
		}
		r.sleep(2 * time.Minute)
		if !s.closed() || r.layer.Flows() != 0 {
			t.Error("an idle flow is kept")
		}
	})
}

// TestBrokenStream: what can't be framed is answered, then the flow is closed.
func TestBrokenStream(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.heard.on = func(in transport.Incoming) {
			if in.Fault != nil {
				if err := r.layer.Send(in.Reply(), respondTo(t, in, in.Fault.Status), nil); err != nil {
					t.Error(err)
				}
			}
		}
		for name, c := range map[string]struct{ text, want string }{
			"no length": {request("INVITE", tcpVia), "SIP/2.0 400"},
			"two lengths, and more behind": {request("INVITE", tcpVia, "Content-Length: 0", "l: 0") + strings.Repeat("x", 50_000),
				"SIP/2.0 400"},
			"long head": {request("INVITE", tcpVia, strings.Repeat("X-A: "+strings.Repeat("v", 1000)+"\r\n", 64)+"l: 0"), "SIP/2.0 513"},
			"long body": {request("INVITE", tcpVia, "l: 1000000"), "SIP/2.0 513"},
			"not SIP":   {"GET / HTTP/1.1\r\n\r\n", ""},
			"bare LF":   {strings.ReplaceAll(tcpRequest("INVITE", ""), "\r", ""), "SIP/2.0 400"},
		} {
			s := r.connect()
			go func() { _, _ = s.Write([]byte(c.text)) }()
			synctest.Wait()
			r.sleep(2 * time.Second)
			if !s.closed() || !strings.HasPrefix(s.text(), c.want) || c.want == "" && s.text() != "" {
				t.Errorf("%s: closed %v, answered %q", name, s.closed(), s.text())
			}
		}
		if r.layer.Flows() != 0 {
			t.Errorf("%d flows are left", r.layer.Flows())
		}
	})
}

// TestBrokenStreamOwesAnswers: the answer to a request before what broke the stream still goes out, a little later too.
func TestBrokenStreamOwesAnswers(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		s := r.connect()
		go func() { _, _ = s.Write([]byte(tcpRequest("OPTIONS", "") + "GET / HTTP/1.1\r\n\r\n")) }()
		r.sleep(500 * time.Millisecond)
		in := r.heard.take()[0]
		if err := r.layer.Send(in.Reply(), respondTo(t, in, 200), nil); err != nil {
			t.Error(err)
		}
		r.sleep(time.Second)
		if !strings.HasPrefix(s.text(), "SIP/2.0 200") || !s.closed() || r.layer.Flows() != 0 {
			t.Errorf("answered %q, closed %v", s.text(), s.closed())
		}
	})
}

func TestFlowLimits(t *testing.T) {
	bubble(t, func(c *transport.Config) { c.MaxFlows, c.MaxFlowsPerIP = 5, 3 }, func(r *rig) {
		var all []*stream
		for range 4 {
			all = append(all, r.connect())
		}
		if all[2].closed() || !all[3].closed() {
			t.Error("the limit per address does not hold")
		}
		peer := r.peer
		r.peer = r.net.Host(netip.MustParseAddr("192.0.2.3"))
		for range 3 {
			all = append(all, r.connect())
		}
		if all[5].closed() || !all[6].closed() {
			t.Error("the limit in all does not hold")
		}
		// Ours are not among theirs.
		if _, err := peer.Listen(peerAddr); err != nil {
			t.Fatal(err)
		}
		if err := r.layer.Send(transport.Target{Network: "tcp", Addr: peerAddr}, []byte("x"), nil); err != nil {
			t.Error(err)
		}
		all[0].Close()
		synctest.Wait()
		if s := r.connect(); s.closed() {
			t.Error("a closed flow still counts")
		}
	})
}

// TestSlowReader: a peer that does not read is closed, by the queue's limit or by the write deadline; Send never waits.
func TestSlowReader(t *testing.T) {
	to := transport.Target{Network: transport.TCP, Addr: peerAddr}
	flood := func(t *testing.T, times int) (sent int, failed []error, last error) {
		bubble(t, func(c *transport.Config) { c.MaxQueued = 10_000 }, func(r *rig) {
			l, err := r.peer.Listen(peerAddr)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				_, _ = l.Accept() // and never read
			}()
			for last == nil && sent < times {
				if last = r.layer.Send(to, make([]byte, 1000), func(err error) { failed = append(failed, err) }); last == nil {
					sent++
				}
			}
			r.sleep(11 * time.Second)
			if r.layer.Flows() != 0 {
				t.Errorf("%d flows", r.layer.Flows())
			}
		})
		return sent, failed, last
	}
	if sent, failed, err := flood(t, 100); sent != 10 || len(failed) != 10 || !errors.Is(err, transport.ErrSlow) {
		t.Errorf("sent %d, then %v; told %v", sent, err, failed)
	}
	if sent, failed, err := flood(t, 1); sent != 1 || err != nil || len(failed) != 1 || !errors.Is(failed[0], transport.ErrSlow) {
		t.Errorf("sent %d, %v; told %v", sent, err, failed)
	}
}

func TestDialFails(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		to := transport.Target{Network: transport.TCP, Addr: peerAddr}
		var errs []error
		for range 3 {
			if err := r.layer.Send(to, []byte("x"), func(err error) { errs = append(errs, err) }); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		if len(errs) != 3 || r.layer.Flows() != 0 {
			t.Errorf("told %v, %d flows", errs, r.layer.Flows())
		}
		for _, bad := range []string{"0.0.0.0:5060", "224.0.0.1:5060", "255.255.255.255:5060", "192.0.2.2:0"} {
			to := transport.Target{Addr: netip.MustParseAddrPort(bad)}
			for _, to.Network = range []string{"udp", "tcp", "tls", ""} {
				if err := r.layer.Send(to, []byte("x"), nil); !errors.Is(err, transport.ErrNoPath) {
					t.Errorf("%s to %s: %v", to.Network, bad, err)
				}
			}
		}
	})
}

// TestCloseWritesWhatIsQueued: a BYE said just before the end still goes out.
func TestCloseWritesWhatIsQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		l, err := transport.New(transport.Config{Network: n.Host(ourAddr.Addr())})
		if err != nil {
			t.Fatal(err)
		}
		l.Serve(func(transport.Incoming) {})
		listener, err := n.Host(peerAddr.Addr()).Listen(peerAddr)
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		var s *stream
		go func() {
			c, err := listener.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			s = &stream{Conn: c, done: make(chan struct{})}
			s.collect()
		}()
		to := transport.Target{Network: transport.TCP, Addr: peerAddr}
		if err := l.Send(to, []byte("one "), nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for _, text := range []string{"two ", "three"} {
			if err := l.Send(to, []byte(text), nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if s.text() != "one two three" || !s.closed() {
			t.Errorf("written %q", s.text())
		}
		if err := l.Send(to, []byte("four"), nil); !errors.Is(err, transport.ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestPanicIsCaught(t *testing.T) {
	caught := 0
	bubble(t, func(c *transport.Config) { c.Recovered = func(any, []byte) { caught++ } }, func(r *rig) {
		r.heard.on = func(in transport.Incoming) {
			if in.Msg.Method == "INFO" {
				panic("handler's fault")
			}
		}
		s := r.connect()
		r.write(s, tcpRequest("INFO", ""))
		c := r.socket(peerAddr)
		_ = c.WriteTo([]byte(request("INFO", "SIP/2.0/UDP h")), ourAddr)
		_ = c.WriteTo([]byte(request("OPTIONS", "SIP/2.0/UDP h")), ourAddr)
		synctest.Wait()
		if caught != 2 || r.heard.methods() != "INFO INFO OPTIONS" || !s.closed() || r.layer.Flows() != 0 {
			t.Errorf("%d caught, closed %v", caught, s.closed())
		}
	})
}
