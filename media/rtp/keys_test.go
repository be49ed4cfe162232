package rtp_test

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/media/rtp"
	"github.com/switchhook/switchhook/media/tone"
)

// The packets of a key are as RFC 4733 section 2.5.1 wants them, and what is heard after it goes on in the same stream.
func TestSendDigits(t *testing.T) {
	a, b, sa, sb := bridge(t, engine(t))
	a.speak(sa.Local(), 1)
	before := b.hear()
	done := make(chan error, 1)
	sb.SendDigits("5#", 60*time.Millisecond, 80*time.Millisecond, false, func(err error) { done <- err })
	var last heard
	for i, code := range []byte{5, 11} {
		for n, want := range []struct {
			end      bool
			duration uint16
		}{{false, 160}, {false, 320}, {true, 480}, {true, 480}, {true, 480}} {
			h := b.hear()
			end, duration := h.payload[1]&0x80 != 0, binary.BigEndian.Uint16(h.payload[2:])
			if h.payloadType != 101 || h.payload[0] != code || end != want.end || duration != want.duration || h.marker != (n == 0) {
				t.Fatalf("key %d, packet %d: %+v", i, n, h)
			}
			if n > 0 && h.ts != last.ts || h.seq != before.seq+1 || h.ssrc != before.ssrc || h.ts-before.ts < 160 && n == 0 {
				t.Errorf("key %d, packet %d: %d/%d after %d/%d", i, n, h.seq, h.ts, before.seq, before.ts)
			}
			last, before = h, h
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	a.speak(sa.Local(), 9)
	if h := b.hear(); h.payload[0] != 9 || h.seq != last.seq+1 || h.ts-last.ts < 480 || h.ssrc != last.ssrc {
		t.Errorf("%+v after %+v", h, last)
	}
}

// A key that is held for longer than an event can tell is told in segments, one right behind the other (RFC 4733 section
// 2.5.1.3): the begin of the first bears the mark, the end of the last its bit, thrice.
func TestSendDigitsLong(t *testing.T) {
	b := newPeer(t, loopback)
	s := open(t, engine(t), b)
	type segment struct {
		stamp    uint32
		duration uint16
	}
	var all []segment
	var marks, ends int
	for frame := s.Press("7", 24*time.Second); frame(); {
		if ends == 3 {
			continue // the gap behind it
		}
		h := b.hear()
		end, duration := h.payload[1]&0x80 != 0, binary.BigEndian.Uint16(h.payload[2:])
		if h.marker {
			marks++
		}
		if end {
			ends++
		}
		switch n := len(all); {
		case n == 0 || all[n-1].stamp != h.ts:
			all = append(all, segment{h.ts, duration})
		case !end && duration != all[n-1].duration+160:
			t.Errorf("%+v goes on with %d", all[n-1], duration)
		default:
			all[n-1].duration = max(all[n-1].duration, duration)
		}
	}
	total := 0
	for i, part := range all {
		if i > 0 && part.stamp != all[i-1].stamp+uint32(all[i-1].duration) {
			t.Errorf("%+v follows %+v", part, all[i-1])
		}
		total += int(part.duration)
	}
	if marks != 1 || ends != 3 || len(all) != 3 || total != 24*8000 {
		t.Errorf("%d marks, %d ends, %d in all: %+v", marks, ends, total, all)
	}
}

// What is pressed here is heard as keys there: as events, or as tones where the far end knows none.
func TestSendDigitsIsHeard(t *testing.T) {
	for name, c := range map[string]struct {
		event  uint8
		inBand bool
		tones  bool
	}{
		"events": {101, false, false}, "none agreed on": {0, false, true}, "tones wanted": {101, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			e := engine(t)
			leg, far := mustOpen(t, e), mustOpen(t, e)
			for _, s := range [][2]*rtp.Session{{leg, far}, {far, leg}} {
				r := media.Remote{RTP: s[1].Local(), Codec: media.PCMU, EventOut: c.event, EventIn: c.event}
				if err := s[0].SetRemote(r); err != nil {
					t.Fatal(err)
				}
			}
			got := make(chan byte, 10)
			far.OnDigit(func(d byte, _ time.Duration) { got <- d })
			ears := tone.NewDetector(770, 1336, 941, 1477)
			far.Connect(media.PortFunc(func(p *media.Packet) {
				var f media.Frame
				ears.Add(f[:codec.Decode(p.Codec, f[:], p.Payload)])
			}))
			done := make(chan error, 1)
			leg.SendDigits("5,#", 120*time.Millisecond, 0, c.inBand, func(err error) { done <- err })
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if !c.tones {
				if d := []byte{<-got, <-got}; string(d) != "5#" {
					t.Errorf("keys %q", d)
				}
				return
			}
			for _, hz := range []float64{770, 1336, 941, 1477} {
				wait(t, func() bool { return ears.Heard(hz) >= 80*time.Millisecond })
			}
			if len(got) > 0 {
				t.Errorf("events as well: %c", <-got)
			}
		})
	}
}

func mustOpen(t testing.TB, e *rtp.Engine) *rtp.Session {
	t.Helper()
	s, err := e.Open(loopback)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSendDigitsEndings(t *testing.T) {
	e := engine(t)
	b := newPeer(t, loopback)
	s := open(t, e, b)
	ended := make(chan error, 10)
	tell := func(err error) { ended <- err }
	for _, bad := range []string{"5x", "5;", "5\x00", string(make([]byte, 300))} {
		s.SendDigits(bad, 0, 0, false, tell)
		if err := <-ended; !errors.Is(err, rtp.ErrKey) {
			t.Errorf("%.10q: %v", bad, err)
		}
	}
	// Stopped in mid-key, its end is told at once; another takes the place of the first.
	stop := s.SendDigits("1", 5*time.Second, 0, false, tell)
	for range 3 {
		b.hear()
	}
	s.SendDigits("2", 5*time.Second, 0, false, tell)
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("replaced: %v", err)
	}
	stop() // of the first: without effect
	ends := map[byte]int{}
	for h := b.hear(); ; h = b.hear() {
		if h.payload[1]&0x80 != 0 {
			ends[h.payload[0]]++
		}
		if h.payload[0] == 2 {
			break
		}
	}
	s.Close()
	if err := <-ended; !errors.Is(err, rtp.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	for ends[2] < 3 {
		if h := b.hear(); h.payload[1]&0x80 != 0 {
			ends[h.payload[0]]++
		}
	}
	if d := cmp.Diff(map[byte]int{1: 3, 2: 3}, ends); d != "" {
		t.Error(d)
	}
	s.SendDigits("1", 0, 0, false, tell)
	if err := <-ended; !errors.Is(err, rtp.ErrClosed) {
		t.Errorf("on a closed session: %v", err)
	}
	if len(ended) > 0 {
		t.Errorf("told once more: %v", <-ended)
	}
}

// Keys wait until there is somebody to hear them.
func TestSendDigitsWaits(t *testing.T) {
	e := engine(t)
	b := newPeer(t, loopback)
	s := mustOpen(t, e)
	done := make(chan error, 1)
	s.SendDigits("7", 40*time.Millisecond, 0, false, func(err error) { done <- err })
	r := b.remote()
	r.Direction = media.RecvOnly
	other := make(chan error, 1)
	if err := s.SetRemote(r); err != nil {
		t.Fatal(err)
	}
	open(t, e, newPeer(t, loopback)).Play(&count{n: 5}, func(err error) { other <- err })
	<-other // the clock has run
	select {
	case <-done:
		t.Fatal("pressed on hold")
	default:
	}
	if err := s.SetRemote(b.remote()); err != nil {
		t.Fatal(err)
	}
	if h := b.hear(); h.payloadType != 101 || h.payload[0] != 7 {
		t.Errorf("%+v", h)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// copies is a port that keeps what it gets.
type copies chan media.Packet

func (c copies) Write(p *media.Packet) {
	q := *p
	q.Payload = append([]byte(nil), p.Payload...)
	c <- q
}

// A tap hears both ways what a leg hears and says, also what is muted, played or pressed, and no more once it is taken off.
func TestTapAndMute(t *testing.T) {
	a, b, sa, sb := bridge(t, engine(t))
	in, out := make(copies, 100), make(copies, 100)
	sa.Tap(in, out)
	a.speak(sa.Local(), 1)
	b.hear()
	if p := <-in; p.Codec != media.PCMU || p.Payload[0] != 1 {
		t.Errorf("in: %+v", p)
	}
	b.speak(sb.Local(), 2)
	h := a.hear()
	if p := <-out; p.Codec != media.PCMU || p.Payload[0] != 2 || p.Seq != h.seq || p.Timestamp != h.ts || p.Source != h.ssrc {
		t.Errorf("out: %+v", p)
	}
	sa.Mute(true)
	a.speak(sa.Local(), 3)
	if p := <-in; p.Payload[0] != 3 {
		t.Errorf("muted: %+v", p)
	}
	sa.Mute(false)
	a.speak(sa.Local(), 4)
	if h := b.hear(); h.payload[0] != 4 {
		t.Errorf("while muted it heard %d", h.payload[0])
	}
	<-in
	done := make(chan error, 2)
	sa.SendDigits("0", 40*time.Millisecond, 0, false, func(err error) { done <- err })
	if p := <-out; !p.Event || p.Codec != media.NoCodec || !p.Marker || p.Payload[0] != 0 {
		t.Errorf("a key: %+v", p)
	}
	<-done
	for len(out) > 0 {
		<-out
	}
	sa.Play(&count{n: 1}, func(err error) { done <- err })
	<-done
	if p := <-out; p.Codec != media.PCMU || len(p.Payload) != 160 {
		t.Errorf("played: %+v", p)
	}
	sa.Tap(nil, nil)
	a.speak(sa.Local(), 5)
	b.hear()
	b.speak(sb.Local(), 6)
	a.hear()
	if len(in)+len(out) > 0 {
		t.Error("it hears what comes after")
	}
}
