package mix_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/media/mix"
	"github.com/switchhook/switchhook/media/tone"
	"github.com/switchhook/switchhook/media/tone/tonetest"
)

// shrill says a tone in 16 kHz, and keeps what it hears in 16 kHz.
type shrill struct {
	*mix.Party
	hz    float64
	sent  int
	mouth codec.Encoder
	ears  codec.Decoder
	heard []int16
}

func wideband() media.Codec { return media.G722 }

func entersShrill(t testing.TB, rooms *mix.Rooms, hz float64) *shrill {
	t.Helper()
	g := &shrill{hz: hz}
	p, err := rooms.Enter("a", mix.Entrant{Silent: true, Codec: wideband, To: media.PortFunc(func(p *media.Packet) {
		var f [2 * media.FrameSamples]int16
		g.heard = append(g.heard, f[:g.ears.DecodeWide(f[:], p)]...)
	})})
	if err != nil {
		t.Fatal(err)
	}
	g.Party = p
	return g
}

func (g *shrill) speak() { g.Write(g.packet()) }

func (g *shrill) packet() *media.Packet {
	var f [2 * media.FrameSamples]int16
	for i := range f {
		f[i] = int16(32767 * math.Pow(10, tone.Level/20) * math.Sin(2*math.Pi*g.hz/16000*float64(len(f)*g.sent+i)))
	}
	p := &media.Packet{Codec: media.G722, Seq: uint16(g.sent), Timestamp: uint32(g.sent * media.FrameSamples), Source: 77, Payload: make([]byte, media.FrameSamples)}
	g.mouth.EncodeWide(p.Payload, f[:])
	g.sent++
	return p
}

// loud gives how loud a tone was in the last half second heard.
func (g *shrill) loud(hz float64) float64 {
	return tone.Loudness(g.heard[max(len(g.heard)-8000, 0):], hz/2) // which reckons with 8 kHz
}

// Those with 16 kHz hear each other with all that is above 4 kHz, and the others as they are; the others hear what is below.
func TestWide(t *testing.T) {
	rooms := mix.NewRooms(mix.Still())
	one, two := entersShrill(t, rooms, 5600), entersShrill(t, rooms, 1400)
	three := enters(t, rooms, 800, mix.Entrant{Silent: true})
	four := enters(t, rooms, 0, mix.Entrant{Silent: true, Codec: wideband})
	for range 100 {
		one.speak()
		two.speak()
		beats(rooms, 1, three, four)
	}
	for _, c := range []struct {
		who   string
		hz    float64
		level float64
		heard bool
	}{
		{"one", 1400, one.loud(1400), true},
		{"one", 800, one.loud(800), true},
		{"one", 5600, one.loud(5600), false},
		{"one, the image of 800", 7200, one.loud(7200), false},
		{"two", 5600, two.loud(5600), true},
		{"two", 800, two.loud(800), true},
		{"two", 1400, two.loud(1400), false},
		{"three", 1400, three.loud(1400), true},
		{"three, the image of 5600", 2400, three.loud(2400), false},
		{"three", 800, three.loud(800), false},
		{"four", 1400, four.loud(1400), true},
		{"four", 800, four.loud(800), true},
	} {
		if c.heard && math.Abs(c.level-tone.Level) > 1.2 || !c.heard && c.level > nothing {
			t.Errorf("%s hears %v Hz at %.1f dB", c.who, c.hz, c.level)
		}
	}
	one.Leave()
	two.Leave()
	four.Leave()
	beats(rooms, 50, three) // nobody is left with 16 kHz
	if got := three.loud(1400); got > nothing {
		t.Errorf("who left is heard at %.1f dB", got)
	}
}

// A party that changes to another codec goes on, in 16 kHz and back.
func TestWideForAWhile(t *testing.T) {
	rooms := mix.NewRooms(mix.Still())
	law := media.PCMU
	one := enters(t, rooms, 440, mix.Entrant{Silent: true})
	two := enters(t, rooms, 1000, mix.Entrant{Silent: true, Codec: func() media.Codec { return law }})
	for _, law = range []media.Codec{media.PCMU, media.G722, media.PCMA} {
		beats(rooms, 120, one, two)
		if got := two.loud(440); got < audible {
			t.Errorf("%v: hears at %.1f dB", law, got)
		}
		if got := one.loud(1000); got < audible {
			t.Errorf("%v: is heard at %.1f dB", law, got)
		}
	}
}

// What is lost is made up for in 16 kHz as it is in 8, and given up as soon.
func TestBufferWide(t *testing.T) {
	var b mix.Buffer
	g := &shrill{hz: 5000}
	var s [2 * media.FrameSamples]int16
	var heard []int16
	for i := range 100 {
		if p := g.packet(); i != 50 && i < 90 {
			b.Write(p)
		}
		was := b.ReadWide(&s)
		heard = append(heard, s[:]...)
		if want := i < 94; i > 0 && was != want {
			t.Errorf("frame %d is heard: %v", i, was)
		}
	}
	if got := tone.Loudness(heard[32000-8000:24000+4000], 2500); math.Abs(got-tone.Level) > 1 {
		t.Errorf("heard at %.1f dB", got)
	}
	if got := tone.Loudness(heard[320*95:], 2500); got > -90 {
		t.Errorf("in the end there is %.1f dB", got)
	}
}

