package clip_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hajimehoshi/go-mp3"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/clip"
	"github.com/switchhook/switchhook/media/tone"
	"github.com/switchhook/switchhook/test/need"
)

// recorder makes one with the buckets "mem", "folder" and those of urls.
func recorder(t *testing.T, urls map[string]string) (*clip.Recorder, *clip.Buckets) {
	t.Helper()
	all := map[string]string{"mem": "mem://", "folder": t.TempDir()}
	for name, url := range urls {
		all[name] = url
	}
	b := open(t, all)
	r, err := clip.NewRecorder(b, filepath.Join(t.TempDir(), "recordings"))
	if err != nil {
		t.Fatal(err)
	}
	return r, b
}

func begin(t *testing.T, r *clip.Recorder, w clip.Wanted) *clip.Recording {
	t.Helper()
	if w.Format == "" {
		w.Format = clip.WAV
	}
	if w.Name == "" {
		w.Name = "one"
	}
	w.Channels = max(w.Channels, 1)
	rec, err := r.Begin(w)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// say lets it hear tones for so long; 0 Hz is silence.
func say(rec *clip.Recording, d time.Duration, left, right float64) {
	src := func(hz float64) media.Source {
		if hz == 0 {
			return tone.Silence(-1)
		}
		return tone.Sine(hz, -1)
	}
	l, r := src(left), src(right)
	for range int(d / media.FrameTime) {
		var a, b media.Frame
		if l.Next(&a) != nil || r.Next(&b) != nil {
			panic("a tone ended")
		}
		rec.Hear(a[:], b[:])
	}
}

// channels gives the samples of a WAV of 16 bits, by channel.
func channels(t *testing.T, file []byte) [][]int16 {
	t.Helper()
	if len(file) < 44 || string(file[:4]) != "RIFF" {
		t.Fatalf("not a WAV: %q", file[:min(len(file), 44)])
	}
	n := int(binary.LittleEndian.Uint16(file[22:]))
	size := int(binary.LittleEndian.Uint32(file[40:]))
	if size > len(file)-44 {
		t.Fatalf("the head tells of %d bytes; there are %d", size, len(file)-44)
	}
	out := make([][]int16, n)
	for i, b := 0, file[44:44+size]; len(b) >= 2; i, b = i+1, b[2:] {
		out[i%n] = append(out[i%n], int16(binary.LittleEndian.Uint16(b)))
	}
	return out
}

func TestRecordingChannels(t *testing.T) {
	r, b := recorder(t, nil)
	for _, n := range []int{1, 2} {
		rec := begin(t, r, clip.Wanted{Channels: n, Bucket: "folder", Key: "a/b.wav"})
		say(rec, time.Second, 500, 900)
		rec.Pause(true)
		say(rec, time.Second, 700, 700)
		rec.Pause(false)
		say(rec, 1300*time.Millisecond, 500, 900)
		rec.Stop()
		rec.Stop()
		say(rec, time.Second, 700, 700)
		stored, err := r.Store(t.Context(), rec)
		if err != nil {
			t.Fatal(err)
		}
		file := content(t, b, "folder", "a/b.wav")
		if stored.Length != 2300*time.Millisecond || stored.Bytes != int64(len(file)) {
			t.Errorf("stored %+v; the file has %d bytes", stored, len(file))
		}
		tracks := channels(t, file)
		if len(tracks) != n || len(tracks[0]) != 2300*8 {
			t.Fatalf("%d channels of %d samples", len(tracks), len(tracks[0]))
		}
		for i, s := range tracks {
			if own := tone.Loudness(s, []float64{500, 900}[i]); own < -14 {
				t.Errorf("channel %d of %d at %.1f dB", i, n, own)
			}
			if other := tone.Loudness(s, []float64{900, 500}[i]); other > -50 {
				t.Errorf("channel %d of %d has the other's tone at %.1f dB", i, n, other)
			}
			if paused := tone.Loudness(s, 700); paused > -50 {
				t.Errorf("what was said in the pause is in channel %d at %.1f dB", i, paused)
			}
		}
		if left := r.Left(); len(left) > 0 {
			t.Errorf("%v is left", left)
		}
	}
}

// content gives an object as it is stored.
func content(t *testing.T, b *clip.Buckets, bucket, key string) []byte {
	t.Helper()
	all, err := b.Content(bucket, key)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRecordingEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		w    clip.Wanted
		say  func(*clip.Recording)
		want time.Duration
	}{
		{"longest", clip.Wanted{Longest: 3 * time.Second}, func(r *clip.Recording) { say(r, 5*time.Second, 500, 0) }, 3 * time.Second},
		{"silence", clip.Wanted{Silence: 2 * time.Second}, func(r *clip.Recording) {
			say(r, time.Second, 500, 0)
			say(r, time.Second, 0, 0)
			say(r, time.Second, 500, 0)
			say(r, 9*time.Second, 0, 0)
		}, 5 * time.Second},
		{"silence of both", clip.Wanted{Silence: 2 * time.Second, Channels: 2}, func(r *clip.Recording) {
			say(r, 5*time.Second, 0, 500)
			say(r, 5*time.Second, 0, 0)
		}, 7 * time.Second},
		{"nothing", clip.Wanted{}, func(r *clip.Recording) { r.Stop() }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, b := recorder(t, nil)
			c.w.Bucket, c.w.Key = "mem", "x"
			rec := begin(t, r, c.w)
			// The disk may be slower than this hears: what it has not taken yet would become a gap, no shorter.
			c.say(rec)
			<-rec.Ended()
			stored, err := r.Store(t.Context(), rec)
			if err != nil || stored.Length != c.want {
				t.Fatalf("stored %v, %v; want %v", stored.Length, err, c.want)
			}
			if _, err := b.Content("mem", "x"); (err == nil) != (c.want > 0) {
				t.Errorf("what is stored: %v", err)
			}
			if left := r.Left(); len(left) > 0 {
				t.Errorf("%v is left", left)
			}
		})
	}
}

