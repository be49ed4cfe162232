package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	queueSize = 1 << 20     // bytes of the log that may wait for its reader; as many again may be under way
	flushTime = time.Second // for what waits when the program ends
)

// logQueue stands between the server's log and who reads it: a reader that stalls (a full pipe, a terminal that was stopped) or is
// gone must not hold up calls. What doesn't fit is left out, and a line says how many lines that were, in their place.
//
//	Write ──▶ waiting, at most queueSize ──▶ run, one goroutine ──▶ to
//	   └─ full: left out, until run takes what waits
type logQueue struct {
	to   io.Writer
	own  slog.Handler  // writes to to: for the line that says what is missing
	wake chan struct{} // room for one
	done chan struct{} // closed when run has ended
	lost atomic.Int64  // lines that were not written, since the start

	mu      sync.Mutex
	waiting []byte // whole lines; guarded by mu
	left    int64  // lines left out after those that wait; guarded by mu
	closed  bool   // guarded by mu

	missing int64 // lines not written, and not told of yet; run's
}

// newLogQueue starts a queue before a writer; close ends it. own must write to the same writer.
func newLogQueue(to io.Writer, own slog.Handler) *logQueue {
	q := &logQueue{to: to, own: own, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go q.run()
	return q
}

// Write takes lines: one call of it is written or left out as a whole. It never waits for the reader and never fails.
func (q *logQueue) Write(lines []byte) (int, error) {
	q.mu.Lock()
	if q.closed || q.left > 0 || len(q.waiting)+len(lines) > queueSize {
		n := int64(bytes.Count(lines, []byte{'\n'}))
		q.left += n
		q.lost.Add(n)
	} else {
		q.waiting = append(q.waiting, lines...)
	}
	q.mu.Unlock()
	q.rouse()
	return len(lines), nil
}

// close writes what waits and ends the queue. A reader that stalls is given flushTime.
func (q *logQueue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.rouse()
	limit := time.NewTimer(flushTime)
	defer limit.Stop()
	select {
	case <-q.done:
	case <-limit.C: // run hangs in a write that nobody can interrupt; the program ends
	}
}

func (q *logQueue) rouse() {
	select {
	case q.wake <- struct{}{}:
	default: // it is on its way
	}
}

// run writes what comes until the queue is closed and empty.
func (q *logQueue) run() {
	defer close(q.done)
	var batch []byte
	for {
		q.mu.Lock()
		batch, q.waiting = q.waiting, batch[:0]
		left, closed := q.left, q.closed
		q.left = 0
		q.mu.Unlock()
		for line := range bytes.Lines(batch) { // one by one: others may write to the same pipe
			q.put(line)
		}
		q.missing += left
		q.tell()
		if closed {
			return
		}
		<-q.wake
	}
}

// put writes a line, after what tells of those that are missing before it. Any error is the reader's: it has gone (EPIPE), its
// terminal has (EIO), its disk is full; the lines count as left out, and the next one is tried.
func (q *logQueue) put(line []byte) {
	if q.tell() {
		if _, err := q.to.Write(line); err == nil {
			return
		}
	}
	q.missing++
	q.lost.Add(1)
}

// tell writes how many lines are missing, if any are; false: that could not be written.
func (q *logQueue) tell() bool {
	if q.missing == 0 {
		return true
	}
	r := slog.NewRecord(time.Now(), slog.LevelWarn, "log: lines were left out, its reader does not keep up", 0)
	r.Add("lines", q.missing)
	if err := q.own.Handle(context.Background(), r); err != nil {
		return false
	}
	q.missing = 0
	return true
}
