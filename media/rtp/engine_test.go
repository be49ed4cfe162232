package rtp_test

import (
	"errors"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/rtp"
)

func TestPortsAreEvenAndReleased(t *testing.T) {
	e := engine(t, func(c *rtp.Config) { c.PortMin, c.PortMax, c.Rest = 31001, 31009, -1 })
	seen := map[uint16]bool{}
	var all []*rtp.Session
	for range 4 { // 31002/3 … 31008/9
		s, err := e.Open(loopback)
		if err != nil {
			t.Fatal(err)
		}
		p := s.Local().Port()
		if p%2 != 0 || p < 31001 || p > 31008 || seen[p] {
			t.Errorf("port %d, given before: %v", p, seen[p])
		}
		seen[p] = true
		all = append(all, s)
	}
	if _, err := e.Open(loopback); !errors.Is(err, rtp.ErrNoPorts) {
		t.Fatalf("a fifth session of four pairs: %v", err)
	}
	for range 3 {
		port := all[0].Local().Port()
		all[0].Close()
		s, err := e.Open(loopback)
		if err != nil {
			t.Fatal(err)
		}
		if s.Local().Port() != port {
			t.Errorf("port %d, the only free one is %d", s.Local().Port(), port)
		}
		all = append(all[1:], s)
	}
}

func TestPortsRest(t *testing.T) {
	e := engine(t, func(c *rtp.Config) { c.PortMin, c.PortMax, c.Rest = 31010, 31013, 300*time.Millisecond })
	s, err := e.Open(loopback)
	if err != nil {
		t.Fatal(err)
	}
	rested := s.Local().Port()
	s.Close()
	closed := time.Now()
	if s, err = e.Open(loopback); err != nil {
		t.Fatal(err)
	}
	if s.Local().Port() == rested {
		t.Errorf("port %d again: the one that never worked comes first", rested)
	}
	for {
		again, err := e.Open(loopback)
		if err == nil {
			if again.Local().Port() != rested || time.Since(closed) < 300*time.Millisecond {
				t.Errorf("port %d again after %v", again.Local().Port(), time.Since(closed))
			}
			return
		}
		if !errors.Is(err, rtp.ErrNoPorts) {
			t.Fatal(err)
		}
		if time.Since(closed) > patience {
			t.Fatal("never given out again")
		}
		pause := time.NewTimer(5 * time.Millisecond)
		<-pause.C
	}
}

// A port that another program has is passed over; where it has the one above, there is a call without RTCP.
func TestS20PortsTakenByOthers(t *testing.T) {
	for _, port := range []uint16{31020, 31023} {
		taken, err := listenAt(netip.AddrPortFrom(loopback, port))
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
	}
	e := engine(t, func(c *rtp.Config) { c.PortMin, c.PortMax = 31020, 31023 })
	a := newPeer(t, loopback)
	s := open(t, e, a)
	if s.Local().Port() != 31022 {
		t.Errorf("port %d", s.Local().Port())
	}
	s.Connect(s)
	a.speak(s.Local(), 1)
	a.hear()
	s.Sweep()
	if _, err := e.Open(loopback); err == nil {
		t.Error("a pair that is not free")
	}
}

func TestPublicAddress(t *testing.T) {
	e := engine(t, func(c *rtp.Config) { c.Interfaces[0].Public = netip.MustParseAddr("203.0.113.7") })
	for toward, want := range map[string]string{"198.51.100.1": "203.0.113.7", loopback.String(): loopback.String(), "127.0.0.9": loopback.String()} {
		s, err := e.Open(netip.MustParseAddr(toward))
		if err != nil {
			t.Fatal(err)
		}
		if s.Local().Addr() != netip.MustParseAddr(want) {
			t.Errorf("toward %s: %v, want %s", toward, s.Local(), want)
		}
	}
}