// What is recorded can be played at any time, as after the program was killed.
func TestRecordingIsReadableAtAnyTime(t *testing.T) {
	r, _ := recorder(t, nil)
	rec := begin(t, r, clip.Wanted{Bucket: "mem", Key: "x"})
	defer rec.Stop()
	say(rec, 3*time.Second, 500, 0)
	left := r.Left()
	if len(left) != 1 {
		t.Fatalf("left: %v", left)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(left[0]), "cdrs.jsonl"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if others := r.Left(); len(others) != 1 {
		t.Errorf("left: %v", others)
	}
	deadline := time.Now().Add(5 * time.Second)
	for {
		file, err := os.ReadFile(left[0])
		if err != nil {
			t.Fatal(err)
		}
		if len(file) >= 44 {
			if s := channels(t, file)[0]; len(s) >= 8000*2 && tone.Loudness(s, 500) > -14 {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("the file has %d bytes", len(file))
		}
	}
}

func TestRecordingMP3(t *testing.T) {
	for _, program := range []string{"lame", "ffmpeg"} {
		t.Run(program, func(t *testing.T) {
			path := need.Tool(t, program, "apt-get install "+program)
			alone := t.TempDir()
			if err := os.Symlink(path, filepath.Join(alone, program)); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", alone)
			r, b := recorder(t, nil)
			rec := begin(t, r, clip.Wanted{Format: clip.MP3, Bucket: "folder", Key: "x.mp3"})
			say(rec, 3*time.Second, 500, 0)
			rec.Stop()
			stored, err := r.Store(t.Context(), rec)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(content(t, b, "folder", "x.mp3")); int64(n) != stored.Bytes || n == 0 || n > 40000 {
				t.Errorf("%d bytes, told %d", n, stored.Bytes)
			}
			s, err := b.Open(t.Context(), "folder", "x.mp3")
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if heard := hear(t, s, 2*time.Second); tone.Loudness(heard[4000:], 500) < -15 {
				t.Errorf("heard at %.1f dB", tone.Loudness(heard[4000:], 500))
			}
			two := begin(t, r, clip.Wanted{Name: "two", Channels: 2, Format: clip.MP3, Bucket: "folder", Key: "two.mp3"})
			say(two, 3*time.Second, 500, 900)
			two.Stop()
			if _, err := r.Store(t.Context(), two); err != nil {
				t.Fatal(err)
			}
			left := decoded(t, content(t, b, "folder", "two.mp3"))
			if own, other := tone.Loudness(left[8000:], 250), tone.Loudness(left[8000:], 450); own < -16 || other > -40 { // of 16 kHz
				t.Errorf("the left channel has its own tone at %.1f dB, the other's at %.1f", own, other)
			}
		})
	}
	r, _ := recorder(t, nil)
	r.NoEncoder()
	if _, err := r.Begin(clip.Wanted{Name: "x", Channels: 1, Format: clip.MP3, Bucket: "mem", Key: "x"}); !errors.Is(err, clip.ErrNoEncoder) {
		t.Errorf("without encoder: %v", err)
	}
}

// decoded gives the left channel of an MP3, at its own rate.
func decoded(t *testing.T, file []byte) (left []int16) {
	t.Helper()
	d, err := mp3.NewDecoder(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(d)
	if err != nil || d.SampleRate() != 16000 {
		t.Fatalf("%d Hz: %v", d.SampleRate(), err)
	}
	for ; len(all) >= 4; all = all[4:] {
		left = append(left, int16(binary.LittleEndian.Uint16(all)))
	}
	return left
}

// hear takes at most d of a stream.
func hear(t *testing.T, s media.Stream, d time.Duration) []int16 {
	t.Helper()
	var out []int16
	deadline := time.Now().Add(10 * time.Second)
	for len(out) < int(d*8000/time.Second) && time.Now().Before(deadline) {
		var f media.Frame
		if err := s.Next(&f); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if f == (media.Frame{}) {
			continue // it is being fetched
		}
		out = append(out, f[:]...)
	}
	return out
}

// No key leads out of its bucket, whatever it looks like.
func TestS41RecordingKeys(t *testing.T) {
	inside, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(inside, "link")); err != nil {
		t.Fatal(err)
	}
	r, b := recorder(t, map[string]string{"folder": inside})
	for _, key := range []string{"../x.wav", "/etc/x.wav", "a/../../x.wav", "", ".", "..", "a//b", "a\x00b"} {
		if err := r.Check(clip.Wanted{Format: clip.WAV, Channels: 1, Bucket: "folder", Key: key}); !errors.Is(err, media.ErrAccess) {
			t.Errorf("%q: %v", key, err)
		}
	}
	if err := r.Check(clip.Wanted{Format: clip.WAV, Bucket: "none", Key: "x"}); !errors.Is(err, media.ErrNoBucket) {
		t.Errorf("no bucket: %v", err)
	}
	if err := r.Check(clip.Wanted{Format: "ogg", Bucket: "mem", Key: "x"}); !errors.Is(err, media.ErrFormat) {
		t.Errorf("no format: %v", err)
	}
	rec := begin(t, r, clip.Wanted{Bucket: "folder", Key: "link/x.wav"})
	say(rec, time.Second, 500, 0)
	rec.Stop()
	_, err := r.Store(t.Context(), rec)
	kept(t, r, err, media.ErrAccess)
	if found, err := os.ReadDir(outside); err != nil || len(found) > 0 {
		t.Errorf("outside: %v, %v", found, err)
	}
	if _, err := b.Content("folder", "x.wav"); err == nil {
		t.Error("something was stored")
	}
}

// S36: what was said is not for every user of this machine, neither in its folder nor on the way there.
func TestS36RecordingsAreNotForAll(t *testing.T) {
	folder := t.TempDir()
	r, _ := recorder(t, map[string]string{"folder": folder})
	rec := begin(t, r, clip.Wanted{Bucket: "folder", Key: "account/x.wav"})
	say(rec, time.Second, 500, 0)
	for _, file := range r.Left() {
		private(t, file)
	}
	rec.Stop()
	if _, err := r.Store(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	private(t, filepath.Join(folder, "account"))
	private(t, filepath.Join(folder, "account", "x.wav"))
}

func private(t *testing.T, path string) {
	t.Helper()
	if st, err := os.Stat(path); err != nil || st.Mode()&0o7 != 0 {
		t.Errorf("%s: %v, %v", path, st, err)
	}
}

// kept checks that what could not be stored is kept on this machine, and told.
func kept(t *testing.T, r *clip.Recorder, err, want error) {
	t.Helper()
	left := r.Left()
	if len(left) != 1 || !errors.Is(err, want) || !strings.Contains(err.Error(), left[0]) {
		t.Fatalf("error %v; left %v", err, left)
	}
	file, err := os.ReadFile(left[0])
	if err != nil {
		t.Fatal(err)
	}
	if s := channels(t, file)[0]; len(s) == 0 || tone.Loudness(s, 500) < -14 {
		t.Errorf("%d samples at %.1f dB are kept", len(s), tone.Loudness(s, 500))
	}
}

// A bucket that is gone, full, or takes its time for ever.
func TestRecordingBucketFails(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "y")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	release := make(chan struct{})
	s3 := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.URL.Path, "denied"):
			w.WriteHeader(http.StatusForbidden)
		case strings.Contains(r.URL.Path, "full"):
			w.WriteHeader(http.StatusInsufficientStorage)
		case strings.Contains(r.URL.Path, "stalls"):
			<-release
		}
	}))
	t.Cleanup(s3.Close)
	t.Cleanup(func() { close(release); s3.CloseClientConnections(); http.DefaultClient.CloseIdleConnections() })
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	url := "s3://bucket?region=us-east-1&use_path_style=true&endpoint="
	for _, c := range []struct{ bucket, key string }{
		{"s3", "denied"}, {"s3", "full"}, {"s3", "stalls"}, {"gone", "x"}, {"nowhere", "x"},
	} {
		t.Run(c.bucket+" "+c.key, func(t *testing.T) {
			r, _ := recorder(t, map[string]string{"s3": url + s3.URL, "gone": url + gone.URL, "nowhere": "/nowhere/at/all"})
			r.SetPatience(300 * time.Millisecond)
			rec := begin(t, r, clip.Wanted{Bucket: c.bucket, Key: c.key})
			say(rec, time.Second, 500, 0)
			rec.Stop()
			_, err := r.Store(context.WithoutCancel(t.Context()), rec)
			kept(t, r, err, media.ErrAccess)
		})
	}
}

