package rtp_test

import (
	"net/netip"
	"testing"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/rtp"
)

// A third party that sends to our port during a call neither gets a packet of it nor has one of its own passed on,
// whatever it guesses right.
func TestS15S16NoBleedAndNoInject(t *testing.T) {
	for _, c := range []struct {
		name  string
		first bool // the thief speaks before the far end does
	}{{"before the far end speaks", true}, {"in mid-call", false}} {
		t.Run(c.name, func(t *testing.T) {
			a, b, sa, sb := bridge(t, engine(t))
			thief := newPeer(t, netip.MustParseAddr("127.0.0.66"))
			thief.ssrc, thief.seq, thief.ts = a.ssrc, a.seq+1, a.ts+160
			if !c.first {
				a.speak(sa.Local(), 1)
				if h := b.hear(); h.payload[0] != 1 {
					t.Fatal(h)
				}
			}
			for range 50 {
				thief.speak(sa.Local(), 66)
			}
			for range 50 {
				b.speak(sb.Local(), 2)
				if h := a.hear(); h.payload[0] != 2 {
					t.Fatalf("a heard %+v", h)
				}
				a.speak(sa.Local(), 3)
				if h := b.hear(); h.payload[0] != 3 {
					t.Fatalf("b heard %+v", h)
				}
			}
			if h, ok := thief.listen(1); ok {
				t.Errorf("the thief got %+v", h)
			}
		})
	}
}

// Packets of another port of the very host that SDP names count as others once the far end is known.
func TestS16NoInjectFromTheSameHost(t *testing.T) {
	a, b, sa, _ := bridge(t, engine(t))
	a.speak(sa.Local(), 1)
	b.hear()
	other := newPeer(t, loopback)
	other.ssrc, other.seq, other.ts = a.ssrc, a.seq, a.ts
	for range 10 {
		other.speak(sa.Local(), 66)
	}
	a.speak(sa.Local(), 2)
	if h := b.hear(); h.payload[0] != 2 {
		t.Errorf("heard %d", h.payload[0])
	}
}

// Behind a NAT: SDP names an address that nothing comes from; the host that signals is believed after a few packets,
// and answered.
func TestS15LearningBehindNAT(t *testing.T) {
	e := engine(t)
	nat, b := newPeer(t, netip.MustParseAddr("127.0.0.7")), newPeer(t, loopback)
	sa, err := e.Open(loopback)
	if err != nil {
		t.Fatal(err)
	}
	r := nat.remote()
	r.RTP, r.Signalling = netip.MustParseAddrPort("127.0.0.99:4000"), netip.MustParseAddr("127.0.0.7")
	if err := sa.SetRemote(r); err != nil {
		t.Fatal(err)
	}
	sb := open(t, e, b)
	sa.Connect(sb)
	sb.Connect(sa)
	for i := range byte(5) {
		nat.speak(sa.Local(), i+1)
	}
	for want := byte(3); want <= 5; want++ {
		if h := b.hear(); h.payload[0] != want {
			t.Fatalf("heard packet %d, want %d: the first two prove who it is", h.payload[0], want)
		}
	}
	b.speak(sb.Local(), 50)
	if h := nat.hear(); h.payload[0] != 50 {
		t.Errorf("%+v", h)
	}
	thief := newPeer(t, netip.MustParseAddr("127.0.0.66"))
	thief.speak(sa.Local(), 66)
	nat.speak(sa.Local(), 6)
	if h := b.hear(); h.payload[0] != 6 {
		t.Errorf("heard %d", h.payload[0])
	}
}

// Who was believed for want of the SDP address gives way when that speaks.
func TestS16TheAddressOfSDPIsPreferred(t *testing.T) {
	a, b, sa, sb := bridge(t, engine(t))
	other := newPeer(t, loopback)
	for range 4 {
		other.speak(sa.Local(), 66)
	}
	if h := b.hear(); h.payload[0] != 66 {
		t.Fatal("the same host, other port, was not learnt")
	}
	if h := b.hear(); h.payload[0] != 66 {
		t.Fatal("the same host, other port, was not kept")
	}
	a.speak(sa.Local(), 1)
	if h := b.hear(); h.payload[0] != 1 {
		t.Fatal("the SDP address was not preferred")
	}
	other.speak(sa.Local(), 67)
	b.speak(sb.Local(), 2)
	if h := a.hear(); h.payload[0] != 2 {
		t.Errorf("%+v", h)
	}
	a.speak(sa.Local(), 3)
	if h := b.hear(); h.payload[0] != 3 {
		t.Errorf("heard %d", h.payload[0])
	}
}

// Packets that are not in a row, or are of several streams, prove nothing.
func TestNotLearntFromNoise(t *testing.T) {
	a, b, sa, sb := bridge(t, engine(t))
	other := newPeer(t, loopback)
	for i := range 30 {
		other.seq += 100
		other.ssrc = uint32(i / 2)
		other.speak(sa.Local(), 66)
	}
	wait(t, func() bool { return sa.Stats().Discarded == 30 })
	b.speak(sb.Local(), 1)
	if h := a.hear(); h.payload[0] != 1 {
		t.Errorf("%+v", h)
	}
}

