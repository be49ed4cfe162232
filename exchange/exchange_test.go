package exchange_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/exchange"
)

type drivers = map[string]func(context.Context, dialect.Call) error

func TestReceive(t *testing.T) {
	broken := errors.New("broken")
	for name, tc := range map[string]struct {
		rule  string
		drive drivers
		told  []string
		app   string
		cause string
		count exchange.Counts
	}{
		"driven": {
			rule: "1", drive: drivers{"1": answer}, app: "app-1", cause: "normal by app",
			told: []string{"answer", "hangup normal by app"},
		},
		"no rule": {
			rule: "nobody.example", cause: `404 no-route by platform (no rule for host "nobody.example" or number "+12065550101")`,
			told: []string{`hangup 404 no-route by platform (no rule for host "nobody.example" or number "+12065550101")`},
		},
		"failover": {
			rule: "12", drive: drivers{"1": unavailable, "2": answer}, app: "app-2", cause: "normal by app",
			told: []string{"answer", "hangup normal by app"}, count: exchange.Counts{AppsFailed: 1, Failovers: 1},
		},
		"bad settings count as unavailable": {
			rule: "12", drive: drivers{"2": answer}, app: "app-2", cause: "normal by app",
			told: []string{"answer", "hangup normal by app"}, count: exchange.Counts{AppsFailed: 1, Failovers: 1},
		},
		"all unavailable": {
			rule: "123", drive: drivers{"1": unavailable, "2": unavailable, "3": unavailable}, app: "app-3",
			cause: "480 app-failed by platform (no application could be invoked)",
			told:  []string{"hangup 480 app-failed by platform (no application could be invoked)"},
			count: exchange.Counts{AppsFailed: 3, Failovers: 2},
		},
		"a failure after the first event is final": {
			rule: "12", drive: drivers{"1": func(context.Context, dialect.Call) error { return broken }, "2": answer}, app: "app-1",
			cause: "480 app-failed by platform (the application failed)",
			told:  []string{"hangup 480 app-failed by platform (the application failed)"},
			count: exchange.Counts{AppsFailed: 1},
		},
		"all busy or unavailable": {
			rule: "12", drive: drivers{"1": func(context.Context, dialect.Call) error { return errors.Join(dialect.ErrBusy, dialect.ErrUnavailable) }, "2": unavailable},
			app: "app-2", cause: "503 limit by platform (the application takes no more calls now)",
			told: []string{"hangup 503 limit by platform (the application takes no more calls now)"}, count: exchange.Counts{AppsFailed: 1, Failovers: 1}, // busy is not failed
		},
		"handed over while it stands": {
			rule: "12", app: "app-2", cause: "normal by app", drive: drivers{"1": func(ctx context.Context, c dialect.Call) error {
				c.(dialect.Handover).HandOver("app-2", broken)
				return answer(ctx, c)
			}},
			told: []string{"answer", "hangup normal by app"}, count: exchange.Counts{AppsFailed: 1, Failovers: 1},
		},
		"a driver that panics": {
			rule: "12", drive: drivers{"1": func(context.Context, dialect.Call) error { panic("broken") }, "2": answer}, app: "app-1",
			cause: "500 internal by platform (the dialect broke)",
			told:  []string{"hangup 500 internal by platform (the dialect broke)"},
			count: exchange.Counts{AppsFailed: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(tc.drive)
			l := h.receive(tc.rule)
			r := h.record(t)
			h.drained(t)
			close(l.told)
			var told []string
			for s := range l.told {
				told = append(told, s)
			}
			if diff := cmp.Diff(tc.told, told); diff != "" {
				t.Errorf("the caller's leg was told (-want +got):\n%s", diff)
			}
			if r.App != tc.app || r.Cause.String() != tc.cause {
				t.Errorf("record: app %q, cause %q", r.App, r.Cause)
			}
			if tc.app != "" && (r.Rule != "rule-"+tc.rule || r.Account != account) {
				t.Errorf("record: rule %q, account %q", r.Rule, r.Account)
			}
			tc.count.Started, tc.count.Ended = 1, map[call.Label]uint64{r.Cause.Label: 1}
			if diff := cmp.Diff(tc.count, h.Counts()); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
		})
	}
}

