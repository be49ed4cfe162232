package mix_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/media/mix"
	"github.com/switchhook/switchhook/media/tone"
)

// stream gives the packets of a far end that hums.
type stream struct {
	src   media.Source
	codec media.Codec
	seq   uint16
	stamp uint32
	id    uint32
	mouth codec.Encoder
}

func hum(hz float64, c media.Codec) *stream {
	return &stream{src: tone.Sine(hz, -1), codec: c, seq: 65530, stamp: 1<<32 - 1000, id: uint32(hz)}
}

func (s *stream) next() *media.Packet {
	var f media.Frame
	if err := s.src.Next(&f); err != nil {
		panic(err)
	}
	p := &media.Packet{Codec: s.codec, Seq: s.seq, Timestamp: s.stamp, Source: s.id, Payload: make([]byte, len(f))}
	s.mouth.Encode(s.codec, p.Payload, f[:])
	s.seq++
	s.stamp += uint32(len(f))
	return p
}

// network delivers the packets of a stream in the frame in which each arrives.
type network struct {
	from  *stream
	delay func(n int) int // in frames; negative: lost
	sent  int
	due   map[int][]*media.Packet
}

func (n *network) deliver(now int, to media.Port) {
	p := n.from.next()
	if d := n.delay(n.sent); d >= 0 {
		n.due[now+d] = append(n.due[now+d], p)
	}
	n.sent++
	for _, p := range n.due[now] {
		to.Write(p)
	}
	delete(n.due, now)
}

func TestBufferEvensOut(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name   string
		delay  func(n int) int
		silent int     // frames of 500 that may be silence
		loud   float64 // dB that the tone must have in what is heard
	}{
		{"even", func(int) int { return 1 }, 3, -13.2},
		{"jitter of 60 ms", func(int) int { return random.IntN(4) }, 12, -14},
		{"every tenth lost", func(n int) int {
			if n%10 == 9 {
				return -1
			}
			return 1
		}, 3, -14.5},
		{"every second one late by 40 ms", func(n int) int { return 1 + n%2*2 }, 12, -14},
		{"a stall of half a second, then all at once", func(n int) int {
			if n >= 100 && n < 125 {
				return 125 - n
			}
			return 1
		}, 40, -14},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b mix.Buffer
			net := &network{from: hum(440, media.PCMA), delay: c.delay, due: map[int][]*media.Packet{}}
			var heard []int16
			silent := 0
			for i := range 500 {
				net.deliver(i, &b)
				var f media.Frame
				if !b.Read(&f) {
					silent++
					continue
				}
				heard = append(heard, f[:]...)
				if d := b.Depth(); d > mix.Longest {
					t.Fatalf("%d samples wait after frame %d", d, i)
				}
			}
			if silent > c.silent {
				t.Errorf("%d frames of silence", silent)
			}
			var loud float64
			const part = 400 // the phase may jump between stretches
			for at := 0; at+part <= len(heard); at += part {
				loud += tone.Loudness(heard[at:at+part], 440)
			}
			if loud /= float64(len(heard) / part); loud < c.loud {
				t.Errorf("heard at %.1f dB; want %.1f", loud, c.loud)
			}
		})
	}
}

