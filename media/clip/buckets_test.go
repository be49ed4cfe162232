package clip_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/clip"
)

func open(t *testing.T, urls map[string]string) *clip.Buckets {
	t.Helper()
	b, err := clip.OpenBuckets(urls)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func put(t *testing.T, b *clip.Buckets, bucket, key string, content []byte) {
	t.Helper()
	if err := b.Put(t.Context(), bucket, key, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
}

func TestBucketsPlay(t *testing.T) {
	b := open(t, map[string]string{"folder": "file://" + t.TempDir(), "path": t.TempDir(), "memory": "mem://"})
	mp3, err := os.ReadFile("testdata/tone-44k-stereo.mp3")
	if err != nil {
		t.Fatal(err)
	}
	large := largeTone()
	for _, name := range []string{"folder", "path", "memory"} {
		put(t, b, name, "a/b.wav", wavTone(time.Second))
		put(t, b, name, "named.wav", mp3) // told by content
		put(t, b, name, "large.wav", large)
		for key, length := range map[string]time.Duration{"a/b.wav": time.Second, "named.wav": 600 * time.Millisecond, "large.wav": 2500 * time.Millisecond} {
			for range 2 {
				s, err := b.Open(t.Context(), name, key)
				if err != nil {
					t.Fatalf("%s/%s: %v", name, key, err)
				}
				hasTone(t, drain(t, s), length, 2.5)
				if err := errors.Join(s.Close(), s.Close()); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

func TestReplacedFileIsHeard(t *testing.T) {
	b := open(t, map[string]string{"p": "mem://"})
	for n := 1; n <= 3; n++ {
		put(t, b, "p", "x.wav", wavTone(time.Duration(n)*100*time.Millisecond))
		s, err := b.Open(t.Context(), "p", "x.wav")
		if err != nil {
			t.Fatal(err)
		}
		hasTone(t, drain(t, s), time.Duration(n)*100*time.Millisecond, 1)
		s.Close()
	}
}

func TestOpenFaults(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	write := func(path string, content []byte) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(outside, "secret.wav"), wavTone(time.Second))
	write(filepath.Join(dir, "text.wav"), []byte("this is not sound at all"))
	write(filepath.Join(dir, "good.wav"), wavTone(time.Second))
	for link, to := range map[string]string{
		"out.wav": filepath.Join(outside, "secret.wav"), "up.wav": "../" + filepath.Base(outside) + "/secret.wav",
		"outdir": outside, "loop.wav": "loop.wav", "in.wav": "good.wav",
	} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "sub"), 0o700), syscall.Mkfifo(filepath.Join(dir, "fifo.wav"), 0o600)); err != nil {
		t.Fatal(err)
	}
	big, err := os.Create(filepath.Join(dir, "big.wav"))
	if err == nil {
		err = errors.Join(big.Truncate(clip.MaxObject+1), big.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	b := open(t, map[string]string{"p": "file://" + dir, "gone": filepath.Join(dir, "nowhere"), "memory": "mem://"})
	put(t, b, "memory", "x.wav", wavTone(time.Millisecond))
	for _, c := range []struct {
		bucket, key string
		want        error
	}{
		{"other", "good.wav", media.ErrNoBucket},
		{"", "good.wav", media.ErrNoBucket},
		{"p", "missing.wav", media.ErrNotFound},
		{"memory", "missing.wav", media.ErrNotFound},
		{"gone", "good.wav", media.ErrAccess},
		{"p", "text.wav", media.ErrFormat},
		{"p", "big.wav", media.ErrTooLarge},
		{"p", "sub", media.ErrAccess},
		{"p", "fifo.wav", media.ErrAccess},
		{"p", "out.wav", media.ErrAccess},
		{"p", "up.wav", media.ErrAccess},
		{"p", "outdir/secret.wav", media.ErrAccess},
		{"p", "loop.wav", media.ErrAccess},
		{"p", "../" + filepath.Base(outside) + "/secret.wav", media.ErrAccess},
		{"p", "sub/../../x", media.ErrAccess},
		{"p", filepath.Join(outside, "secret.wav"), media.ErrAccess},
		{"p", "file://" + filepath.Join(outside, "secret.wav"), media.ErrAccess},
		{"p", "http://127.0.0.1/x.wav", media.ErrAccess},
		{"p", "good.wav\x00", media.ErrAccess},
		{"p", "\xff\xfe", media.ErrAccess},
		{"p", "", media.ErrAccess},
		{"p", ".", media.ErrAccess},
		{"p", "./good.wav", media.ErrAccess},
		{"p", strings.Repeat("x", 5000), media.ErrAccess},
		{"memory", "../x.wav", media.ErrAccess},
	} {
		s, err := b.Open(t.Context(), c.bucket, c.key)
		if !errors.Is(err, c.want) || s != nil {
			t.Errorf("%s/%.60q: %v, want %v", c.bucket, c.key, err, c.want)
		}
		if errors.Is(c.want, media.ErrAccess) && c.bucket != "gone" && c.key != "." {
			if err := b.Put(t.Context(), c.bucket, c.key, strings.NewReader("x")); err == nil && strings.Contains(c.key, "..") {
				t.Errorf("%q could be written", c.key)
			}
		}
	}
	if s, err := b.Open(t.Context(), "p", "in.wav"); err != nil {
		t.Errorf("a link within the bucket: %v", err)
	} else {
		s.Close()
	}
	if b, err := os.ReadFile(filepath.Join(outside, "secret.wav")); err != nil || len(b) < 16000 {
		t.Errorf("the file outside was touched: %d bytes, %v", len(b), err)
	}
}

func TestURLsRefused(t *testing.T) {
	for _, u := range []string{"", "ftp://x/y", "file://host/x", "file:///x?create_dir=1", "gs://x", "https://x/y", "s3:// bad", "file:x"} {
		if _, err := clip.OpenBuckets(map[string]string{"prompts": u}); err == nil || !strings.Contains(err.Error(), "bucket prompts") {
			t.Errorf("%q: %v", u, err)
		}
	}
}

func TestPutIsWholeOrNot(t *testing.T) {
	dir := t.TempDir()
	b := open(t, map[string]string{"p": dir, "m": "mem://"})
	for _, name := range []string{"p", "m"} {
		put(t, b, name, "x.wav", wavTone(100*time.Millisecond))
		fault := errors.New("gone")
		if err := b.Put(t.Context(), name, "x.wav", io.MultiReader(strings.NewReader("RIFF"), iotest.ErrReader(fault))); !errors.Is(err, fault) {
			t.Errorf("%s: %v", name, err)
		}
		s, err := b.Open(t.Context(), name, "x.wav")
		if err != nil {
			t.Fatalf("%s: after a failed Put: %v", name, err)
		}
		s.Close()
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestOpenFile(t *testing.T) {
	s, err := clip.OpenFile(t.Context(), "testdata/tone-16k.mp3")
	if err != nil {
		t.Fatal(err)
	}
	hasTone(t, drain(t, s), 600*time.Millisecond, 2.5)
	s.Close()
	for _, path := range []string{"testdata/none.wav", "", "testdata/", "testdata"} {
		if _, err := clip.OpenFile(t.Context(), path); err == nil {
			t.Errorf("%q was opened", path)
		}
	}
}

// store is a server that speaks as much S3 as reading needs.
type store struct {
	*httptest.Server
	mu      sync.Mutex
	objects map[string][]byte
	gets    atomic.Int32
	cut     atomic.Int64  // bytes after which GET breaks off
	stall   atomic.Int64  // bytes after which GET gives no more, until release
	release chan struct{} // closed to let stalled requests go
	once    sync.Once
}

func newStore(t *testing.T) *store {
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "y")
	s := &store{objects: map[string][]byte{}, release: make(chan struct{})}
	s.stall.Store(1 << 40)
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() { s.free(); s.CloseClientConnections(); s.Close(); http.DefaultClient.CloseIdleConnections() })
	return s
}

func (s *store) free() { s.once.Do(func() { close(s.release) }) }

func (s *store) url() string {
	return "s3://bucket?region=us-east-1&use_path_style=true&endpoint=" + s.URL
}

// change puts another object in the place of one.
func (s *store) change(key string, b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[key] = b
}

func (s *store) serve(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.URL.Path, "/bucket/")
	if key == "denied.wav" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	s.mu.Lock()
	b, ok := s.objects[key]
	s.mu.Unlock()
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.Header().Set("ETag", `"`+strconv.Itoa(len(b))+`"`)
	if r.Method == http.MethodHead {
		if key == "mute.wav" {
			<-s.release
		}
		return
	}
	s.gets.Add(1)
	if from, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok {
		at, err := strconv.Atoi(strings.TrimSuffix(from, "-"))
		if err != nil || at >= len(b) {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", at, len(b)-1, len(b)))
		b = b[at:]
		w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		w.WriteHeader(http.StatusPartialContent)
	}
	if n := int(s.cut.Load()); n > 0 && n < len(b) {
		w.Write(b[:n])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	if n := int(s.stall.Load()); n < len(b) {
		w.Write(b[:n])
		w.(http.Flusher).Flush()
		select {
		case <-s.release:
		case <-r.Context().Done():
		}
		b = b[n:]
	}
	w.Write(b)
}

func TestS3(t *testing.T) {
	srv := newStore(t)
	srv.objects["hello world.wav"] = wavTone(time.Second)
	srv.objects["large.wav"] = largeTone()
	b := open(t, map[string]string{"p": srv.url()})
	for range 5 {
		s, err := b.Open(t.Context(), "p", "hello world.wav")
		if err != nil {
			t.Fatal(err)
		}
		hasTone(t, drain(t, s), time.Second, 1)
		s.Close()
	}
	if n := srv.gets.Load(); n != 1 {
		t.Errorf("a short clip played 5 times was fetched %d times", n)
	}
	s, err := b.Open(t.Context(), "p", "large.wav")
	if err != nil {
		t.Fatal(err)
	}
	hasTone(t, drain(t, s), 2500*time.Millisecond, 1)
	s.Close()
	for key, want := range map[string]error{"denied.wav": media.ErrAccess, "missing.wav": media.ErrNotFound} {
		if _, err := b.Open(t.Context(), "p", key); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", key, err, want)
		}
	}
}

func TestS3OutOfReach(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // nobody answers there
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "y")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	b := open(t, map[string]string{"p": "s3://bucket?region=us-east-1&endpoint=http://" + l.Addr().String()})
	if _, err := b.Open(t.Context(), "p", "x.wav"); !errors.Is(err, media.ErrAccess) {
		t.Errorf("got %v", err)
	}
}

// A store that stops in the middle gives silence, then, when patience is over, an error. Closing ends it at once.
func TestStalledStore(t *testing.T) {
	for name, file := range map[string][]byte{"short": wavTone(2 * time.Second), "large": largeTone()} {
		t.Run(name, func(t *testing.T) {
			srv := newStore(t)
			srv.objects["x.wav"] = file
			srv.stall.Store(int64(len(file) / 2))
			b := open(t, map[string]string{"p": srv.url()})
			s, err := b.Open(t.Context(), "p", "x.wav")
			if err != nil {
				t.Fatal(err)
			}
			silent := 0
			for range 10_000 {
				var f media.Frame
				if err := s.Next(&f); err != nil {
					t.Fatal(err)
				}
				if f == (media.Frame{}) {
					silent++
				}
			}
			if silent < 9_000 {
				t.Errorf("%d frames of 10000 are silent", silent)
			}
			s.Close()
			b.SetPatience(50 * time.Millisecond)
			if s, err = b.Open(t.Context(), "p", "x.wav"); err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for deadline := time.Now().Add(10 * time.Second); err == nil && time.Now().Before(deadline); runtime.Gosched() {
				var f media.Frame
				err = s.Next(&f)
			}
			if !errors.Is(err, media.ErrAccess) {
				t.Errorf("a store that stalls: %v, want %v", err, media.ErrAccess)
			}
		})
	}
}

func TestStoreThatNeverAnswers(t *testing.T) {
	srv := newStore(t)
	srv.objects["mute.wav"] = wavTone(time.Second)
	b := open(t, map[string]string{"p": srv.url()})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := b.Open(ctx, "p", "mute.wav"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("whose time is over: %v", err)
	}
	b.SetPatience(20 * time.Millisecond)
	if _, err := b.Open(t.Context(), "p", "mute.wav"); !errors.Is(err, media.ErrAccess) {
		t.Errorf("without an answer: %v", err)
	}
}

// A download that is cut short is an error, and is not kept.
func TestCutDownload(t *testing.T) {
	srv := newStore(t)
	srv.objects["x.wav"] = wavTone(time.Second)
	srv.stall.Store(8000)
	b := open(t, map[string]string{"p": srv.url()})
	b.SetPatience(time.Second)
	s, err := b.Open(t.Context(), "p", "x.wav")
	if err != nil {
		t.Fatal(err)
	}
	srv.CloseClientConnections()
	for err == nil {
		var f media.Frame
		err = s.Next(&f)
		runtime.Gosched()
	}
	if !errors.Is(err, media.ErrAccess) {
		t.Errorf("got %v", err)
	}
	s.Close()
	srv.stall.Store(1 << 40)
	if s, err = b.Open(t.Context(), "p", "x.wav"); err != nil {
		t.Fatal(err)
	}
	hasTone(t, drain(t, s), time.Second, 1)
	s.Close()
}

// A store that breaks off again and again is asked for the rest; one whose file is another by then is not believed.
func TestBrokenOffDownloadGoesOn(t *testing.T) {
	srv := newStore(t)
	large := largeTone()
	srv.objects["x.wav"] = large
	srv.cut.Store(300_000)
	b := open(t, map[string]string{"p": srv.url()})
	s, err := b.Open(t.Context(), "p", "x.wav")
	if err != nil {
		t.Fatal(err)
	}
	heard := 0
	for err == nil {
		var f media.Frame
		if err = s.Next(&f); err == nil && f != (media.Frame{}) {
			heard++
		}
		runtime.Gosched()
	}
	if !errors.Is(err, io.EOF) || heard < 125 || srv.gets.Load() < 3 {
		t.Errorf("heard %d frames, by %d requests: %v", heard, srv.gets.Load(), err)
	}
	s.Close()

	if s, err = b.Open(t.Context(), "p", "x.wav"); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	srv.change("x.wav", large[:len(large)-1000])
	for err == nil {
		var f media.Frame
		err = s.Next(&f)
		runtime.Gosched()
	}
	if !errors.Is(err, media.ErrAccess) {
		t.Errorf("another file: %v", err)
	}
}

// A prompt of an hour is played to its end, from a little memory.
func TestPromptOfAnHour(t *testing.T) {
	dir := t.TempDir()
	const hour = 8000 * 3600
	head := clip.Head(8000, hour)
	copy(head[20:], "\x07\x00\x01\x00\x40\x1f\x00\x00\x40\x1f\x00\x00\x01\x00\x08\x00") // mu-law
	f, err := os.Create(filepath.Join(dir, "hour.wav"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(head)
	if err := errors.Join(err, f.Truncate(44+hour), f.Close()); err != nil { // a hole is loud in mu-law
		t.Fatal(err)
	}
	b := open(t, map[string]string{"p": dir})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s, err := b.Open(t.Context(), "p", "hour.wav")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	heard := 0
	for err == nil {
		var f media.Frame
		if err = s.Next(&f); err == nil && f[0] != 0 {
			heard++
		} else {
			runtime.Gosched()
		}
	}
	if heard != 50*3600 || !errors.Is(err, io.EOF) {
		t.Errorf("heard %d frames: %v", heard, err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
		t.Errorf("%d bytes of memory", grown)
	}
}

// Many calls play, leave and come again, of short and large files, while the buckets are closed under them.
func TestManyPlay(t *testing.T) {
	b, err := clip.OpenBuckets(map[string]string{"p": "mem://"})
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{"a.wav", "b.wav", "large.wav"}
	for _, key := range keys[:2] {
		put(t, b, "p", key, wavTone(time.Second))
	}
	put(t, b, "p", keys[2], largeTone())
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			for n := range 30 {
				s, err := b.Open(t.Context(), "p", keys[(i+n)%len(keys)])
				if errors.Is(err, clip.ErrClosed) || errors.Is(err, context.Canceled) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				for range (i * n) % 60 {
					var f media.Frame
					if s.Next(&f) != nil {
						break
					}
				}
				s.Close()
				if i == 7 && n == 25 {
					b.Close()
				}
			}
		})
	}
	all.Wait()
	b.Close()
}

func TestOpenHeedsItsContext(t *testing.T) {
	srv := newStore(t)
	srv.objects["x.wav"], srv.objects["large.wav"] = wavTone(time.Second), largeTone()
	srv.stall.Store(10)
	b := open(t, map[string]string{"p": srv.url()})
	for _, key := range slices.Sorted(maps.Keys(srv.objects)) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if _, err := b.Open(ctx, "p", key); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", key, err)
		}
		cancel()
	}
}

func BenchmarkOpenKept(b *testing.B) {
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.wav"), wavTone(2*time.Second), 0o600); err != nil {
		b.Fatal(err)
	}
	all, err := clip.OpenBuckets(map[string]string{"p": dir})
	if err != nil {
		b.Fatal(err)
	}
	defer all.Close()
	keep, err := all.Open(b.Context(), "p", "x.wav")
	if err != nil {
		b.Fatal(err)
	}
	defer keep.Close()
	b.ReportAllocs()
	for b.Loop() {
		s, err := all.Open(b.Context(), "p", "x.wav")
		if err != nil {
			b.Fatal(err)
		}
		var f media.Frame
		for s.Next(&f) == nil {
		}
		s.Close()
	}
}
