package rtp_test

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
)

// count is a source of n frames, each full of its own number.
type count struct{ n, at int }

func (c *count) Next(f *media.Frame) error {
	if c.at == c.n {
		return io.EOF
	}
	c.at++
	for i := range f {
		f[i] = int16(c.at * 256)
	}
	return nil
}

func TestPlay(t *testing.T) {
	a, b, sa, sb := bridge(t, engine(t))
	a.speak(sa.Local(), 1)
	before := b.hear()
	done := make(chan error, 1)
	start := time.Now()
	sb.Play(&count{n: 10}, func(err error) { done <- err })
	for i := range 10 {
		a.speak(sa.Local(), 2) // not heard meanwhile
		h := b.hear()
		var want [1]byte
		codec.Encode(media.PCMU, want[:], []int16{int16((i + 1) * 256)})
		if len(h.payload) != 160 || h.payload[0] != want[0] || h.ssrc != before.ssrc {
			t.Fatalf("frame %d: %#x of %#x, want %#x", i, h.payload[0], h.ssrc, want[0])
		}
		if i == 0 && (h.seq != before.seq+1 || h.ts-before.ts < 160 || !h.marker) || i > 0 && (h.seq != before.seq+1 || h.ts != before.ts+160 || h.marker) {
			t.Errorf("frame %d: %d/%d/%v after %d/%d", i, h.seq, h.ts, h.marker, before.seq, before.ts)
		}
		before = h
	}
	if err := <-done; err != nil {
		t.Errorf("ended with %v", err)
	}
	if d := time.Since(start); d < 150*time.Millisecond {
		t.Errorf("200 ms were played in %v", d)
	}
	a.speak(sa.Local(), 3)
	h := b.hear()
	if h.payload[0] != 3 || h.seq != before.seq+1 || h.ts-before.ts < 160 || !h.marker || h.ssrc != before.ssrc {
		t.Errorf("the bridge after it: %+v after %+v", h, before)
	}
}

func TestPlayStopAndReplace(t *testing.T) {
	e := engine(t)
	s := open(t, e, newPeer(t, loopback))
	first, second := make(chan error, 2), make(chan error, 2)
	stopFirst := s.Play(endless{}, func(err error) { first <- err })
	stopSecond := s.Play(endless{}, func(err error) { second <- err })
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("replaced: %v", err)
	}
	stopFirst() // must not stop the second
	select {
	case err := <-second:
		t.Fatalf("the second ended with %v", err)
	default:
	}
	stopSecond()
	stopSecond()
	if err := <-second; !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	if len(first)+len(second) != 0 {
		t.Error("done was called twice")
	}
}

// A play that begins from the end of another, as clips in a row do.
func TestPlayFromDone(t *testing.T) {
	e := engine(t)
	a := newPeer(t, loopback)
	s := open(t, e, a)
	done := make(chan error, 1)
	s.Play(&count{n: 2}, func(error) {
		s.Play(&count{n: 3}, func(err error) { done <- err })
	})
	for range 5 {
		a.hear()
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestPlayReportsTheSourcesError(t *testing.T) {
	s := open(t, engine(t), newPeer(t, loopback))
	broken := errors.New("broken")
	done := make(chan error, 1)
	s.Play(failing{broken}, func(err error) { done <- err })
	if err := <-done; !errors.Is(err, broken) {
		t.Errorf("ended with %v", err)
	}
}

type failing struct{ err error }

func (f failing) Next(*media.Frame) error { return f.err }

// Nothing is taken from a source before somebody can hear it.
func TestPlayWaitsForTheFarEnd(t *testing.T) {
	e := engine(t)
	a := newPeer(t, loopback)
	s, err := e.Open(loopback)
	if err != nil {
		t.Fatal(err)
	}
	early := open(t, e, newPeer(t, loopback))
	done, other := make(chan error, 1), make(chan error, 1)
	s.Play(&count{n: 1}, func(err error) { done <- err })
	early.Play(&count{n: 5}, func(err error) { other <- err })
	<-other // the clock has run
	select {
	case <-done:
		t.Fatal("played to nobody")
	default:
	}
	if err := s.SetRemote(a.remote()); err != nil {
		t.Fatal(err)
	}
	a.hear()
	<-done
}

// The clock is never ahead of time, whatever the number of players. (How far behind it falls is up to the machine.)
func TestPlayClock(t *testing.T) {
	e := engine(t)
	var ended atomic.Int32
	all := make(chan struct{})
	const players = 200
	start := time.Now()
	for range players {
		s := open(t, e, newPeer(t, loopback))
		s.Play(&count{n: 50}, func(error) {
			if ended.Add(1) == players {
				close(all)
			}
		})
	}
	<-all
	if d := time.Since(start); d < 980*time.Millisecond {
		t.Errorf("a second took %v", d)
	}
}
