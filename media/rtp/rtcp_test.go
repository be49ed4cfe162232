package rtp_test

import (
	"encoding/binary"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/rtp"
)

// control is the far end's RTCP socket, with a port of its own choice (RFC 3605).
func control(t *testing.T, s *rtp.Session, p *peer) *peer {
	t.Helper()
	c := newPeer(t, p.addr().Addr())
	r := p.remote()
	r.RTCP = c.addr()
	if err := s.SetRemote(r); err != nil {
		t.Fatal(err)
	}
	return c
}

func (p *peer) hearReports() []rtcp.Packet {
	p.t.Helper()
	b := make([]byte, 2000)
	if err := p.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		p.t.Fatal(err)
	}
	n, err := p.conn.Read(b)
	if err != nil {
		p.t.Fatal(err)
	}
	all, err := rtcp.Unmarshal(b[:n])
	if err != nil {
		p.t.Fatalf("not RTCP: %v", err)
	}
	compound := rtcp.CompoundPacket(all)
	if err := compound.Validate(); err != nil {
		p.t.Errorf("%v: %v", all, err)
	}
	return all
}

func controlAddr(s *rtp.Session) netip.AddrPort {
	return netip.AddrPortFrom(s.Local().Addr(), s.Local().Port()+1)
}

func (p *peer) report(s *rtp.Session, all ...rtcp.Packet) {
	p.t.Helper()
	b, err := rtcp.Marshal(all)
	if err != nil {
		p.t.Fatal(err)
	}
	p.send(controlAddr(s), b)
}

func TestC56Reports(t *testing.T) {
	a, b, sa, sb := bridge(t, engine(t))
	ca := control(t, sa, a)
	for i := range 10 {
		if i == 5 {
			a.seq += 2 // lost on the way
			a.ts += 320
		}
		a.speak(sa.Local(), 1)
		b.hear()
	}
	sa.Sweep()
	all := ca.hearReports()
	rr, ok := all[0].(*rtcp.ReceiverReport)
	if !ok || len(rr.Reports) != 1 {
		t.Fatalf("%v", all)
	}
	if r := rr.Reports[0]; rr.SSRC != sa.SSRC() || r.SSRC != a.ssrc || r.TotalLost != 2 || r.FractionLost != 2*256/12 || r.LastSequenceNumber != uint32(a.seq-1) || r.LastSenderReport != 0 {
		t.Errorf("%+v", rr)
	}
	if cname := all[1].(*rtcp.SourceDescription).Chunks[0].Items[0]; cname.Type != rtcp.SDESCNAME || len(cname.Text) != 16 {
		t.Errorf("%+v", cname)
	}
	b.speak(sb.Local(), 1)
	first := a.hear()
	b.speak(sb.Local(), 1)
	a.hear()
	sa.Sweep()
	sr, ok := ca.hearReports()[0].(*rtcp.SenderReport)
	if !ok {
		t.Fatal("no sender report after sending")
	}
	if wall := time.Unix(int64(sr.NTPTime>>32)-2208988800, 0); sr.SSRC != sa.SSRC() || sr.PacketCount != 2 || sr.OctetCount != 320 ||
		time.Since(wall).Abs() > 2*time.Second || sr.RTPTime-first.ts > 8000*5 {
		t.Errorf("%+v, first timestamp %d", sr, first.ts)
	}
	if st := sa.Stats(); st.Lost != 2 {
		t.Errorf("%+v", st)
	}

	// The far end's view: it lost a quarter, and answers the sender report half a second after it came.
	middle := uint32(sr.NTPTime >> 16)
	ca.report(sa, &rtcp.ReceiverReport{SSRC: a.ssrc, Reports: []rtcp.ReceptionReport{
		{SSRC: 42, FractionLost: 255}, {SSRC: sa.SSRC(), FractionLost: 64, LastSenderReport: middle - 1<<16, Delay: 1 << 15},
	}})
	wait(t, func() bool { return sa.Stats().RemoteLoss == 0.25 })
	if rt := sa.Stats().RoundTrip; rt < 500*time.Millisecond || rt > 4*time.Second {
		t.Errorf("round trip %v", rt)
	}
	sa.Close()
	all = ca.hearReports()
	if bye, ok := all[len(all)-1].(*rtcp.Goodbye); !ok || bye.Sources[0] != sa.SSRC() {
		t.Errorf("at the end: %v", all)
	}
}

// A sender report of theirs comes back in our next block, so that they can measure too.
func TestSenderReportIsAnswered(t *testing.T) {
	a, b, sa, _ := bridge(t, engine(t))
	ca := control(t, sa, a)
	a.speak(sa.Local(), 1)
	b.hear()
	ca.report(sa, &rtcp.SenderReport{SSRC: a.ssrc, NTPTime: 0x1111222233334444})
	ca.report(sa, &rtcp.ReceiverReport{SSRC: a.ssrc, Reports: []rtcp.ReceptionReport{{SSRC: sa.SSRC(), FractionLost: 1}}})
	wait(t, func() bool { return sa.Stats().RemoteLoss > 0 })
	sa.Sweep()
	r := ca.hearReports()[0].(*rtcp.ReceiverReport).Reports[0]
	if r.LastSenderReport != 0x22223333 || r.Delay > 5<<16 {
		t.Errorf("%+v", r)
	}
}

// Silent sessions send no RTCP, and one without media says no goodbye.
func TestNoReportsWithoutMedia(t *testing.T) {
	e := engine(t)
	a := newPeer(t, loopback)
	s := open(t, e, a)
	ca := control(t, s, a)
	s.Sweep()
	s.Close()
	if err := ca.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := ca.conn.Read(make([]byte, 100)); err == nil {
		t.Errorf("%d bytes of RTCP", n)
	}
}

