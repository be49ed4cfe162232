package registrar

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/directory"
)

// Keeper keeps bindings over a restart.
type Keeper interface {
	// Bindings gives those that have not expired.
	Bindings(ctx context.Context, now time.Time) ([]directory.Binding, error)
	// KeepBindings writes those of these endpoints, by user name; an empty list for none.
	KeepBindings(ctx context.Context, changed map[string][]directory.Binding) error
}

// Errors of [Registrar.Register]: nothing was changed.
var (
	// ErrOrder: an earlier REGISTER of the same Call-ID had this CSeq or a higher one.
	ErrOrder = errors.New("out of order")
	// ErrMany: one REGISTER names more contacts than the endpoint may have.
	ErrMany = errors.New("too many contacts")
	// ErrFull: the registrar holds as many bindings as it may.
	ErrFull = errors.New("too many registrations")
)

// Config is a registrar's settings. Zero values mean the defaults named.
type Config struct {
	Keeper Keeper        // none: a restart forgets
	Most   int           // bindings of all endpoints: 1,000,000
	Every  time.Duration // between two writes: 1 s
	Log    *slog.Logger  // slog.Default()
}

const (
	shards     = 64
	mostEach   = 4096 // endpoints in one write
	sweepEvery = 30   // writes between two looks for what has expired
)

// Registrar keeps bindings. Safe for all goroutines.
type Registrar struct {
	cfg    Config
	done   chan struct{}
	wait   sync.WaitGroup
	once   sync.Once
	shards [shards]shard
	seed   maphash.Seed // keeps others from choosing names for one shard
	count  atomic.Int64
}

// shard is the endpoints whose name has one hash.
type shard struct {
	mu      sync.Mutex
	users   map[string][]directory.Binding // guarded by mu; a list is never changed in place
	changed map[string]struct{}            // since the last write; guarded by mu
}

// Open gives a registrar with what was kept. Close it.
func Open(ctx context.Context, cfg Config) (*Registrar, error) {
	cfg.Most = cmp.Or(cfg.Most, 1_000_000)
	cfg.Every = cmp.Or(cfg.Every, time.Second)
	cfg.Log = cmp.Or(cfg.Log, slog.Default())
	r := &Registrar{cfg: cfg, done: make(chan struct{}), seed: maphash.MakeSeed()}
	for i := range r.shards {
		r.shards[i].users, r.shards[i].changed = map[string][]directory.Binding{}, map[string]struct{}{}
	}
	if cfg.Keeper == nil {
		return r, nil
	}
	kept, err := cfg.Keeper.Bindings(ctx, time.Now())
	if err != nil {
		return nil, fmt.Errorf("registrations: %w", err)
	}
	for _, b := range kept {
		b.Flow = 0 // of the last run
		s := r.of(b.User)
		s.users[b.User] = append(s.users[b.User], b)
		r.count.Add(1)
	}
	r.wait.Go(r.run)
	return r, nil
}

// Close writes what has changed and ends.
func (r *Registrar) Close() error {
	r.once.Do(func() { close(r.done) })
	r.wait.Wait()
	return r.write(context.Background())
}

// Len gives the number of bindings, some of which may have expired a moment ago.
func (r *Registrar) Len() int { return int(r.count.Load()) }

func (r *Registrar) of(user string) *shard { return &r.shards[maphash.String(r.seed, user)%shards] }

// Find gives the bindings of an endpoint that have not expired, the preferred first (RFC 3261 section 20.10, q), then the
// latest. What is given must not be changed.
func (r *Registrar) Find(user string, now time.Time) []directory.Binding {
	s := r.of(user)
	s.mu.Lock()
	defer s.mu.Unlock()
	return r.prune(s, user, now)
}

// prune forgets what has expired of an endpoint and gives the rest. The caller holds the shard's mu.
func (r *Registrar) prune(s *shard, user string, now time.Time) []directory.Binding {
	list := s.users[user]
	if !slices.ContainsFunc(list, func(b directory.Binding) bool { return !now.Before(b.Expires) }) {
		return list
	}
	return r.set(s, user, slices.DeleteFunc(slices.Clone(list), func(b directory.Binding) bool { return !now.Before(b.Expires) }))
}

