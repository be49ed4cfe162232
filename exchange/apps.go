package exchange

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/directory"
)

// apps makes applications from their settings, once per change of these.
type apps struct {
	dialects map[string]dialect.Dialect
	mu       sync.Mutex
	made     map[string]*made // by ID
	prune    int              // how many make it worth to look for those that exist no more
}

type made struct {
	of   directory.App
	make func() (dialect.App, error) // makes it when first called

	failures, faults quiet // of its drives; under the mutex of apps
}

// tellEvery is how often one application's failures are told: a function that is dead fails every call.
const tellEvery = time.Minute

// quiet is what is told at once, then no more often than tellEvery.
type quiet struct {
	told   time.Time
	untold int // since
}

func newApps(d map[string]dialect.Dialect) apps {
	return apps{dialects: d, made: map[string]*made{}, prune: 64}
}

// find gives the application, made now or before.
func (s *apps) find(dir *directory.Snapshot, a directory.App) (dialect.App, error) {
	s.mu.Lock()
	m := s.made[a.ID]
	if m == nil || !m.is(a) {
		m = &made{of: a, make: sync.OnceValues(func() (dialect.App, error) { return s.new(a) })}
		s.made[a.ID] = m
		s.forget(dir)
	}
	s.mu.Unlock()
	return m.make()
}

func (m *made) is(a directory.App) bool {
	return m.of.Updated.Equal(a.Updated) && m.of.Dialect == a.Dialect && bytes.Equal(m.of.Settings, a.Settings)
}

func (s *apps) new(a directory.App) (dialect.App, error) {
	d, ok := s.dialects[a.Dialect]
	if !ok {
		return nil, fmt.Errorf("app %q: no dialect %q", a.ID, a.Dialect)
	}
	app, err := d.App(a.ID, a.Settings)
	if err != nil {
		return nil, fmt.Errorf("app %q: %w", a.ID, err)
	}
	return app, nil
}

// failed tells whether a failure of the application, found before, is to be told, and how many since the last told were
// not. A fault of ours does not hide behind failures of the customer's.
func (s *apps) failed(id string, fault bool, now time.Time) (tell bool, untold int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.made[id]
	if m == nil { // it exists no more
		return true, 0
	}
	q := &m.failures
	if fault {
		q = &m.faults
	}
	if !q.told.IsZero() && now.Sub(q.told) < tellEvery {
		q.untold++
		return false, 0
	}
	untold = q.untold
	*q = quiet{told: now}
	return true, untold
}

// forget drops applications that exist no more, each time their number has doubled. The mutex is held.
func (s *apps) forget(dir *directory.Snapshot) {
	if len(s.made) < s.prune {
		return
	}
	for id := range s.made {
		if _, ok := dir.App(id); !ok {
			delete(s.made, id)
		}
	}
	s.prune = 2*len(s.made) + 64
}
