package guard_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/switchhook/switchhook/sip/guard"
)

var (
	start    = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	stranger = netip.MustParseAddr("203.0.113.7")
	friend   = netip.MustParseAddr("192.0.2.7")
)

func newGuard(change ...func(*guard.Config)) (*guard.Guard, *[]guard.Ban) {
	bans := &[]guard.Ban{}
	cfg := guard.Config{
		Rate: 10, Burst: 20, Faults: 5, Window: time.Minute, Ban: time.Hour,
		Allow:  []netip.Prefix{netip.MustParsePrefix("192.0.3.0/24")},
		Exempt: func(a netip.Addr) bool { return a == friend },
		Banned: func(b guard.Ban) { *bans = append(*bans, b) },
	}
	for _, f := range change {
		f(&cfg)
	}
	return guard.New(cfg), bans
}

func admitted(g *guard.Guard, a netip.Addr, n int, at time.Time) int {
	count := 0
	for range n {
		if g.Admit(a, at) {
			count++
		}
	}
	return count
}

// A stranger may send a burst, and then so many a second; who is exempt as much as it likes.
func TestS03Rate(t *testing.T) {
	g, _ := newGuard()
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 20}, {time.Second, 10}, {1500 * time.Millisecond, 5}, {time.Hour, 20}} {
		if n := admitted(g, stranger, 100, start.Add(step.after)); n != step.want {
			t.Errorf("after %v: %d of 100 admitted, want %d", step.after, n, step.want)
		}
	}
	for _, a := range []netip.Addr{friend, netip.MustParseAddr("192.0.3.4")} {
		if n := admitted(g, a, 1000, start); n != 1000 {
			t.Errorf("%d of 1000 of %v, which is exempt, admitted", n, a)
		}
	}
	if s := g.Stats(start); s.Slowed != 345 || s.Banned != 0 {
		t.Errorf("%+v", s)
	}
}

// Faults add up to a ban, which is told once, ends by itself, and can be lifted. Those that come slowly are forgiven.
func TestS01Ban(t *testing.T) {
	g, bans := newGuard()
	for i := range 20 {
		g.Fault(stranger, 1, "slowly", start.Add(time.Duration(i)*15*time.Second))
	}
	if len(*bans) != 0 {
		t.Fatalf("banned for one fault in 15 s: %+v", *bans)
	}
	at := start.Add(time.Hour)
	for range 10 {
		g.Fault(stranger, 1, "unknown source", at)
	}
	want := guard.Ban{Source: netip.MustParsePrefix("203.0.113.7/32"), Since: at, Until: at.Add(time.Hour), Why: "unknown source"}
	if len(*bans) != 1 || (*bans)[0] != want {
		t.Fatalf("told of %+v, want once of %+v", *bans, want)
	}
	if g.Admit(stranger, at) || !g.Banned(stranger, at) || g.Banned(friend, at) {
		t.Error("the ban does not hold")
	}
	want.Drops = 1
	if got := g.Bans(at); !slices.Equal(got, []guard.Ban{want}) {
		t.Errorf("bans: %+v", got)
	}
	if over := at.Add(time.Hour); !g.Admit(stranger, over) || len(g.Bans(over)) != 0 {
		t.Error("the ban does not end")
	}
	g.Fault(stranger, 5, "again", at)
	if !g.Lift(stranger) || g.Lift(stranger) || !g.Admit(stranger, at) || g.Lift(netip.Addr{}) {
		t.Error("the ban can't be lifted, once")
	}
	if s := g.Stats(at); s.Bans != 2 || s.Dropped != 1 || s.Banned != 0 {
		t.Errorf("%+v", s)
	}
}

// Whoever writes the address of a trunk's peer into its datagrams does the peer no harm; nor one that proved itself.
func TestS01SpoofedPeerIsNotBanned(t *testing.T) {
	g, bans := newGuard()
	g.Trust(stranger, time.Minute, start)
	for range 1000 {
		g.Fault(friend, 10, "spoofed", start)
		g.Fault(stranger, 10, "spoofed", start)
	}
	if len(*bans) != 0 || !g.Admit(friend, start) || admitted(g, stranger, 100, start) != 100 {
		t.Errorf("banned: %+v", *bans)
	}
	later := start.Add(2 * time.Minute)
	g.Fault(stranger, 10, "trusted no more", later)
	if len(*bans) != 1 {
		t.Error("trust has no end")
	}
}

// One IPv6 host has a whole /64; an IPv4 address is the same inside IPv6.
func TestSources(t *testing.T) {
	g, _ := newGuard()
	g.Fault(netip.MustParseAddr("2001:db8:1:2::1"), 5, "x", start)
	g.Fault(netip.MustParseAddr("::ffff:198.51.100.1"), 5, "x", start)
	for a, banned := range map[string]bool{
		"2001:db8:1:2:ffff::9": true, "2001:db8:1:3::1": false, "198.51.100.1": true, "198.51.100.2": false,
	} {
		if g.Banned(netip.MustParseAddr(a), start) != banned {
			t.Errorf("%s: banned is %v", a, !banned)
		}
	}
}

// However many sources there are, and whatever happens, no more than so many are remembered, and the latest of them.
func TestBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const most = 8
		g, _ := newGuard(func(c *guard.Config) { c.Sources = most })
		at := start
		var order []netip.Addr // of those banned and not lifted, the oldest first
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			a := netip.AddrFrom4([4]byte{203, 0, 113, byte(rapid.IntRange(0, 20).Draw(t, "host"))})
			known := slices.Index(order, a)
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1:
				g.Fault(a, 5, "x", at)
				if known < 0 {
					order = append(order, a)
				}
				if len(order) > most {
					order = order[1:]
				}
			case 2:
				if g.Lift(a) != (known >= 0) {
					t.Fatalf("lift of %v", a)
				}
				if known >= 0 {
					order = slices.Delete(order, known, known+1)
				}
			default:
				if g.Admit(a, at) != (known < 0) {
					t.Fatalf("%v admitted: %v", a, known >= 0)
				}
			}
			var got []netip.Addr
			for _, b := range g.Bans(at) {
				got = append(got, b.Source.Addr())
			}
			if !slices.Equal(got, order) {
				t.Fatalf("bans %v, want %v", got, order)
			}
		}
	})
}

func BenchmarkAdmit(b *testing.B) {
	g := guard.New(guard.Config{Exempt: func(a netip.Addr) bool { return a == friend }})
	g.Fault(stranger, 100, "x", start)
	for name, next := range map[string]func(int) netip.Addr{
		"peer":      func(int) netip.Addr { return friend },
		"banned":    func(int) netip.Addr { return stranger },
		"strangers": func(i int) netip.Addr { return netip.AddrFrom4([4]byte{100, byte(i >> 16), byte(i >> 8), byte(i)}) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				g.Admit(next(i), start)
			}
		})
	}
}

func ExampleGuard() {
	g := guard.New(guard.Config{Banned: func(b guard.Ban) { fmt.Println(b.Source, "is banned:", b.Why) }})
	now := time.Now()
	for range 60 {
		g.Fault(stranger, 1, "403", now)
	}
	fmt.Println(g.Admit(stranger, now))
	// Output:
	// 203.0.113.7/32 is banned: 403
	// false
}