func TestRecordingToS3(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "y")
	var mu sync.Mutex
	var got []byte
	s3 := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err == nil && r.Method == http.MethodPut && r.URL.Path == "/bucket/calls/one.wav" {
			mu.Lock()
			got = b
			mu.Unlock()
		}
	}))
	t.Cleanup(s3.Close)
	t.Cleanup(func() { s3.CloseClientConnections(); http.DefaultClient.CloseIdleConnections() })
	r, _ := recorder(t, map[string]string{"s3": "s3://bucket?region=us-east-1&use_path_style=true&endpoint=" + s3.URL})
	rec := begin(t, r, clip.Wanted{Bucket: "s3", Key: "calls/one.wav"})
	say(rec, time.Second, 500, 0)
	rec.Stop()
	if _, err := r.Store(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	at := bytes.Index(got, []byte("RIFF")) // the body may come in chunks that are signed
	if at < 0 || !bytes.Contains(got, []byte("WAVEfmt ")) || len(got) < 16044 {
		t.Errorf("the bucket got %d bytes", len(got))
	}
}

// A disk that is full while it goes on ends the recording, with what it is.
func TestRecordingDiskFull(t *testing.T) {
	link := filepath.Join(t.TempDir(), "full.wav")
	if err := os.Symlink("/dev/full", link); err != nil {
		t.Fatal(err)
	}
	full, err := os.OpenFile(link, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := recorder(t, nil)
	rec := clip.Record(clip.Wanted{Channels: 1, Format: clip.WAV, Bucket: "mem", Key: "x"}, full)
	say(rec, 2*time.Second, 500, 0)
	select {
	case <-rec.Ended():
	case <-time.After(5 * time.Second):
		t.Fatal("it goes on")
	}
	if _, err := r.Store(t.Context(), rec); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("stored: %v", err)
	}
}