// Who listens to a room in 16 kHz hears what those with G.722 say as it is, the others as they are, and goes on when nobody
// with G.722 is left; who listens in 8 kHz beside hears what is below 4 kHz.
func TestListenWide(t *testing.T) {
	rooms := mix.NewRooms(mix.Still())
	three := enters(t, rooms, 800, mix.Entrant{Silent: true})
	if rooms.Wide("a") || rooms.Wide("b") {
		t.Error("nobody has 16 kHz")
	}
	one := entersShrill(t, rooms, 5600)
	if !rooms.Wide("a") {
		t.Error("somebody has 16 kHz")
	}
	all, half := sink{wide: true}, sink{}
	for _, s := range []*sink{&all, &half} {
		if _, err := rooms.Listen("a", s); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 {
		one.speak()
		beats(rooms, 1, three)
	}
	one.Leave()
	beats(rooms, 100, three)
	if len(all.says) != 2*len(half.says) || len(half.says) != 200*media.FrameSamples {
		t.Fatalf("heard %d and %d samples", len(all.says), len(half.says))
	}
	with, without := all.says[16000:24000], all.says[48000:56000]
	for _, c := range []struct {
		what  string
		level float64
		heard bool
	}{
		{"5600 Hz", tone.Loudness(with, 5600/2), true},
		{"800 Hz", tone.Loudness(with, 800/2), true},
		{"the image of 800 Hz", tone.Loudness(with, 7200/2), false},
		{"5600 Hz of who left", tone.Loudness(without, 5600/2), false},
		{"800 Hz, alone", tone.Loudness(without, 800/2), true},
		{"800 Hz in 8 kHz", tone.Loudness(half.says[8000:12000], 800), true},
		{"the image of 5600 Hz in 8 kHz", tone.Loudness(half.says[8000:12000], 2400), false},
	} {
		if c.heard && math.Abs(c.level-tone.Level) > 1.2 || !c.heard && c.level > nothing {
			t.Errorf("%s at %.1f dB", c.what, c.level)
		}
	}
	if !rooms.Wide("a") {
		t.Error("somebody had 16 kHz")
	}
}

// An ear for 16 kHz hears both sides so, whatever their codec.
func TestEarWide(t *testing.T) {
	s := sink{wide: true}
	ear := mix.Still().Listen(&s)
	says, hears := ear.Ports(false)
	far, near := &shrill{hz: 5000}, hum(900, media.PCMA)
	for range 100 {
		says.Write(far.packet())
		hears.Write(near.next())
		ear.Beat()
	}
	if len(s.says) != 200*media.FrameSamples || len(s.hears) != len(s.says) {
		t.Fatalf("heard %d and %d samples", len(s.says), len(s.hears))
	}
	if got := tone.Loudness(s.says[16000:], 5000/2); math.Abs(got-tone.Level) > 1.2 {
		t.Errorf("5000 Hz at %.1f dB", got)
	}
	if got := tone.Loudness(s.hears[16000:], 900/2); math.Abs(got-tone.Level) > 1.2 {
		t.Errorf("900 Hz at %.1f dB", got)
	}
}

// Who waits alone hears the music in 16 kHz with G.722, and in 8 with another codec.
func TestMusicWide(t *testing.T) {
	rooms := mix.NewRooms(mix.Still())
	g := &shrill{}
	law := media.G722
	p, err := rooms.Enter("a", mix.Entrant{
		Silent: true, Codec: func() media.Codec { return law }, Music: tonetest.NewWhistle(),
		To: media.PortFunc(func(p *media.Packet) {
			var f [2 * media.FrameSamples]int16
			g.heard = append(g.heard, f[:g.ears.DecodeWide(f[:], p)]...)
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Leave()
	beats(rooms, 100)
	if got := g.loud(5000); math.Abs(got-tone.Level) > 1.2 {
		t.Errorf("in G.722: %.1f dB", got)
	}
	law = media.PCMU
	beats(rooms, 100)
	if got := g.loud(1000); math.Abs(got-tone.Level) > 1.2 {
		t.Errorf("in G.711: %.1f dB", got)
	}
}

// BenchmarkWide mixes a second of a room of G.722 in which three talk.
func BenchmarkWide(b *testing.B) {
	for _, n := range []int{3, 10, 50} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			rooms := mix.NewRooms(mix.Still())
			var said [][]*media.Packet
			var all []*shrill
			for i := range n {
				g := entersShrill(b, rooms, 300+100*float64(i))
				if i >= 3 {
					g.hz = 0
				}
				var mine []*media.Packet
				for range 50 {
					mine = append(mine, g.packet())
				}
				g.To = media.PortFunc(func(*media.Packet) {})
				said, all = append(said, mine), append(all, g)
			}
			seq := 0
			b.ReportAllocs()
			for b.Loop() {
				for k := range 50 {
					for i, g := range all {
						said[i][k].Seq, said[i][k].Timestamp = uint16(seq), uint32(seq*media.FrameSamples)
						g.Write(said[i][k])
					}
					seq++
					rooms.Beat("a")
				}
			}
			each := b.Elapsed() / time.Duration(b.N*n)
			b.ReportMetric(float64(time.Second)/float64(each), "parties/core")
		})
	}
}
