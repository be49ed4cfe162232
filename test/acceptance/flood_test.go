package acceptance_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook/media"
)

// junk gives what scanners, broken programs and attackers send, the nth of its kind.
func junk(n int, target string) string {
	method := []string{"INVITE", "REGISTER", "OPTIONS", "BYE", "MESSAGE", "SUBSCRIBE", "NOTIFY", "ACK"}[n/8%8]
	m := crlf(fmt.Sprintf("%s sip:%d@%s SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKj%d;rport\nFrom: <sip:j@x>;tag=j\nTo: <sip:j@x>\nCall-ID: junk%d\nCSeq: 1 %s\nMax-Forwards: 70\nUser-Agent: friendly-scanner\nContent-Length: 0\n\n",
		method, n, target, n, n, method))
	switch n % 8 {
	case 1:
		return m[:rand.IntN(len(m))]
	case 2:
		return "\r\n\r\n"
	case 3:
		return strings.Repeat("A", 1400)
	case 4:
		return "SIP/2.0 200 OK\r\nCall-ID: junk" + fmt.Sprint(n) + "\r\nCSeq: 1 INVITE\r\n\r\n"
	case 5:
		return "\x80\x00\x00\x01" + strings.Repeat("\x00", 168)
	}
	return m
}

// floodWith sends junk from several addresses at a rate until the context ends, and counts.
func floodWith(ctx context.Context, t *testing.T, to netip.AddrPort, perSecond int) *atomic.Int64 {
	t.Helper()
	var sent atomic.Int64
	var conns []*net.UDPConn
	for i := range 8 {
		host := netip.MustParseAddr("127.0.0.1") // the trunk's own
		if i > 0 {
			host = netip.AddrFrom4([4]byte{127, 0, 67, byte(i)})
		}
		c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(host, 0)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		conns = append(conns, c)
	}
	packets := make([][]byte, 4096)
	for i := range packets {
		packets[i] = []byte(junk(i, to.String()))
	}
	go func() {
		begin := time.Now()
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
			}
			for due := int64(time.Since(begin).Seconds() * float64(perSecond)); sent.Load() < due; {
				n := sent.Add(1)
				conns[n%int64(len(conns))].WriteToUDPAddrPort(packets[n%int64(len(packets))], to)
			}
		}
	}()
	return &sent
}

// S03: for twenty seconds junk comes at 20,000 packets a second, from strangers and from the trunk's own address. Ten calls that stand
// lose under 0.1 % of their packets, memory is bounded, and a new call is answered as soon as it is over. No other test runs meanwhile.
func TestS03FloodOfJunk(t *testing.T) {
	const calls, perSecond, length = 10, 20000, 20 * time.Second
	callee, near := newWire(t, "127.0.0.1:0"), newWire(t, "127.0.0.1:0")
	s := start(t, configFor(callee.port(), startFunction(t, bridge("+14155550199")).URL))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var ends []*rtpEnd
	call := func(id string) (answer string) {
		a, b := newRTPEnd(t, media.PCMU), newRTPEnd(t, media.PCMU)
		inv := ask("INVITE", "sip:+12065550100@"+s.SIP, near.at, id, a.sdp())
		near.send(s.addr(), inv)
		out := callee.receive("INVITE")
		callee.send(s.addr(), reply(out, "200 OK", "far"+id, b.sdp(), fmt.Sprintf("Contact: <sip:far@%s>", callee.at)))
		answer = near.receive("SIP/2.0 200")
		near.send(s.addr(), ackOf(inv, answer))
		go a.hum(ctx, mediaAddr(t, answer), 440, 1)
		go b.hum(ctx, mediaAddr(t, out), 1000, 2)
		ends = append(ends, a, b)
		return answer
	}
	for i := range calls {
		call(fmt.Sprint("standing", i))
	}
	eventually(t, "sound both ways", func() bool { return ends[0].heard.Load() > 50 && ends[1].heard.Load() > 50 })
	before := s.memory(t)
	flood, end := context.WithTimeout(ctx, length)
	defer end()
	var heard int64
	for _, e := range ends {
		heard -= e.heard.Load()
	}
	sent := floodWith(flood, t, s.addr(), perSecond)
	<-flood.Done()
	for _, e := range ends {
		heard += e.heard.Load()
	}
	if n := sent.Load(); n < perSecond*int64(length.Seconds())/2 {
		t.Errorf("only %d packets of junk were sent: this machine is too slow for the test", n)
	}
	if due := float64(2 * calls * 50 * int(length.Seconds())); float64(heard) < 0.95*due {
		t.Errorf("%d packets of sound arrived of about %.0f", heard, due)
	}
	if after := s.memory(t); after > before+200 {
		t.Errorf("memory grew from %d to %d MB", before, after)
	}
	call("afterwards")
	stop()
	s.stop()
	var lost, came uint64
	again := startIn(t, s.data, nil, configFor(callee.port()))
	for _, c := range again.calls(t, calls+1) {
		for _, leg := range c.Legs {
			lost, came = lost+leg.Media.Lost, came+leg.Media.PacketsIn
		}
	}
	if came < uint64(heard) || lost*1000 >= came {
		t.Errorf("%d of %d packets of the standing calls were lost", lost, came)
	}
}

