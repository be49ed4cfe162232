package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/switchhook/switchhook/call"
)

const (
	batchSize = 1024        // records that are not waited for any longer
	batchMost = 8 << 20     // bytes of them in memory, unless one is larger
	batchWait = time.Second // how long a record waits for others: pages that many records share are written once

	// sliceSize is how many records one transaction has, and sliceRest the rest after it: SQLite computes without a pause,
	// and on one core calls wait for it. Only a goroutine that sleeps lets the network be looked at.
	sliceSize = 32
	sliceRest = 500 * time.Microsecond

	pruneTick = time.Minute
	retryWait = time.Second
	tellAfter = 600 // tries that fail are told: the 1st, 2nd, 4th … and every so many
	lastTries = 5   // at Close
)

// recorder writes finished calls in batches. Its one goroutine runs from newRecorder to close.
type recorder struct {
	db    *sql.DB
	log   *slog.Logger
	limit int // records in the queue
	most  int // bytes in the queue

	// The goroutine's own.
	place  place // looked at by close too, after its end
	retain retention
	round  int   // records of this batch that are still to be written
	fails  int   // slices that failed in a row
	told   Stats // what was told in the log

	wake chan struct{} // something is queued, or close was called
	done chan struct{} // the goroutine has ended

	mu      sync.Mutex // guards all below
	queue   []call.Finished
	bytes   int           // of the queue, as call.Finished.Size has it
	idle    chan struct{} // closed when all that was queued is written; nil when none waits for it
	stuck   chan struct{} // closed when a batch can't be written; nil when none waits for it
	failing error         // why the last batch could not be written; nil when it was
	busy    bool          // a batch is being written
	closing bool
	stats   Stats
}

// Stats counts what became of the records since the program began.
type Stats struct {
	Written     uint64 // records written
	LogsDropped uint64 // records written without their log because the queue was more than half full
	Dropped     uint64 // records lost because the queue was full
	Pruned      uint64 // records deleted because of their age or number
	Queued      int    // records that wait now
	QueuedBytes int    // about what these take in memory
}

func newRecorder(db *sql.DB, at place, log *slog.Logger, o Options) (*recorder, error) {
	r := &recorder{
		db: db, log: log, limit: cmp.Or(o.Queue, 1<<16), most: cmp.Or(o.QueueBytes, 256<<20),
		place: at, retain: retention{age: o.KeepAge, newest: o.KeepRecords, began: time.Now()},
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	if r.retain.newest > 0 {
		if err := db.QueryRow(`SELECT count(*) FROM record`).Scan(&r.retain.count); err != nil {
			return nil, fmt.Errorf("count records: %w", err)
		}
	}
	go r.run()
	return r, nil
}

// Keep queues what a call leaves, to be written within about a second. It never blocks. When the disk does not keep up
// and the queue is more than half full, the log is left out; when it is full, the record is lost. Both are counted in
// [Stats] and told in the program's log. What is given must not be changed afterwards. After Close it is lost.
func (s *Store) Keep(f call.Finished) { s.record.keep(f) }

// Stats counts what became of the records.
func (s *Store) Stats() Stats {
	r := s.record
	r.mu.Lock()
	defer r.mu.Unlock()
	st := r.stats
	st.Queued, st.QueuedBytes = len(r.queue), r.bytes
	return st
}

// Flush waits until every record kept before is written, or ctx is done.
func (s *Store) Flush(ctx context.Context) error {
	r := s.record
	r.mu.Lock()
	if len(r.queue) == 0 && !r.busy {
		r.mu.Unlock()
		return nil
	}
	if r.idle == nil {
		r.idle = make(chan struct{})
	}
	idle := r.idle
	r.mu.Unlock()
	r.signal()
	select {
	case <-idle:
		return nil
	case <-r.done:
		return errors.New("flush records: the store is closed")
	case <-ctx.Done():
		return fmt.Errorf("flush records: %w", ctx.Err())
	}
}

// settle waits until what was kept before is written, or can't be at present; the first error then says why.
func (r *recorder) settle(ctx context.Context) (failing, err error) {
	r.mu.Lock()
	if r.failing != nil || len(r.queue) == 0 && !r.busy {
		defer r.mu.Unlock()
		return r.failing, nil
	}
	if r.idle == nil {
		r.idle = make(chan struct{})
	}
	if r.stuck == nil {
		r.stuck = make(chan struct{})
	}
	idle, stuck := r.idle, r.stuck
	r.mu.Unlock()
	r.signal()
	select {
	case <-idle:
		return nil, nil
	case <-stuck:
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.failing, nil
	case <-r.done:
		return nil, errors.New("flush records: the store is closed")
	case <-ctx.Done():
		return nil, fmt.Errorf("flush records: %w", ctx.Err())
	}
}

func (r *recorder) keep(f call.Finished) {
	size, left := f.Size(), uint64(0)
	r.mu.Lock()
	if len(f.Log) > 0 && (len(r.queue) >= r.limit/2 || r.bytes+size > r.most/2) {
		f.Log, left = nil, 1
		size = f.Size()
	}
	if len(r.queue) >= r.limit || r.bytes+size > r.most || r.closing {
		r.stats.Dropped++
		r.mu.Unlock()
		return
	}
	r.stats.LogsDropped += left
	before := r.full()
	r.queue = append(r.queue, f)
	r.bytes += size
	wake := len(r.queue) == 1 || r.full() && !before
	r.mu.Unlock()
	if wake {
		r.signal()
	}
}

// full tells whether there is enough for a batch. The mutex is held.
func (r *recorder) full() bool { return len(r.queue) >= batchSize || r.bytes >= batchMost }

func (r *recorder) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run writes batches until close, and deletes old records between them.
func (r *recorder) run() {
	defer close(r.done)
	tick := time.NewTicker(pruneTick)
	defer tick.Stop()
	old := true // there may be old records to delete
	for more := false; ; {
		if !more && !old {
			select {
			case <-r.wake:
				r.gather()
			case <-tick.C:
				old = true
			}
		}
		closing := r.isClosing() // before the batch, which then is all that is queued
		if more = r.batch(); more || old {
			r.rest()
		}
		r.report()
		r.place.report(r.log)
		switch {
		case closing:
			if old = false; !more {
				return
			}
		case old:
			old = r.prune()
		}
	}
}

func (r *recorder) isClosing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closing
}

