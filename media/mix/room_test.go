package mix_test

import (
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/media/mix"
	"github.com/switchhook/switchhook/media/tone"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// guest is somebody in a room who may hum, and keeps what it hears.
type guest struct {
	*mix.Party
	hums  *stream
	codec media.Codec

	mu    sync.Mutex
	heard []int16
	last  media.Packet
	ears  codec.Decoder
	odd   int // packets that don't follow the one before
}

func (g *guest) Hear(p *media.Packet) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := make([]int16, len(p.Payload))
	g.ears.Decode(s, p)
	g.heard = append(g.heard, s...)
	if g.last.Seq != 0 && (p.Seq != g.last.Seq+1 || p.Timestamp != g.last.Timestamp+uint32(len(s)) || p.Source != g.last.Source || p.Codec != g.codec) {
		g.odd++
	}
	g.last = *p
}

// loud gives how loud a tone is in the last half second heard.
func (g *guest) loud(hz float64) float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return tone.Loudness(g.heard[max(len(g.heard)-4000, 0):], hz)
}

// enters lets a guest in.
func enters(t testing.TB, rooms *mix.Rooms, hz float64, e mix.Entrant) *guest {
	t.Helper()
	g := &guest{codec: media.PCMU}
	if e.Codec != nil {
		g.codec = e.Codec()
	}
	if hz > 0 {
		g.hums = hum(hz, g.codec)
	}
	e.To = media.PortFunc(g.Hear)
	p, err := rooms.Enter("a", e)
	if err != nil {
		t.Fatal(err)
	}
	g.Party = p
	return g
}

// beats lets everybody hum, and the room beat.
func beats(rooms *mix.Rooms, n int, all ...*guest) {
	for range n {
		for _, g := range all {
			if g.hums != nil {
				g.Write(g.hums.next())
			}
		}
		rooms.Beat("a")
	}
}

const (
	audible = -16.0 // dB: a hum is sent at -13
	nothing = -45.0
)

func TestEachHearsAllButItself(t *testing.T) {
	for _, n := range []int{3, 5, 12} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			rooms := mix.NewRooms(mix.Still())
			all := make([]*guest, n)
			for i := range all {
				law := []media.Codec{media.PCMU, media.PCMA, media.G722}[i%3]
				// With twelve, a hum is quiet enough for their sum to be within bounds.
				all[i] = enters(t, rooms, 0, mix.Entrant{Silent: true, Codec: func() media.Codec { return law }})
				all[i].hums = hum(300+200*float64(i), law)
				all[i].hums.src = quieter{all[i].hums.src, n}
			}
			beats(rooms, 100, all...)
			for i, g := range all {
				for k := range all {
					want := tone.Level - 20*log10(float64(n))
					got := g.loud(300 + 200*float64(k))
					if k == i && got > want-20 {
						t.Errorf("%d hears itself at %.1f dB", i, got)
					}
					if k != i && (got < want-1.5 || got > want+1.5) {
						t.Errorf("%d hears %d at %.1f dB; want %.1f", i, k, got, want)
					}
				}
				if g.odd > 0 {
					t.Errorf("%d packets do not follow the one before", g.odd)
				}
			}
		})
	}
}

// A room of two hundred of whom three talk: all hear them.
func TestRoomOfTwoHundred(t *testing.T) {
	rooms := mix.NewRooms(mix.Still())
	var all []*guest
	for i := range 200 {
		hz := 0.0
		if i < 3 {
			hz = 500 + 300*float64(i)
		}
		all = append(all, enters(t, rooms, hz, mix.Entrant{Silent: true}))
	}
	beats(rooms, 60, all...)
	for i, g := range all {
		for k, hz := range []float64{500, 800, 1100} {
			if got := g.loud(hz); (got > audible) == (i == k) {
				t.Errorf("%d hears %v Hz at %.1f dB", i, hz, got)
			}
		}
	}
	for range mix.MostParties - 200 {
		enters(t, rooms, 0, mix.Entrant{})
	}
	if _, err := rooms.Enter("a", mix.Entrant{}); err != mix.ErrFull { //nolint:errorlint // exactly it
		t.Errorf("one too many: %v", err)
	}
}