func TestLearnAnyone(t *testing.T) {
	e := engine(t, func(c *rtp.Config) { c.LearnAnyone = true })
	stranger, b := newPeer(t, netip.MustParseAddr("127.0.0.8")), newPeer(t, loopback)
	sa, sb := open(t, e, newPeer(t, loopback)), open(t, e, b)
	sa.Connect(sb)
	for i := range byte(9) {
		stranger.speak(sa.Local(), i+1)
	}
	if h := b.hear(); h.payload[0] != 8 {
		t.Errorf("heard packet %d first", h.payload[0])
	}
}

// A new address by re-INVITE: the former far end is nobody any more, the new one is learnt.
func TestNewAddress(t *testing.T) {
	a, b, sa, sb := bridge(t, engine(t))
	a.speak(sa.Local(), 1)
	b.hear()
	moved := newPeer(t, netip.MustParseAddr("127.0.0.9"))
	if err := sa.SetRemote(moved.remote()); err != nil {
		t.Fatal(err)
	}
	b.speak(sb.Local(), 2) // answered at the new address at once
	if h := moved.hear(); h.payload[0] != 2 {
		t.Errorf("%+v", h)
	}
	for range 5 {
		a.speak(sa.Local(), 3)
	}
	moved.speak(sa.Local(), 4)
	if h := b.hear(); h.payload[0] != 4 {
		t.Errorf("heard %d", h.payload[0])
	}
	moved.speak(sa.Local(), 5) // and over the socket that is connected again
	if h := b.hear(); h.payload[0] != 5 {
		t.Errorf("heard %d", h.payload[0])
	}
}

// The same address again (hold, session refresh) keeps the lock.
func TestSameAddressKeepsTheLock(t *testing.T) {
	a, b, sa, _ := bridge(t, engine(t))
	a.speak(sa.Local(), 1)
	b.hear()
	if err := sa.SetRemote(a.remote()); err != nil {
		t.Fatal(err)
	}
	other := newPeer(t, loopback)
	for range 6 {
		other.speak(sa.Local(), 66)
	}
	a.speak(sa.Local(), 2)
	if h := b.hear(); h.payload[0] != 2 {
		t.Errorf("heard %d", h.payload[0])
	}
}

// A far end that closed its socket answers with ICMP errors; the session outlives them.
func TestErrorsDoNotKill(t *testing.T) {
	e := engine(t)
	a, b := newPeer(t, loopback), newPeer(t, loopback)
	sa, sb := open(t, e, a), open(t, e, b)
	sa.Connect(sb)
	sb.Connect(sa)
	a.speak(sa.Local(), 1)
	b.hear()
	b.speak(sb.Local(), 1)
	a.hear() // both locked and connected
	gone := b.addr()
	b.conn.Close()
	for range 20 {
		a.speak(sa.Local(), 2)
	}
	wait(t, func() bool { return sa.Stats().PacketsIn == 21 })
	again, err := listenAt(gone)
	if err != nil {
		t.Fatal(err)
	}
	b.conn = again
	t.Cleanup(func() { again.Close() })
	a.speak(sa.Local(), 3)
	for {
		if h := b.hear(); h.payload[0] == 3 {
			break
		}
	}
	b.speak(sb.Local(), 4)
	if h := a.hear(); h.payload[0] != 4 {
		t.Errorf("%+v", h)
	}
}

func TestWrongFamily(t *testing.T) {
	e := engine(t, func(c *rtp.Config) { c.Interfaces = c.Interfaces[:1] })
	if _, err := e.Open(netip.IPv6Loopback()); err == nil {
		t.Error("an IPv6 session without an IPv6 interface")
	}
	s, err := e.Open(loopback)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetRemote(media.Remote{RTP: netip.MustParseAddrPort("[::1]:4000")}); err == nil {
		t.Error("an IPv6 far end for an IPv4 session")
	}
}

// Garbage is counted and has no other effect.
func TestGarbage(t *testing.T) {
	a, b, sa, _ := bridge(t, engine(t))
	bad := [][]byte{
		{}, {0x80}, make([]byte, 11), make([]byte, 200), // version 0
		packet(0, false, 1, 1, 1),                                  // no payload
		packet(96, false, 1, 1, 1, 1, 2, 3),                        // a type nobody agreed on
		packet(72, false, 1, 1, 1, 1),                              // RTCP, where no RTCP comes
		{0x8f, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3},           // 15 sources, none there
		{0x90, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 255, 255, 1}, // an extension beyond the end
		{0xa0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 5, 0},              // padding of nothing
		{0xa0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 5, 255},            // padding beyond the start
		packet(0, false, 1, 1, 1, make([]byte, 2100)...),
	}
	for _, p := range bad {
		a.send(sa.Local(), p)
	}
	a.speak(sa.Local(), 1)
	if h := b.hear(); h.payload[0] != 1 {
		t.Errorf("%+v", h)
	}
	if st := sa.Stats(); st.Discarded != uint64(len(bad)) || st.PacketsIn != 1 {
		t.Errorf("%+v, want %d discarded", st, len(bad))
	}
}