// Forged and broken RTCP: nothing ends, nothing is learnt from it, nobody gets an answer.
func TestS17HostileControl(t *testing.T) {
	a, b, sa, _ := bridge(t, engine(t))
	ca := control(t, sa, a)
	a.speak(sa.Local(), 1)
	b.hear()
	thief := newPeer(t, netip.MustParseAddr("127.0.0.66"))
	lie := &rtcp.ReceiverReport{SSRC: a.ssrc, Reports: []rtcp.ReceptionReport{{SSRC: sa.SSRC(), FractionLost: 255, LastSenderReport: 1}}}
	thief.report(sa, lie)
	wait(t, func() bool { return sa.Stats().Discarded == 1 })
	if st := sa.Stats(); st.RemoteLoss != 0 {
		t.Errorf("believed a third party: %+v", st)
	}
	for _, p := range [][]byte{
		{}, {0x80}, {0x80, 200, 0, 0}, {0x80, 201, 0xff, 0xff, 0, 0, 0, 0}, {0x9f, 201, 0, 1, 0, 0, 0, 0}, {0x80, 203, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 0},
		{0x80, 200, 0, 1, 0, 0, 0, 0}, // a sender report that is too short to be one
	} {
		if len(p) > 0 {
			sa.Heed(p) // a panic is no answer, though the loop would catch it
		}
		ca.send(controlAddr(sa), p)
	}
	ca.report(sa, &rtcp.ReceiverReport{SSRC: a.ssrc}, &rtcp.Goodbye{Sources: []uint32{a.ssrc}})
	lie.Reports[0] = rtcp.ReceptionReport{SSRC: sa.SSRC(), FractionLost: 128, LastSenderReport: 7, Delay: math.MaxUint32}
	ca.report(sa, lie)
	wait(t, func() bool { return sa.Stats().RemoteLoss == 0.5 })
	if st := sa.Stats(); st.RoundTrip != 0 {
		t.Errorf("believed a round trip of %v", st.RoundTrip)
	}
	a.speak(sa.Local(), 2)
	if h := b.hear(); h.payload[0] != 2 {
		t.Errorf("after a forged goodbye: %+v", h)
	}
}

func FuzzControl(f *testing.F) {
	rr, _ := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: 2}}}, &rtcp.Goodbye{Sources: []uint32{1}}})
	sr, _ := rtcp.Marshal([]rtcp.Packet{&rtcp.SenderReport{SSRC: 1, Reports: []rtcp.ReceptionReport{{SSRC: 2}}}})
	f.Add(rr)
	f.Add(sr)
	f.Add([]byte{0x80, 200, 0, 0})
	f.Add([]byte{0x80, 200, 0, 1, 0, 0, 0, 0})
	s := open(f, engine(f), newPeer(f, loopback))
	f.Fuzz(func(t *testing.T, b []byte) {
		// Reports about us in particular are read to the end.
		if len(b) >= 12 {
			binary.BigEndian.PutUint32(b[8:], s.SSRC())
		}
		s.Heed(b)
		if st := s.Stats(); st.RoundTrip < 0 || st.RoundTrip > 30*time.Second || st.RemoteLoss < 0 || st.RemoteLoss > 1 {
			t.Errorf("%+v", st)
		}
	})
}

// oneOf tells whether a packet is one thing and no other.
func oneOf(is ...bool) bool {
	n := 0
	for _, v := range is {
		if v {
			n++
		}
	}
	return n == 1
}

// Where audio is protected, so are reports: those without the key count for nothing, from wherever they come.
func TestS17ControlWithoutKey(t *testing.T) {
	a, b, sa, _ := secretBridge(t, usual)
	a.send(sa.Local(), a.sealed(1))
	b.hear()
	ca := control(t, sa, a.peer)
	if err := sa.SetRemote(a.r); err != nil {
		t.Fatal(err)
	}
	told := &rtcp.ReceiverReport{SSRC: a.ssrc, Reports: []rtcp.ReceptionReport{{SSRC: sa.SSRC(), FractionLost: 64}}}
	before := sa.Stats().Discarded
	ca.report(sa, told, &rtcp.Goodbye{Sources: []uint32{a.ssrc}})
	ca.send(controlAddr(sa), []byte{0x80, 200, 0, 0})
	wait(t, func() bool { return sa.Stats().Discarded == before+2 })
	plain, err := rtcp.Marshal([]rtcp.Packet{told})
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := a.out.SealControl(make([]byte, 0, 200), plain)
	if err != nil {
		t.Fatal(err)
	}
	ca.send(controlAddr(sa), sealed)
	wait(t, func() bool { return sa.Stats().RemoteLoss == 0.25 })
	a.send(sa.Local(), a.sealed(2))
	if h := b.hear(); h.payload[0] != 2 {
		t.Errorf("after a forged goodbye: %+v", h)
	}
}

func FuzzPacket(f *testing.F) {
	f.Add(packet(0, true, 1, 2, 3, 4, 5, 6))
	f.Add(packet(101, true, 1, 2, 3, 5, 0x80, 1, 1))
	f.Add(packet(13, true, 1, 2, 3, 60))
	f.Add(packet(9, true, 1, 2, 3, 60))
	f.Add([]byte{0xb2, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0xbe, 0xde, 0, 1, 1, 2, 3, 4, 9, 9, 9, 3})
	s := open(f, engine(f), newPeer(f, loopback))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, p := range s.Take(b, b) {
			if len(p.Payload) == 0 || len(p.Payload) > len(b)-12 || !oneOf(p.Event, p.Noise, p.Codec != media.NoCodec) {
				t.Errorf("%+v of %x", p, b)
			}
		}
		if st := s.Stats(); st.Jitter < 0 {
			t.Errorf("%+v", st)
		}
	})
}