// A delay that the network no longer needs is given back, with silence in what is said or without.
func TestBufferGivesDelayBack(t *testing.T) {
	var b mix.Buffer
	net := &network{from: hum(440, media.PCMU), due: map[int][]*media.Packet{}, delay: func(n int) int {
		if n == 50 {
			return 9
		}
		return max(59-n, 0) * b2i(n > 50 && n < 59)
	}}
	most := 0
	for i := range 3000 {
		net.deliver(i, &b)
		var f media.Frame
		b.Read(&f)
		most = max(most, b.Depth())
	}
	if most < 3*media.FrameSamples {
		t.Fatalf("never more than %d samples waited: the case tests nothing", most)
	}
	if d := b.Depth(); d > 2*media.FrameSamples {
		t.Errorf("%d samples still wait a minute after the stall", d)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestBufferDoubledAndShuffled(t *testing.T) {
	var b mix.Buffer
	s := hum(440, media.PCMU)
	var f media.Frame
	for range 100 {
		one, two := s.next(), s.next()
		for _, p := range []*media.Packet{two, one, two, one, one} {
			b.Write(p)
		}
		for range 2 {
			b.Read(&f)
		}
	}
	late, doubled := b.Counts()
	if doubled != 300 {
		t.Errorf("%d came twice; want 300", doubled)
	}
	if late > 3 {
		t.Errorf("%d were late", late)
	}
	if l := tone.Loudness(f[:], 440); l < -14 {
		t.Errorf("heard at %.1f dB", l)
	}
}

// Another source, or the same one with other numbers, is heard at once.
func TestBufferOfAnotherSource(t *testing.T) {
	var b mix.Buffer
	var f media.Frame
	for i, s := range []*stream{hum(440, media.PCMU), hum(700, media.PCMA), {src: tone.Sine(900, -1), codec: media.PCMU, seq: 7, stamp: 5e8, id: 700}} {
		for range 50 {
			b.Write(s.next())
			b.Read(&f)
		}
		hz := []float64{440, 700, 900}[i]
		if l := tone.Loudness(f[:], hz); l < -14 {
			t.Errorf("%v Hz heard at %.1f dB", hz, l)
		}
	}
}

// After its end a stream fades and is silence; it costs nothing to come back days later.
func TestBufferAfterTheEnd(t *testing.T) {
	var b mix.Buffer
	s := hum(440, media.PCMU)
	var f media.Frame
	for range 10 {
		b.Write(s.next())
		b.Read(&f)
	}
	for range 10 {
		b.Read(&f)
	}
	if b.Read(&f) || f != (media.Frame{}) {
		t.Error("something is heard 200 ms after the end")
	}
	for range 1000 {
		b.Read(&f)
	}
	s.stamp += 1 << 31
	b.Write(s.next())
	b.Write(s.next())
	b.Read(&f)
	if b.Read(&f); tone.Loudness(f[:], 440) < -16 {
		t.Error("it is not heard again")
	}
}

// Whatever numbers come, what waits is bounded, and what is not audio is not heard.
func FuzzBuffer(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 0, 160, 1, 160, 0, 2, 0, 0, 1, 64, 1, 160})
	f.Add([]byte{0, 1, 255, 255, 255, 160, 2, 255, 128, 1, 127, 0, 1, 64, 9, 1, 3, 3, 3, 3, 3, 3, 3, 3})
	f.Fuzz(func(t *testing.T, in []byte) {
		var b mix.Buffer
		var out media.Frame
		payload := make([]byte, 2000)
		for len(in) >= 8 {
			p := &media.Packet{
				Seq: binary.BigEndian.Uint16(in), Timestamp: binary.BigEndian.Uint32(in[2:]),
				Codec: media.Codec(in[6] & 3), Noise: in[6]&7 == 4, Source: uint32(in[6] >> 6), Payload: payload[:int(in[7])*8%len(payload)],
			}
			b.Write(p)
			if d := b.Depth(); d > mix.Longest {
				t.Fatalf("%d samples wait", d)
			}
			for range in[6] >> 3 & 7 {
				b.Read(&out)
			}
			in = in[8:]
		}
		for range 1000 {
			b.Read(&out)
		}
		if b.Read(&out); out != (media.Frame{}) && !b.Still() {
			t.Error("something is heard long after the end")
		}
	})
}

// What a far end sends in place of silence is heard until it speaks again, and so is the quiet of what it sends not at all.
func TestBufferComfortNoise(t *testing.T) {
	var b mix.Buffer
	s := hum(440, media.PCMU)
	var f media.Frame
	for range 20 {
		b.Write(s.next())
		b.Read(&f)
	}
	b.Write(&media.Packet{Noise: true, Seq: s.seq, Timestamp: s.stamp, Source: s.id, Payload: []byte{50}})
	s.seq++
	for range 50 {
		s.stamp += media.FrameSamples
		b.Read(&f)
	}
	sum := 0.0
	for _, v := range f {
		sum += float64(v) * float64(v)
	}
	if dBov := 10 * math.Log10(sum/float64(len(f))/(32767*32767)); dBov < -53 || dBov > -47 {
		t.Errorf("the noise has %.1f dBov; want -50", dBov)
	}
	for range 20 {
		b.Write(s.next())
		b.Read(&f)
	}
	if l := tone.Loudness(f[:], 440); l < -14 {
		t.Errorf("speech after noise is heard at %.1f dB", l)
	}
}
