package acceptance_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The tests of this file and of the two after it are named by the points of docs/conformance.md. This one speaks by hand,
// where SIPp can't say what has to be said.

// torture is one message of RFC 4475 or RFC 5118 and its verdict: a final status, or "-" for silence.
type torture struct{ name, udp, tcp, text string }

func tortures(t *testing.T) []torture {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "sip", "testdata", "torture.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var out []torture
	for line := range strings.Lines(string(data)) {
		row := strings.Split(strings.TrimSpace(line), "\t")
		if strings.HasPrefix(line, "#") || len(row) < 3 {
			continue
		}
		text, err := os.ReadFile(filepath.Join("..", "..", "sip", "message", "testdata", filepath.FromSlash(row[0])+".dat"))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, torture{row[0], row[1], row[2], string(text)})
	}
	if len(out) != 62 {
		t.Fatalf("%d messages, want 50 of RFC 4475 and 12 of RFC 5118", len(out))
	}
	return out
}

// apart gives each message a server: those that are one transaction by their Via go to different ones.
func apart(t *testing.T, all []torture) []*server {
	t.Helper()
	var servers []*server
	seen := map[string]int{}
	out := make([]*server, len(all))
	for i, m := range all {
		_, via, _ := strings.Cut(strings.ToLower(m.text), "branch=")
		via, _, _ = strings.Cut(via, "\r")
		n := seen[via]
		seen[via]++
		if n == len(servers) {
			servers = append(servers, start(t, `trunks: [{id: all, trusted: true, allow: [127.0.0.0/8]}]`))
		}
		out[i] = servers[n]
	}
	return out
}

// C01 over UDP. Each message comes from an address of its own, so that each answer is known by where it goes.
func TestC01TortureOverUDP(t *testing.T) {
	t.Parallel()
	all := tortures(t)
	servers := apart(t, all)
	ears := make([][]*wire, len(all))
	for i, m := range all {
		for _, port := range []int{5060, 5050, 6050, 19823} { // the ports that the messages' Via rows name
			ears[i] = append(ears[i], newWire(t, fmt.Sprintf("127.0.77.%d:%d", i+1, port)))
		}
		if _, err := ears[i][0].conn.WriteToUDPAddrPort([]byte(m.text), servers[i].addr()); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(1500 * time.Millisecond) // what is silent must stay so
	for i, m := range all {
		var got []string
		for _, w := range ears[i] {
			for len(w.got) > 0 {
				got = append(got, statuses((<-w.got).text)...)
			}
		}
		slices.Sort(got)
		if got = slices.Compact(got); strings.Join(append(got, "-")[:max(1, len(got))], " ") != m.udp {
			t.Errorf("%s: answered %v, want %s", m.name, got, m.udp)
		}
		alive(t, servers[i])
	}
}

// C01 over TCP. What has no end is waited for; that the connection is closed then is tested with the transport.
func TestC01TortureOverTCP(t *testing.T) {
	t.Parallel()
	all := tortures(t)
	servers := apart(t, all)
	var wait sync.WaitGroup
	for i, m := range all {
		wait.Go(func() {
			text, _ := overTCP(t, servers[i], 1500*time.Millisecond, m.text)
			got := slices.Compact(statuses(text))
			if m.name == "rfc4475/dblreq" && slices.Contains(got, "400") {
				return // its second request, which a datagram hides, breaks the stream, perhaps before the first is answered
			}
			if strings.Join(append(got, "-")[:max(1, len(got))], " ") != m.tcp {
				t.Errorf("%s: answered %v, want %s", m.name, got, m.tcp)
			}
		})
	}
	wait.Wait()
	for _, s := range servers {
		alive(t, s)
	}
}

// C02: several requests in one write, one request in many writes, line ends before requests.
func TestC02Framing(t *testing.T) {
	t.Parallel()
	s := start(t, configFor(freePort(t)))
	at := netip.MustParseAddrPort("127.0.0.1:5999")
	options := func(n int) string {
		m := ask("OPTIONS", "sip:"+s.SIP, at, fmt.Sprint("framed", n), "")
		return strings.Replace(m, "SIP/2.0/UDP", "SIP/2.0/TCP", 1)
	}
	one := strings.Split(options(4), "")
	for name, writes := range map[string][]string{
		"pipelined":  {options(1) + options(2) + options(3)},
		"bytewise":   one,
		"line ends":  {"\r\n\r\n\r\n" + options(5) + "\r\n\r\n" + options(6)},
		"cut in two": {options(7)[:40], options(7)[40:] + options(8)[:10], options(8)[10:]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, closed := overTCP(t, s, time.Second, writes...)
			want := strings.Count(strings.Join(writes, ""), "OPTIONS sip:")
			if got := statuses(text); len(got) != want || slices.ContainsFunc(got, func(s string) bool { return s != "200" }) || closed {
				t.Errorf("answers %v, want %d of 200; closed: %v", got, want, closed)
			}
		})
	}
}

