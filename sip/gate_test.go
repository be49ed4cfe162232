package sip_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/locate"
	"github.com/switchhook/switchhook/sip/transport"
)

// S01: a source that no trunk knows and that does not stop is banned: told once, counted, unheard until the ban ends or is
// lifted. Whoever writes the address of a trunk's peer into its datagrams bans nobody.
func TestS01ScannerIsBanned(t *testing.T) {
	inTime(t, func(t *testing.T) {
		var log logged
		r := newRig(t, func(cfg *sip.Config, _ *directory.Content) { cfg.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		scanner, alice := r.phone(netip.MustParseAddrPort("198.51.100.66:5060")), r.phone(aliceAt)
		heard := func(n int) (answers int) {
			for i := range n {
				scanner.send(scanner.request("OPTIONS", fmt.Sprint("s", scanner.branch, "-", i), 1, ""))
				synctest.Wait()
			}
			for ; len(scanner.got) > 0; answers++ {
				<-scanner.got
			}
			return answers
		}
		if n := heard(200); n != 50 {
			t.Errorf("%d of 200 requests answered, want 50", n)
		}
		bans := r.s.Bans()
		if len(bans) != 1 || bans[0].Source.String() != "198.51.100.66/32" || bans[0].Drops != 150 {
			t.Errorf("bans: %+v", bans)
		}
		if n := strings.Count(log.String(), "source banned"); n != 1 {
			t.Errorf("told %d times:\n%s", n, &log)
		}
		for range 200 { // junk in the name of a trunk's peer
			if err := alice.sockets.Send(transport.Target{Network: transport.UDP, Addr: serverAt}, []byte("INVITE sip:x SIP/2.0\r\nVia: nonsense\r\n\r\n"), nil); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		for len(alice.got) > 0 {
			<-alice.got
		}
		alice.send(alice.request("OPTIONS", "alive", 1, ""))
		alice.receive("200")
		if st, malformed := r.s.Strangers(); malformed != 200 || st.Bans != 1 || !strings.Contains(log.String(), "SIP message can't be read") {
			t.Errorf("%+v, %d malformed", st, malformed)
		}
		if !r.s.Lift(netip.MustParseAddr("198.51.100.66"), "") || heard(1) != 1 {
			t.Error("the ban can't be lifted")
		}
		heard(100)
		pass(11 * time.Minute)
		if heard(1) != 1 || len(r.s.Bans()) != 0 {
			t.Error("the ban does not end")
		}
	})
}

// S01: who is only called can't be shut out by junk in its name: its answers would be lost.
func TestS01PeerThatIsOnlyCalled(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, func(_ *sip.Config, c *directory.Content) { c.Trunks[1].OutOnly, c.Trunks[2].OutOnly = true, true })
		bob := r.phone(bobAt)
		pass(2 * time.Second) // until the watch has looked who is there
		for i := range 200 {
			bob.send(bob.request("OPTIONS", fmt.Sprint("junk", i), 1, ""))
			bob.receive("403")
		}
		if bans := r.s.Bans(); len(bans) != 0 {
			t.Errorf("bans: %+v", bans)
		}
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		bob.answer(bob.receive("INVITE"), 486, "bob", "")
		bob.receive("ACK")
		e.refused(486)
	})
}

// byName is a trunk whose peer is a name, and what Locate says of it.
func byName(answer *locate.Answer, queries *[]locate.Query) func(*sip.Config, *directory.Content) {
	return func(cfg *sip.Config, c *directory.Content) {
		trusted := header.Trusted()
		c.Trunks = append(c.Trunks, directory.Trunk{ID: "name", Account: "000000000001", In: trusted, Out: trusted, Peers: []directory.Peer{{Host: "Example.com"}}})
		cfg.Locate = func(_ context.Context, q locate.Query) (locate.Answer, error) {
			*queries = append(*queries, q)
			if len(answer.Targets) == 0 {
				return locate.Answer{}, errors.New("no such name")
			}
			return *answer, nil
		}
	}
}

