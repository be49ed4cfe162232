package courier

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// Parcel is one thing to be brought.
type Parcel struct {
	To   string `json:"to"`   // its destination: parcels of one share a lane
	Name string `json:"name"` // what the destination calls it
	Body []byte `json:"body"`
}

// ErrRefused says that to bring a parcel again would not help: it is lost.
var ErrRefused = errors.New("refused for good")

// Config is what a courier needs. Bring must be set.
type Config struct {
	// Bring brings one parcel. It heeds ctx, and may be called from several goroutines.
	Bring   func(ctx context.Context, p Parcel) error
	Spool   string        // the file of what is left when the courier is closed; empty: that is lost
	Most    int           // bytes that may wait; 0 means 64 MiB
	Workers int           // parcels of one destination that are on their way at once; 0 means 1, which keeps their order
	Rest    time.Duration // after a first failure; 0 means 1 s
	Grace   time.Duration // what Close gives to what waits; 0 means 5 s
	Logger  *slog.Logger
}

const (
	most        = 64 << 20
	longestRest = time.Minute
	patience    = 30 * time.Second // with one Bring
	tellEvery   = time.Minute
)

// Courier takes parcels. Safe for concurrent use.
type Courier struct {
	cfg    Config
	ctx    context.Context // of what is on its way
	cancel context.CancelFunc
	out    sync.WaitGroup // workers

	mu     sync.Mutex // guards the rest
	lanes  map[string]*lane
	bytes  int // of what waits or is on its way
	counts Counts
	closed bool
	idle   chan struct{} // closed when closed is set and nothing waits
	told   time.Time     // when the log was told of parcels lost
	untold int           // since
}

// Counts is what a courier has done since it was opened.
type Counts struct {
	Brought uint64
	Lost    uint64 // no room, or refused
	Waiting int    // now
}

// lane is what goes to one destination. The courier's mutex guards it.
type lane struct {
	waiting  []Parcel
	bytes    int // of these and of those on their way
	busy     int // on their way
	failures int // since the last success
	clock    *time.Timer
}

// Open opens a courier. What one before left in the spool goes first. An error is about the spool.
func Open(cfg Config) (*Courier, error) {
	cfg.Most, cfg.Workers = cmp.Or(cfg.Most, most), cmp.Or(cfg.Workers, 1)
	cfg.Rest, cfg.Grace = cmp.Or(cfg.Rest, time.Second), cmp.Or(cfg.Grace, 5*time.Second)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	left, err := readSpool(cfg.Spool, cfg.Logger)
	if err != nil {
		return nil, err
	}
	c := &Courier{cfg: cfg, lanes: map[string]*lane{}, idle: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	for _, p := range left {
		c.Take(p)
	}
	return c, nil
}

func size(p *Parcel) int { return 64 + len(p.To) + len(p.Name) + len(p.Body) }

// Take takes a parcel. It never blocks: where there is no room, the newest of the destination for which most waits is lost, counted
// and told in the log. The body must not be changed afterwards.
func (c *Courier) Take(p Parcel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := size(&p)
	l := c.lanes[p.To]
	if l == nil {
		l = &lane{}
	}
	if c.closed || !c.makeRoom(l.bytes+n, n) {
		c.lose(p, errTooMany)
		return
	}
	c.bytes += n
	l.bytes += n
	c.lanes[p.To] = l
	l.waiting = append(l.waiting, p)
	c.send(p.To, l)
}

var errTooMany = errors.New("too many wait")

// makeRoom makes room for n bytes, at the cost of lanes that have more than mine. False: there is none. The mutex is held.
func (c *Courier) makeRoom(mine, n int) bool {
	for c.bytes+n > c.cfg.Most {
		var most *lane
		for _, l := range c.lanes {
			if len(l.waiting) > 1 && l.bytes > mine && (most == nil || l.bytes > most.bytes) {
				most = l
			}
		}
		if most == nil {
			return false
		}
		last := len(most.waiting) - 1
		p := most.waiting[last]
		most.waiting = slices.Delete(most.waiting, last, last+1)
		c.gone(most, &p)
		c.lose(p, errTooMany)
	}
	return true
}

// gone frees the room of a parcel. The mutex is held.
func (c *Courier) gone(l *lane, p *Parcel) {
	c.bytes -= size(p)
	l.bytes -= size(p)
}

// Counts gives the counts as they are now.
func (c *Courier) Counts() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.counts
	for _, l := range c.lanes {
		n.Waiting += len(l.waiting) + l.busy
	}
	return n
}