// A function that is dead fails every call. The program's log tells it at once, then once a minute with a count, for each
// application; each call's own log tells it always.
func TestFailuresAreToldNoFasterThanOneReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := false
		dead := func(context.Context, dialect.Call) error {
			if broken {
				panic("broken")
			}
			return errors.New("connection refused")
		}
		h := newHouse(drivers{"1": dead, "3": dead})
		fail := func(rule, why string, n int) {
			for range n {
				h.receive(rule)
				h.record(t)
				log := h.last.Load().Log
				if want := "application app-" + rule + " failed: " + why; len(log) == 0 || log[len(log)-1].Text != want {
					t.Fatalf("the call's log is %v, want %q at its end", log, want)
				}
			}
		}
		told := func(what string, want ...string) {
			t.Helper()
			got := h.told.take()
			if len(got) != len(want) {
				t.Fatalf("%s: told %d times, want %d:\n%s", what, len(got), len(want), strings.Join(got, ""))
			}
			for i, w := range want {
				if !strings.Contains(got[i], w) {
					t.Errorf("%s: %q does not say %q", what, got[i], w)
				}
			}
		}
		fail("1", "connection refused", 50)
		told("at once", `error="connection refused"`)
		fail("3", "connection refused", 2)
		told("another application", `error="connection refused"`)
		broken = true
		fail("1", "panic: broken", 1)
		told("a fault of ours", "panic: broken")
		broken = false
		time.Sleep(time.Minute) // of the bubble
		fail("1", "connection refused", 10)
		told("a minute later", "untold=49")
		h.change(func(a *directory.App) { a.Updated = time.Now() })
		fail("1", "connection refused", 1)
		told("with new settings", `error="connection refused"`)
		if n := h.Counts().AppsFailed; n != 64 {
			t.Errorf("%d failures are counted", n)
		}
		h.drained(t)
	})
}

// The caller hangs up while the first application is found to be unavailable: the second hears nothing of the call.
func TestCallerGoneBeforeFailover(t *testing.T) {
	h := newHouse(drivers{
		"1": func(_ context.Context, c dialect.Call) error {
			<-c.Events() // LegEnded
			return dialect.ErrUnavailable
		},
		"2": func(context.Context, dialect.Call) error { t.Error("driven"); return nil },
	})
	h.receive("12").end(call.Cause{SIP: 487, By: call.ByPeer, Label: call.LabelCancelled})
	if r := h.record(t); r.Cause.Label != call.LabelCancelled || r.App != "app-1" {
		t.Errorf("record %+v", r)
	}
	h.drained(t)
}

// The customer's function calls our API about its own call while we wait for that function.
func TestRequestFromInsideWebhook(t *testing.T) {
	var h *house
	h = newHouse(drivers{"1": func(ctx context.Context, c dialect.Call) error {
		s := &dialect.Script{Call: c, On: func(ev call.Event) error {
			if r, ok := ev.(call.Request); ok {
				r.Reply(append([]byte("heard: "), r.Body...), nil)
			}
			return nil
		}}
		got, err := dialect.Await(ctx, s, func(ctx context.Context) ([]byte, error) {
			return h.Ask(ctx, c.ID(), []byte("update"))
		})
		if string(got) != "heard: update" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		return err
	}})
	h.receive("1")
	if r := h.record(t); r.Cause.Label != call.LabelNormal {
		t.Errorf("record %+v", r)
	}
	h.drained(t)
}