// C03: a datagram that is shorter than its Content-Length says is refused when it is a request, dropped when a response.
func TestC03ShortBody(t *testing.T) {
	t.Parallel()
	far := newWire(t, "127.0.0.1:0")
	f := startFunction(t, bridge("+14155550199"))
	s := start(t, configFor(far.port(), f.URL))
	near := newWire(t, "127.0.0.1:0")
	short := ask("INVITE", "sip:+12065550100@"+s.SIP, near.at, "short", plainOffer)
	near.send(s.addr(), short[:len(short)-20])
	near.receive("SIP/2.0 400")
	inv := ask("INVITE", "sip:+12065550100@"+s.SIP, near.at, "whole", plainOffer)
	near.send(s.addr(), inv)
	out := far.receive("INVITE")
	whole := reply(out, "200 OK", "far", plainOffer, fmt.Sprintf("Contact: <sip:far@%s>", far.at))
	far.send(s.addr(), whole[:len(whole)-20])
	far.quiet(300 * time.Millisecond)
	far.send(s.addr(), whole)
	far.receive("ACK")
	near.send(s.addr(), ackOf(inv, near.receive("SIP/2.0 200")))
}

// C04, C05: the answer goes to the source port where rport asks so, else to the port of sent-by, and says received.
func TestC04C05WhereAnswersGo(t *testing.T) {
	t.Parallel()
	s := start(t, `trunks: [{id: all, trusted: true, allow: [127.0.0.0/8]}]`)
	source, sentBy := newWire(t, "127.0.0.1:0"), newWire(t, "127.0.0.1:0")
	for i, tt := range []struct {
		name, via string
		at        *wire
		want      []string
	}{
		{"rport", fmt.Sprintf("192.0.2.7:%d;branch=z9hG4bKr1;rport", sentBy.port()), source, []string{"received=127.0.0.1", fmt.Sprintf("rport=%d", source.port())}},
		{"sent-by", fmt.Sprintf("192.0.2.7:%d;branch=z9hG4bKr2", sentBy.port()), sentBy, []string{"received=127.0.0.1"}},
		{"same host", fmt.Sprintf("127.0.0.1:%d;branch=z9hG4bKr3", sentBy.port()), sentBy, nil},
	} {
		source.send(s.addr(), ask("OPTIONS", "sip:"+s.SIP, source.at, fmt.Sprint("where", i), "", "Via: SIP/2.0/UDP "+tt.via))
		via := rowOf(tt.at.receive("SIP/2.0 200"), "Via")
		if strings.Contains(via, "received") && tt.want == nil {
			t.Errorf("%s: %s", tt.name, via)
		}
		for _, w := range tt.want {
			if !strings.Contains(via, w) {
				t.Errorf("%s: Via %q lacks %s", tt.name, via, w)
			}
		}
	}
}

// C06, C15: an INVITE that is repeated is one call; the same one by another branch is merged (482).
func TestC06C15RepeatedAndMerged(t *testing.T) {
	t.Parallel()
	far := newWire(t, "127.0.0.1:0")
	f := startFunction(t, bridge("+14155550199"))
	s := start(t, configFor(far.port(), f.URL))
	near := newWire(t, "127.0.0.1:0")
	inv := ask("INVITE", "sip:+12065550100@"+s.SIP, near.at, "again", plainOffer)
	for range 3 {
		near.send(s.addr(), inv)
	}
	out := far.receive("INVITE")
	near.send(s.addr(), strings.Replace(inv, "branch=z9hG4bK", "branch=z9hG4bKother", 1))
	near.receive("SIP/2.0 482")
	far.send(s.addr(), reply(out, "486 Busy Here", "far", ""))
	far.receive("ACK")
	near.send(s.addr(), ackOf(inv, near.receive("SIP/2.0 480")))
	if n := len(f.seen("NEW_INBOUND_CALL")); n != 1 {
		t.Errorf("the function was asked %d times", n)
	}
	s.calls(t, 1)
}

// C06: a request of RFC 2543, whose branch has no magic cookie, is taken, and known again.
func TestC06RFC2543(t *testing.T) {
	t.Parallel()
	far := newWire(t, "127.0.0.1:0")
	f := startFunction(t, bridge("+14155550199"))
	s := start(t, configFor(far.port(), f.URL))
	near := newWire(t, "127.0.0.1:0")
	inv := ask("INVITE", "sip:+12065550100@"+s.SIP, near.at, "old", plainOffer, "Via: SIP/2.0/UDP "+near.at.String())
	for range 2 {
		near.send(s.addr(), inv)
	}
	out := far.receive("INVITE")
	far.send(s.addr(), reply(out, "486 Busy Here", "far", ""))
	near.send(s.addr(), ackOf(inv, near.receive("SIP/2.0 480")))
	s.calls(t, 1)
}

// C08: a silent peer is asked eleven times in 32 s, at the times of timer E; and nobody is ever told 408.
func TestC08SilentPeer(t *testing.T) {
	t.Parallel()
	p, port := points(t)["c08-silent-peer"], freePort(t)
	to := startSIPp(t, p.uas, "", port) // before the server, which asks at once
	start(t, config{peers: []string{peerAt(port)}, trunk: p.settings["trunk"]}.yaml())
	to.wait(t)
	wantTimes(t, "OPTIONS", to.times(t, "OPTIONS"), 0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500)
	if got := to.received(t); len(got) != 11 {
		t.Errorf("%d messages came, want OPTIONS alone", len(got))
	}
}

// wantTimes compares times since the first, with the patience that a busy machine needs.
func wantTimes(t *testing.T, what string, got []time.Duration, wantMs ...int) {
	t.Helper()
	if len(got) != len(wantMs) {
		t.Errorf("%d of %s, want %d: %v", len(got), what, len(wantMs), got)
		return
	}
	for i, ms := range wantMs {
		want := time.Duration(ms) * time.Millisecond
		if diff := got[i] - want; diff < -100*time.Millisecond || diff > 400*time.Millisecond {
			t.Errorf("%s %d came after %v, want %v", what, i+1, got[i], want)
		}
	}
}