// Twenty at once, each its own.
func TestTwentyRecordings(t *testing.T) {
	r, b := recorder(t, nil)
	var wg sync.WaitGroup
	for i := range 20 {
		rec := begin(t, r, clip.Wanted{Name: fmt.Sprint("n", i), Bucket: "folder", Key: fmt.Sprintf("%d.wav", i)})
		wg.Go(func() {
			say(rec, 5*time.Second, 300+100*float64(i), 0)
			rec.Stop()
			if _, err := r.Store(context.Background(), rec); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range 20 {
		if s := channels(t, content(t, b, "folder", fmt.Sprintf("%d.wav", i)))[0]; len(s) != 40000 || tone.Loudness(s[:8000], 300+100*float64(i)) < -14 {
			t.Errorf("recording %d: %d samples", i, len(s))
		}
	}
}

func BenchmarkRecording(b *testing.B) {
	buckets, err := clip.OpenBuckets(map[string]string{"mem": "mem://"})
	if err != nil {
		b.Fatal(err)
	}
	defer buckets.Close()
	r, err := clip.NewRecorder(buckets, b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	rec, err := r.Begin(clip.Wanted{Name: "x", Channels: 2, Format: clip.WAV, Bucket: "mem", Key: "x", Longest: 1000 * time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	var f media.Frame
	b.ReportAllocs()
	for b.Loop() {
		rec.Hear(f[:], f[:])
	}
	rec.Stop()
}

// Where a pause cuts a wave it doesn't click, wherever in a block of the file that is.
func TestRecordingPauseIsSoft(t *testing.T) {
	for _, n := range []int{1, 2} {
		r, b := recorder(t, nil)
		rec := begin(t, r, clip.Wanted{Channels: n, Bucket: "folder", Key: "a/b.wav"})
		rec.Pause(true)
		say(rec, 100*time.Millisecond, 615, 615)
		rec.Pause(false)
		one, two := tone.Sine(615, -1), tone.Sine(615, -1)
		for beat := range 300 {
			var left, right media.Frame
			if one.Next(&left) != nil || two.Next(&right) != nil {
				t.Fatal("no tone")
			}
			rec.Pause(beat%26 >= 23) // 23 frames are heard, three are not
			rec.Hear(left[:], right[:])
		}
		rec.Stop()
		if _, err := r.Store(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
		for i, s := range channels(t, content(t, b, "folder", "a/b.wav")) {
			if want := (300 - 3*11) * media.FrameSamples; len(s) != want {
				t.Errorf("%d samples, want %d", len(s), want)
			}
			most := 0.0
			for k := 2; k < len(s); k++ { // no tone of that frequency and level bends more
				most = max(most, math.Abs(float64(s[k])-2*math.Cos(2*math.Pi*615/8000)*float64(s[k-1])+float64(s[k-2])))
			}
			if most > 400 {
				t.Errorf("channel %d of %d clicks: %.0f", i, n, most)
			}
		}
	}
}
