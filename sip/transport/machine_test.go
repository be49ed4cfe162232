package transport_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transport"
)

// loopback opens a layer on real sockets; the handler answers requests and faults.
func loopback(t testing.TB, hosts ...string) (*transport.Layer, *atomic.Int64) {
	t.Helper()
	var cfg transport.Config
	for _, h := range hosts {
		at := netip.AddrPortFrom(netip.MustParseAddr(h), 0)
		cfg.Listen = append(cfg.Listen, transport.Listen{Network: "udp", Addr: at}, transport.Listen{Network: "tcp", Addr: at})
	}
	l, err := transport.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var count atomic.Int64
	l.Serve(func(in transport.Incoming) {
		count.Add(1)
		req, status := in.Msg, 200
		if in.Fault != nil {
			req, status = in.Fault.Request, in.Fault.Status
		}
		data, err := message.NewResponse(req, status, "").Append(nil)
		if err != nil {
			t.Error(err)
			return
		}
		_ = l.Send(in.Reply(), data, nil) // the peer may have gone
	})
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l, &count
}

func TestLoopback(t *testing.T) {
	l, _ := loopback(t, "127.0.0.1", "::1")
	for _, at := range l.Addrs() {
		t.Run(at.Network+" "+at.Addr.String(), func(t *testing.T) {
			c, err := net.Dial(at.Network, at.Addr.String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			r := bufio.NewReaderSize(c, 65536)
			for _, text := range []string{
				request("OPTIONS", "SIP/2.0/X h;rport;branch=z9hG4bK1", "Content-Length: 0"),
				request("OPTIONS", "SIP/2.0/X h;rport;branch=z9hG4bK1", "Max-Forwards: 1", "Content-Length: 0"),
			} {
				if _, err := io.WriteString(c, text); err != nil {
					t.Fatal(err)
				}
				m := readMessage(t, r)
				want := 200
				if strings.Contains(text, "Max-Forwards: 1") {
					want = 400
				}
				local := c.LocalAddr().(interface{ AddrPort() netip.AddrPort }).AddrPort()
				if m.Status != want || m.Via.Received != local.Addr().String() || m.Via.RPort != int(local.Port()) {
					t.Errorf("%d, %+v", m.Status, m.Via)
				}
			}
		})
	}
}

// TestBurst: the receive buffer holds a burst that the kernel's default would lose.
func TestBurst(t *testing.T) {
	l, count := loopback(t, "127.0.0.1")
	c, err := net.Dial("udp", l.Addrs()[0].Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const n = 2000
	text := []byte(request("INFO", "SIP/2.0/UDP h;rport"))
	for range n {
		if _, err := c.Write(text); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(10 * time.Second); count.Load() < n && time.Now().Before(end); {
		runtime.Gosched()
	}
	if got := count.Load(); got < n {
		t.Errorf("%d of %d came", got, n)
	}
}

// TestManyIdleConnections: connections that say nothing do not keep new clients out (S11), and a reset in the middle of a
// burst costs nothing (S12).
func TestManyIdleConnections(t *testing.T) {
	l, _ := loopback(t, "127.0.0.1")
	addr := l.Addrs()[1].Addr.String()
	var idle []net.Conn
	defer func() {
		for _, c := range idle {
			c.Close()
		}
	}()
	for i := range 300 { // more than one address may have
		var d net.Dialer
		d.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}
		c, err := d.DialContext(context.Background(), "tcp", addr)
		if err != nil {
			t.Fatal(i, err)
		}
		idle = append(idle, c)
	}
	for range 20 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			_, _ = fmt.Fprint(c, strings.Replace(tcpRequest("INVITE", ""), "Call-ID: call", fmt.Sprintf("Call-ID: %d", i), 1))
		}
		_ = c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, tcpRequest("OPTIONS", "")); err != nil {
		t.Fatal(err)
	}
	if m := readMessage(t, bufio.NewReader(c)); m.Status != 200 {
		t.Errorf("%d", m.Status)
	}
	if n := l.Flows(); n > 256+20+1 {
		t.Errorf("%d flows", n)
	}
}

func BenchmarkPacketRoundTrip(b *testing.B) {
	l, _ := loopback(b, "127.0.0.1")
	c, err := net.Dial("udp", l.Addrs()[0].Addr.String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	text, buf := []byte(request("INFO", "SIP/2.0/UDP h;rport;branch=z9hG4bK1")), make([]byte, 2000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(text); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
}