// set replaces the bindings of an endpoint. The caller holds the shard's mu.
func (r *Registrar) set(s *shard, user string, list []directory.Binding) []directory.Binding {
	r.count.Add(int64(len(list) - len(s.users[user])))
	if len(list) == 0 {
		delete(s.users, user)
	} else {
		s.users[user] = list
	}
	if r.cfg.Keeper != nil {
		s.changed[user] = struct{}{}
	}
	return list
}

// Register carries one REGISTER of an endpoint out: contacts whose Expires is not after now go, the others are set; every
// one goes first where all is asked for. Where more than Most would be left, those that the request does not name give
// way, the one that expires first before the others: it is what was refreshed longest ago, and a telephone that reconnects
// and says no instance must not shut itself out. It gives the bindings after it, and those that gave way. The errors are
// [ErrOrder], [ErrMany] and [ErrFull].
func (r *Registrar) Register(req Request, now time.Time) (left, displaced []directory.Binding, err error) {
	s := r.of(req.User)
	s.mu.Lock()
	defer s.mu.Unlock()
	before := r.prune(s, req.User, now)
	after, err := req.apply(before, now)
	if err != nil {
		return nil, nil, err
	}
	if len(after) > max(req.Most, len(before)) { // one whose limit was lowered may still refresh what it has
		after, displaced = req.makeRoom(after)
	}
	switch {
	case len(after) > max(req.Most, len(before)):
		return nil, nil, ErrMany
	case len(after) > len(before) && r.Len()+len(after)-len(before) > r.cfg.Most:
		return nil, nil, ErrFull
	case len(req.Contacts) == 0 && !req.All:
		return before, nil, nil
	}
	return r.set(s, req.User, after), displaced, nil
}

// All calls f for every binding that has not expired, until it gives false.
func (r *Registrar) All(now time.Time, f func(directory.Binding) bool) {
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		lists := slices.Collect(maps.Values(s.users))
		s.mu.Unlock()
		for _, list := range lists {
			for _, b := range list {
				if now.Before(b.Expires) && !f(b) {
					return
				}
			}
		}
	}
}

// run writes what changes, and now and then forgets what has expired.
func (r *Registrar) run() {
	tick := time.NewTicker(r.cfg.Every)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-r.done:
			return
		case <-tick.C:
		}
		if n%sweepEvery == 0 {
			r.sweep(time.Now())
		}
		if err := r.write(context.Background()); err != nil {
			r.cfg.Log.Warn("registrations are not kept; it is tried again", "error", err)
		}
	}
}

// sweep forgets what has expired.
func (r *Registrar) sweep(now time.Time) {
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		for user := range s.users {
			r.prune(s, user, now)
		}
		s.mu.Unlock()
	}
}

// write writes what has changed, some thousand endpoints at a time. What can't be written is tried again the next time.
func (r *Registrar) write(ctx context.Context) error {
	if r.cfg.Keeper == nil {
		return nil
	}
	for {
		batch := r.take()
		if len(batch) == 0 {
			return nil
		}
		if err := r.cfg.Keeper.KeepBindings(ctx, batch); err != nil {
			r.putBack(batch)
			return err
		}
		if len(batch) < mostEach {
			return nil
		}
	}
}

// take gives what has changed, up to a number of endpoints.
func (r *Registrar) take() map[string][]directory.Binding {
	batch := map[string][]directory.Binding{}
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		for user := range s.changed {
			if len(batch) == mostEach {
				break
			}
			batch[user] = s.users[user]
			delete(s.changed, user)
		}
		s.mu.Unlock()
	}
	return batch
}

func (r *Registrar) putBack(batch map[string][]directory.Binding) {
	for user := range batch {
		s := r.of(user)
		s.mu.Lock()
		s.changed[user] = struct{}{}
		s.mu.Unlock()
	}
}
