package exchange

import (
	"maps"
	"sync"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/engine"
)

// Traffic counts what each trunk carries: the legs of all calls, while they go on. Safe for concurrent use; one mutex, held for some
// additions a leg.
type Traffic struct {
	dir    func() *directory.Snapshot
	mu     sync.Mutex
	trunks map[string]*dialect.Traffic // by ID
	full   int                         // when those that exist no more are looked for
}

// manyTrunks is how many trunks make it worth to look for those that exist no more.
const manyTrunks = 256

// NewTraffic makes one that counts for the trunks of a directory.
func NewTraffic(dir func() *directory.Snapshot) *Traffic {
	return &Traffic{dir: dir, trunks: map[string]*dialect.Traffic{}, full: manyTrunks}
}

// Trunks gives what each trunk that exists has carried.
func (t *Traffic) Trunks() map[string]dialect.Traffic {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget()
	out := make(map[string]dialect.Traffic, len(t.trunks))
	for id, n := range t.trunks {
		out[id] = *n
	}
	return out
}

// forget drops trunks that exist no more and carry nothing. The mutex is held.
func (t *Traffic) forget() {
	dir := t.dir()
	maps.DeleteFunc(t.trunks, func(id string, n *dialect.Traffic) bool {
		_, ok := dir.Trunk(id)
		return !ok && n.In.Active == 0 && n.Out.Active == 0
	})
}

// Dialer gives a dialer that places legs by next and counts those that go out by a trunk.
func (t *Traffic) Dialer(next engine.Dialer) engine.Dialer { return counted{t, next} }

type counted struct {
	t    *Traffic
	next engine.Dialer
}

func (c counted) Dial(id call.LegID, d call.Dial, r call.Report) engine.Leg {
	if d.Takes != "" || d.Endpoint != "" {
		return c.next.Dial(id, d, r)
	}
	return c.next.Dial(id, d, c.t.watch(d.Trunk, call.Out, r))
}

// Adopt lets next hand over a leg, where it has such.
func (c counted) Adopt(token uint64, id call.LegID, r call.Report) engine.Leg {
	return outbound{next: c.next}.Adopt(token, id, r)
}

// watch counts a leg that begins, and what it reports.
func (t *Traffic) watch(trunk string, dir call.Direction, r call.Report) call.Report {
	if t == nil || trunk == "" {
		return r
	}
	l := &counting{t: t, trunk: trunk, dir: dir}
	t.count(trunk, dir, func(n *dialect.Traffic, f *dialect.Flow) { f.Attempts++; f.Active++ })
	return func(ev call.Event) {
		l.hear(ev)
		r(ev)
	}
}

// counting is a leg that is counted. Its reports come one after the other.
type counting struct {
	t                    *Traffic
	trunk                string
	dir                  call.Direction
	rung, answered, over bool
}

func (l *counting) hear(ev call.Event) {
	switch ev := ev.(type) {
	case call.Ringing, call.Progress:
		if l.rung {
			return
		}
		l.rung = true
		l.t.count(l.trunk, l.dir, func(n *dialect.Traffic, _ *dialect.Flow) { n.Codes[1]++ })
	case call.Answered:
		if l.answered {
			return
		}
		l.answered = true
		l.t.count(l.trunk, l.dir, func(n *dialect.Traffic, f *dialect.Flow) { n.Codes[2]++; f.Answered++ })
	case call.LegEnded:
		if l.over {
			return
		}
		l.over = true
		l.t.count(l.trunk, l.dir, func(n *dialect.Traffic, f *dialect.Flow) { l.ended(n, f, ev.Cause) })
	}
}

// ended counts the end of a leg. The mutex is held.
func (l *counting) ended(n *dialect.Traffic, f *dialect.Flow, c call.Cause) {
	f.Active--
	if l.answered {
		return
	}
	f.Failures++
	if class := c.SIP / 100; class >= 3 && class < len(n.Codes) {
		n.Codes[class]++
	}
	if c.By == call.ByPlatform && c.Label == call.LabelLimit {
		n.Throttled++
	}
}

// count changes what a trunk has carried.
func (t *Traffic) count(trunk string, dir call.Direction, f func(*dialect.Traffic, *dialect.Flow)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.trunks[trunk]
	if n == nil {
		if len(t.trunks) >= t.full {
			t.forget()
			t.full = max(manyTrunks, 2*len(t.trunks))
		}
		n = &dialect.Traffic{}
		t.trunks[trunk] = n
	}
	if dir == call.In {
		f(n, &n.In)
	} else {
		f(n, &n.Out)
	}
}
