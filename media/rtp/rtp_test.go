package rtp_test

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/rtp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// loopback is an address of this machine that other test processes do not use, so that its ports are ours.
var loopback = netip.AddrFrom4([4]byte{127, 128 | byte(os.Getpid()>>8), byte(os.Getpid()), 1})

// patience is how long a test waits for what must come; what must not come is proved by something later that does.
const patience = 5 * time.Second

func engine(t testing.TB, change ...func(*rtp.Config)) *rtp.Engine {
	t.Helper()
	cfg := rtp.Config{Interfaces: []rtp.Interface{{Bind: loopback}, {Bind: netip.IPv6Loopback()}}, PortMin: 20000, PortMax: 29999}
	for _, f := range change {
		f(&cfg)
	}
	e, err := rtp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// peer is a far end with a socket of its own, hearing everything that reaches it.
type peer struct {
	t    testing.TB
	conn *net.UDPConn
	ssrc uint32
	seq  uint16
	ts   uint32
}

func newPeer(t testing.TB, ip netip.Addr) *peer {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &peer{t: t, conn: c, ssrc: 0x1234, seq: 1000, ts: 5000}
}

func (p *peer) addr() netip.AddrPort {
	ap := p.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

func (p *peer) remote() media.Remote {
	return media.Remote{RTP: p.addr(), Codec: media.PCMU, EventOut: 101, EventIn: 101}
}

// packet makes an RTP packet.
func packet(payloadType byte, marker bool, seq uint16, ts, ssrc uint32, payload ...byte) []byte {
	b := []byte{0x80, payloadType}
	if marker {
		b[1] |= 0x80
	}
	b = binary.BigEndian.AppendUint16(b, seq)
	b = binary.BigEndian.AppendUint32(b, ts)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	return append(b, payload...)
}

func (p *peer) send(to netip.AddrPort, b []byte) {
	p.t.Helper()
	if _, err := p.conn.WriteToUDPAddrPort(b, to); err != nil {
		p.t.Fatal(err)
	}
}

// speak sends one packet of 20 ms whose bytes are all mark.
func (p *peer) speak(to netip.AddrPort, mark byte) {
	p.t.Helper()
	payload := make([]byte, 160)
	for i := range payload {
		payload[i] = mark
	}
	p.send(to, packet(0, false, p.seq, p.ts, p.ssrc, payload...))
	p.seq, p.ts = p.seq+1, p.ts+160
}

// heard is one packet that reached a peer.
type heard struct {
	from        netip.AddrPort
	payloadType byte
	marker      bool
	seq         uint16
	ts, ssrc    uint32
	payload     []byte
}

// hear waits for the next packet.
func (p *peer) hear() heard {
	p.t.Helper()
	h, ok := p.listen(patience)
	if !ok {
		p.t.Fatal("heard nothing")
	}
	return h
}

func (p *peer) listen(d time.Duration) (heard, bool) {
	p.t.Helper()
	b := make([]byte, 2000)
	if err := p.conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		p.t.Fatal(err)
	}
	n, from, err := p.conn.ReadFromUDPAddrPort(b)
	if err != nil {
		return heard{}, false
	}
	if n < 12 {
		p.t.Fatalf("%d bytes are no RTP", n)
	}
	return heard{
		netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), b[1] & 0x7f, b[1]&0x80 != 0, binary.BigEndian.Uint16(b[2:]),
		binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:]), b[12:n],
	}, true
}

// open gives a session whose far end is p.
func open(t testing.TB, e *rtp.Engine, p *peer) *rtp.Session {
	t.Helper()
	s, err := e.Open(p.addr().Addr())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetRemote(p.remote()); err != nil {
		t.Fatal(err)
	}
	return s
}

// bridge gives two peers whose sessions hear each other.
func bridge(t testing.TB, e *rtp.Engine) (a, b *peer, sa, sb *rtp.Session) {
	t.Helper()
	a, b = newPeer(t, loopback), newPeer(t, loopback)
	sa, sb = open(t, e, a), open(t, e, b)
	sa.Connect(sb)
	sb.Connect(sa)
	return a, b, sa, sb
}

