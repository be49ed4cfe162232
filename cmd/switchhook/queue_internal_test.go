package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// reader is who reads a log: it may stall, and it may fail.
type reader struct {
	mu      sync.Mutex
	stalled chan struct{} // nil: it reads on
	err     error
	got     bytes.Buffer
}

func (r *reader) Write(p []byte) (int, error) {
	r.mu.Lock()
	stalled := r.stalled
	r.mu.Unlock()
	if stalled != nil {
		<-stalled
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return 0, r.err
	}
	return r.got.Write(p)
}

func (r *reader) be(stalled chan struct{}, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stalled, r.err = stalled, err
}

// lines gives the messages of the log so far, with the count that one bears.
func (r *reader) lines(t *testing.T) []string {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for line := range strings.Lines(r.got.String()) {
		var l struct {
			Msg   string
			Lines int
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v: %.200s", err, line)
		}
		if l.Lines > 0 {
			l.Msg = fmt.Sprint(l.Lines, " left out")
		}
		out = append(out, l.Msg)
	}
	return out
}

func (r *reader) queue() (*logQueue, *slog.Logger) {
	q := newLogQueue(r, logHandler(r, slog.LevelInfo, false))
	return q, slog.New(logHandler(q, slog.LevelInfo, false))
}

// A reader that stalls holds nobody up; what did not fit is counted, and told of in its place.
func TestStalledReaderHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r reader
		q, log := r.queue()
		log.Info("first")
		synctest.Wait()
		release := make(chan struct{})
		r.be(release, nil)
		log.Info("under way")
		synctest.Wait()
		const size = 1000
		pad := strings.Repeat("x", size)
		fit := 0
		for ; q.lost.Load() == 0; fit++ {
			log.Info("waiting", "pad", pad)
		}
		fit-- // the last one did not
		if most := queueSize / size; fit > most || fit < most*3/4 {
			t.Errorf("%d lines of more than %d bytes waited", fit, size)
		}
		for range 9 {
			log.Info("short, and yet after one that did not fit")
		}
		if n := q.lost.Load(); n != 10 {
			t.Errorf("%d lines left out, want 10", n)
		}
		r.be(nil, nil)
		close(release)
		synctest.Wait()
		log.Info("after")
		q.close()
		got := r.lines(t)
		if len(got) != fit+4 || got[0] != "first" || got[1] != "under way" || got[2] != "waiting" || got[len(got)-2] != "10 left out" || got[len(got)-1] != "after" {
			t.Errorf("%d lines: %q … %q", len(got), got[:min(len(got), 3)], got[max(len(got)-3, 0):])
		}
	})
}

// What a reader that fails did not take is told of once it takes something again.
func TestFailedWritesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r reader
		q, log := r.queue()
		r.be(nil, errors.New("no space left"))
		for range 3 {
			log.Info("lost")
			synctest.Wait()
		}
		r.be(nil, nil)
		log.Info("after")
		q.close()
		if got := fmt.Sprintf("%q", r.lines(t)); got != `["3 left out" "after"]` || q.lost.Load() != 3 {
			t.Errorf("%s, %d lost", got, q.lost.Load())
		}
	})
}

// The end waits for a reader that is slow, and not for long.
func TestQueueEnds(t *testing.T) {
	for name, takes := range map[string]time.Duration{"slow": flushTime / 2, "stalled": time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				r := reader{stalled: release}
				time.AfterFunc(takes, func() { close(release) })
				q, log := r.queue()
				log.Info("last words")
				began := time.Now()
				q.close()
				if got, want := time.Since(began), min(takes, flushTime); got != want {
					t.Errorf("ended after %v, want %v", got, want)
				}
				log.Info("too late")
				<-q.done
				if got := fmt.Sprintf("%q", r.lines(t)); got != `["last words"]` && takes < flushTime {
					t.Errorf("written: %s", got)
				}
			})
		})
	}
}
