package rtp_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/media/rtp"
)

var (
	named    = netip.MustParseAddrPort("198.51.100.1:4000") // by SDP
	mapped   = netip.MustParseAddrPort("198.51.100.1:61000")
	stranger = netip.MustParseAddrPort("203.0.113.9:4000")
)

// said is one packet, and what the lock must say of it.
type said struct {
	from netip.AddrPort
	at   time.Duration
	seq  uint16
	ssrc uint32
	want string // "no", "yes", "moved"
}

// TestJudge: who is believed, packet by packet, each bound met and passed by one.
func TestJudge(t *testing.T) {
	const window = 3 * time.Second
	row := func(from netip.AddrPort, at time.Duration, n int, last string) []said {
		var out []said
		for i := range n {
			out = append(out, said{from: from, at: at, seq: uint16(65530 + i), want: "no"})
		}
		out[n-1].want = last
		return out
	}
	learnt := func(more ...said) []said { return append(row(mapped, time.Second, 3, "moved"), more...) }
	for _, c := range []struct {
		name    string
		anyone  bool
		packets []said
	}{
		{"in a row, over the wrap of the numbers", false, row(mapped, 0, 3, "moved")},
		{"15 lacking are in a row", false, []said{{mapped, 0, 1, 7, "no"}, {mapped, 0, 17, 7, "no"}, {mapped, 0, 33, 7, "moved"}}},
		{"16 lacking are not", false, []said{{mapped, 0, 1, 7, "no"}, {mapped, 0, 18, 7, "no"}, {mapped, 0, 35, 7, "no"}, {mapped, 0, 52, 7, "no"}}},
		{"nor is one packet again and again", false, []said{{mapped, 0, 1, 7, "no"}, {mapped, 0, 1, 7, "no"}, {mapped, 0, 1, 7, "no"}, {mapped, 0, 1, 7, "no"}}},
		{"nor steps back", false, []said{{mapped, 0, 4, 7, "no"}, {mapped, 0, 3, 7, "no"}, {mapped, 0, 2, 7, "no"}, {mapped, 0, 1, 7, "no"}}},
		{"nor several streams", false, []said{{mapped, 0, 1, 7, "no"}, {mapped, 0, 2, 8, "no"}, {mapped, 0, 3, 9, "no"}, {mapped, 0, 4, 7, "no"}}},
		{"a gap begins a new row", false, []said{{mapped, 0, 1, 7, "no"}, {mapped, 0, 2, 7, "no"}, {mapped, 0, 99, 7, "no"}, {mapped, 0, 100, 7, "no"}, {mapped, 0, 101, 7, "moved"}}},
		{"a stranger is never learnt", false, row(stranger, 0, 20, "no")},
		{"but where anyone may be, within the window", true, row(stranger, window, 8, "moved")},
		{"and not after it", true, row(stranger, window+1, 20, "no")},
		{"the host that SDP names is learnt after it too", true, row(mapped, time.Hour, 3, "moved")},
		{"provisional: another is not believed", false, learnt(said{stranger, time.Second, 1, 7, "no"}, said{mapped, time.Second, 1, 9, "yes"})},
		{"provisional: the SDP address is preferred to the end of the window", false,
			learnt(said{mapped, time.Second + window, 1, 7, "yes"}, said{named, time.Second + window, 1, 7, "moved"}, said{mapped, time.Second + window, 2, 7, "no"})},
		{"and not after it", false,
			learnt(said{mapped, time.Second + window + 1, 1, 7, "moved"}, said{named, time.Second + window + 1, 1, 7, "no"}, said{mapped, time.Hour, 2, 7, "yes"})},
		{"one who is silent over the window gives way still", false, learnt(said{named, time.Hour, 1, 7, "moved"})},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := rtp.NewLock(named, c.anyone)
			var want, got []string
			for _, p := range c.packets {
				word := "no"
				switch ok, moved := l.Judge(p.from, p.seq, p.ssrc, p.at); {
				case ok && moved:
					word = "moved"
				case ok:
					word = "yes"
				case moved:
					word = "moved to nobody"
				}
				want, got = append(want, p.want), append(got, word)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestJitter: it is reckoned from audio alone (RFC 3550 section 6.4.1): all packets of a key bear the time of its start
// (RFC 4733 section 2.1), and would look later and later.
func TestJitter(t *testing.T) {
	s := open(t, engine(t), newPeer(t, loopback))
	now, seq, ts := time.Second, uint16(0), uint32(0)
	say := func(late time.Duration) {
		s.TakeAt(now+late, packet(0, false, seq, ts, 7, make([]byte, 160)...))
		now, seq, ts = now+20*time.Millisecond, seq+1, ts+160
	}
	for range 10 {
		say(0)
	}
	start := ts
	for i := range 50 {
		s.TakeAt(now, packet(101, i == 0, seq, start, 7, event(5, i == 49, uint16(160*(i+1)))...))
		now, seq, ts = now+20*time.Millisecond, seq+1, ts+160
	}
	for range 10 {
		say(0)
	}
	if st := s.Stats(); st.Jitter != 0 || st.PacketsIn != 70 || st.Discarded != 0 {
		t.Errorf("a steady sender: %+v", st)
	}
	say(20 * time.Millisecond)
	if got, want := s.Stats().Jitter, 20*time.Millisecond/16; got != want {
		t.Errorf("jitter of one that is 20 ms late: %v, want %v", got, want)
	}
}