func TestPassThrough(t *testing.T) {
	a, b, sa, sb := bridge(t, engine(t))
	var last heard
	for i := range byte(20) {
		a.speak(sa.Local(), i+1)
		h := b.hear()
		if h.from != sb.Local() || h.payloadType != 0 || len(h.payload) != 160 || h.payload[0] != i+1 || h.payload[159] != i+1 {
			t.Fatalf("packet %d: %+v", i, h)
		}
		if h.ssrc == a.ssrc {
			t.Fatalf("the far end's SSRC %#x went through", h.ssrc)
		}
		if h.marker != (i == 0) {
			t.Errorf("packet %d: marker %v", i, h.marker)
		}
		if i > 0 && (h.seq != last.seq+1 || h.ts != last.ts+160 || h.ssrc != last.ssrc) {
			t.Errorf("packet %d: %d/%d/%#x after %d/%d/%#x", i, h.seq, h.ts, h.ssrc, last.seq, last.ts, last.ssrc)
		}
		last = h
	}
	b.speak(sb.Local(), 77)
	if h := a.hear(); h.payload[0] != 77 {
		t.Errorf("the other way: %+v", h)
	}
	if st := sa.Stats(); st.PacketsIn != 20 || st.PacketsOut != 1 || st.Discarded != 0 || st.Lost != 0 || st.Codec != media.PCMU {
		t.Errorf("stats: %+v", st)
	}
}

func TestPassThroughIPv6(t *testing.T) {
	e := engine(t)
	a, b := newPeer(t, netip.IPv6Loopback()), newPeer(t, loopback)
	sa, sb := open(t, e, a), open(t, e, b)
	sa.Connect(sb)
	sb.Connect(sa)
	a.speak(sa.Local(), 5)
	if h := b.hear(); h.payload[0] != 5 {
		t.Errorf("6 to 4: %+v", h)
	}
	b.speak(sb.Local(), 6)
	if h := a.hear(); h.payload[0] != 6 || h.from != sa.Local() {
		t.Errorf("4 to 6: %+v", h)
	}
}

// Gaps, reordering, markers and lengths of the source are what the other side gets.
func TestNumbersOfTheSourceAreKept(t *testing.T) {
	a, b, sa, _ := bridge(t, engine(t))
	var first heard
	for i, step := range []struct {
		seq    uint16
		ts     uint32
		marker bool
		size   int
	}{{0, 0, true, 160}, {1, 160, false, 160}, {4, 640, false, 160}, {3, 480, false, 160}, {5, 4000, true, 80}, {6, 4080, false, 240}} {
		a.send(sa.Local(), packet(0, step.marker, 65533+step.seq, 1<<32-200+step.ts, 9, make([]byte, step.size)...))
		h := b.hear()
		if i == 0 {
			first = h
		}
		if h.seq-first.seq != step.seq || h.ts-first.ts != step.ts || h.marker != step.marker || len(h.payload) != step.size {
			t.Errorf("step %d: %+v after %+v, want %+v", i, h, first, step)
		}
	}
}

// Header extensions, contributing sources and padding are taken off.
func TestHeaderDecorations(t *testing.T) {
	a, b, sa, _ := bridge(t, engine(t))
	p := packet(0, false, 1, 160, 7)
	p[0] |= 0x20 | 0x10 | 2                                 // padding, extension, two contributing sources
	p = append(p, 0, 0, 0, 1, 0, 0, 0, 2)                   // the sources
	p = append(p, 0xbe, 0xde, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8) // the extension
	p = append(p, 41, 42, 43, 44, 0, 0, 3)                  // audio and padding
	a.send(sa.Local(), p)
	if h := b.hear(); string(h.payload) != string([]byte{41, 42, 43, 44}) {
		t.Errorf("payload %v", h.payload)
	}
}

func TestTranscoding(t *testing.T) {
	e := engine(t)
	a, b := newPeer(t, loopback), newPeer(t, loopback)
	sa, sb := open(t, e, a), open(t, e, b)
	r := b.remote()
	r.Codec, r.TypeOut, r.TypeIn = media.PCMA, 8, 8
	if err := sb.SetRemote(r); err != nil {
		t.Fatal(err)
	}
	sa.Connect(sb)
	a.speak(sa.Local(), 0xff)
	if h := b.hear(); h.payloadType != 8 || h.payload[0] != 0xd5 {
		t.Errorf("silence became type %d %#x", h.payloadType, h.payload[0])
	}
}

