package sip_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/transport"
	"github.com/switchhook/switchhook/sip/transport/memnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// C04, C05: the response goes to the source port if rport asks so, else to the port of sent-by, and says received.
func TestC04C05Responses(t *testing.T) {
	for _, tt := range []struct {
		name, via string
		arrives   uint16
		want      string
	}{
		{"rport", "198.51.100.1:5060;branch=z9hG4bKa;rport", 9999, "rport=9999"},
		{"no rport", "198.51.100.1:5060;branch=z9hG4bKa", 5060, "branch"},
		{"other host", "10.0.0.9:5070;branch=z9hG4bKa", 5070, "received=198.51.100.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t)
				sender := r.phone(netip.AddrPortFrom(aliceAt.Addr(), 9999))
				at := sender
				if tt.arrives != 9999 {
					at = r.phone(netip.AddrPortFrom(aliceAt.Addr(), tt.arrives))
				}
				m := sender.request("OPTIONS", "c1", 1, "")
				m.Set("Via", "SIP/2.0/UDP "+tt.via)
				sender.send(m)
				if got := at.receive("200").Get("Via"); !strings.Contains(got, tt.want) {
					t.Errorf("Via: %s", got)
				}
			})
		})
	}
}

// C06: a repeated INVITE is one call; C15: the same one by another branch is merged.
func TestC06C15RepeatedAndMerged(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		inv := alice.invite("c1")
		for range 3 {
			alice.send(inv)
		}
		a := r.attempt()
		pass(time.Second)
		if n := len(r.attempts); n != 0 {
			t.Errorf("%d more attempts", n)
		}
		other := alice.invite("c1")
		alice.send(other)
		alice.receive("482")
		a.leg.Hangup(call.Cause{SIP: 486}, nil)
		alice.receive("486")
	})
}

// C08: a silent peer is pinged as RFC 3261 says, and nobody is told 408.
func TestC08SilentPing(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, func(_ *sip.Config, c *directory.Content) { c.Trunks[1].Keepalive = time.Hour })
		bob := r.phone(bobAt)
		pass(40 * time.Second)
		if n := len(bob.got); n < 10 || n > 11 { // the first may come before Bob listens
			t.Errorf("%d OPTIONS", n)
		}
	})
}

func TestLimits(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, func(cfg *sip.Config, _ *directory.Content) { cfg.Limits = sip.Limits{Legs: 2, Rate: 3} })
		alice := r.phone(aliceAt)
		for i := range 4 {
			alice.send(alice.invite(fmt.Sprint("c", i)))
		}
		for range 2 {
			if m := alice.receive("503"); !m.Headers.Has("Retry-After") {
				t.Errorf("503: %+v", m)
			}
		}
		pass(time.Second)
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1"})
		e.ended(call.LabelLimit)
		for range 2 {
			a := r.attempt()
			a.leg.Hangup(call.Cause{SIP: 486}, nil)
			want[call.LegEnded](a.events)
		}
	})
}

func TestWeights(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, func(_ *sip.Config, c *directory.Content) {
			c.Trunks[2].Peers = []directory.Peer{{Host: bobAt.Addr().String(), Weight: 3}, {Host: bob2At.Addr().String()}}
		})
		bob, bob2 := r.phone(bobAt), r.phone(bob2At)
		first := 0
		for range 400 {
			_, e := r.dial(call.Dial{Trunk: "two", To: "1"})
			select {
			case m := <-bob.got:
				first++
				bob.answer(m, 486, "x", "")
				bob.receive("ACK")
			case m := <-bob2.got:
				bob2.answer(m, 486, "x", "")
				bob2.receive("ACK")
			}
			want[call.LegEnded](e)
		}
		if first < 250 || first > 350 {
			t.Errorf("%d of 400 went to the peer with weight 3 of 4", first)
		}
	})
}

