package exchange

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/engine"
)

// Counts is what the exchange has done since it began.
type Counts struct {
	Started    uint64                // calls, those that were refused included
	Standing   int                   // calls that are not over
	Ended      map[call.Label]uint64 // calls that are, by the label of their cause
	AppsFailed uint64                // drives that ended with an error
	Failovers  uint64                // calls handed to the rule's next application
	Calls      engine.Counts         // what the calls have done
}

// Standing is one live call.
type Standing struct {
	ID    call.ID
	App   string // who drives it
	From  string
	To    string
	Start time.Time
}

// registry knows the live calls and counts those that were. One mutex for all: it is held for two map operations a
// call, a few hundred nanoseconds in the milliseconds that a call costs.
type registry struct {
	mu       sync.Mutex
	calls    map[call.ID]*entry
	draining bool
	idle     chan struct{} // closed when draining and no call is left
	counts   Counts
}

type entry struct {
	call *engine.Call
	app  string
}

func newRegistry() registry {
	return registry{calls: map[call.ID]*entry{}, idle: make(chan struct{}), counts: Counts{Ended: map[call.Label]uint64{}}}
}

// add keeps a call; false when no more are taken. Either way it is to be removed.
func (r *registry) add(c *engine.Call) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls[c.ID()] = &entry{call: c}
	r.counts.Started++
	return !r.draining
}

// remove forgets a call that is over.
func (r *registry) remove(c *engine.Call, l call.Label) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.calls, c.ID())
	r.counts.Ended[l]++
	r.tellIdle()
}

func (r *registry) find(id call.ID) (*engine.Call, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.calls[id]
	if !ok {
		return nil, false
	}
	return e.call, true
}

func (r *registry) drivenBy(c *engine.Call, app string, failover bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls[c.ID()].app = app
	if failover {
		r.counts.Failovers++
	}
}

func (r *registry) appFailed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.AppsFailed++
}

func (r *registry) all() []*engine.Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*engine.Call, 0, len(r.calls))
	for _, e := range r.calls {
		all = append(all, e.call)
	}
	return all
}

// drain lets no more calls be added; what it gives is closed when none is left.
func (r *registry) drain() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.draining = true
	r.tellIdle()
	return r.idle
}

func (r *registry) isDraining() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.draining
}

// tellIdle closes idle when it is time. The mutex is held.
func (r *registry) tellIdle() {
	if !r.draining || len(r.calls) > 0 {
		return
	}
	select {
	case <-r.idle: // already
	default:
		close(r.idle)
	}
}

// Counts gives the counts as they are now.
func (x *Exchange) Counts() Counts {
	r := &x.live
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.counts
	c.Standing = len(r.calls)
	c.Ended, c.Calls = maps.Clone(c.Ended), x.cfg.Engine.Counts()
	return c
}

// Standing gives the live calls, oldest first.
func (x *Exchange) Standing() []Standing {
	r := &x.live
	r.mu.Lock()
	all := make([]Standing, 0, len(r.calls))
	for id, e := range r.calls {
		o := e.call.Origin()
		all = append(all, Standing{ID: id, App: e.app, From: o.From, To: o.To, Start: o.At})
	}
	r.mu.Unlock()
	slices.SortFunc(all, func(a, b Standing) int { return a.Start.Compare(b.Start) })
	return all
}

// Draining tells whether no more calls are taken.
func (x *Exchange) Draining() bool { return x.live.isDraining() }
