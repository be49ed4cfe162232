package engine_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/media/tone"
	"github.com/switchhook/switchhook/media/tone/tonetest"
)

// wideBucket has all clips in 16 kHz too, but those that begin with a minus; and says so in speech. It remembers what was
// opened so.
type wideBucket struct {
	fakeBucket
	mu   sync.Mutex
	wide []string
}

func (b *wideBucket) OpenWide(ctx context.Context, bucket, key string) (media.Stream, error) {
	b.mu.Lock()
	b.wide = append(b.wide, key)
	b.mu.Unlock()
	s, err := b.Open(ctx, bucket, key)
	if f, ok := s.(*fakeStream); ok && f.sample >= 0 {
		return &wideStream{f}, err
	}
	return s, err
}

func (b *wideBucket) SayWide(ctx context.Context, s call.Say) (media.Stream, error) {
	return b.OpenWide(ctx, "", s.Text)
}

// opened gives what was opened in 16 kHz since it was asked the last time.
func (b *wideBucket) opened() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.wide
	b.wide = nil
	return was
}

// wideStream has twice the samples: the sample stands in the second.
type wideStream struct{ *fakeStream }

func (s *wideStream) NextWide(f *media.WideFrame) error {
	var narrow media.Frame
	err := s.Next(&narrow)
	*f = media.WideFrame{0, narrow[0]}
	return err
}

// tickWide plays 20 ms in 16 kHz.
func (s *fakeSession) tickWide(t *testing.T) (media.WideFrame, bool) {
	t.Helper()
	s.mu.Lock()
	src, ok := s.src.(media.WideSource)
	s.mu.Unlock()
	var f media.WideFrame
	if !ok {
		return f, false
	}
	err := src.NextWide(&f)
	if err != nil {
		s.finish(src, nil)
	}
	return f, err == nil
}

// What is played, said or heard in an empty room is opened in 16 kHz for a far end that speaks G.722, or may yet, and not for
// another one. What has 8 kHz alone is heard between.
func TestSoundIsWide(t *testing.T) {
	for _, c := range []struct {
		codec media.Codec
		soon  bool // it is known soon
		wide  bool
	}{{media.G722, false, true}, {media.NoCodec, false, true}, {media.PCMU, false, false}, {media.PCMA, false, false}, {media.PCMU, true, false}, {media.G722, true, true}} {
		t.Run(fmt.Sprint(c.codec, c.soon), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio(t)
				defer s.close(t)
				bucket := new(wideBucket)
				s.world = newWorld(func(c *engine.Config) { c.Opener, c.Speaker, c.Clock, c.Rooms = bucket, bucket, s.clock, s.rooms })
				cl, l := s.talking(t)
				session := l.withMedia()
				if c.soon {
					l.settles = func() { session.speak(c.codec) }
				} else {
					session.speak(c.codec)
				}
				all := []string{"7x2", "-7x2", "8x1"}
				for _, cmd := range []call.Command{call.Play{Leg: l.id, Clips: clips(all...)}, call.Say{Leg: l.id, Text: "9x1"}} {
					do(t, cl, cmd)
					var heard []int16
					for {
						synctest.Wait()
						f, ok := session.tickWide(t)
						if !ok {
							break
						}
						heard = append(heard, f[1])
					}
					next[call.Done](t, cl)
					if cmd, ok := cmd.(call.Say); ok && c.wide != (len(heard) == 1 && heard[0] == 9) {
						t.Errorf("%v: heard %v", cmd, heard)
					}
					if _, ok := cmd.(call.Play); ok && c.wide != (len(heard) == 5 && heard[0] == 7 && heard[1] == 7 && heard[4] == 8) {
						t.Errorf("clips: heard %v", heard)
					}
				}
				do(t, cl, call.Enter{Leg: l.id, Room: "x", Silent: true, Music: call.Clip{Key: "3x9"}})
				next[call.Entered](t, cl)
				synctest.Wait()
				want := append(all, "9x1", "3x9")
				got := bucket.opened()
				if c.wide && len(got) > len(want) {
					got = got[:len(want)] // the music goes on
				}
				if !c.wide {
					want = nil
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("opened in 16 kHz (-want +got):\n%s", diff)
				}
				over(cl)
				if open, _ := bucket.counts(); open != 0 {
					t.Errorf("%d streams left open", open)
				}
			})
		})
	}
}

