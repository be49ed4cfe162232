package clip_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/clip"
	"github.com/switchhook/switchhook/media/tone"
)

// A pause that stays in the file is as long as it was, silent, with a tone where it begins and where it ends.
func TestRecordingBlank(t *testing.T) {
	const rate, beep = 8000, 1400.0
	for _, n := range []int{1, 2} {
		r, b := recorder(t, nil)
		rec := begin(t, r, clip.Wanted{Channels: n, Bucket: "mem", Key: "x", Blank: true, Silence: 3 * time.Second})
		say(rec, time.Second, 500, 900)
		rec.Pause(true)
		say(rec, 4*time.Second, 700, 700) // longer than the silence that ends it
		rec.Pause(false)
		say(rec, 2*time.Second, 500, 900)
		rec.Pause(true)
		rec.Pause(false)
		rec.Stop()
		stored, err := r.Store(t.Context(), rec)
		if err != nil || stored.Length != 7*time.Second {
			t.Fatalf("stored %v: %v", stored.Length, err)
		}
		for i, s := range channels(t, content(t, b, "mem", "x")) {
			own := []float64{500, 900}[i]
			for _, part := range []struct {
				name       string
				from, to   float64 // in seconds
				tone, said bool
			}{
				{"before", 0, 0.95, false, true},
				{"begin", 1.01, 1.19, true, false},
				{"pause", 1.21, 4.99, false, false},
				{"end", 5.01, 5.19, true, true},
				{"after", 5.21, 7, false, true},
			} {
				sound := s[int(part.from*rate):int(part.to*rate)]
				if got := tone.Loudness(sound, beep); got > -25 != part.tone {
					t.Errorf("channel %d of %d, %s: the tone at %.1f dB", i, n, part.name, got)
				}
				if got := tone.Loudness(sound, own); got > -20 != part.said {
					t.Errorf("channel %d of %d, %s: the voice at %.1f dB", i, n, part.name, got)
				}
				if got := tone.Loudness(sound, 700); got > -35 {
					t.Errorf("channel %d of %d, %s: what was said in the pause at %.1f dB", i, n, part.name, got)
				}
			}
		}
	}
}

// A recording may begin in a pause, be stopped in one, and be as long as was wanted in one.
func TestRecordingBlankEnds(t *testing.T) {
	r, b := recorder(t, nil)
	rec := begin(t, r, clip.Wanted{Channels: 1, Bucket: "mem", Key: "x", Blank: true, Longest: 2 * time.Second})
	rec.Pause(true)
	say(rec, 5*time.Second, 700, 0)
	<-rec.Ended()
	if stored, err := r.Store(t.Context(), rec); err != nil || stored.Length != 2*time.Second {
		t.Fatalf("stored %v: %v", stored.Length, err)
	}
	s := channels(t, content(t, b, "mem", "x"))[0]
	if got := tone.Loudness(s[80:1520], 1400); got < -25 {
		t.Errorf("the tone at %.1f dB", got)
	}
	if got := tone.Loudness(s, 700); got > -50 {
		t.Errorf("what was said in the pause at %.1f dB", got)
	}
}

// faint is a tone that is so many decibels below full scale, by its mean square.
func faint(rec *clip.Recording, d time.Duration, below float64) {
	var f media.Frame
	level := 32767 * math.Pow(10, -below/20)
	for i := range f {
		f[i] = int16(level * []float64{1, -1}[i%2])
	}
	for range int(d / media.FrameTime) {
		rec.Hear(f[:], nil)
	}
}

// What is silence is up to who records.
func TestRecordingThreshold(t *testing.T) {
	for _, c := range []struct{ threshold, said, want float64 }{
		{0, 45, 5}, {0, 55, 2}, {35, 30, 5}, {35, 40, 2}, {70, 65, 5}, {70, 75, 2},
	} {
		t.Run(fmt.Sprint(c.threshold, " ", c.said), func(t *testing.T) {
			r, _ := recorder(t, nil)
			rec := begin(t, r, clip.Wanted{Bucket: "mem", Key: "x", Threshold: c.threshold, Silence: 2 * time.Second})
			faint(rec, 5*time.Second, c.said)
			rec.Stop()
			if stored, err := r.Store(t.Context(), rec); err != nil || stored.Length.Seconds() != c.want {
				t.Errorf("stored %v, %v; want %v s", stored.Length, err, c.want)
			}
		})
	}
	r, _ := recorder(t, nil)
	for _, bad := range []float64{-1, 101} {
		if err := r.Check(clip.Wanted{Format: clip.WAV, Bucket: "mem", Key: "x", Threshold: bad}); !errors.Is(err, media.ErrFormat) {
			t.Errorf("%v dB: %v", bad, err)
		}
	}
}

// What is said of a recording is kept with it: its length too, which is known in the end.
func TestRecordingMeta(t *testing.T) {
	got := make(chan http.Header, 1)
	s3 := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		got <- r.Header
	}))
	t.Cleanup(func() { s3.CloseClientConnections(); s3.Close(); http.DefaultClient.CloseIdleConnections() })
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "y")
	folder := t.TempDir()
	r, _ := recorder(t, map[string]string{"s3": "s3://bucket?region=us-east-1&use_path_style=true&endpoint=" + s3.URL, "disk": folder})
	for i, bucket := range []string{"s3", "disk"} {
		rec := begin(t, r, clip.Wanted{Name: fmt.Sprint(i), Bucket: bucket, Key: "a/x.wav", Meta: func(length time.Duration) map[string]string {
			return map[string]string{"call-id": "4711", "recording-duration": fmt.Sprint(length.Seconds())}
		}})
		say(rec, 3*time.Second, 500, 0)
		rec.Stop()
		if _, err := r.Store(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
	}
	h := <-got
	if h.Get("Content-Type") != "audio/wav" || h.Get("X-Amz-Meta-Call-Id") != "4711" || h.Get("X-Amz-Meta-Recording-Duration") != "3" {
		t.Errorf("S3 got %v", h)
	}
	if err := unix.Setxattr(folder, "user.test", []byte("x"), 0); err != nil {
		t.Logf("the file system of %s keeps no attributes: %v", folder, err)
		return
	}
	for name, want := range map[string]string{"user.call-id": "4711", "user.recording-duration": "3"} {
		b := make([]byte, 100)
		n, err := unix.Getxattr(filepath.Join(folder, "a/x.wav"), name, b)
		if err != nil || string(b[:n]) != want {
			t.Errorf("%s is %q: %v", name, b[:max(n, 0)], err)
		}
	}
}