// S39: calls that are half there and never ended, of each kind: whatever the far end leaves out, nothing is left after a while.
func TestS39HalfCalls(t *testing.T) {
	t.Parallel()
	const each = 20
	kinds := []string{"no ACK", "no answer", "rings for ever", "no answer to BYE", "no PRACK", "no answer to NOTIFY", "no answer to CANCEL"}
	callee, near := newWire(t, "127.0.0.1:0"), newWire(t, "127.0.0.1:0")
	s := start(t, configFor(callee.port(), startFunction(t, bridge("+14155550199")).URL))
	before := s.held(t).goroutines
	contact := fmt.Sprintf("Contact: <sip:far@%s>", callee.at)
	go func() { // the callee does what the call's name says, and hangs up who was transferred to it
		targets := map[string]string{}
		for d := range callee.got {
			m := d.text
			if strings.HasPrefix(m, "INVITE sip:+14155550123@") {
				targets[rowOf(m, "Call-ID")] = m
			}
			if inv, ok := targets[rowOf(m, "Call-ID")]; ok && strings.HasPrefix(m, "ACK ") {
				bye := ask("BYE", strings.Trim(rowOf(inv, "Contact"), "<>"), callee.at, rowOf(inv, "Call-ID"), "", "From: "+rowOf(m, "To"), "To: "+rowOf(m, "From"))
				callee.conn.WriteToUDPAddrPort([]byte(bye), s.addr())
			}
			kind := strings.ReplaceAll(rowOf(m, "X-Kind"), "-", " ")
			switch {
			case !strings.HasPrefix(m, "INVITE") || kind == "no answer" || kind == "":
			case kind == "rings for ever", kind == "no PRACK", kind == "no answer to CANCEL":
				callee.conn.WriteToUDPAddrPort([]byte(reply(m, "180 Ringing", "far", "", contact)), s.addr())
			default:
				callee.conn.WriteToUDPAddrPort([]byte(reply(m, "200 OK", "far", plainOffer, contact)), s.addr())
			}
		}
	}()
	answer := func(status, id string) string { // of this call, for those of others come again and again
		for {
			if m := near.receive("SIP/2.0 " + status); rowOf(m, "Call-ID") == id {
				return m
			}
		}
	}
	for _, kind := range kinds {
		for i := range each {
			id := fmt.Sprint(strings.ReplaceAll(kind, " ", "-"), i)
			rows := []string{"X-Kind: " + strings.ReplaceAll(kind, " ", "-")}
			if kind == "no PRACK" {
				rows = append(rows, "Require: 100rel", "Supported: 100rel")
			}
			inv := ask("INVITE", "sip:+12065550100@"+s.SIP, near.at, id, plainOffer, rows...)
			near.send(s.addr(), inv)
			switch kind {
			case "no answer to CANCEL":
				answer("180", id)
				line, _, _ := strings.Cut(inv, "\r\n")
				near.send(s.addr(), ask("CANCEL", strings.Fields(line)[1], near.at, id, "", "Via: "+rowOf(inv, "Via")))
				answer("487", id)
			case "no answer to BYE", "no answer to NOTIFY":
				ok := answer("200", id)
				near.send(s.addr(), ackOf(inv, ok))
				method, more := "BYE", []string{}
				if kind == "no answer to NOTIFY" {
					method, more = "REFER", []string{"Refer-To: <sip:+14155550123@" + callee.at.String() + ">"}
				}
				near.send(s.addr(), ask(method, strings.Trim(rowOf(ok, "Contact"), "<>"), near.at, id, "", append(more, "CSeq: 2 "+method, "To: "+rowOf(ok, "To"))...))
				if method == "REFER" {
					answer("202", id)
				}
			}
		}
	}
	deadline := time.Now().Add(100 * time.Second)
	for tick := time.NewTicker(time.Second); ; <-tick.C {
		_, text := s.fetch(t, "/metrics")
		if strings.Contains(text, "\nswitchhook_calls_standing 0\n") && strings.Contains(text, "\nswitchhook_legs_standing 0\n") && s.held(t).goroutines <= before+10 {
			tick.Stop()
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("after 100 s %d goroutines are left of %d, and\n%s", s.held(t).goroutines, before, standing(text))
		}
	}
	alive(t, s)
}

// standing gives the metrics of what stands.
func standing(metrics string) string {
	var b strings.Builder
	for line := range strings.Lines(metrics) {
		if strings.Contains(line, "_standing ") {
			b.WriteString(line)
		}
	}
	return b.String()
}