// Too many voices at once: the loudest are heard.
func TestCrowd(t *testing.T) {
	rooms := mix.NewRooms(mix.Still())
	var all []*guest
	for range 60 {
		g := enters(t, rooms, 350, mix.Entrant{Silent: true})
		g.hums.src = quieter{g.hums.src, 30}
		all = append(all, g)
	}
	loud := enters(t, rooms, 1200, mix.Entrant{Silent: true})
	all = append(all, loud)
	beats(rooms, 100, all...)
	if got := all[0].loud(1200); got < audible {
		t.Errorf("the loudest is heard at %.1f dB", got)
	} else if rest := all[0].loud(350); rest > got {
		t.Errorf("the sixty others are heard at %.1f dB, above the loudest at %.1f dB", rest, got)
	}
}

// Loud voices together are as loud as can be, no more, and do not wrap around.
func TestSaturation(t *testing.T) {
	rooms := mix.NewRooms(mix.Still())
	square := func(f *media.Frame) {
		for i := range f {
			f[i] = 32000
			if i/20%2 == 1 {
				f[i] = -32000
			}
		}
	}
	var all []*guest
	for i := range 3 { // two are heard: their sum would wrap to nearly nothing
		g := enters(t, rooms, 400, mix.Entrant{Silent: true})
		g.hums.id = uint32(i)
		g.hums.src = sourceFunc(square)
		all = append(all, g)
	}
	beats(rooms, 50, all...)
	g := all[0]
	for i, v := range g.heard[len(g.heard)-1600:] {
		if v > -30000 && v < 30000 {
			t.Fatalf("sample %d is %d", i, v)
		}
	}
}

func TestMuted(t *testing.T) {
	rooms := mix.NewRooms(mix.Still())
	a := enters(t, rooms, 500, mix.Entrant{Silent: true, Muted: true})
	b := enters(t, rooms, 900, mix.Entrant{Silent: true})
	beats(rooms, 60, a, b)
	if got := b.loud(500); got > nothing {
		t.Errorf("who only listens is heard at %.1f dB", got)
	}
	if got := a.loud(900); got < audible {
		t.Errorf("who only listens hears at %.1f dB", got)
	}
	a.Mute(false)
	beats(rooms, 60, a, b)
	if got := b.loud(500); got < audible {
		t.Errorf("heard at %.1f dB when it may speak again", got)
	}
	b.Mute(true)
	beats(rooms, 60, a, b)
	if got := a.loud(900); got > nothing {
		t.Errorf("heard at %.1f dB when muted", got)
	}
}

// A party that is dead, one whose packets are nonsense and one whose port breaks are no matter to the others.
func TestBadParties(t *testing.T) {
	rooms := mix.NewRooms(mix.Still())
	a := enters(t, rooms, 500, mix.Entrant{Silent: true})
	b := enters(t, rooms, 900, mix.Entrant{Silent: true})
	enters(t, rooms, 0, mix.Entrant{Silent: true})
	mad := enters(t, rooms, 0, mix.Entrant{Silent: true})
	for i := range 100 {
		mad.Write(&media.Packet{Codec: media.Codec(i), Seq: uint16(i * 7919), Timestamp: uint32(i) * 1e9, Payload: make([]byte, i*40)})
		beats(rooms, 1, a, b)
	}
	if got := a.loud(900); got < audible {
		t.Errorf("a hears b at %.1f dB", got)
	}
	if got := b.loud(500); got < audible {
		t.Errorf("b hears a at %.1f dB", got)
	}
}

