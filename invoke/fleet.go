package invoke

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	// grace is how long one waits for a process that lives to become free before another is started: most events are
	// answered long before a new process would be ready.
	grace = 20 * time.Millisecond
	// startsAtOnce bounds the processes of one function that start at a time: a start takes much CPU time.
	startsAtOnce = 4
	// After n starts in a row that failed, none is tried for firstBackoff × 2^(n-1), at most maxBackoff.
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 10 * time.Second
)

// fleet is the processes of one local function. Each serves one invocation at a time, as on AWS Lambda; more are started
// while invocations wait, up to size.
//
//	            next                take               answer               next
//	starting ────────▶ idle ─────────────────▶ busy ─────────────▶ finishing ──────▶ idle
//	    └─────────────── any: exit, kill, time limit ───────────────▶ gone
type fleet struct {
	name   string
	limits limits
	spawn  spawn
	log    *slog.Logger

	ctx     context.Context // ends when the fleet stops: kills all processes
	stopAll context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex
	live     map[*process]struct{}
	idle     []*process // the one used last is last, and is taken first
	waiting  []*waiter
	starting int
	failures int       // starts that failed, in a row
	retryAt  time.Time // no start before
	fault    *Error    // of the last failed start
	reaper   *time.Timer
	reaping  bool
	stopped  bool
}

// limits of a fleet.
type limits struct {
	processes int
	event     time.Duration // for a process to answer and ask again
	start     time.Duration // for a process to ask the first time
	idle      time.Duration // for all processes but one
	answer    int64         // bytes
}

// waiter is an invocation that waits for a process. got holds one grant.
type waiter struct{ got chan grant }

type grant struct {
	process *process
	fault   *Error
}

var errStopped = errors.New("functions are not invoked any more: the program is stopping")

func newFleet(d Declared, argv []string, input []byte, c Config) *fleet {
	f := &fleet{
		name: d.Name, log: c.Logger.With("function", d.Name), live: map[*process]struct{}{},
		limits: limits{processes: d.Concurrency, event: d.Timeout, start: d.InitTimeout, idle: d.IdleTimeout, answer: c.MaxAnswer},
		spawn: newSpawn(d, argv, input,
			or(c.Region, or(os.Getenv("AWS_REGION"), or(os.Getenv("AWS_DEFAULT_REGION"), defaultRegion)))),
	}
	f.ctx, f.stopAll = context.WithCancel(context.Background())
	f.reaper = time.AfterFunc(f.limits.idle, f.reap)
	f.reaper.Stop()
	return f
}

// try implements [target].
func (f *fleet) try(ctx context.Context, arn string, payload []byte) ([]byte, error) {
	inv := newInvocation(or(arn, f.spawn.arn), payload, linesOf(ctx))
	for {
		p, err := f.take(ctx)
		if err != nil {
			return nil, err
		}
		if p.begin(inv) {
			break
		}
	}
	select {
	case out := <-inv.done:
		if out.fault != nil {
			return nil, out.fault
		}
		return out.answer, nil
	case <-ctx.Done(): // the process works on, until its own limit, as on AWS Lambda
		return nil, ctx.Err()
	}
}

// take gives a process that waits for an event; it is the caller's until begin or release.
func (f *fleet) take(ctx context.Context) (*process, error) {
	f.mu.Lock()
	if f.stopped {
		f.mu.Unlock()
		return nil, &Error{Kind: Unreachable, Message: errStopped.Error(), Err: errStopped}
	}
	if n := len(f.idle); n > 0 {
		p := f.idle[n-1]
		f.idle = f.idle[:n-1]
		p.state = busy
		f.mu.Unlock()
		return p, nil
	}
	if len(f.live) == 0 && time.Now().Before(f.retryAt) {
		defer f.mu.Unlock()
		return nil, f.fault
	}
	w := &waiter{make(chan grant, 1)}
	f.waiting = append(f.waiting, w)
	if len(f.live) == 0 {
		f.grow()
	}
	f.mu.Unlock()
	return f.await(ctx, w)
}

// await waits for a grant: at first from those that live, then with more processes started; while all are busy for an
// eighth of the time limit at most (twice that with the retry), so that another function has time to answer the call.
func (f *fleet) await(ctx context.Context, w *waiter) (*process, error) {
	t := time.NewTimer(grace)
	defer t.Stop()
	for patience := grace; ; {
		var refusal error
		select {
		case g := <-w.got:
			return g.result()
		case <-ctx.Done():
			refusal = ctx.Err()
		case <-t.C:
			f.mu.Lock()
			f.grow()
			crowded := f.starting == 0
			f.mu.Unlock()
			if patience == grace || !crowded {
				patience = f.limits.event / 8
				t.Reset(patience)
				continue
			}
			refusal = &Error{Kind: Throttled, Message: "all its processes are busy"}
		}
		if !f.withdraw(w) {
			g := <-w.got
			if g.fault != nil || ctx.Err() == nil {
				return g.result()
			}
			f.release(g.process)
		}
		return nil, refusal
	}
}