func TestStart(t *testing.T) {
	h := newHouse(drivers{"1": func(ctx context.Context, c dialect.Call) error {
		if o := c.Origin(); o.Account != account || o.Leg != "" || string(o.Request) != "{}" {
			t.Errorf("origin %+v", o)
		}
		s := &dialect.Script{Call: c, On: func(call.Event) error { return nil }}
		_, err := s.Run(ctx, call.Dial{To: "+12065550199"})
		return err
	}})
	id, err := h.Start(ctx, "app-1", call.Origin{Request: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	if trunk := <-h.trunks; trunk != "carrier" {
		t.Errorf("dialled at trunk %q", trunk)
	}
	if r := h.record(t); r.ID != id || r.App != "app-1" || r.Account != account || len(r.Legs) != 1 || r.Legs[0].Trunk != "carrier" {
		t.Errorf("record %+v", r)
	}
	for app, want := range map[string]error{"app-9": dialect.ErrNoApp, "app-2": nil} {
		if _, err := h.Start(ctx, app, call.Origin{}); err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("Start by %s gave %v", app, err)
		}
	}
	h.drained(t)
	if _, err := h.Start(ctx, "app-1", call.Origin{}); !errors.Is(err, dialect.ErrDraining) {
		t.Errorf("Start while draining gave %v", err)
	}
}

func TestDialWithoutTrunk(t *testing.T) {
	h := newHouse(drivers{"1": func(ctx context.Context, c dialect.Call) error {
		s := &dialect.Script{Call: c, On: func(call.Event) error { return nil }}
		_, err := s.Run(ctx, call.Dial{To: "anna", Trunk: "unknown"})
		var refused *call.Refusal
		if !errors.As(err, &refused) || refused.Cause.Label != call.LabelNoRoute {
			t.Errorf("Dial gave %v", err)
		}
		return nil
	}})
	if _, err := h.Start(ctx, "app-1", call.Origin{}); err != nil {
		t.Fatal(err)
	}
	h.record(t)
	h.drained(t)
}

func TestAskAndStanding(t *testing.T) {
	h := newHouse(drivers{"1": listen})
	if _, err := h.Ask(ctx, "none", nil); !errors.Is(err, dialect.ErrNoCall) {
		t.Errorf("Ask gave %v", err)
	}
	l := h.receive("1")
	all := h.Standing()
	if len(all) != 1 || all[0].From != "+12065550100" || h.Counts().Standing != 1 {
		t.Fatalf("standing: %+v", all)
	}
	if got, err := h.Ask(ctx, all[0].ID, []byte("x")); string(got) != "heard: x" || err != nil {
		t.Errorf("Ask gave %q, %v", got, err)
	}
	if app := h.Standing()[0].App; app != "app-1" {
		t.Errorf("driven by %q", app)
	}
	l.end(call.Cause{By: call.ByPeer, Label: call.LabelNormal})
	h.drained(t)
	if _, err := h.Ask(ctx, all[0].ID, nil); !errors.Is(err, dialect.ErrNoCall) {
		t.Errorf("Ask of a call that is over gave %v", err)
	}
}

// An application is made once per change of its settings.
func TestAppsAreKept(t *testing.T) {
	h := newHouse(drivers{"1": answer, "new": answer})
	twice := func(want int) {
		t.Helper()
		for range 2 {
			h.receive("1")
			h.record(t)
		}
		if n := len(h.dialect.made); n != want {
			t.Errorf("made %d times; want %d", n, want)
		}
	}
	twice(1)
	h.change(func(a *directory.App) { a.Settings = json.RawMessage(`"new"`) })
	twice(2)
	h.change(func(a *directory.App) { a.Updated = time.Unix(1, 0) })
	twice(3)
	h.change(func(a *directory.App) { a.Dialect = "unknown" })
	twice(3)
	h.drained(t)
}

// A node that stops takes no calls, lets those that stand go on, and hangs up what is left in the end.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(drivers{
			"1": listen,
			"2": unavailable,
			"3": func(ctx context.Context, c dialect.Call) error { <-ctx.Done(); return ctx.Err() }, // waits for its customer
		})
		patient, stubborn := h.receive("1"), h.receive("1")
		waiting := h.receive("3")
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		began := time.Now()
		time.AfterFunc(time.Second, func() {
			late := h.receive("1")
			if told := <-late.told; told != "hangup 503 drained by platform (this node is stopping)" {
				t.Errorf("a late caller's leg was told %q", told)
			}
			patient.end(call.Cause{By: call.ByPeer, Label: call.LabelNormal})
		})
		if err := h.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Drain gave %v", err)
		}
		if took := time.Since(began); took != time.Minute+5*time.Second {
			t.Errorf("drained in %s", took)
		}
		for _, l := range []*fakeLeg{stubborn, waiting} {
			if told := <-l.told; told != "hangup 503 drained by platform (this node is stopping)" {
				t.Errorf("a leg was told %q", told)
			}
		}
		h.engine.Wait()
		want := map[call.Label]uint64{call.LabelDrained: 3, call.LabelNormal: 1}
		if diff := cmp.Diff(want, h.Counts().Ended); diff != "" {
			t.Error(diff)
		}
	})
}

// From the attempt to the record, with a driver that answers and hangs up.
func BenchmarkCall(b *testing.B) {
	h := newHouse(drivers{"1": answer})
	b.ReportAllocs()
	for b.Loop() {
		h.receive("1")
		<-h.records
	}
	b.StopTimer()
	_ = h.Drain(ctx)
}
