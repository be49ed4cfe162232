package rtp_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/media/rtp"
	"github.com/switchhook/switchhook/media/tone"
)

// wants makes p's session send as the far end wants it, beside what it usually does.
func wants(t testing.TB, s *rtp.Session, p *peer, change func(*media.Remote)) {
	t.Helper()
	r := p.remote()
	change(&r)
	if err := s.SetRemote(r); err != nil {
		t.Fatal(err)
	}
}

// ramp is audio whose bytes tell their place in it.
func ramp(from, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte((from + i) / 8)
	}
	return b
}

// Packets of one length become packets of another where the far end wants so; numbers, times and bytes are in order.
func TestC56Ptime(t *testing.T) {
	for _, c := range []struct{ from, to int }{{20, 30}, {20, 40}, {20, 60}, {30, 20}, {60, 20}, {10, 20}, {20, 10}, {40, 60}, {60, 10}, {20, 20}, {30, 0}} {
		a, b, sa, sb := bridge(t, engine(t))
		wants(t, sb, b, func(r *media.Remote) { r.Ptime = time.Duration(c.to) * time.Millisecond })
		size, want := 8*c.from, 8*c.to
		if c.to == 0 {
			want = size // it said nothing: as they come
		}
		const all = 480 * 8
		for at := 0; at < all; at += size {
			a.send(sa.Local(), packet(0, at == 0, uint16(at/size), uint32(at), 9, ramp(at, size)...))
		}
		var before heard
		for at := 0; at < all; at += want {
			h := b.hear()
			if d := cmp.Diff(ramp(at, want), h.payload); d != "" {
				t.Fatalf("%d to %d ms, at %d: %s", c.from, c.to, at, d)
			}
			if at > 0 && (h.seq != before.seq+1 || h.ts != before.ts+uint32(want)) || h.marker != (at == 0) {
				t.Errorf("%d to %d ms: %d/%d/%v after %d/%d", c.from, c.to, h.seq, h.ts, h.marker, before.seq, before.ts)
			}
			before = h
		}
	}
}

// What waits for more is sent when time is missing after it, when a key follows, and when another speaks; what comes late
// is dropped.
func TestC56PtimeWithGaps(t *testing.T) {
	a, b, sa, sb := bridge(t, engine(t))
	wants(t, sb, b, func(r *media.Remote) { r.Ptime = 40 * time.Millisecond })
	speak := func(seq uint16, ts, ssrc uint32) {
		a.send(sa.Local(), packet(0, false, seq, ts, ssrc, ramp(int(ts), 160)...))
	}
	speak(1, 0, 9)
	speak(2, 160, 9)
	first := b.hear()
	speak(3, 320, 9)
	speak(5, 640, 9) // 4 is lost
	speak(4, 480, 9) // or late
	speak(6, 800, 9)
	speak(7, 960, 9)
	a.send(sa.Local(), packet(101, true, 8, 1120, 9, event(1, true, 800)...))
	speak(9, 2080, 9)
	speak(1, 5000, 10)
	speak(2, 5160, 10)
	type step struct {
		after  uint32
		size   int
		code   byte
		marker bool
	}
	var got []step
	seq := first.seq
	for range 6 {
		h := b.hear()
		if seq++; h.seq != seq {
			t.Errorf("number %d, want %d", h.seq, seq)
		}
		s := step{h.ts - first.ts, len(h.payload), h.payloadType, h.marker}
		if s.size == 320 && s.after > 2000 { // the new source: when is up to the clock
			s.after = 0
		}
		got = append(got, s)
	}
	want := []step{{320, 160, 0, false}, {640, 320, 0, false}, {960, 160, 0, false}, {1120, 4, 101, true}, {2080, 160, 0, false}, {0, 320, 0, true}}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(step{})); d != "" {
		t.Error(d)
	}
}

// A prompt is sent in packets of the length that the far end wants.
func TestC56PtimeOfPrompts(t *testing.T) {
	for _, ms := range []int{10, 20, 30, 60} {
		e := engine(t)
		b := newPeer(t, loopback)
		s := mustOpen(t, e)
		wants(t, s, b, func(r *media.Remote) { r.Ptime = time.Duration(ms) * time.Millisecond })
		done := make(chan error, 1)
		s.Play(&count{n: 6}, func(err error) { done <- err })
		var before heard
		for i := range 120 / ms {
			h := b.hear()
			if len(h.payload) != 8*ms || i > 0 && (h.seq != before.seq+1 || h.ts != before.ts+uint32(8*ms)) || h.marker != (i == 0) {
				t.Errorf("%d ms, packet %d: %+v", ms, i, h)
			}
			before = h
		}
		<-done
	}
}

