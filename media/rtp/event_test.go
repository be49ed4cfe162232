package rtp_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// pressed is what OnDigit told.
type pressed struct {
	Digit byte
	Held  time.Duration
}

// event is one RFC 4733 payload.
func event(code byte, end bool, duration uint16) []byte {
	b := []byte{code, 10, 0, 0}
	if end {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], duration)
	return b
}

func TestDigits(t *testing.T) {
	type step struct {
		ts       uint32
		marker   bool
		code     byte
		end      bool
		duration uint16
		audio    bool
		ssrc     uint32
	}
	const ms = time.Millisecond
	for _, c := range []struct {
		name  string
		steps []step
		want  []pressed
	}{
		{"as the RFC draws it, the end told three times", []step{
			{ts: 1000, marker: true, code: 5, duration: 160}, {ts: 1000, code: 5, duration: 320}, {ts: 1000, code: 5, duration: 480},
			{ts: 1000, code: 5, end: true, duration: 800}, {ts: 1000, code: 5, end: true, duration: 800}, {ts: 1000, code: 5, end: true, duration: 800},
		}, []pressed{{'5', 100 * ms}}},
		{"only the last packet of the end arrives", []step{{ts: 1000, code: 11, end: true, duration: 400}}, []pressed{{'#', 50 * ms}}},
		{"the same key twice", []step{
			{ts: 1000, marker: true, code: 1, duration: 160}, {ts: 1000, code: 1, end: true, duration: 400},
			{ts: 3000, marker: true, code: 1, duration: 160}, {ts: 3000, code: 1, end: true, duration: 400},
		}, []pressed{{'1', 50 * ms}, {'1', 50 * ms}}},
		{"the end is lost, another key follows", []step{
			{ts: 1000, marker: true, code: 2, duration: 800}, {ts: 3000, marker: true, code: 3, end: true, duration: 400},
			{ts: 3000, code: 3, end: true, duration: 400},
		}, []pressed{{'2', 100 * ms}, {'3', 50 * ms}}},
		{"the end is lost, audio follows", []step{
			{ts: 1000, marker: true, code: 10, duration: 800}, {ts: 2000, audio: true}, {ts: 2600, audio: true}, {ts: 2760, audio: true},
		}, []pressed{{'*', 100 * ms}}},
		{"a late packet of the key before", []step{
			{ts: 1000, marker: true, code: 4, duration: 160}, {ts: 1000, code: 4, end: true, duration: 400},
			{ts: 2000, marker: true, code: 6, duration: 160}, {ts: 1000, code: 4, end: true, duration: 400}, {ts: 2000, code: 6, end: true, duration: 400},
		}, []pressed{{'4', 50 * ms}, {'6', 50 * ms}}},
		{"held longer than one segment can tell", []step{
			{ts: 1000, marker: true, code: 0, duration: 65535}, {ts: 66535, code: 0, duration: 800}, {ts: 66535, code: 0, end: true, duration: 1600},
		}, []pressed{{'0', time.Duration(65535+1600) * time.Second / 8000}}},
		{"another source takes over in mid-key", []step{
			{ts: 9000, marker: true, code: 7, duration: 400}, {ts: 100, marker: true, code: 8, end: true, duration: 400, ssrc: 99},
			{ts: 100, code: 8, end: true, duration: 400, ssrc: 99},
		}, []pressed{{'7', 50 * ms}, {'8', 50 * ms}}},
		{"all letters", []step{
			{ts: 1000, code: 12, end: true, duration: 80}, {ts: 2000, code: 13, end: true, duration: 80},
			{ts: 3000, code: 14, end: true, duration: 80}, {ts: 4000, code: 15, end: true, duration: 80},
		}, []pressed{{'A', 10 * ms}, {'B', 10 * ms}, {'C', 10 * ms}, {'D', 10 * ms}}},
		{"not keys", []step{{ts: 1000, code: 16, end: true, duration: 80}, {ts: 2000, code: 255, end: true, duration: 80}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b, sa, _ := bridge(t, engine(t))
			got := make(chan pressed, 20)
			sa.OnDigit(func(d byte, held time.Duration) { got <- pressed{d, held} })
			for i, s := range c.steps {
				ssrc := a.ssrc + s.ssrc
				if s.audio {
					a.send(sa.Local(), packet(0, false, uint16(i), s.ts, ssrc, make([]byte, 160)...))
				} else {
					a.send(sa.Local(), packet(101, s.marker, uint16(i), s.ts, ssrc, event(s.code, s.end, s.duration)...))
				}
				b.hear() // passed on as well
			}
			var all []pressed
			for len(got) > 0 { // each packet is passed on after its digit was told
				all = append(all, <-got)
			}
			if d := cmp.Diff(c.want, all); d != "" {
				t.Error(d)
			}
		})
	}
}

// A key whose end is lost, on a line that stays silent, is told when the next sweep finds it stale.
func TestDigitWithoutEnd(t *testing.T) {
	a, b, sa, _ := bridge(t, engine(t))
	got := make(chan pressed, 2)
	sa.OnDigit(func(d byte, held time.Duration) { got <- pressed{d, held} })
	a.send(sa.Local(), packet(101, true, 1, 1000, a.ssrc, event(9, false, 800)...))
	b.hear()
	sa.Sweep()
	select {
	case p := <-got:
		t.Fatalf("told of %c while it may be held", p.Digit)
	default:
	}
	wait(t, func() bool { sa.Sweep(); return len(got) > 0 })
	if p := <-got; p != (pressed{'9', 100 * time.Millisecond}) {
		t.Errorf("%+v", p)
	}
}

// Events go through with the payload type that each side declared, or not at all.
func TestC55EventPayloadTypes(t *testing.T) {
	a, b, sa, sb := bridge(t, engine(t))
	r := b.remote()
	r.EventOut = 97
	if err := sb.SetRemote(r); err != nil {
		t.Fatal(err)
	}
	a.send(sa.Local(), packet(101, true, 1, 1000, a.ssrc, event(9, false, 160)...))
	if h := b.hear(); h.payloadType != 97 || !h.marker || h.payload[0] != 9 {
		t.Errorf("%+v", h)
	}
	r.EventOut = 0
	if err := sb.SetRemote(r); err != nil {
		t.Fatal(err)
	}
	a.send(sa.Local(), packet(101, false, 2, 1000, a.ssrc, event(9, true, 320)...))
	a.send(sa.Local(), packet(0, false, 3, 1600, a.ssrc, 1, 2, 3))
	if h := b.hear(); h.payloadType != 0 {
		t.Errorf("an event went to a far end that knows none: %+v", h)
	}
}
