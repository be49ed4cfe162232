package exchange_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/exchange"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

// fakeDialect makes applications that drive as drive says; the settings are a JSON string, the name of one.
type fakeDialect struct {
	drive map[string]func(context.Context, dialect.Call) error
	mu    sync.Mutex
	made  []string // the IDs of the applications made
}

func (d *fakeDialect) Name() string { return "fake" }

func (d *fakeDialect) App(id string, settings json.RawMessage) (dialect.App, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.made = append(d.made, id)
	var name string
	if err := json.Unmarshal(settings, &name); err != nil {
		return nil, err
	}
	f, ok := d.drive[name]
	if !ok {
		return nil, errors.New("no such driver")
	}
	return app(f), nil
}

type app func(context.Context, dialect.Call) error

func (f app) Drive(ctx context.Context, c dialect.Call) error { return f(ctx, c) }

// fakeLeg is a leg whose far end the test plays. It has no media.
type fakeLeg struct {
	report call.Report
	trunk  string
	told   chan string
	once   sync.Once
}

func newLeg(r call.Report) *fakeLeg { return &fakeLeg{report: r, told: make(chan string, 16)} }

func (l *fakeLeg) Ring(int, header.List) { l.told <- "ring" }
func (l *fakeLeg) Early(header.List)     { l.told <- "early" }
func (l *fakeLeg) Media() media.Session  { return nil }
func (l *fakeLeg) Answer(header.List) {
	l.told <- "answer"
	l.report(call.Answered{})
}
func (l *fakeLeg) Hangup(c call.Cause, _ header.List) {
	l.told <- "hangup " + c.String()
	l.end(c)
}
func (l *fakeLeg) Describe() call.LegRecord { return call.LegRecord{Trunk: l.trunk} }
func (l *fakeLeg) end(c call.Cause)         { l.once.Do(func() { l.report(call.LegEnded{Cause: c}) }) }

// fakeDialer answers every call at once.
type fakeDialer struct {
	trunks chan string
	last   *atomic.Pointer[call.Dial]
}

func (d fakeDialer) Dial(_ call.LegID, dial call.Dial, r call.Report) engine.Leg {
	d.last.Store(&dial)
	d.trunks <- dial.Trunk
	l := newLeg(r)
	l.trunk = dial.Trunk
	l.report(call.Answered{})
	return l
}

// logs is a program's log.
type logs struct {
	mu    sync.Mutex
	lines []string
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(b))
	return len(b), nil
}

// take gives the lines that came since the last time.
func (l *logs) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.lines
	l.lines = nil
	return all
}

// house is an exchange with all that is around it.
type house struct {
	*exchange.Exchange
	engine  *engine.Engine
	dialect *fakeDialect
	trunks  chan string
	traffic *exchange.Traffic
	dialled atomic.Pointer[call.Dial] // last
	records chan call.Record
	last    atomic.Pointer[call.Finished] // whose record was given last
	told    logs                          // errors in the program's log

	content directory.Content
	current atomic.Pointer[directory.Snapshot]
}

const account = "111122223333"

// newHouse has rules by host whose digits name their applications in order: "12" → app-1, then app-2.
func newHouse(drive map[string]func(context.Context, dialect.Call) error) *house {
	h := &house{dialect: &fakeDialect{drive: drive}, trunks: make(chan string, 16), records: make(chan call.Record, 64)}
	h.content.Trunks = []directory.Trunk{{ID: "carrier", PSTN: true, Peers: []directory.Peer{{Host: "192.0.2.1"}}}}
	for _, n := range []string{"1", "2", "3"} {
		h.content.Apps = append(h.content.Apps, directory.App{
			ID: "app-" + n, Account: account, Dialect: "fake", Settings: json.RawMessage(`"` + n + `"`),
		})
	}
	for _, value := range []string{"1", "3", "12", "123"} {
		r := directory.Rule{ID: "rule-" + value, Account: account, Kind: directory.ByHost, Value: value}
		for i, n := range value {
			r.Targets = append(r.Targets, directory.Target{App: "app-" + string(n), Priority: i})
		}
		h.content.Rules = append(h.content.Rules, r)
	}
	h.current.Store(directory.NewSnapshot(h.content))
	h.traffic = exchange.NewTraffic(h.directory)
	h.engine = engine.New(engine.Config{
		Dialer: exchange.Outbound(h.directory, nil, h.traffic.Dialer(fakeDialer{h.trunks, &h.dialled})),
		Record: func(f call.Finished) {
			h.last.Store(&f)
			h.records <- f.Record
		},
		Log: true,
	})
	h.Exchange = exchange.New(exchange.Config{
		Engine: h.engine, Directory: h.directory, Logger: slog.New(slog.NewTextHandler(&h.told, &slog.HandlerOptions{Level: slog.LevelError})),
		Dialects: map[string]dialect.Dialect{"fake": h.dialect}, Traffic: h.traffic,
	})
	return h
}

func (h *house) directory() *directory.Snapshot { return h.current.Load() }

// change changes the first application.
func (h *house) change(f func(*directory.App)) {
	h.content.Apps = slices.Clone(h.content.Apps)
	f(&h.content.Apps[0])
	h.current.Store(directory.NewSnapshot(h.content))
}

// receive lets a call come in to a rule.
func (h *house) receive(rule string) *fakeLeg {
	var l *fakeLeg
	h.Receive(call.Attempt{From: "+12065550100", To: "+12065550101", Host: rule}, func(_ call.LegID, r call.Report) engine.Leg {
		l = newLeg(r)
		return l
	})
	return l
}

// record waits for the record of the next call that is over.
func (h *house) record(t *testing.T) call.Record {
	t.Helper()
	select {
	case r := <-h.records:
		return r
	case <-time.After(5 * time.Second):
		t.Fatal("no call is over")
		panic("not reached")
	}
}

// drained waits until no call is left.
func (h *house) drained(t *testing.T) {
	t.Helper()
	if err := h.Drain(ctx); err != nil {
		t.Error(err)
	}
	h.engine.Wait()
}

// answer answers, and hangs up.
func answer(ctx context.Context, c dialect.Call) error {
	if _, err := c.Do(ctx, call.Answer{Leg: c.Origin().Leg}); err != nil {
		return err
	}
	<-c.Events()
	return nil
}

// listen listens until the caller hangs up, and answers requests.
func listen(ctx context.Context, c dialect.Call) error {
	for ev := range c.Events() {
		switch ev := ev.(type) {
		case call.Request:
			ev.Reply(append([]byte("heard: "), ev.Body...), nil)
		case call.LegEnded:
			return nil
		}
	}
	return call.ErrOver
}

func unavailable(context.Context, dialect.Call) error { return dialect.ErrUnavailable }