// Where a far end knows no events, keys that another one sends as events are heard by it as tones, as long as they are held.
func TestC55EventsBecomeTones(t *testing.T) {
	for _, c := range []struct {
		name  string
		codec media.Codec
		sent  []uint16 // durations told; the last one thrice with the end
		also  bool     // audio goes on meanwhile
	}{
		{"as usual", media.PCMU, []uint16{160, 320, 480, 640, 800, 960}, false},
		{"A-law, every 50 ms", media.PCMA, []uint16{400, 800}, false},
		{"G.722", media.G722, []uint16{160, 320, 480, 640, 800, 960}, false},
		{"with audio beside", media.PCMU, []uint16{0, 160, 320, 480, 640, 800}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b, sa, sb := bridge(t, engine(t))
			wants(t, sb, b, func(r *media.Remote) { r.Codec, r.EventOut, r.EventIn = c.codec, 0, 0 })
			seq, ts := uint16(100), uint32(8000)
			speak := func(at uint32) {
				a.send(sa.Local(), packet(0, false, seq, at, 9, bytes.Repeat([]byte{0xff}, 160)...))
				seq++
			}
			tell := func(end bool, duration uint16) {
				a.send(sa.Local(), packet(101, duration == c.sent[0], seq, ts, 9, event(5, end, duration)...))
				seq++
			}
			speak(ts - 160)
			first := b.hear()
			last := c.sent[len(c.sent)-1]
			for i, d := range c.sent {
				if c.also && i > 0 {
					speak(ts + uint32(d) - 160)
				}
				tell(d == last, d)
			}
			tell(true, last)
			tell(true, last)
			speak(ts + uint32(last) + 160)
			var samples []int16
			var dec codec.Decoder
			dec.Decode(make([]int16, 160), &media.Packet{Codec: c.codec, Payload: first.payload})
			n := first.seq
			for {
				h := b.hear()
				if n++; h.seq != n {
					t.Errorf("number %d, want %d: something is missed", h.seq, n)
				}
				at := h.ts - first.ts - 160
				if at == uint32(last)+160 {
					break
				}
				if at != uint32(len(samples)) {
					t.Errorf("sound at %d, want %d", at, len(samples))
				}
				var f [1600]int16
				samples = append(samples, f[:dec.Decode(f[:], &media.Packet{Codec: c.codec, Payload: h.payload})]...)
			}
			if len(samples) != int(last) {
				t.Fatalf("%d samples, want %d", len(samples), last)
			}
			for _, hz := range []float64{770, 1336} {
				if got := tone.Loudness(samples, hz); math.Abs(got-tone.Level) > 1 {
					t.Errorf("%.0f Hz at %.1f dB", hz, got)
				}
			}
		})
	}
}

// Keys are told all the same where they become tones, and a bad event makes none.
func TestC55BadEventsMakeNoSound(t *testing.T) {
	a, b, sa, sb := bridge(t, engine(t))
	wants(t, sb, b, func(r *media.Remote) { r.EventOut = 0 })
	got := make(chan byte, 4)
	sa.OnDigit(func(d byte, _ time.Duration) { got <- d })
	for i, payload := range [][]byte{{5}, {16, 0, 1, 0}, {255, 0x80, 255, 255}, {3, 0x8a, 1, 64}} {
		a.send(sa.Local(), packet(101, true, uint16(i), 1000*uint32(i), 9, payload...))
	}
	if h := b.hear(); h.payloadType != 0 || len(h.payload) != 320 {
		t.Errorf("%+v", h)
	}
	if d := <-got; d != '3' {
		t.Errorf("%c", d)
	}
}

// Where keys reach a far end by signalling, those of others are kept out of its audio.
func TestC55NoKeys(t *testing.T) {
	a, b, sa, sb := bridge(t, engine(t))
	wants(t, sb, b, func(r *media.Remote) { r.EventOut, r.NoKeys = 0, true })
	a.speak(sa.Local(), 1)
	first := b.hear()
	a.send(sa.Local(), packet(101, true, a.seq, a.ts, a.ssrc, event(5, false, 160)...))
	a.send(sa.Local(), packet(101, false, a.seq+1, a.ts, a.ssrc, event(5, true, 320)...))
	a.seq, a.ts = a.seq+2, a.ts+320
	a.speak(sa.Local(), 2)
	if h := b.hear(); h.payload[0] != 2 || h.seq != first.seq+1 || h.ts != first.ts+480 {
		t.Errorf("%+v after %+v", h, first)
	}
}