// When the source changes, one stream goes on: same SSRC, the next number, a later time, a marker.
func TestC56SourceChange(t *testing.T) {
	a, b, sa, _ := bridge(t, engine(t))
	a.speak(sa.Local(), 1)
	before := b.hear()
	a.ssrc, a.seq, a.ts = 0x9999, 40000, 3<<30
	a.speak(sa.Local(), 2)
	after := b.hear()
	if after.ssrc != before.ssrc || after.seq != before.seq+1 || after.ts-before.ts < 160 || after.ts-before.ts > 8000*5 || !after.marker {
		t.Errorf("%+v after %+v", after, before)
	}
	a.speak(sa.Local(), 3)
	if h := b.hear(); h.seq != after.seq+1 || h.ts != after.ts+160 || h.marker {
		t.Errorf("%+v after %+v", h, after)
	}
}

// When a source's numbers begin anew (the second of two in a row proves it), one stream goes on all the same. What comes late
// or twice is passed on as it came: whoever listens sorts it.
func TestC56SequenceRestart(t *testing.T) {
	a, b, sa, _ := bridge(t, engine(t))
	a.speak(sa.Local(), 1)
	before := b.hear()
	a.seq, a.ts = 40000, 3<<30
	a.speak(sa.Local(), 2)
	a.speak(sa.Local(), 3)
	after := b.hear()
	if after.payload[0] != 3 || after.seq != before.seq+1 || after.ts-before.ts < 160 || after.ts-before.ts > 8000*5 || !after.marker {
		t.Errorf("%+v after %+v", after, before)
	}
	a.seq, a.ts = a.seq-1, a.ts-160
	a.speak(sa.Local(), 3) // twice
	if h := b.hear(); h.seq != after.seq || h.ts != after.ts {
		t.Errorf("%+v, before %+v", h, after)
	}
	if st := sa.Stats(); st.Discarded != 1 || st.Lost != 0 {
		t.Errorf("%+v", st)
	}
}

func TestHoldAndDirection(t *testing.T) {
	a, b, sa, sb := bridge(t, engine(t))
	a.speak(sa.Local(), 1)
	b.hear()
	r := b.remote()
	r.Direction = media.RecvOnly // it only sends
	if err := sb.SetRemote(r); err != nil {
		t.Fatal(err)
	}
	a.speak(sa.Local(), 2)
	b.speak(sb.Local(), 3) // arrives, so the one before was dealt with as soon as this is heard
	if h := a.hear(); h.payload[0] != 3 {
		t.Fatalf("%+v", h)
	}
	wait(t, func() bool { return sa.Stats().PacketsIn == 2 })
	if err := sb.SetRemote(b.remote()); err != nil {
		t.Fatal(err)
	}
	a.speak(sa.Local(), 4)
	if h := b.hear(); h.payload[0] != 4 {
		t.Errorf("while held it heard %d", h.payload[0])
	}
}

// wait polls for what a packet causes; there is no event to wait for.
func wait(t testing.TB, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); {
		if time.Now().After(end) {
			t.Fatal("it did not come about")
		}
		tick := time.NewTimer(time.Millisecond)
		<-tick.C
	}
}

func TestEchoToItself(t *testing.T) {
	e := engine(t)
	a := newPeer(t, loopback)
	s := open(t, e, a)
	s.Connect(s)
	a.speak(s.Local(), 9)
	if h := a.hear(); h.payload[0] != 9 {
		t.Errorf("%+v", h)
	}
}

func TestCloseEndsAll(t *testing.T) {
	e := engine(t)
	a := newPeer(t, loopback)
	s := open(t, e, a)
	ended := make(chan error, 2)
	stop := s.Play(endless{}, func(err error) { ended <- err })
	s.Close()
	s.Close()
	stop()
	if err := <-ended; err == nil {
		t.Error("a play cut short ended well")
	}
	s.Play(endless{}, func(err error) { ended <- err })
	if err := <-ended; !errors.Is(err, rtp.ErrClosed) {
		t.Errorf("playing on a closed session: %v", err)
	}
	if err := s.SetRemote(a.remote()); !errors.Is(err, rtp.ErrClosed) {
		t.Errorf("SetRemote on a closed session: %v", err)
	}
	s.Write(&media.Packet{Codec: media.PCMU, Payload: []byte{1}})
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Open(netip.Addr{}); !errors.Is(err, rtp.ErrClosed) {
		t.Errorf("opening on a closed engine: %v", err)
	}
}

type endless struct{}

func (endless) Next(*media.Frame) error { return nil }

func listenAt(ap netip.AddrPort) (*net.UDPConn, error) {
	return net.ListenUDP("udp", net.UDPAddrFromAddrPort(ap))
}