// Two servers, each with settings of its own, call each other while the network loses a quarter of all datagrams and
// everyone does anything at any time: every leg ends exactly once, and nothing is left.
func TestLossyNetwork(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inTime(t, func(t *testing.T) { lossy(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func lossy(t *testing.T, random *rand.Rand) {
	var mu sync.Mutex
	chance := func(n int) int { mu.Lock(); defer mu.Unlock(); return random.IntN(n) }
	net := memnet.New()
	net.Lose(func(_, _ netip.AddrPort, _ []byte) bool { return chance(4) == 0 })
	sessions, standing := 0, 0
	watch := func() (call.Report, chan call.Event) {
		ch := make(chan call.Event, 1000)
		over := false
		mu.Lock()
		standing++
		mu.Unlock()
		return func(e call.Event) {
			mu.Lock()
			defer mu.Unlock()
			if over {
				t.Errorf("after the end: %#v", e)
				return
			}
			if _, ok := e.(call.LegEnded); ok {
				over = true
				standing--
				close(ch)
				return
			}
			ch <- e
		}, ch
	}
	// live does things to a leg at random times until it ends.
	live := func(leg *sip.Leg, ch chan call.Event) {
		for {
			select {
			case _, ok := <-ch:
				if !ok {
					return
				}
			case <-time.After(time.Duration(chance(8000)) * time.Millisecond):
				switch chance(6) {
				case 5:
					leg.Hold(chance(2) == 0)
				case 0:
					leg.Ring(0, nil)
				case 1:
					leg.Early(nil)
				case 2, 3:
					leg.Answer(nil)
				case 4:
					leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
				}
			}
		}
	}
	choice := func() directory.Choice {
		return []directory.Choice{directory.Default, directory.Default, directory.Always, directory.Never}[chance(4)]
	}
	server := func(at, far netip.AddrPort) *sip.Server {
		trusted := header.Trusted()
		o := directory.Signalling{Reliable: choice(), Update: choice(), Delayed: chance(3) == 0, Session: 90 * time.Second}
		snapshot := directory.NewSnapshot(directory.Content{Trunks: []directory.Trunk{{ID: "far", In: trusted, Out: trusted,
			Peers: []directory.Peer{{Host: far.Addr().String()}}, Options: directory.Options{Signalling: o}}}})
		s, err := sip.New(sip.Config{
			Transport: transport.Config{Listen: both(at), Network: net.Host(at.Addr())}, Shards: 2,
			Directory: func() *directory.Snapshot { return snapshot },
			Media: func(netip.Addr) (sip.Session, error) {
				mu.Lock()
				defer mu.Unlock()
				sessions++
				return &fakeSession{at: netip.AddrPortFrom(at.Addr(), 4000), open: &sessions, shared: &mu}, nil
			},
			Receive: func(_ call.Attempt, open sip.Open) {
				r, ch := watch()
				go live(open(call.NewLegID(0), r), ch)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Serve()
		return s
	}
	a, b := server(aliceAt, bobAt), server(bobAt, aliceAt)
	for range 20 {
		s := []*sip.Server{a, b}[chance(2)]
		r, ch := watch()
		go live(s.Dial(call.NewLegID(0), call.Dial{Trunk: "far", To: "1", From: "2"}, r), ch)
		pass(time.Duration(chance(1000)) * time.Millisecond)
	}
	pass(30 * time.Minute) // each leg is hung up within seconds, for all that its user does
	mu.Lock()
	if a.Legs()+b.Legs() != 0 || standing != 0 || sessions != 0 || a.Dialogs()+b.Dialogs() != 0 {
		t.Errorf("left: %d and %d legs, %d not ended, %d sessions, %d and %d dialogs", a.Legs(), b.Legs(), standing, sessions, a.Dialogs(), b.Dialogs())
	}
	mu.Unlock()
	for _, s := range []*sip.Server{a, b} {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A server that never served, or serves no more, still ends what it is asked to dial.
func TestDialWithoutServing(t *testing.T) {
	inTime(t, func(t *testing.T) {
		net := memnet.New()
		snapshot := directory.NewSnapshot(trunks())
		s, err := sip.New(sip.Config{
			Transport: transport.Config{Listen: both(serverAt), Network: net.Host(serverAt.Addr())},
			Directory: func() *directory.Snapshot { return snapshot },
			Media:     func(netip.Addr) (sip.Session, error) { return nil, fmt.Errorf("none") },
		})
		if err != nil {
			t.Fatal(err)
		}
		before := newEvents(t)
		s.Dial("before", call.Dial{Trunk: "bob", To: "1"}, before.report)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		after := newEvents(t)
		s.Dial("after", call.Dial{Trunk: "bob", To: "1"}, after.report)
		for _, e := range []*events{before, after} {
			e.ended(call.LabelDrained)
		}
		if s.Legs() != 0 {
			t.Errorf("%d legs", s.Legs())
		}
	})
}

// No port is left: the caller hears 503, the leg ends, nothing is dialled.
func TestNoMediaPort(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, func(cfg *sip.Config, _ *directory.Content) {
			cfg.Media = func(netip.Addr) (sip.Session, error) { return nil, fmt.Errorf("ports are used up") }
		})
		alice, bob := r.phone(aliceAt), r.phone(bobAt)
		alice.send(alice.invite("c1"))
		a := r.attempt()
		a.leg.Answer(nil)
		alice.receive("503")
		if end := want[call.LegEnded](a.events); end.Cause.Label != call.LabelMedia || a.leg.Media() != nil {
			t.Errorf("cause: %+v", end.Cause)
		}
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1"})
		e.ended(call.LabelMedia)
		bob.quiet(time.Second)
	})
}

// FuzzDialog sends anything to a server on which a call stands. The call still ends as it should.
func FuzzDialog(f *testing.F) {
	for _, method := range []string{"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE", "PRACK"} {
		f.Add(method, 2, "Contact: <sip:x@198.51.100.1:5062>", offer)
		f.Add(method, 3, "Record-Route: <sip:198.51.100.9>, <sip:x;lr>", "")
		f.Add(method, 1, "Content-Type: multipart/mixed;boundary=b", "--b\n\n--b--")
		f.Add(method, 2, "Require: timer", "Signal=1")
	}
	f.Fuzz(func(t *testing.T, method string, seq int, row, body string) {
		if !header.IsToken(method) {
			return // a fault of sip/message, which has a fuzz target of its own
		}
		inTime(t, func(t *testing.T) {
			r := newRig(t)
			alice := r.phone(aliceAt)
			a, _, ok := r.callIn(alice)
			m := alice.request(method, "c1", seq, ok.ToTag)
			m.Add("Content-Type", "application/sdp")
			if n, v, ok := strings.Cut(row, ": "); ok {
				m.Set(n, v)
			}
			m.Body = crlf(body)
			data, err := m.Append(nil)
			if err != nil {
				return // nobody can send it
			}
			if err := alice.sockets.Send(transport.Target{Network: transport.UDP, Addr: serverAt}, data, nil); err != nil {
				return // too long for a datagram
			}
			pass(time.Second)
			a.leg.Hangup(call.Cause{}, nil)
			pass(2 * time.Minute)
			if r.s.Legs() != 0 || r.s.Dialogs() != 0 {
				t.Errorf("%d legs, %d dialogs", r.s.Legs(), r.s.Dialogs())
			}
		})
	})
}

// A standing leg keeps less than 5 kB, its dialog and its place in every table included, once its transactions are over.
func TestMemoryOfStandingLegs(t *testing.T) {
	inTime(t, func(t *testing.T) {
		legs := make(chan *sip.Leg, 1)
		r := newRig(t, func(cfg *sip.Config, _ *directory.Content) {
			cfg.Receive = func(_ call.Attempt, open sip.Open) { legs <- open(call.NewLegID(0), func(call.Event) {}) }
		})
		alice := r.phone(aliceAt)
		heap := func() uint64 {
			var m runtime.MemStats
			for range 3 {
				runtime.GC()
			}
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		const calls = 1000
		before := heap()
		var standing []*sip.Leg
		for i := range calls {
			inv := alice.invite(fmt.Sprint("c", i), "X-Long: "+strings.Repeat("x", 2000), "User-Agent: SBC 7.1")
			alice.send(inv)
			l := <-legs
			l.Answer(nil)
			alice.ack(inv, alice.receive("200"))
			standing = append(standing, l)
		}
		pass(2 * time.Minute)
		clear(alice.came)
		per := (heap() - before) / calls
		t.Logf("%d bytes a leg", per)
		if per > 5_000 {
			t.Errorf("%d bytes a leg", per)
		}
		for _, l := range standing {
			l.Hangup(call.Cause{}, nil)
		}
		for range standing {
			alice.answer(alice.receive("BYE"), 200, "", "")
		}
		pass(2 * time.Minute)
	})
}

// A call that is over keeps less than 4 kB in both its legs' transactions, which answer what comes again for 32 s, however
// long its INVITEs were; and then nothing.
func TestMemoryOfEndedCalls(t *testing.T) {
	inTime(t, func(t *testing.T) {
		legs := make(chan *sip.Leg, 1)
		r := newRig(t, func(cfg *sip.Config, _ *directory.Content) {
			cfg.Receive = func(_ call.Attempt, open sip.Open) { legs <- open(call.NewLegID(0), func(call.Event) {}) }
		})
		alice, bob := r.phone(aliceAt), r.phone(bobAt)
		long := header.List{{Name: "X-Long", Value: strings.Repeat("x", 2000)}}
		one := func(id string) {
			inv := alice.invite(id, "X-Long: "+long[0].Value)
			alice.send(inv)
			in := <-legs
			out := r.s.Dial(call.NewLegID(0), call.Dial{Trunk: "bob", From: "+12065550142", To: "+12065559999", Headers: long}, func(call.Event) {})
			bob.answer(bob.receive("INVITE"), 200, "b", offer)
			bob.receive("ACK")
			in.Answer(nil)
			ok := alice.receive("200")
			alice.ack(inv, ok)
			alice.send(alice.request("BYE", id, 2, ok.ToTag))
			alice.receive("200")
			out.Hangup(call.Cause{}, nil)
			bob.answer(bob.receive("BYE"), 200, "", "")
			pass(0)
		}
		heap := func() int64 {
			var m runtime.MemStats
			for range 3 {
				runtime.GC()
			}
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc)
		}
		const calls = 500
		for i := range 50 {
			one(fmt.Sprint("warm", i))
		}
		pass(time.Minute)
		before := heap()
		for i := range calls {
			one(fmt.Sprint("c", i))
		}
		clear(alice.came)
		clear(bob.came)
		if r.s.Legs() != 0 {
			t.Fatalf("%d legs stand", r.s.Legs())
		}
		per := (heap() - before) / calls
		t.Logf("%d bytes a call", per)
		if per > 4_000 {
			t.Errorf("%d bytes a call", per)
		}
		pass(time.Minute)
		if left := (heap() - before) / calls; left > 500 {
			t.Errorf("%d bytes a call after its transactions' end", left)
		}
	})
}