// Comfort noise goes to a far end that knows it as it is, and is something quiet for others.
func TestC56ComfortNoise(t *testing.T) {
	a, b, sa, sb := bridge(t, engine(t))
	in := make(copies, 10)
	sa.Tap(in, nil)
	noise := func(seq uint16) { a.send(sa.Local(), packet(13, false, seq, 160*uint32(seq), 9, 50)) }
	a.speak(sa.Local(), 1)
	first := b.hear()
	<-in
	a.ssrc = 9
	noise(1)
	h := first
	for i := range 5 { // goes on while nothing comes
		var f media.Frame
		next := b.hear()
		codec.Decode(media.PCMU, f[:], next.payload)
		if loudest := slices.Max(f[:]); next.payloadType != 0 || len(next.payload) != 160 || loudest < 20 || loudest > 400 {
			t.Errorf("type %d, %d bytes, loudest %d", next.payloadType, len(next.payload), loudest)
		}
		if next.seq != h.seq+1 || next.ts-h.ts < 160 || i > 0 && next.ts != h.ts+160 {
			t.Errorf("%d/%d after %d/%d", next.seq, next.ts, h.seq, h.ts)
		}
		h = next
	}
	if p := <-in; !p.Noise || p.Event || p.Codec != media.NoCodec || p.Payload[0] != 50 {
		t.Errorf("%+v", p)
	}
	a.seq, a.ts = 2, 3200
	a.speak(sa.Local(), 7)
	for h = b.hear(); h.payload[0] != 7 || h.payload[159] != 7; h = b.hear() { // noise that was under way
	}
	wants(t, sb, b, func(r *media.Remote) { r.Silence = true })
	noise(3)
	if next := b.hear(); next.payloadType != 13 || len(next.payload) != 1 || next.payload[0] != 50 || next.seq != h.seq+1 {
		t.Errorf("%+v", next)
	}
	if st := sa.Stats(); st.PacketsIn != 4 || st.Discarded != 0 {
		t.Errorf("%+v", st)
	}
}

// A prompt is heard in G.722, and what a far end says in G.722 by one that speaks G.711.
func TestG722(t *testing.T) {
	a, b, sa, sb := bridge(t, engine(t))
	wants(t, sb, b, func(r *media.Remote) { r.Codec, r.TypeOut, r.TypeIn = media.G722, 9, 9 })
	listen := func(p *peer, c media.Codec, source uint32) []int16 {
		var d codec.Decoder
		var out []int16
		for range 25 {
			h := p.hear()
			var f media.Frame
			out = append(out, f[:d.Decode(f[:], &media.Packet{Codec: c, Source: source, Payload: h.payload})]...)
		}
		return out
	}
	stop := sb.Play(tone.Sine(1000, -1), nil)
	heard := listen(b, media.G722, 0)
	stop()
	if got := tone.Loudness(heard[800:], 1000); math.Abs(got-tone.Level) > 1 {
		t.Errorf("the prompt is heard at %.1f dB", got)
	}
	var e codec.Encoder
	src := tone.Sine(440, -1)
	for i := range 25 {
		var f media.Frame
		var coded [160]byte
		if err := src.Next(&f); err != nil {
			t.Fatal(err)
		}
		e.Encode(media.G722, coded[:], f[:])
		b.send(sb.Local(), packet(9, false, uint16(i), uint32(160*i), 9, coded[:]...))
	}
	if got := tone.Loudness(listen(a, media.PCMU, 0)[800:], 440); math.Abs(got-tone.Level) > 1 {
		t.Errorf("what it says is heard at %.1f dB", got)
	}
	// Between two that both speak it nothing is changed.
	wants(t, sa, a, func(r *media.Remote) { r.Codec, r.TypeOut, r.TypeIn = media.G722, 109, 9 })
	odd := packet(9, false, 25, 4000, 9, ramp(7, 160)...)
	b.send(sb.Local(), odd)
	if h := a.hear(); h.payloadType != 109 || string(h.payload) != string(odd[12:]) {
		t.Errorf("%+v", h)
	}
}

// RTCP on the RTP port, where that is agreed on.
func TestC56Mux(t *testing.T) {
	a, b, sa, sb := bridge(t, engine(t))
	wants(t, sa, a, func(r *media.Remote) { r.Mux = true })
	a.speak(sa.Local(), 1)
	b.hear()
	b.speak(sb.Local(), 1)
	a.hear()
	sa.Sweep()
	h := a.hear()
	if h.payloadType != 200&0x7f || !h.marker {
		t.Fatalf("%+v is no report", h)
	}
	report := []byte{0x81, 201, 0, 7, 0, 0, 0x12, 0x34}
	report = binary.BigEndian.AppendUint32(report, sa.SSRC())
	report = append(report, 128, 0, 0, 9)
	report = append(report, make([]byte, 16)...)
	a.send(sa.Local(), report)
	a.speak(sa.Local(), 2)
	if h := b.hear(); h.payload[0] != 2 {
		t.Errorf("%+v", h)
	}
	if st := sa.Stats(); st.RemoteLoss != 0.5 || st.Discarded != 0 {
		t.Errorf("%+v", st)
	}
}