// gather waits for a full batch, for its time, or for close or Flush, which want it at once.
func (r *recorder) gather() {
	t := time.NewTimer(batchWait)
	defer t.Stop()
	for {
		r.mu.Lock()
		now := r.full() || r.closing || r.idle != nil
		r.mu.Unlock()
		if now {
			return
		}
		select {
		case <-t.C:
			return
		case <-r.wake:
		}
	}
}

// rest lets calls go on before the next slice, unless the queue grows too long for that or close waits.
func (r *recorder) rest() {
	r.mu.Lock()
	hurry := r.closing || len(r.queue) >= r.limit/2 || r.bytes >= r.most/2
	r.mu.Unlock()
	if !hurry {
		time.Sleep(sliceRest)
	}
}

// batch writes a slice of the batch and tells whether to go on. What comes meanwhile waits for the next batch. A slice
// that can't be written stays queued for the next try.
func (r *recorder) batch() (more bool) {
	r.mu.Lock()
	if r.round == 0 {
		r.round = len(r.queue)
	}
	n := min(r.round, sliceSize)
	list := r.queue[:n:n] // keep appends behind it
	r.busy = n > 0
	r.mu.Unlock()
	if n == 0 {
		return r.written(0, 0, 0)
	}
	n, size := fit(list)
	fresh, err := r.insert(list[:n])
	if err == nil {
		r.fails = 0
		return r.written(n, size, fresh)
	}
	r.failed(n, explain(err))
	r.report()
	if r.isClosing() && r.fails >= lastTries {
		return false
	}
	<-time.After(retryWait)
	return true
}

// fit gives how many of the first make a batch, and their bytes.
func fit(list []call.Finished) (n, size int) {
	for i := range list {
		more := list[i].Size()
		if n > 0 && size+more > batchMost {
			break
		}
		n, size = n+1, size+more
	}
	return n, size
}

// failed takes note of a batch that could not be written. A disk that is full for long must not be filled with our log.
func (r *recorder) failed(n int, err error) {
	if r.fails++; r.fails&(r.fails-1) == 0 || r.fails%tellAfter == 0 {
		r.log.Error("call records can't be written", "records", n, "tries", r.fails, "error", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failing = err
	if r.stuck != nil {
		close(r.stuck)
		r.stuck = nil
	}
}

// written takes a batch of n records and size bytes off the queue, of which fresh were not there before, and tells whether
// there are more.
func (r *recorder) written(n, size, fresh int) (more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.queue[:n]) // let go of what was written though the array behind lives on
	if r.queue = r.queue[n:]; len(r.queue) == 0 {
		r.queue = nil
	}
	r.bytes -= size
	r.retain.count += fresh
	r.stats.Written += uint64(n)
	r.busy, r.failing = false, nil
	if len(r.queue) == 0 && r.idle != nil {
		close(r.idle)
		r.idle = nil
	}
	if r.round -= n; r.round > 0 || r.closing {
		return len(r.queue) > 0
	}
	if len(r.queue) > 0 {
		r.signal() // the next batch
	}
	return false
}

// report tells loudly what was dropped since the last time.
func (r *recorder) report() {
	r.mu.Lock()
	now := r.stats
	r.mu.Unlock()
	if n := now.Dropped - r.told.Dropped; n > 0 {
		r.log.Error("call records lost: the disk does not keep up", "records", n, "total", now.Dropped)
	}
	if n := now.LogsDropped - r.told.LogsDropped; n > 0 {
		r.log.Warn("call logs left out: the disk does not keep up", "logs", n, "total", now.LogsDropped)
	}
	r.told = now
}

// close writes what is queued and ends the goroutine.
func (r *recorder) close() error {
	r.mu.Lock()
	r.closing = true
	r.mu.Unlock()
	r.signal()
	<-r.done
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.place.check()
	if n := len(r.queue); n > 0 {
		err = errors.Join(err, fmt.Errorf("%d call records could not be written and are lost", n))
	}
	return err
}
