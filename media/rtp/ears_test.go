package rtp_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/media/rtp"
	"github.com/switchhook/switchhook/media/tone"
)

// encoded gives all of src as PCMU.
func encoded(src media.Source) (all []byte) {
	var f media.Frame
	for src.Next(&f) == nil {
		var b [160]byte
		codec.Encode(media.PCMU, b[:], f[:])
		all = append(all, b[:]...)
	}
	return all
}

// talk makes a far end say src in packets of that many samples.
func talk(t *testing.T, p *peer, s *rtp.Session, src media.Source, size int) {
	t.Helper()
	all := encoded(src)
	for ; len(all) >= size; all = all[size:] {
		p.send(s.Local(), packet(0, false, p.seq, p.ts, p.ssrc, all[:size]...))
		p.seq, p.ts = p.seq+1, p.ts+uint32(size)
	}
}

// Keys as tones in the audio are told, where that is wanted, and go to whom the leg is joined with as events; no packet is
// lost by it.
func TestC55TonesBecomeEvents(t *testing.T) {
	for _, size := range []int{80, 160, 320} {
		a, b, sa, _ := bridge(t, engine(t))
		wants(t, sa, a, func(r *media.Remote) { r.Listen, r.EventIn, r.EventOut = true, 0, 0 })
		got := make(chan pressed, 10)
		sa.OnDigit(func(d byte, held time.Duration) { got <- pressed{d, held} })
		src, err := tone.Digits("5#", 100*time.Millisecond, 200*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		talk(t, a, sa, src, size)
		events, ends, starts := map[byte]int{}, map[byte]int{}, map[byte]uint32{}
		var before heard
		for i := range 600 * 8 / size {
			h := b.hear()
			if i > 0 && h.seq != before.seq+1 {
				t.Errorf("%d after %d", h.seq, before.seq)
			}
			before = h
			if h.payloadType != 101 {
				continue
			}
			code := h.payload[0]
			if events[code]++; events[code] == 1 {
				starts[code] = h.ts
			}
			if h.marker != (events[code] == 1) || h.ts != starts[code] {
				t.Errorf("packet %d of key %d: %+v", events[code], code, h)
			}
			if h.payload[1]&0x80 != 0 {
				ends[code]++
				if d := binary.BigEndian.Uint16(h.payload[2:]); d < 60*8 || d > 120*8 {
					t.Errorf("key %d lasts %d", code, d)
				}
			}
		}
		for _, code := range []byte{5, 11} {
			if ends[code] != 3 || events[code] < 4 {
				t.Errorf("%d samples: key %d: %d packets, %d ends", size, code, events[code], ends[code])
			}
		}
		for _, want := range []byte("5#") {
			if p := <-got; p.Digit != want || p.Held < 60*time.Millisecond || p.Held > 120*time.Millisecond {
				t.Errorf("%d samples: %c held %v, want %c", size, p.Digit, p.Held, want)
			}
		}
		if len(got) > 0 {
			t.Errorf("%d too many", len(got))
		}
	}
}

// A packet that comes late, or twice, makes one key no two.
func TestC55TonesOutOfOrder(t *testing.T) {
	const size = 480
	src, err := tone.Digits("5", 180*time.Millisecond, 180*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	all := encoded(src)
	n := len(all) / size
	for i := range n - 1 {
		for _, order := range [][]int{{i + 1, i}, {i, i + 1, i}, {i + 1, i + 1, i}} {
			a, _, sa, _ := bridge(t, engine(t))
			wants(t, sa, a, func(r *media.Remote) { r.Listen, r.EventIn = true, 0 })
			got := make(chan byte, 10)
			sa.OnDigit(func(d byte, _ time.Duration) { got <- d })
			sent := uint64(0)
			say := func(k int) {
				a.send(sa.Local(), packet(0, false, a.seq+uint16(k), a.ts+uint32(k*size), a.ssrc, all[k*size:(k+1)*size]...))
				sent++
			}
			for k := range i {
				say(k)
			}
			for _, k := range order {
				say(k)
			}
			for k := i + 2; k < n; k++ {
				say(k)
			}
			wait(t, func() bool { return sa.Stats().PacketsIn == sent })
			if len(got) != 1 {
				t.Errorf("order %v of %d: told %d times", order, n, len(got))
			}
		}
	}
}

// Tones become events here and tones again there, where neither far end knows events.
func TestC55TonesBothEnds(t *testing.T) {
	a, b, sa, sb := bridge(t, engine(t))
	wants(t, sa, a, func(r *media.Remote) { r.Listen, r.EventIn = true, 0 })
	wants(t, sb, b, func(r *media.Remote) { r.EventOut = 0 })
	src, err := tone.Digits("73", 120*time.Millisecond, 80*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	talk(t, a, sa, src, 160)
	a.speak(sa.Local(), 1)
	var find tone.Finder
	var keys string
	var held byte
	for h := b.hear(); h.payload[0] != 1; h = b.hear() {
		var f media.Frame
		k := find.Add(f[:codec.Decode(media.PCMU, f[:], h.payload)])
		if k != held && k != 0 {
			keys += string(k)
		}
		held = k
	}
	if keys != "73" {
		t.Errorf("heard %q", keys)
	}
}

// Who sends events is not listened to: a key is told once. And nobody is where it is not wanted.
func TestC55KeysAreToldOnce(t *testing.T) {
	a, _, sa, _ := bridge(t, engine(t))
	got := make(chan byte, 10)
	sa.OnDigit(func(d byte, _ time.Duration) { got <- d })
	press := func() {
		src, err := tone.Digits("9", 120*time.Millisecond, 80*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		talk(t, a, sa, src, 160)
	}
	press()
	wait(t, func() bool { return sa.Stats().PacketsIn == 10 })
	wants(t, sa, a, func(r *media.Remote) { r.Listen = true })
	a.send(sa.Local(), packet(101, true, a.seq, a.ts, a.ssrc, event(9, true, 800)...))
	a.seq++
	press()
	wait(t, func() bool { return sa.Stats().PacketsIn == 21 })
	if len(got) != 1 {
		t.Errorf("told %d times", len(got))
	}
}

// A key that is held when the line goes dead is let go.
func TestC55ToneWithoutEnd(t *testing.T) {
	a, _, sa, _ := bridge(t, engine(t))
	wants(t, sa, a, func(r *media.Remote) { r.Listen, r.EventIn = true, 0 })
	got := make(chan byte, 10)
	sa.OnDigit(func(d byte, _ time.Duration) { got <- d })
	src, err := tone.Digits("4", 200*time.Millisecond, 0)
	if err != nil {
		t.Fatal(err)
	}
	talk(t, a, sa, src, 160)
	wait(t, func() bool { return sa.Stats().PacketsIn >= 10 })
	wait(t, func() bool { sa.Sweep(); return len(got) > 0 })
	if d := <-got; d != '4' {
		t.Errorf("%c", d)
	}
}
