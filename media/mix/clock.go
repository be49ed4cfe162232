package mix

import (
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/switchhook/switchhook/media"
)

// Clock beats rooms and ears each 20 ms. Safe for concurrent use.
type Clock struct {
	shards []*shard
	log    *slog.Logger
	wg     sync.WaitGroup
}

// beater is what a clock beats; false says that it is over. Beats that were missed are passed over: whoever keeps the time
// hears silence for them.
type beater interface {
	beat() bool
	pass(beats int)
}

// NewClock makes a clock of so many goroutines, GOMAXPROCS when zero, which run while there is something to beat. Faults
// of ours are told to the log; slog.Default when nil.
func NewClock(shards int, log *slog.Logger) *Clock {
	if shards <= 0 {
		shards = runtime.GOMAXPROCS(0)
	}
	if log == nil {
		log = slog.Default()
	}
	c := &Clock{log: log}
	for range shards {
		c.shards = append(c.shards, &shard{clock: c})
	}
	return c
}

// add has b beaten from now on, until it says that it is over.
func (c *Clock) add(b beater) {
	least := c.shards[0]
	for _, s := range c.shards[1:] {
		if s.load() < least.load() {
			least = s
		}
	}
	least.add(b)
}

// Close stops all beating and waits for that. What was beaten is left as it is.
func (c *Clock) Close() {
	for _, s := range c.shards {
		s.close()
	}
	c.wg.Wait()
}

// shard is one goroutine of a clock.
type shard struct {
	clock *Clock

	mu     sync.Mutex
	added  []beater // not yet taken in
	count  int
	stop   chan struct{} // of the goroutine that runs; nil when none does
	closed bool

	all  []beater // the goroutine's
	told time.Time
}

func (s *shard) load() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

func (s *shard) add(b beater) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.added = append(s.added, b)
	s.count++
	if s.stop == nil {
		s.stop = make(chan struct{})
		stop := s.stop
		s.clock.wg.Go(func() { s.run(stop) })
	}
}

func (s *shard) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed && s.stop != nil {
		close(s.stop)
	}
	s.closed = true
}

const (
	catchUp = 5            // how many beats missed are made up for; more are passed over
	asleep  = 60 * 60 * 50 // more than these the machine slept: nobody keeps that time
)

func (s *shard) run(stop chan struct{}) {
	t := time.NewTicker(media.FrameTime)
	defer t.Stop()
	last := time.Now()
	for {
		select {
		case <-stop:
			return
		case <-t.C:
		}
		due := int(time.Since(last) / media.FrameTime)
		last = last.Add(time.Duration(due) * media.FrameTime)
		if due > catchUp {
			for _, b := range s.all {
				b.pass(min(due, asleep) - catchUp)
			}
			due = catchUp
		}
		for range due {
			if !s.beat() {
				return
			}
		}
	}
}

// beat beats once; false when nothing is left to beat, and the goroutine ends.
func (s *shard) beat() bool {
	s.mu.Lock()
	s.all = append(s.all, s.added...)
	s.added = s.added[:0]
	if len(s.all) == 0 {
		s.stop = nil
		s.mu.Unlock()
		return false
	}
	s.mu.Unlock()
	over := 0
	for i, b := range s.all {
		if !s.one(b) {
			s.all[i] = nil
			over++
		}
	}
	if over > 0 {
		s.all = slices.DeleteFunc(s.all, func(b beater) bool { return b == nil })
		s.mu.Lock()
		s.count -= over
		s.mu.Unlock()
	}
	return true
}

// one beats b. A fault of ours costs this beat of it and touches no other.
func (s *shard) one(b beater) (more bool) {
	defer func() {
		if v := recover(); v != nil {
			more = true
			if time.Since(s.told) >= time.Second {
				s.told = time.Now()
				s.clock.log.Error("a beat broke", "fault", v, "stack", string(debug.Stack()))
			}
		}
	}()
	return b.beat()
}
