package mix_test

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/mix"
	"github.com/switchhook/switchhook/media/tone"
)

// press gives the packets of a key as RFC 4733 has them: one each 20 ms, the last of them three times. The stream's own clock
// and numbers go on with them.
func press(s *stream, code byte, packets int) []*media.Packet {
	var all []*media.Packet
	for i := range packets + 2 {
		n := min(i+1, packets)
		p := &media.Packet{Event: true, Marker: i == 0, Seq: s.seq, Timestamp: s.stamp, Source: s.id, Payload: []byte{code, 10, 0, 0}}
		binary.BigEndian.PutUint16(p.Payload[2:], uint16(n*media.FrameSamples))
		if n == packets {
			p.Payload[1] |= 0x80
		}
		s.seq++
		all = append(all, p)
	}
	s.stamp += uint32(packets * media.FrameSamples)
	return all
}

// Who records a leg hears its keys, in place of the audio, as long as they are pressed.
func TestEarKeys(t *testing.T) {
	const five = 5 // 770 and 1336 Hz
	for _, c := range []struct {
		name string
		keys bool
		lost func(i int) bool
		want bool
	}{
		{"all comes", true, func(int) bool { return false }, true},
		{"each second one is lost", true, func(i int) bool { return i%2 == 1 }, true},
		{"only the ends come", true, func(i int) bool { return i < 10 }, true},
		{"nobody wants them", false, func(int) bool { return false }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s sink
			ear := mix.Still().Listen(&s)
			says, _ := ear.Ports(c.keys)
			far := hum(440, media.PCMU)
			for range 50 {
				says.Write(far.next())
				ear.Beat()
			}
			for i, p := range press(far, five, 10) {
				if !c.lost(i) {
					says.Write(p)
				}
				if i < 10 {
					ear.Beat()
				}
			}
			for range 50 {
				says.Write(far.next())
				ear.Beat()
			}
			heard := 0 // frames with both frequencies and no voice
			for at := 0; at+media.FrameSamples <= len(s.says); at += media.FrameSamples {
				f := s.says[at : at+media.FrameSamples]
				if math.Min(tone.Loudness(f, 770), tone.Loudness(f, 1336)) > -22 && tone.Loudness(f, 440) < -20 {
					heard++
				}
			}
			if c.want && (heard < 8 || heard > 11) || !c.want && heard > 0 {
				t.Errorf("the key is heard for %d ms", heard*20)
			}
			if got := tone.Loudness(s.says[len(s.says)-4000:], 440); got < audible {
				t.Errorf("what is said after it is heard at %.1f dB", got)
			}
		})
	}
}

// A key that is signalled sounds in place of what is said, for as long as it was held and no less than can be heard; two after
// each other.
func TestEarPress(t *testing.T) {
	for _, wide := range []bool{false, true} {
		s := sink{wide: wide}
		ear := mix.Still().Listen(&s)
		says, _ := ear.Ports(true)
		far := hum(440, media.PCMU)
		for i := range 100 {
			if i == 50 {
				ear.Press('5', 200*time.Millisecond)
				ear.Press('#', 0)
			}
			says.Write(far.next())
			ear.Beat()
		}
		for range 100 {
			ear.Press('1', time.Hour) // more than waits
		}
		frame, each := media.FrameSamples, 1.0
		if wide {
			frame, each = 2*frame, 2
		}
		heard := func(low, high float64) (n int) {
			for at := 0; at+frame <= len(s.says); at += frame {
				f := s.says[at : at+frame]
				if math.Min(tone.Loudness(f, low/each), tone.Loudness(f, high/each)) > -22 {
					n++
				}
			}
			return n
		}
		if five, hash := heard(770, 1336), heard(941, 1477); five < 9 || five > 11 || hash < 4 || hash > 6 {
			t.Errorf("wide %v: the keys are heard for %d and %d frames", wide, five, hash)
		}
		if got := tone.Loudness(s.says[len(s.says)-20*frame:], 440/each); got < audible {
			t.Errorf("wide %v: what is said after it is heard at %.1f dB", wide, got)
		}
	}
}

// Whatever an event's packets say, what waits is bounded, and audio goes on.
func FuzzKeys(f *testing.F) {
	f.Add([]byte{5, 10, 0, 160, 0, 0, 5, 138, 6, 64, 0, 0, 11, 0, 255, 255, 1, 0})
	f.Add([]byte{200, 0, 0, 1, 0, 0, 1, 0, 1, 0, 255, 255})
	f.Fuzz(func(t *testing.T, in []byte) {
		var s sink
		ear := mix.Still().Listen(&s)
		says, hears := ear.Ports(true)
		far := hum(440, media.PCMU)
		for ; len(in) >= 6; in = in[6:] {
			p := &media.Packet{Event: true, Seq: far.seq, Timestamp: far.stamp + uint32(int16(binary.BigEndian.Uint16(in[4:]))), Payload: in[:in[4]%5], Source: far.id}
			far.seq++
			says.Write(p)
			hears.Write(p)
			says.Write(far.next())
			ear.Beat()
		}
		for range 200 {
			says.Write(far.next())
			ear.Beat()
		}
		if got := tone.Loudness(s.says[len(s.says)-1600:], 440); got < audible {
			t.Errorf("what is said at last is heard at %.1f dB", got)
		}
	})
}
