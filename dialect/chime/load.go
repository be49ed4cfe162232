package chime

import (
	"fmt"
	"maps"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/switchhook/switchhook/dialect"
)

// loads keeps what applications carry. Safe for all goroutines.
type loads struct {
	mu   sync.Mutex
	apps map[string]*load // by ID; guarded by mu, and so is what is in them
	full int              // when idle ones are looked for
}

// load is what one application carries.
type load struct {
	calls int           // that stand, a bridged one counted twice
	pace  *rate.Limiter // of calls that begin; nil where there is no limit
}

// manyLoads is how many applications make it worth to look for those without calls.
const manyLoads = 1024

// busyError says that an application takes no more calls.
type busyError struct {
	app  string
	pace bool // calls begin too fast; else too many stand
	why  string
}

// Error names the application and the limit.
func (e *busyError) Error() string { return fmt.Sprintf("application %s %s", e.app, e.why) }

// Is tells that the rule's next application is to be tried, and that nothing is broken.
func (e *busyError) Is(target error) bool {
	return target == dialect.ErrUnavailable || target == dialect.ErrBusy
}

// begin counts a call of an application in, or tells, by a *busyError, which limit refuses it.
func (s *loads) begin(app string, lim *Limits, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.of(app)
	if err := l.room(app, lim); err != nil {
		return err
	}
	if lim.CallsPerSecond > 0 {
		if l.pace == nil {
			l.pace = rate.NewLimiter(rate.Limit(lim.CallsPerSecond), max(1, int(lim.CallsPerSecond)))
		}
		if !l.pace.AllowN(now, 1) {
			return &busyError{app, true, fmt.Sprintf("begins more than %g calls a second", lim.CallsPerSecond)}
		}
	}
	l.calls++
	return nil
}

// grow counts a call of an application once more, because it is bridged.
func (s *loads) grow(app string, lim *Limits) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.of(app)
	if err := l.room(app, lim); err != nil {
		return err
	}
	l.calls++
	return nil
}

// move counts n for another application than before: a call that stands is not given up because of a limit.
func (s *loads) move(from, to string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of(from).calls -= n
	s.of(to).calls += n
}

// end counts n out.
func (s *loads) end(app string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of(app).calls -= n
}

// room tells whether one more call may stand.
func (l *load) room(app string, lim *Limits) error {
	if lim.ActiveCalls > 0 && l.calls >= lim.ActiveCalls {
		return &busyError{app, false, fmt.Sprintf("has %d active calls, and may have no more", l.calls)}
	}
	return nil
}

// of gives the load of an application. The mutex is held.
func (s *loads) of(app string) *load {
	if l := s.apps[app]; l != nil {
		return l
	}
	if len(s.apps) >= s.full {
		maps.DeleteFunc(s.apps, func(_ string, l *load) bool {
			return l.calls == 0 && (l.pace == nil || l.pace.Tokens() >= float64(l.pace.Burst()))
		})
		s.full = max(manyLoads, 2*len(s.apps))
	}
	if s.apps == nil {
		s.apps = map[string]*load{}
	}
	l := &load{}
	s.apps[app] = l
	return l
}

// standing gives how many calls each application has that has had any, as the vendor counts.
func (s *loads) standing() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]int, len(s.apps))
	for app, l := range s.apps {
		out[app] = l.calls
	}
	return out
}

// weight is what a call counts for the application that drives it. The driver's goroutine alone touches it.
type weight struct {
	loads *loads
	app   string
	n     int // 1, or 2 while it is bridged
}

// bridge counts the call once more.
func (w *weight) bridge(lim *Limits) error {
	if err := w.loads.grow(w.app, lim); err != nil {
		return err
	}
	w.n++
	return nil
}

// unbridge counts it once again, if it counted twice.
func (w *weight) unbridge() {
	if w.n > 1 {
		w.loads.end(w.app, w.n-1)
		w.n = 1
	}
}

// move counts it for another application.
func (w *weight) move(app string) {
	w.loads.move(w.app, app, w.n)
	w.app = app
}

// over counts it no more.
func (w *weight) over() { w.loads.end(w.app, w.n) }