// Who is alone hears music; the second who enters hears a tone announce the third.
func TestMusicAndTones(t *testing.T) {
	rooms := mix.NewRooms(mix.Still())
	a := enters(t, rooms, 0, mix.Entrant{Music: tone.Sine(350, -1)})
	beats(rooms, 50, a)
	if got := a.loud(350); got < audible {
		t.Errorf("alone, music is heard at %.1f dB", got)
	}
	b := enters(t, rooms, 0, mix.Entrant{Music: tone.Sine(350, -1)})
	beats(rooms, 50, a, b)
	if got := a.loud(350); got > nothing {
		t.Errorf("together, music is heard at %.1f dB", got)
	}
	chime := func(g *guest, first, second float64) bool {
		s := g.heard[len(g.heard)-50*media.FrameSamples:]
		return tone.Loudness(s[:4*media.FrameSamples], first) > -28 && tone.Loudness(s[4*media.FrameSamples:8*media.FrameSamples], second) > -28
	}
	if !chime(a, 480, 620) || !chime(b, 480, 620) {
		t.Error("nobody hears that b has come")
	}
	b.Leave()
	b.Leave()
	beats(rooms, 50, a)
	if got := a.loud(350); got < audible {
		t.Errorf("alone again, music is heard at %.1f dB", got)
	}
	c := enters(t, rooms, 0, mix.Entrant{Silent: true})
	beats(rooms, 50, a, c)
	if chime(a, 480, 620) || chime(c, 480, 620) {
		t.Error("who comes silently is announced")
	}
	d := enters(t, rooms, 0, mix.Entrant{})
	beats(rooms, 50)
	d.Leave()
	beats(rooms, 50)
	if !chime(a, 620, 480) || !chime(c, 620, 480) {
		t.Error("nobody hears that d has left")
	}
}

// Who is heard loudest is told, not for a cough, and not too often.
func TestSpeaking(t *testing.T) {
	rooms := mix.NewRooms(mix.Still())
	var told []string
	note := func(id string) { told = append(told, id) }
	a := enters(t, rooms, 500, mix.Entrant{ID: "a", Silent: true, Speaking: note})
	b := enters(t, rooms, 900, mix.Entrant{ID: "b", Silent: true})
	beats(rooms, 60, a)
	beats(rooms, 5, b) // a cough
	beats(rooms, 120, a)
	beats(rooms, 120, b)
	for range 20 { // quick words of both in turn
		beats(rooms, 4, a)
		beats(rooms, 4, b)
	}
	beats(rooms, 100, b)
	beats(rooms, 200)
	if got := fmt.Sprint(told); got != "[a b ]" {
		t.Errorf("told %q", told)
	}
}

// A room is there from the first who enters to the last who leaves; who listens to it hears all, and its end.
func TestRoomsLife(t *testing.T) {
	rooms := mix.NewRooms(mix.Still())
	if _, err := rooms.Listen("a", &sink{}); err != mix.ErrNoRoom { //nolint:errorlint // exactly it
		t.Errorf("listening to no room: %v", err)
	}
	a := enters(t, rooms, 500, mix.Entrant{Silent: true})
	b := enters(t, rooms, 900, mix.Entrant{Silent: true})
	var all, some sink
	if _, err := rooms.Listen("a", &all); err != nil {
		t.Fatal(err)
	}
	stop, err := rooms.Listen("a", &some)
	if err != nil {
		t.Fatal(err)
	}
	beats(rooms, 60, a, b)
	stop()
	beats(rooms, 60, a, b)
	beat := rooms.Find("a")
	if r, parties := rooms.Count(); r != 1 || parties != 2 {
		t.Errorf("%d parties in %d rooms", parties, r)
	}
	if n := rooms.Present("a"); n != 2 {
		t.Errorf("%d present", n)
	}
	a.Leave()
	b.Leave()
	if rooms.Present("a") != 0 || beat() {
		t.Error("the room is there when nobody is")
	}
	if tone.Loudness(all.says[8000:], 500) < audible || tone.Loudness(all.says[8000:], 900) < audible || !all.over {
		t.Error("who listens to the room does not hear everybody, or not its end")
	}
	if len(some.says) != 60*media.FrameSamples || some.over {
		t.Errorf("who stopped to listen heard %d samples", len(some.says))
	}
	c := enters(t, rooms, 0, mix.Entrant{})
	beats(rooms, 1, c)
	if len(c.heard) == 0 {
		t.Error("a room of the same name does not begin anew")
	}
}