func (g grant) result() (*process, error) {
	if g.fault != nil {
		return nil, g.fault
	}
	return g.process, nil
}

// withdraw takes a waiter back; false when it has its grant.
func (f *fleet) withdraw(w *waiter) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.Index(f.waiting, w)
	if i >= 0 {
		f.waiting = slices.Delete(f.waiting, i, i+1)
	}
	return i >= 0
}

// grow starts processes for those who wait. f.mu is held.
func (f *fleet) grow() {
	if f.stopped || time.Now().Before(f.retryAt) {
		return
	}
	for range min(len(f.waiting), startsAtOnce) - f.starting {
		if len(f.live) >= f.limits.processes {
			return
		}
		p := newProcess(f)
		f.live[p] = struct{}{}
		f.starting++
		f.running.Go(p.run)
	}
}

// ready takes note that a process asks for an event; false when it owes an answer.
func (f *fleet) ready(p *process) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	started := p.state == starting
	switch p.state {
	case starting:
		f.starting--
		f.failures = 0
	case finishing:
	case idle: // a second request of the same process: either gets the event
		return true
	case busy, gone:
		return p.state == busy && (p.current == nil || len(p.work) > 0) // its event is not there yet, or was not fetched
	}
	p.timer.Stop()
	f.hand(p)
	if started {
		f.grow() // who still waits may need more than the few that start at once
	}
	return true
}

// release gives back a process that was taken but not used.
func (f *fleet) release(p *process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.state == busy {
		f.hand(p)
	}
}

// hand gives a process to the first who waits, or keeps it. f.mu is held.
func (f *fleet) hand(p *process) {
	if len(f.waiting) > 0 {
		w := f.waiting[0]
		f.waiting = f.waiting[1:]
		p.state = busy
		w.got <- grant{process: p}
		return
	}
	p.state, p.since = idle, time.Now()
	f.idle = append(f.idle, p)
	if len(f.live) > 1 && !f.reaping && !f.stopped {
		f.reaping = true
		f.reaper.Reset(f.limits.idle)
	}
}

// reap ends processes that were idle for long, all but one.
func (f *fleet) reap() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reaping = false
	if f.stopped {
		return
	}
	now, left := time.Now(), len(f.live)
	for len(f.idle) > 0 && left > 1 && now.Sub(f.idle[0].since) >= f.limits.idle {
		f.idle[0].kill()
		f.idle = f.idle[1:]
		left--
	}
	if left > 1 {
		f.reaping = true
		f.reaper.Reset(f.limits.idle/2 + time.Millisecond)
	}
}

// gone takes note that a process has ended; fault says why it gave no answer or did not start.
func (f *fleet) gone(p *process, fault *Error) {
	f.mu.Lock()
	was, inv := p.state, p.current
	own := fault
	if len(p.work) > 0 { // it never had the event: another may
		own = &Error{Kind: Unreachable, Message: fault.Message}
	}
	p.state, p.current = gone, nil
	p.timer.Stop()
	delete(f.live, p)
	if i := slices.Index(f.idle, p); i >= 0 {
		f.idle = slices.Delete(f.idle, i, i+1)
	}
	if was == starting {
		f.starting--
		f.failures++
		f.fault = fault
		f.retryAt = time.Now().Add(min(maxBackoff, firstBackoff<<min(f.failures-1, 10)))
	}
	f.grow()
	if len(f.live) == 0 { // nothing lives that the waiting could get
		for _, w := range f.waiting {
			w.got <- grant{fault: fault}
		}
		f.waiting = nil
	}
	f.mu.Unlock()
	if inv != nil {
		inv.done <- outcome{fault: own}
	}
}

// warm waits until one process has started.
func (f *fleet) warm(ctx context.Context) error {
	f.mu.Lock()
	there := len(f.live) > f.starting
	f.mu.Unlock()
	if there {
		return nil
	}
	p, err := f.take(ctx)
	if err == nil {
		f.release(p)
		return nil
	}
	var fault *Error
	if errors.As(err, &fault) {
		own := *fault
		own.Function = f.name
		return &own
	}
	return fmt.Errorf("warm function %s: %w", f.name, err)
}

// stop kills all processes; running tells when they are gone.
func (f *fleet) stop() {
	f.mu.Lock()
	f.stopped = true
	f.reaper.Stop()
	f.mu.Unlock()
	f.stopAll()
}
