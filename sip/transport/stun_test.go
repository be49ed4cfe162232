package transport_test

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/sip/transport"
	"github.com/switchhook/switchhook/sip/transport/memnet"
)

// The transaction of all vectors of RFC 5769 section 2.
const stunHead = "2112a442b7e7a701bc34d686fa87dfae"

// The sample request of RFC 5769 section 2.1: SOFTWARE, PRIORITY (of ICE), ICE-CONTROLLED, USERNAME, MESSAGE-INTEGRITY and
// FINGERPRINT.
const stunSample = "00010058" + stunHead +
	"802200105354554e207465737420636c69656e74" + "002400046e0001ff" + "80290008932ff9b151263b36" +
	"000600096576746a3a68367659202020" + "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2" + "80280004e57a3bcf"

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// C51: a STUN Binding request on the UDP port is answered with the address that it came from (RFC 5626 section 4.4.2).
func TestC51StunBinding(t *testing.T) {
	for _, c := range []struct{ name, from, ask, want string }{
		{"IPv4, as RFC 5769 section 2.2 maps it", "192.0.2.1:32853", "00010000" + stunHead, "0101000c" + stunHead + "002000080001a147e112a643"},
		{"IPv6, as RFC 5769 section 2.3 maps it", "[2001:db8:1234:5678:11:2233:4455:6677]:32853", "00010000" + stunHead,
			"01010018" + stunHead + "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"},
		{"RFC 5769 section 2.1: PRIORITY is not known here", "192.0.2.1:32853", stunSample,
			"01110018" + stunHead + "0009000400000414" + "000a000200240000" + "80280004" + "*"},
		{"a wrong fingerprint", "192.0.2.1:32853", strings.Replace(stunSample, "e57a3bcf", "e57a3bd0", 1), ""},
		{"a wrong cookie", "192.0.2.1:32853", "00010000" + "2112a443b7e7a701bc34d686fa87dfae", ""},
		{"a length that is none", "192.0.2.1:32853", "00010004" + stunHead, ""},
		{"an attribute over the end", "192.0.2.1:32853", "00010004" + stunHead + "80220010", ""},
		{"a response", "192.0.2.1:32853", "01010000" + stunHead, ""},
		{"asked to answer elsewhere (RFC 5780)", "192.0.2.1:32853", "00010008" + stunHead + "0003000400000006",
			"01110010" + stunHead + "0009000400000414" + "000a000200030000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				from := netip.MustParseAddrPort(c.from)
				us := netip.MustParseAddrPort("198.51.100.1:5060")
				if from.Addr().Is6() {
					us = netip.MustParseAddrPort("[2001:db8::1]:5060")
				}
				n := memnet.New()
				l, err := transport.New(transport.Config{Network: n.Host(us.Addr()), Listen: []transport.Listen{{Network: transport.UDP, Addr: us}}})
				if err != nil {
					t.Fatal(err)
				}
				h := &heard{}
				l.Serve(h.handle)
				defer l.Close()
				s, err := n.Host(from.Addr()).ListenPacket(from)
				if err != nil {
					t.Fatal(err)
				}
				got := make(chan string, 1)
				go func() {
					ds := []transport.Datagram{{Buf: make([]byte, 2000)}}
					if n, err := s.ReadBatch(ds); err == nil && n == 1 {
						got <- hex.EncodeToString(ds[0].Buf[:ds[0].N])
					}
				}()
				if err := s.WriteTo(unhex(t, c.ask), us); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				s.Close()
				select {
				case answer := <-got:
					if whole, cut := strings.CutSuffix(c.want, "*"); cut && strings.HasPrefix(answer, whole) {
						break
					}
					if answer != c.want {
						t.Errorf("answer %s\n  want %s", answer, c.want)
					}
				default:
					if c.want != "" {
						t.Error("no answer")
					}
				}
				if all := h.take(); len(all) != 0 {
					t.Errorf("taken for SIP: %+v", all)
				}
			})
		})
	}
}

// What is answered is no longer than twice what was asked, whatever is asked: S23.
func FuzzStun(f *testing.F) {
	f.Add(unhex(f, stunSample))
	f.Add(unhex(f, "00010000"+stunHead))
	f.Add(unhex(f, "00010008"+stunHead+"0003000400000006"))
	f.Fuzz(func(t *testing.T, b []byte) {
		from := netip.MustParseAddrPort("192.0.2.1:5060")
		answer := transport.Binding(b, from)
		if answer == nil {
			return
		}
		if len(answer) > 2*len(b) || len(answer)%4 != 0 || int(answer[2])<<8+int(answer[3]) != len(answer)-20 {
			t.Errorf("%x is answered with %x", b, answer)
		}
		if transport.Binding(answer, from) != nil {
			t.Error("an answer is answered") // two servers would go on for ever
		}
	})
}

// C51: a flow that we opened is kept alive while it is silent, and yet ends when it is idle for long.
func TestC51KeepsFlowsAlive(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		listener, err := r.peer.Listen(peerAddr)
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		to := transport.Target{Network: transport.TCP, Addr: peerAddr}
		if err := r.layer.Send(to, []byte(tcpRequest("OPTIONS", "")), nil); err != nil {
			t.Fatal(err)
		}
		c, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		s := &stream{Conn: c, done: make(chan struct{})}
		go s.collect()
		r.sleep(time.Second)
		before := len(s.text())
		for i := range 5 {
			r.sleep(100 * time.Second)
			r.write(s, "\r\n") // its pong
			if n := len(s.text()) - before; n != 4*(i+1) {
				t.Errorf("after %d × 100 s: %d bytes of keep-alive", i+1, n)
			}
		}
		if r.layer.Flows() != 1 {
			t.Error("the flow is gone")
		}
		r.sleep(200 * time.Second)
		if r.layer.Flows() != 0 || !s.closed() {
			t.Error("keep-alives keep a flow for ever")
		}
	})
}