func target(network string, at netip.AddrPort, priority int) locate.Target {
	return locate.Target{Network: network, Addrs: []netip.Addr{at.Addr()}, Port: at.Port(), Priority: priority, Weight: 1}
}

// C22: the servers of a domain are tried in order, on 503 and on silence; one that failed comes last the next time; what
// was found is kept for its TTL; and calls may come from wherever the domain is served.
func TestC22NextServer(t *testing.T) {
	inTime(t, func(t *testing.T) {
		var queries []locate.Query
		dead := netip.MustParseAddrPort("203.0.113.99:5060")
		answer := &locate.Answer{TTL: time.Hour, Targets: []locate.Target{target("udp", dead, 1), target("udp", bobAt, 2), target("tcp", bob2At, 3)}}
		r := newRig(t, byName(answer, &queries))
		bob, bob2 := r.phone(bobAt), r.phone(bob2At)
		begun := time.Now()
		_, e := r.dial(call.Dial{Trunk: "name", To: "1", From: "2"})
		bob.answer(bob.receive("INVITE"), 503, "x", "")
		bob.receive("ACK")
		if d := time.Since(begun); d < 4*time.Second || d > 6*time.Second {
			t.Errorf("the second server was called after %v", d)
		}
		inv := bob2.receive("INVITE")
		if bob2.over(inv) != transport.TCP || inv.URI != "sip:1@Example.com" {
			t.Errorf("by %s: %s", bob2.over(inv), inv.URI)
		}
		bob2.answer(inv, 486, "x", "")
		bob2.receive("ACK")
		want[call.LegEnded](e)

		_, e = r.dial(call.Dial{Trunk: "name", To: "1", From: "2"}) // the third first: the others rest
		bob2.answer(bob2.receive("INVITE"), 486, "x", "")
		bob2.receive("ACK")
		want[call.LegEnded](e)
		bob2.send(bob2.request("OPTIONS", "in", 1, ""))
		bob2.receive("200")
		if len(queries) != 1 || queries[0] != (locate.Query{Host: "example.com"}) {
			t.Errorf("asked %+v", queries)
		}
	})
}

// C22: a peer whose domain says that it has no such service is passed over at once; where there is no other, the end says why.
func TestC22NoSuchService(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, func(cfg *sip.Config, c *directory.Content) {
			none := directory.Peer{Host: "none.example", Priority: 1}
			c.Trunks[1].Peers = append(c.Trunks[1].Peers, none)
			c.Trunks[1].Peers[0].Priority = 2
			c.Trunks = append(c.Trunks, directory.Trunk{ID: "none", In: header.Trusted(), Out: header.Trusted(), Peers: []directory.Peer{none}})
			cfg.Locate = func(context.Context, locate.Query) (locate.Answer, error) {
				return locate.Answer{}, locate.ErrNoService
			}
		})
		bob := r.phone(bobAt)
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		bob.answer(bob.receiveIn("INVITE", time.Second), 486, "x", "")
		bob.receive("ACK")
		e.refused(486)
		_, e = r.dial(call.Dial{Trunk: "none", To: "1", From: "2"})
		if end := want[call.LegEnded](e); end.Cause.SIP != 503 || end.Cause.Label != call.LabelUnreachable || !strings.Contains(end.Cause.Text, "no such service") {
			t.Errorf("cause: %+v", end.Cause)
		}
	})
}

// S40: a name server can't lead us to this machine or its link, unless the trunk allows what is there.
func TestS40PoisonedName(t *testing.T) {
	inTime(t, func(t *testing.T) {
		for _, a := range []string{"127.0.0.1", "169.254.169.254", "::1", "fe80::1", "0.0.0.0", "224.0.0.1", "255.255.255.255"} {
			var queries []locate.Query
			answer := &locate.Answer{TTL: time.Hour, Targets: []locate.Target{target("udp", netip.AddrPortFrom(netip.MustParseAddr(a), 5060), 1)}}
			r := newRig(t, byName(answer, &queries))
			_, e := r.dial(call.Dial{Trunk: "name", To: "1", From: "2"})
			if end := want[call.LegEnded](e); end.Cause.Label != call.LabelUnreachable || !strings.Contains(end.Cause.Text, "may not be called") {
				t.Errorf("%s: %+v", a, end.Cause)
			}
			if err := r.s.Close(); err != nil {
				t.Error(err)
			}
		}
		var queries []locate.Query
		answer := &locate.Answer{TTL: time.Hour, Targets: []locate.Target{target("udp", netip.MustParseAddrPort("[2001:db8::9]:5060"), 1)}}
		r := newRig(t, byName(answer, &queries))
		_, e := r.dial(call.Dial{Trunk: "name", To: "1", From: "2"})
		if end := want[call.LegEnded](e); !strings.Contains(end.Cause.Text, "family") {
			t.Errorf("IPv6 where none is listened on: %+v", end.Cause)
		}
	})
}