// send sends workers on their way, as many as the lane may have. The mutex is held.
func (c *Courier) send(to string, l *lane) {
	if l.clock != nil { // it rests
		return
	}
	workers := c.cfg.Workers
	if l.failures > 0 {
		workers = 1 // it tries whether it goes again
	}
	for range min(len(l.waiting), workers-l.busy) {
		p := l.waiting[0]
		l.waiting = l.waiting[1:]
		l.busy++
		c.out.Go(func() { c.carry(to, l, p) })
	}
}

// carry brings parcels of a lane, beginning with p, until none waits or one fails.
func (c *Courier) carry(to string, l *lane, p Parcel) {
	for {
		err := c.bring(p)
		c.mu.Lock()
		again := c.arrived(to, l, p, err)
		if again {
			p = l.waiting[0]
			l.waiting = l.waiting[1:]
		} else {
			l.busy--
			c.settle(to, l)
		}
		c.mu.Unlock()
		if !again {
			return
		}
	}
}

// bring brings one; a panic becomes an error.
func (c *Courier) bring(p Parcel) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: panic: %v\n%s", ErrRefused, v, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	return c.cfg.Bring(ctx, p)
}

// arrived notes what became of a parcel, and tells whether its worker is to take the next. The mutex is held.
func (c *Courier) arrived(to string, l *lane, p Parcel, err error) (again bool) {
	switch {
	case err == nil:
		c.counts.Brought++
		c.gone(l, &p)
	case errors.Is(err, ErrRefused):
		c.lose(p, err)
		c.gone(l, &p)
	default:
		l.waiting = slices.Insert(l.waiting, 0, p)
		l.failures++
		if l.failures == 1 && c.ctx.Err() == nil {
			c.cfg.Logger.Warn("what calls left can't be delivered; it is tried again", "to", to, "error", err)
		}
		c.rest(to, l)
		return false
	}
	if l.failures > 0 {
		l.failures = 0
		c.cfg.Logger.Info("what calls left is delivered again", "to", to, "waiting", len(l.waiting))
	}
	c.send(to, l)
	return len(l.waiting) > 0
}

// rest lets a lane rest after a failure. The mutex is held.
func (c *Courier) rest(to string, l *lane) {
	if l.clock != nil || c.ctx.Err() != nil {
		return
	}
	pause := min(longestRest, c.cfg.Rest<<min(l.failures-1, 16))
	if pause <= 0 {
		pause = longestRest
	}
	l.clock = time.AfterFunc(pause, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if l.clock = nil; c.ctx.Err() == nil { // else it is closed, and what waits is kept
			c.send(to, l)
		}
	})
}

// settle forgets a lane that is empty. The mutex is held.
func (c *Courier) settle(to string, l *lane) {
	if l.busy == 0 && len(l.waiting) == 0 && c.lanes[to] == l {
		delete(c.lanes, to)
	}
	if c.closed && len(c.lanes) == 0 {
		c.tellIdle()
	}
}

func (c *Courier) tellIdle() {
	select {
	case <-c.idle: // already
	default:
		close(c.idle)
	}
}

// lose counts a parcel that nobody will bring. The mutex is held.
func (c *Courier) lose(p Parcel, why error) {
	c.counts.Lost++
	if c.untold++; c.told.IsZero() || time.Since(c.told) >= tellEvery {
		c.cfg.Logger.Error("what calls left is lost on its way", "to", p.To, "name", p.Name, "lost", c.untold, "error", why)
		c.told, c.untold = time.Now(), 0
	}
}

// Close gives what waits a last chance, and keeps what is left in the spool. An error is about that.
func (c *Courier) Close() error {
	c.mu.Lock()
	c.closed = true
	if len(c.lanes) == 0 {
		c.tellIdle()
	}
	for to, l := range c.lanes { // nobody rests now
		if l.clock != nil && l.clock.Stop() {
			l.clock = nil
			c.send(to, l)
		}
	}
	c.mu.Unlock()
	grace := time.NewTimer(c.cfg.Grace)
	defer grace.Stop()
	select {
	case <-c.idle:
	case <-grace.C:
	}
	c.mu.Lock()
	c.cancel() // with the mutex held: no rest that ends now sends anybody on the way
	c.mu.Unlock()
	c.out.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	var left []Parcel
	for _, l := range c.lanes {
		if l.clock != nil {
			l.clock.Stop()
		}
		left = append(left, l.waiting...)
	}
	return writeSpool(c.cfg.Spool, left, c.cfg.Logger)
}