// shrill lets a voice say a tone of 5 kHz in G.722 for so long.
func (v *voice) shrill(d time.Duration) {
	var mouth codec.Encoder
	src := tonetest.NewWhistle()
	for range int(d / media.FrameTime) {
		var f media.WideFrame
		_ = src.NextWide(&f) // never fails
		p := &media.Packet{Codec: media.G722, Seq: v.seq, Timestamp: uint32(v.seq) * media.FrameSamples, Source: 1, Payload: make([]byte, media.FrameSamples)}
		mouth.EncodeWide(p.Payload, f[:])
		v.seq++
		v.says(p)
		time.Sleep(media.FrameTime) // of the bubble
	}
}

// The file of a recording has 16 kHz where its leg, or somebody in its room, speaks G.722 as it begins, or where that is asked
// for: a tone of 5 kHz is in it then, and in a file of 8 kHz nothing of it.
func TestRecordAudioWide(t *testing.T) {
	for _, c := range []struct {
		name        string
		codec       media.Codec
		room        bool
		asked, rate int
	}{
		{"G.722", media.G722, false, 0, 16000},
		{"G.722 in a room", media.G722, true, 0, 16000},
		{"G.711", media.PCMU, false, 0, 8000},
		{"G.711 in a room", media.PCMU, true, 0, 8000},
		{"8 kHz asked for", media.G722, false, 8000, 8000},
		{"8 kHz of a room asked for", media.G722, true, 8000, 8000},
		{"16 kHz asked for", media.PCMU, false, 16000, 16000},
		{"16 kHz of a room asked for", media.PCMU, true, 16000, 16000},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio(t)
				defer s.close(t)
				cl, l := s.talking(t)
				l.settles = func() { l.withMedia().speak(c.codec) }
				cmd := call.RecordAudio{Leg: l.id, Rate: c.asked, Bucket: "files", Key: "a.wav"}
				if c.room {
					l.settles()
					do(t, cl, call.Enter{Leg: l.id, Room: "x", Silent: true})
					next[call.Entered](t, cl)
					cmd.Leg, cmd.Room = "", "x"
				}
				op := do(t, cl, cmd)
				v := newVoice(l, 500)
				if c.codec == media.G722 {
					v.shrill(2 * time.Second)
				} else {
					hum(t, 2*time.Second, v)
				}
				do(t, cl, call.Stop{Op: op.Op})
				for _, ev := range over(cl) {
					if d, ok := ev.(call.Done); ok && (d.Err != nil || d.Result.Recording.Length < 1900*time.Millisecond || d.Result.Recording.Length > 2100*time.Millisecond) {
						t.Errorf("%+v", d)
					}
				}
				file, err := os.ReadFile(filepath.Join(s.folder, "a.wav"))
				if err != nil {
					t.Fatal(err)
				}
				if rate := int(binary.LittleEndian.Uint32(file[24:])); rate != c.rate {
					t.Fatalf("%d Hz", rate)
				}
				each := float64(c.rate) / codec.Rate
				heard := s.stored(t, "a.wav")[0][c.rate/2 : c.rate*3/2]
				for hz, want := range map[float64]bool{5000: c.codec == media.G722 && each == 2, 500: c.codec != media.G722, 3000: false} {
					if got := tone.Loudness(heard, hz/each); want && got < audible || !want && got > nothing {
						t.Errorf("%v Hz at %.1f dB", hz, got)
					}
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		defer s.close(t)
		cl, l := s.talking(t)
		if _, err := cl.Do(ctx, call.RecordAudio{Leg: l.id, Rate: 44100, Bucket: "files", Key: "x"}); err == nil {
			t.Error("a rate that there is not was taken")
		}
		over(cl)
	})
}
