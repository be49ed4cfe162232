package transport_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/switchhook/switchhook/sip/transport"
)

func (r *rig) socket(at netip.AddrPort) transport.PacketConn {
	r.Helper()
	c, err := r.peer.ListenPacket(at)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { c.Close() })
	return c
}

func TestPacketVia(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		c := r.socket(netip.MustParseAddrPort("192.0.2.2:6000"))
		for via, want := range map[string]struct{ via, reply string }{
			"SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1":            {"SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1", "192.0.2.2:5060"},
			"SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bK1":       {"SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bK1", "192.0.2.2:5070"},
			"SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bK1;rport": {"SIP/2.0/UDP 192.0.2.2:5070;received=192.0.2.2;rport=6000;branch=z9hG4bK1", "192.0.2.2:6000"},
			"SIP/2.0/UDP 10.0.0.9:5070;branch=z9hG4bK1":        {"SIP/2.0/UDP 10.0.0.9:5070;received=192.0.2.2;branch=z9hG4bK1", "192.0.2.2:5070"},
			"SIP/2.0/UDP x.example.com;branch=z9hG4bK1":        {"SIP/2.0/UDP x.example.com;received=192.0.2.2;branch=z9hG4bK1", "192.0.2.2:5060"},
			"SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1;received=169.254.169.254;maddr=224.0.0.1": {
				"SIP/2.0/UDP 127.0.0.1;received=192.0.2.2;branch=z9hG4bK1;maddr=224.0.0.1", "192.0.2.2:5060"},
		} {
			if err := c.WriteTo([]byte(request("OPTIONS", via)), ourAddr); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			got := r.heard.take()
			if len(got) != 1 {
				t.Fatalf("%s: heard %d", via, len(got))
			}
			if v := got[0].Msg.Get("Via"); v != want.via {
				t.Errorf("%s\n became %s\n want   %s", via, v, want.via)
			}
			if to := got[0].Reply(); to.Addr.String() != want.reply || to.Flow != got[0].Flow || to.Network != "udp" {
				t.Errorf("%s: replies to %+v", via, to)
			}
		}
	})
}

func TestPacketJunk(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		for i := range 500 { // each from a port of its own: nothing is kept
			c := r.socket(netip.AddrPortFrom(peerAddr.Addr(), uint16(10_000+i)))
			for _, junk := range []string{"", "\r\n\r\n", "\x00", "x", "\x00\x01\x00\x00\x21\x12\xa4\x42" + strings.Repeat("z", 12),
				strings.Repeat("A", 60_000), "SIP/2.0 200 OK\r\n\r\n"} {
				if err := c.WriteTo([]byte(junk), ourAddr); err != nil {
					t.Fatal(err)
				}
			}
		}
		synctest.Wait()
		if got := r.heard.methods(); got != "" || r.layer.Flows() != 0 {
			t.Errorf("heard %s, %d flows", got, r.layer.Flows())
		}
		c := r.socket(peerAddr)
		_ = c.WriteTo([]byte(request("OPTIONS", "SIP/2.0/UDP h")), ourAddr)
		_ = c.WriteTo([]byte(request("INVITE", "SIP/2.0/UDP h", "Content-Length: 99")), ourAddr)
		synctest.Wait()
		if got := r.heard.methods(); got != "OPTIONS 400" {
			t.Error(got)
		}
	})
}

// TestTwoSockets: an answer leaves by the socket its request came in on.
func TestTwoSockets(t *testing.T) {
	second := netip.MustParseAddrPort("192.0.2.1:5062")
	bubble(t, func(c *transport.Config) {
		c.Listen = append(c.Listen, transport.Listen{Network: transport.UDP, Addr: second})
	}, func(r *rig) {
		c := r.socket(peerAddr)
		_ = c.WriteTo([]byte(request("OPTIONS", "SIP/2.0/UDP h;rport")), second)
		synctest.Wait()
		in := r.heard.take()[0]
		if in.Local != second {
			t.Errorf("came in on %v", in.Local)
		}
		if err := r.layer.Send(in.Reply(), respondTo(t, in, 200), nil); err != nil {
			t.Fatal(err)
		}
		ds := []transport.Datagram{{Buf: make([]byte, 2000)}}
		if _, err := c.ReadBatch(ds); err != nil || ds[0].From != second || !bytes.HasPrefix(ds[0].Buf, []byte("SIP/2.0 200")) {
			t.Errorf("from %v: %q, %v", ds[0].From, ds[0].Buf[:ds[0].N], err)
		}
	})
}

func TestLocal(t *testing.T) {
	public := netip.MustParseAddrPort("203.0.113.9:5060")
	bubble(t, func(c *transport.Config) {
		c.Listen = []transport.Listen{
			{Network: transport.UDP, Addr: netip.MustParseAddrPort("0.0.0.0:5066")},
			{Network: transport.TCP, Addr: ourAddr, Advertise: public},
			{Network: transport.UDP, Addr: netip.MustParseAddrPort("[2001:db8::1]:5060")},
		}
	}, func(r *rig) {
		for _, c := range []struct{ network, toward, want string }{
			{"udp", "192.0.2.2", "192.0.2.1:5066"}, {"tcp", "192.0.2.2", "203.0.113.9:5060"},
			{"udp", "2001:db8::2", "[2001:db8::1]:5060"}, {"tls", "192.0.2.2", "192.0.2.1:5066"}, {"sctp", "192.0.2.2", "invalid AddrPort"},
			{"tcp", "2001:db8::2", "[2001:db8::1]:5060"}, // for want of a TCP one
		} {
			if got := r.layer.Local(c.network, netip.MustParseAddr(c.toward)).String(); got != c.want {
				t.Errorf("%s toward %s: %s, want %s", c.network, c.toward, got, c.want)
			}
		}
		if n := len(r.layer.Addrs()); n != 3 {
			t.Errorf("%d addresses", n)
		}
	})
}

func TestAddressInUse(t *testing.T) {

	at := transport.Listen{Network: transport.UDP, Addr: netip.MustParseAddrPort("127.0.0.1:0")}
	a, err := transport.New(transport.Config{Listen: []transport.Listen{at}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	at.Addr = a.Addrs()[0].Addr
	if b, err := transport.New(transport.Config{Listen: []transport.Listen{{Network: transport.TCP, Addr: at.Addr}, at}}); err == nil {
		b.Close()
		t.Error("listens where another one does")
	}
	if _, err := transport.New(transport.Config{Listen: []transport.Listen{{Network: "carrier pigeon"}}}); err == nil {
		t.Error(fmt.Errorf("an unknown network opens"))
	}

}
