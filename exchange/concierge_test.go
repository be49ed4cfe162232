package exchange_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/engine"
)

// Greet makes the tests' dialect one with a number of its own, +17005550100, whose calls are another account's.
func (d *fakeDialect) Greet(at call.Attempt) (dialect.App, string) {
	if f, ok := d.drive["host"]; ok && at.To == "+17005550100" {
		return app(f), "999999999999"
	}
	return nil, ""
}

// A call that no rule takes is driven by the dialect whose number it is, as a call of the account that the dialect says.
func TestConcierge(t *testing.T) {
	for name, c := range map[string]struct {
		to, host string
		drive    func(context.Context, dialect.Call) error
		told     []string
		account  string
		app      string
	}{
		"taken": {"+17005550100", "nobody.example", answer, []string{"answer", "hangup normal by platform"}, "999999999999", ""},
		"another number": {"+17005550101", "nobody.example", answer,
			[]string{`hangup 404 no-route by platform (no rule for host "nobody.example" or number "+17005550101")`}, "", ""},
		"a rule comes first": {"+17005550100", "1", answer, []string{"hangup normal by app"}, account, "app-1"},
		"it breaks": {"+17005550100", "nobody.example", func(context.Context, dialect.Call) error { panic("broken") },
			nil, "999999999999", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(drivers{"host": c.drive, "1": func(context.Context, dialect.Call) error { return nil }})
			var l *fakeLeg
			h.Receive(call.Attempt{From: "+12065550100", To: c.to, Host: c.host}, func(_ call.LegID, r call.Report) engine.Leg {
				l = newLeg(r)
				return l
			})
			r := h.record(t)
			h.drained(t)
			close(l.told)
			var told []string
			for s := range l.told {
				told = append(told, s)
			}
			if name == "it breaks" {
				if r.Cause.Label != call.LabelInternal || len(told) != 1 || len(h.told.take()) != 1 {
					t.Errorf("cause %v, told %q", r.Cause, told)
				}
			} else if d := cmp.Diff(c.told, told); d != "" {
				t.Errorf("the caller's leg was told (-want +got):\n%s", d)
			}
			if r.Account != c.account || r.App != c.app {
				t.Errorf("record: account %q, app %q", r.Account, r.App)
			}
		})
	}
}

// A dialect's own number is no foreign one: who may dial those through us, or may not, reaches the dialect all the same.
func TestConciergeBeforeTransit(t *testing.T) {
	for _, prefix := range []string{"+1", "+49"} {
		h := newHouse(drivers{"host": answer})
		h.content.Trunks = append(h.content.Trunks, directory.Trunk{ID: "pbx", Account: account, Transit: directory.Transit{Prefixes: []string{prefix}}})
		h.current.Store(directory.NewSnapshot(h.content))
		h.Receive(call.Attempt{Account: account, Trunk: "pbx", From: "+12065550100", To: "+17005550100"}, func(_ call.LegID, r call.Report) engine.Leg { return newLeg(r) })
		if r := h.record(t); r.Account != "999999999999" || len(r.Legs) != 1 || r.Cause.Label != call.LabelNormal {
			t.Errorf("with %s: %+v", prefix, r)
		}
		h.drained(t)
	}
}