// An ear hears both sides, each with its gaps, at one time.
func TestEar(t *testing.T) {
	var s sink
	ear := mix.Still().Listen(&s)
	says, hears := ear.Ports(false)
	far, near := hum(500, media.PCMU), hum(900, media.PCMA)
	for i := range 200 {
		if i >= 100 {
			says.Write(far.next())
		} else {
			far.next() // silence of the far end: nothing is sent, its clock goes on
		}
		if i < 100 {
			hears.Write(near.next())
		}
		ear.Beat()
	}
	ear.Close()
	if ear.Beat() {
		t.Error("a closed ear goes on")
	}
	if len(s.says) != 200*media.FrameSamples || len(s.hears) != len(s.says) {
		t.Fatalf("heard %d and %d samples", len(s.says), len(s.hears))
	}
	half := 8000 * 2
	if tone.Loudness(s.says[:half], 500) > nothing || tone.Loudness(s.says[half+800:], 500) < audible {
		t.Error("what the far end says stands at the wrong time")
	}
	if tone.Loudness(s.hears[:half], 900) < audible || tone.Loudness(s.hears[half+800:], 900) > nothing {
		t.Error("what the far end hears stands at the wrong time")
	}
}

// The clock beats each 20 ms, and its goroutine is there only while somebody is.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := mix.NewClock(2, nil)
		defer clock.Close()
		rooms := mix.NewRooms(clock)
		a := enters(t, rooms, 0, mix.Entrant{})
		ear := clock.Listen(&sink{})
		time.Sleep(time.Second + time.Millisecond) // in the bubble's time
		synctest.Wait()
		if n := len(a.heard) / media.FrameSamples; n != 50 {
			t.Errorf("%d beats in a second", n)
		}
		a.Leave()
		ear.Close()
		time.Sleep(time.Minute) // in the bubble's time
		b := enters(t, rooms, 0, mix.Entrant{})
		broken, err := rooms.Enter("b", mix.Entrant{To: media.PortFunc(func(*media.Packet) { panic("broken") })})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second + time.Millisecond) // in the bubble's time
		synctest.Wait()
		if n := len(b.heard) / media.FrameSamples; n != 50 {
			t.Errorf("%d beats in a second beside a room that breaks", n)
		}
		broken.Leave()
	})
}

// After a stall, of the machine say, who keeps the time hears silence for what was missed, and nobody is flooded.
func TestClockStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := mix.NewClock(1, nil)
		defer clock.Close()
		rooms := mix.NewRooms(clock)
		var ear, room sink
		e := clock.Listen(&ear)
		g := enters(t, rooms, 0, mix.Entrant{})
		if _, err := rooms.Listen("a", &room); err != nil {
			t.Fatal(err)
		}
		stall := clock.Listen(&staller{after: 50})
		time.Sleep(5*time.Second + time.Millisecond) // in the bubble's time
		synctest.Wait()
		for name, n := range map[string]int{"an ear": len(ear.says), "a room": len(room.says)} {
			if n /= media.FrameSamples; n < 248 || n > 251 {
				t.Errorf("%s heard %d frames in five seconds", name, n)
			}
		}
		if n := len(g.heard) / media.FrameSamples; n < 100 || n > 160 {
			t.Errorf("a party was sent %d packets in five seconds of which two were lost", n)
		}
		e.Close()
		stall.Close()
		g.Leave()
	})
}

// staller holds the clock up for two seconds.
type staller struct{ after int }

func (s *staller) Hear(_, _ []int16) {
	if s.after--; s.after == 0 {
		time.Sleep(2 * time.Second) // of the bubble
	}
}

func (*staller) Rate() int { return codec.Rate }

func (*staller) Over() {}

type sink struct {
	says, hears []int16
	over        bool
	wide        bool // it wants 16 kHz
}

func (s *sink) Rate() int {
	if s.wide {
		return codec.WideRate
	}
	return codec.Rate
}

func (s *sink) Hear(says, hears []int16) {
	s.says = append(s.says, says...)
	s.hears = append(s.hears, hears...)
}

func (s *sink) Over() { s.over = true }

// quieter divides a source.
type quieter struct {
	src media.Source
	by  int
}

func (q quieter) Next(f *media.Frame) error {
	if err := q.src.Next(f); err != nil {
		return fmt.Errorf("next: %w", err)
	}
	for i := range f {
		f[i] /= int16(q.by)
	}
	return nil
}

type sourceFunc func(*media.Frame)

func (s sourceFunc) Next(f *media.Frame) error {
	if s == nil {
		return io.EOF
	}
	s(f)
	return nil
}