func TestBadSettings(t *testing.T) {
	for name, cfg := range map[string]rtp.Config{
		"no interface":         {},
		"an empty interface":   {Interfaces: []rtp.Interface{{}}},
		"no pair in the range": {Interfaces: []rtp.Interface{{Bind: loopback}}, PortMin: 30001, PortMax: 30002},
		"all addresses, none that others could send to": {Interfaces: []rtp.Interface{{Bind: netip.IPv4Unspecified()}}},
	} {
		if e, err := rtp.New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
			e.Close()
		}
	}
}

// Everything returns: file descriptors as well.
func TestNothingIsLeft(t *testing.T) {
	count := func() int {
		d, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(d)
	}
	before := count()
	e, err := rtp.New(rtp.Config{Interfaces: []rtp.Interface{{Bind: loopback}}, PortMin: 20000, PortMax: 29999})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		s, err := e.Open(loopback)
		if err != nil {
			t.Fatal(err)
		}
		s.Play(endless{}, func(error) {})
		if i%2 == 0 {
			s.Close()
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if after := count(); after != before {
		t.Errorf("%d file descriptors, %d before", after, before)
	}
}

func TestMemoryOfASession(t *testing.T) {
	if rtp.SessionSize > 1024 {
		t.Errorf("a session takes %d bytes", rtp.SessionSize)
	}
}

// All that a session offers, from many goroutines at once while packets flow: for the race detector.
func TestConcurrentUse(t *testing.T) {
	e := engine(t, func(c *rtp.Config) { c.Rest = -1 })
	a, b := newPeer(t, loopback), newPeer(t, loopback)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	loop := func(f func()) {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					f()
				}
			}
		})
	}
	sa, sb := open(t, e, a), open(t, e, b)
	sa.Connect(sb)
	sb.Connect(sa)
	loop(func() {
		s, err := e.Open(loopback)
		if err != nil {
			t.Error(err)
			return
		}
		_ = s.SetRemote(a.remote())
		s.Connect(sa)
		stop := s.Play(endless{}, func(error) {})
		wg.Go(s.Close)
		stop()
		s.Close()
	})
	loop(func() { sa.Play(&count{n: 3}, func(error) {}) })
	loop(func() { sb.Play(endless{}, nil)() })
	loop(func() { _ = sb.SetRemote(b.remote()); sa.Stats(); sb.Stats() })
	loop(func() { sa.Connect(nil); sa.Connect(sb); sa.OnDigit(func(byte, time.Duration) {}) })
	loop(func() { sa.Sweep(); sb.Sweep() })
	loop(func() { sb.Write(&media.Packet{Codec: media.PCMA, Payload: make([]byte, 160)}) })
	for range 2000 {
		a.speak(sa.Local(), 1)
		b.speak(sb.Local(), 1)
	}
	close(stop)
	wg.Wait()
}

// BenchmarkRelay is one packet from a far end to another, through two sessions. Most of it is the kernel's: the far
// ends' own two calls are in it.
func BenchmarkRelay(b *testing.B) {
	x, y, sx, _ := bridge(b, engine(b))
	payload := packet(0, false, 0, 0, 1, make([]byte, 160)...)
	buf := make([]byte, 2000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		payload[2], payload[3] = byte(i>>8), byte(i)
		if _, err := x.conn.WriteToUDPAddrPort(payload, sx.Local()); err != nil {
			b.Fatal(err)
		}
		if _, _, err := y.conn.ReadFromUDPAddrPort(buf); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTake is what is ours of receiving a packet: header, source, statistics.
func BenchmarkTake(b *testing.B) {
	s := open(b, engine(b), newPeer(b, loopback))
	p := packet(0, false, 0, 0, 1, make([]byte, 160)...)
	s.Take(p)
	b.ReportAllocs()
	b.ResetTimer()
	s.TakeMany(p, b.N)
}

// BenchmarkOpen is the life of a session without media.
func BenchmarkOpen(b *testing.B) {
	e := engine(b, func(c *rtp.Config) { c.Rest = -1 })
	p := newPeer(b, loopback)
	b.ReportAllocs()
	for b.Loop() {
		s, err := e.Open(loopback)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.SetRemote(p.remote()); err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