// C44, C22: all addresses of a name are pinged; the peer is up while one answers.
func TestC44PingsAllAddresses(t *testing.T) {
	inTime(t, func(t *testing.T) {
		var queries []locate.Query
		changes := make(chan bool, 10)
		answer := &locate.Answer{TTL: time.Hour, Targets: []locate.Target{target("udp", bobAt, 1), target("udp", bob2At, 2)}}
		r := newRig(t, byName(answer, &queries), func(cfg *sip.Config, c *directory.Content) {
			for i := range c.Trunks {
				if c.Trunks[i].ID == "name" {
					c.Trunks[i].Keepalive = 10 * time.Second
				}
			}
			cfg.Changed = func(_ string, _ directory.Peer, up bool) { changes <- up }
		})
		bob, bob2 := r.phone(bobAt), r.phone(bob2At)
		for range 5 {
			bob2.answer(bob2.receive("OPTIONS"), 200, "x", "")
		}
		if len(changes) != 0 || len(bob.got) == 0 {
			t.Errorf("down, although an address answers; %d pings to the other one", len(bob.got))
		}
		_, e := r.dial(call.Dial{Trunk: "name", To: "1", From: "2"}) // at once where the pings are answered
		bob2.answer(bob2.receive("INVITE"), 486, "x", "")
		want[call.LegEnded](e)
	})
}

// C57: a peer that asks to be left alone is, while there is another; and its 503 is no 503 of ours.
func TestC57RetryAfter(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob, bob2 := r.phone(bobAt), r.phone(bob2At)
		_, e := r.dial(call.Dial{Trunk: "two", To: "1", From: "2"})
		bob.answer(bob.receive("INVITE"), 503, "x", "", "Retry-After: 120 (busy);duration=60")
		bob.receive("ACK")
		bob2.answer(bob2.receive("INVITE"), 486, "x", "")
		bob2.receive("ACK")
		want[call.LegEnded](e)
		for _, after := range []time.Duration{0, 100 * time.Second} {
			pass(after)
			_, e := r.dial(call.Dial{Trunk: "two", To: "1", From: "2"})
			bob2.answer(bob2.receive("INVITE"), 486, "x", "")
			bob2.receive("ACK")
			want[call.LegEnded](e)
		}
		pass(21 * time.Second)
		_, e = r.dial(call.Dial{Trunk: "two", To: "1", From: "2"})
		bob.answer(bob.receive("INVITE"), 503, "x", "", "Retry-After: 99999999999999999999")
		bob.receive("ACK")
		bob2.answer(bob2.receive("INVITE"), 503, "x", "", "Retry-After: 30")
		bob2.receive("ACK")
		end := want[call.LegEnded](e)
		if end.Cause.SIP != 503 || end.Cause.Label != call.LabelUnreachable {
			t.Errorf("%+v", end.Cause)
		}
		_, e = r.dial(call.Dial{Trunk: "two", To: "1", From: "2"}) // both asked: they are called all the same
		bob.answer(bob.receive("INVITE"), 486, "x", "")
		bob.receive("ACK")
		want[call.LegEnded](e)

		alice := r.phone(aliceAt)
		alice.send(alice.invite("c1"))
		a := r.attempt()
		a.leg.Hangup(end.Cause, nil)
		alice.receive("500")
		want[call.LegEnded](a.events)
	})
}
