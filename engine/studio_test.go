package engine_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/clip"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/media/mix"
	"github.com/switchhook/switchhook/media/tone"
)

// studio is a world with rooms and a recorder, whose time is that of a synctest bubble.
type studio struct {
	*world
	buckets  *clip.Buckets
	recorder *clip.Recorder
	clock    *mix.Clock
	rooms    *mix.Rooms
	folder   string // of the bucket "files"
}

func newStudio(t *testing.T) *studio {
	t.Helper()
	s := &studio{clock: mix.NewClock(1, nil), folder: t.TempDir()}
	var err error
	if s.buckets, err = clip.OpenBuckets(map[string]string{"files": s.folder, "gone": "/nowhere/at/all"}); err != nil {
		t.Fatal(err)
	}
	if s.recorder, err = clip.NewRecorder(s.buckets, filepath.Join(t.TempDir(), "recordings")); err != nil {
		t.Fatal(err)
	}
	s.rooms = mix.NewRooms(s.clock)
	s.world = newWorld(func(c *engine.Config) {
		c.Clock, c.Rooms, c.Recorder = s.clock, s.rooms, s.recorder
	})
	return s
}

func (s *studio) close(t *testing.T) {
	if t.Failed() {
		s.clock.Close() // a call may stand: the bubble tells where
	}
	s.Wait()
	s.clock.Close()
	if err := s.buckets.Close(); err != nil {
		t.Error(err)
	}
}

// voice is the far end of a leg that hums and listens.
type voice struct {
	*fakeSession
	src   media.Source
	seq   uint16
	heard []int16
	codec codec.Decoder
}

func newVoice(l *fakeLeg, hz float64) *voice {
	v := &voice{fakeSession: l.withMedia(), src: tone.Sine(hz, -1)}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.hears = func(p *media.Packet) {
		s := make([]int16, len(p.Payload))
		v.heard = append(v.heard, s[:v.codec.Decode(s, p)]...)
	}
	return v
}

// hum lets voices hum for so long.
func hum(t testing.TB, d time.Duration, voices ...*voice) {
	t.Helper()
	for range int(d / media.FrameTime) {
		for _, v := range voices {
			var f media.Frame
			if err := v.src.Next(&f); err != nil {
				t.Fatal(err)
			}
			p := &media.Packet{Codec: media.PCMU, Seq: v.seq, Timestamp: uint32(v.seq) * media.FrameSamples, Source: 1, Payload: make([]byte, len(f))}
			codec.Encode(p.Codec, p.Payload, f[:])
			v.seq++
			v.says(p)
		}
		time.Sleep(media.FrameTime) // of the bubble
	}
}

// take gives what a voice heard, which it forgets.
func (v *voice) take() []int16 {
	v.mu.Lock()
	defer v.mu.Unlock()
	heard := v.heard
	v.heard = nil
	return heard
}

// loud gives how loud a tone is in the last half second that a voice heard.
func (v *voice) loud(hz float64) float64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.heard[max(len(v.heard)-4000, 0):]
	return tone.Loudness(s, hz)
}

const (
	audible = -17.0
	nothing = -45.0
)

// talking begins a call whose caller is answered.
func (s *studio) talking(t *testing.T) (*engine.Call, *fakeLeg) {
	t.Helper()
	c, l := s.inbound()
	do(t, c, call.Answer{Leg: l.id})
	next[call.Answered](t, c)
	return c, l
}

// stored gives the channels of a recording in the bucket.
func (s *studio) stored(t *testing.T, key string) [][]int16 {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(s.folder, key))
	if err != nil {
		t.Fatal(err)
	}
	n := int(binary.LittleEndian.Uint16(file[22:]))
	out := make([][]int16, n)
	for i, b := 0, file[44:]; len(b) >= 2; i, b = i+1, b[2:] {
		out[i%n] = append(out[i%n], int16(binary.LittleEndian.Uint16(b)))
	}
	return out
}

// over ends a call.
func over(c *engine.Call) []call.Event {
	c.Close(byApp)
	return drain(c)
}

// attribute gives what the bucket's file system keeps with a file; nothing where it keeps no such.
func (s *studio) attribute(t *testing.T, key, name string) string {
	t.Helper()
	b := make([]byte, 100)
	n, err := syscall.Getxattr(filepath.Join(s.folder, key), name, b)
	if err != nil {
		t.Logf("%s: %v", name, err)
		return ""
	}
	return string(b[:n])
}
