package clip_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/clip"
)

// file is what an opener gives: content, then whether it was closed.
type file struct {
	io.Reader
	closed *atomic.Int32
}

func (f file) Close() error { f.closed.Add(1); return nil }

func TestShelfDecodesOnceForAll(t *testing.T) {
	s := clip.NewShelf(1 << 20)
	defer s.Close()
	var opened, closed atomic.Int32
	content := wavTone(time.Second)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			stream, err := s.Play(t.Context(), "x", func(context.Context) (io.ReadCloser, error) {
				opened.Add(1)
				return file{bytes.NewReader(content), &closed}, nil
			})
			if err != nil {
				t.Error(err)
				return
			}
			defer stream.Close()
			hasTone(t, drain(t, stream), time.Second, 1)
		})
	}
	all.Wait()
	s.Close()
	if opened.Load() != 1 || closed.Load() != 1 {
		t.Errorf("opened %d times, closed %d times", opened.Load(), closed.Load())
	}
}

func TestShelfForgetsTheLeastUsed(t *testing.T) {
	s := clip.NewShelf(10 * 16000)
	defer s.Close()
	opened := map[string]int{}
	play := func(key string) {
		stream, err := s.Play(t.Context(), key, func(context.Context) (io.ReadCloser, error) {
			opened[key]++
			return io.NopCloser(bytes.NewReader(wavTone(time.Second))), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		drain(t, stream)
		stream.Close()
	}
	for i := range 30 {
		play(fmt.Sprint(i))
		play("often")
		if held, n := s.Held(); held > 10*16000 || n > 11 {
			t.Fatalf("%d bytes of %d sounds are held", held, n)
		}
	}
	if opened["often"] != 1 {
		t.Errorf("what is always played was fetched %d times", opened["often"])
	}
	if play("0"); opened["0"] != 2 {
		t.Errorf("what was played long ago was fetched %d times", opened["0"])
	}
}

func TestShelfRefusesWhatIsTooLong(t *testing.T) {
	s := clip.NewShelf(16000)
	defer s.Close()
	stream, err := s.Play(t.Context(), "x", func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(wavTone(time.Minute))), nil
	})
	for f := (media.Frame{}); err == nil; err = stream.Next(&f) {
	}
	if !errors.Is(err, media.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	stream.Close()
	if held, n := s.Held(); held != 0 || n != 0 {
		t.Errorf("%d bytes, %d sounds are held", held, n)
	}
}

func TestShelfKeepsNoFailure(t *testing.T) {
	s := clip.NewShelf(1 << 20)
	defer s.Close()
	fault, times := errors.New("not now"), 0
	for range 3 {
		_, err := s.Play(t.Context(), "x", func(context.Context) (io.ReadCloser, error) { times++; return nil, fault })
		if !errors.Is(err, fault) {
			t.Fatal(err)
		}
	}
	if times != 3 {
		t.Errorf("tried %d times of 3", times)
	}
}

// What comes slowly is heard as far as it came, then silence, then the rest. When the last who plays it leaves, it is given up.
func TestShelfSlowFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := clip.NewShelf(1 << 20)
		defer s.Close()
		from, to := io.Pipe()
		var closed atomic.Int32
		given := make(chan struct{})
		open := func(ctx context.Context) (io.ReadCloser, error) {
			context.AfterFunc(ctx, func() { from.CloseWithError(ctx.Err()); close(given) })
			return file{from, &closed}, nil
		}
		content := wavTone(time.Second)
		go to.Write(content[:44+16000/2])
		first, err := s.Play(t.Context(), "x", open)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		second, err := s.Play(t.Context(), "x", nil)
		if err != nil {
			t.Fatal(err)
		}
		var f media.Frame
		heard := 0
		for range 40 {
			if err := first.Next(&f); err != nil {
				t.Fatal(err)
			}
			if f != (media.Frame{}) {
				heard++
			}
		}
		if heard != 25 {
			t.Errorf("%d frames of the half second that is there", heard)
		}
		first.Close()
		select {
		case <-given:
			t.Error("given up while one still plays it")
		default:
		}
		second.Close()
		<-given
		if closed.Load() != 1 {
			t.Error("the file is not closed when Close returns")
		}
	})
}

func TestShelfClosed(t *testing.T) {
	s := clip.NewShelf(1 << 20)
	s.Close()
	if _, err := s.Play(t.Context(), "x", nil); !errors.Is(err, clip.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// RF64 (EBU Tech 3306) tells its sizes elsewhere; the file's end is as good.
func TestRF64(t *testing.T) {
	f := with(pcm(16, 8000, 1), func(f *form) {
		f.dataSize, f.riffSize, f.before = 0xffffffff, 0xffffffff, "ds64\x1c\x00\x00\x00"+strings.Repeat("\x00", 28)
	})
	got, err := all(strings.NewReader("RF64" + string(f.tone(300 * time.Millisecond)[4:])))
	if err != nil {
		t.Fatal(err)
	}
	hasTone(t, got, 300*time.Millisecond, 0.3)
}
