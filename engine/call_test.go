package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/header"
)

// The main job: a caller, a prompt, an outbound leg, both joined, a hang-up, a record.
func TestBridgedCall(t *testing.T) {
	w := newWorld(nil)
	c, a := w.inbound()
	c.SetApp("app-1")
	do(t, c, call.Ring{Leg: a.id})
	k := do(t, c, call.Dial{To: "+12065550199", From: "+12065550100", For: a.id, Headers: header.List{{Name: "X-A", Value: "1"}}})
	b := <-w.dialed
	if b.dial.Account != "111122223333" || b.dial.Timeout != time.Minute || b.id != k.Leg {
		t.Errorf("dialled %+v", b.dial)
	}
	b.ring()
	next[call.Ringing](t, c)
	b.answer()
	if ev := next[call.Answered](t, c); ev.Leg != b.id {
		t.Errorf("got %#v", ev)
	}
	if d := next[call.Done](t, c); d.Op != k.Op || d.Err != nil || !d.Result.Headers.Has("x-from") {
		t.Errorf("got %#v", d)
	}
	do(t, c, call.Answer{Leg: a.id})
	next[call.Answered](t, c)
	do(t, c, call.Join{A: a.id, B: b.id})
	next[call.Joined](t, c)
	if a.withMedia().connected() != b.withMedia() || b.withMedia().connected() != a.withMedia() {
		t.Error("they do not hear each other")
	}
	b.hangup()
	next[call.Parted](t, c)
	next[call.LegEnded](t, c)
	if a.withMedia().connected() != nil {
		t.Error("what the caller says still goes to a leg that ended")
	}
	c.Close(byApp)
	if drain(c); c.Legs() != 0 {
		t.Errorf("%d legs left", c.Legs())
	}
	r := w.left()[0].Record
	want := call.Record{
		ID: c.ID(), Account: "111122223333", App: "app-1", From: "+12065550100", To: "+12065550101", Cause: byApp,
		Legs: []call.LegRecord{
			{ID: a.id, Direction: call.In, From: "+12065550100", To: "+12065550101", SIPCallID: "dialog-of-" + string(a.id), Cause: byApp},
			{ID: b.id, Direction: call.Out, From: "+12065550100", To: "+12065550199", SIPCallID: "dialog-of-" + string(b.id), Cause: byPeer},
		},
	}
	if diff := cmp.Diff(want, r, cmpopts.IgnoreTypes(time.Time{})); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	times := []time.Time{r.Start, r.Legs[0].Start, r.Legs[1].Start, r.Answered, r.Legs[0].Answered, r.Legs[1].End, r.Legs[0].End, r.End}
	if !slices.IsSortedFunc(times, time.Time.Compare) || r.Start.IsZero() || !r.Answered.Equal(r.Legs[1].Answered) {
		t.Errorf("times of the record: %v", times)
	}
	if n, ok := c.ID().Node(); n != 7 || !ok {
		t.Errorf("the ID %s is of node %d", c.ID(), n)
	}
}

func TestDialThatFails(t *testing.T) {
	w := newWorld(nil)
	c := w.Start(call.Origin{Request: []byte("{}")}, nil)
	k := do(t, c, call.Dial{To: "+12065550199"})
	(<-w.dialed).end(busy)
	var refused *call.Refusal
	if d := next[call.Done](t, c); d.Op != k.Op || !errors.As(d.Err, &refused) || refused.Cause != busy {
		t.Errorf("got %#v", d)
	}
	next[call.LegEnded](t, c)

	k = do(t, c, call.Dial{To: "nowhere"})
	if d := next[call.Done](t, c); d.Op != k.Op || !errors.As(d.Err, &refused) || refused.Cause.Label != call.LabelNoRoute {
		t.Errorf("got %#v", d)
	}
	next[call.LegEnded](t, c)
	c.Close(byApp)
	if got := w.left()[0].Record.Cause; got != busy {
		t.Errorf("the record's cause is %v", got)
	}
}

func TestDialTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(nil)
		c := w.Start(call.Origin{}, nil)
		began := time.Now()
		k := do(t, c, call.Dial{To: "+12065550199", Timeout: 30 * time.Second})
		b := <-w.dialed
		b.ring()
		<-c.Events()
		d, _ := (<-c.Events()).(call.Done)
		var refused *call.Refusal
		if d.Op != k.Op || !errors.As(d.Err, &refused) || refused.Cause.Label != call.LabelNoAnswer || refused.Cause.SIP != 480 {
			t.Errorf("got %#v", d)
		}
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("it rang %s", took)
		}
		if told := <-b.told; told != "hangup no-answer" {
			t.Errorf("the leg was told %q", told)
		}
		c.Close(byApp)
	})
}

// What a leg does ends when it is hung up, not when its far end has said that it heard: who is joined with it is free at
// once, and the application goes on.
func TestWhatALegDoesEndsWithItsHangup(t *testing.T) {
	w := newWorld(nil)
	w.deaf = true
	c, a := w.inbound()
	a.deaf = true
	do(t, c, call.Answer{Leg: a.id})
	next[call.Answered](t, c)
	dial := do(t, c, call.Dial{To: "+12065550199"})
	b := <-w.dialed
	b.answer()
	next[call.Answered](t, c)
	next[call.Done](t, c)
	do(t, c, call.Join{A: a.id, B: b.id})
	next[call.Joined](t, c)
	play := do(t, c, call.Play{Leg: b.id, Clips: clips("5x1"), Times: -1})
	second := do(t, c, call.Dial{To: "+12065550198"})
	ringing := <-w.dialed

	do(t, c, call.Hangup{Leg: dial.Leg, Cause: byApp})
	if d := next[call.Done](t, c); d.Op != play.Op || !errors.Is(d.Err, call.ErrLegEnded) {
		t.Errorf("the prompt gave %#v", d)
	}
	next[call.Parted](t, c)
	if a.withMedia().connected() != nil {
		t.Error("the other leg still hears it")
	}
	do(t, c, call.Hangup{Leg: second.Leg, Cause: byApp})
	d := next[call.Done](t, c)
	if r := (*call.Refusal)(nil); d.Op != second.Op || !errors.As(d.Err, &r) || r.Cause != byApp {
		t.Errorf("the Dial gave %#v", d)
	}
	for _, l := range []*fakeLeg{b, ringing} {
		l.end(byApp)
		next[call.LegEnded](t, c)
	}
	a.hangup()
	c.Close(byApp)
}

// A leg that never reports its end is given up, so that no call stands for ever.
func TestLegThatNeverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(func(cfg *engine.Config) { cfg.Limits.Hangup = time.Minute })
		c, a := w.inbound()
		a.deaf = true
		began := time.Now()
		c.Close(byApp)
		if took := time.Since(began); took != time.Minute {
			t.Errorf("given up after %s", took)
		}
		a.hangup() // far too late
		if r := w.left()[0].Record; r.Cause != byApp || len(r.Legs) != 1 {
			t.Errorf("record %+v", r)
		}
	})
}

func TestDriverThatKeepsCallWithoutLegs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(nil)
		c, a := w.inbound()
		time.Sleep(time.Hour) // a long call is no fault
		a.hangup()
		began := time.Now()
		for range c.Events() { // until closed
		}
		if took := time.Since(began); took != 5*time.Minute {
			t.Errorf("ended after %s", took)
		}
		c.Close(byApp)
	})
}

// A driver that does not read loses its call, and nothing that was promised.
func TestSlowDriver(t *testing.T) {
	w := newWorld(func(cfg *engine.Config) { cfg.Limits.Events = 10 })
	c, a := w.inbound()
	do(t, c, call.Answer{Leg: a.id})
	op := do(t, c, call.Play{Leg: a.id, Clips: []call.Clip{{Key: "slow"}}})
	dial := do(t, c, call.Dial{To: "+12065550199"})
	for range 50 {
		a.press('5')
	}
	for <-a.told != "hangup app-slow" {
	}
	if _, err := c.Do(ctx, call.Hangup{Leg: a.id}); !errors.Is(err, call.ErrOver) {
		t.Errorf("Hangup gave %v", err)
	}
	var dones, ends []any
	for _, ev := range drain(c) {
		switch ev := ev.(type) {
		case call.Done:
			dones = append(dones, ev.Op)
		case call.LegEnded:
			ends = append(ends, ev.Leg)
		}
	}
	if diff := cmp.Diff([]any{op.Op, dial.Op}, dones); diff != "" {
		t.Errorf("Dones: %s", diff)
	}
	if diff := cmp.Diff([]any{a.id, dial.Leg}, ends); diff != "" {
		t.Errorf("LegEndeds: %s", diff)
	}
	c.Close(byApp)
	if got := w.left()[0].Record.Cause.Label; got != call.LabelAppSlow {
		t.Errorf("the call ended with %q", got)
	}
}

func TestRequestOfSlowDriverIsRefused(t *testing.T) {
	w := newWorld(func(cfg *engine.Config) { cfg.Limits.Events = 1 })
	c, a := w.inbound()
	a.withMedia()
	do(t, c, call.Answer{Leg: a.id})
	if _, err := c.Ask(ctx, nil); !errors.Is(err, call.ErrOver) {
		t.Errorf("Ask gave %v", err)
	}
	c.Close(byApp)
	if _, err := c.Ask(ctx, nil); !errors.Is(err, call.ErrOver) {
		t.Errorf("Ask of a call that is over gave %v", err)
	}
}

func TestAskEndsWithContext(t *testing.T) {
	w := newWorld(nil)
	c, _ := w.inbound()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Ask(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Ask gave %v", err)
	}
	if _, err := c.Do(ctx, call.Note{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Do gave %v", err)
	}
	c.Close(byApp)
}

// What a leg's state does not allow is refused.
func TestStates(t *testing.T) {
	for name, tc := range map[string]struct {
		before func(t *testing.T, c *engine.Call, a *fakeLeg, out call.Ticket)
		cmd    func(a call.LegID, out call.Ticket) call.Command
		want   error
	}{
		"answer twice": {
			func(t *testing.T, c *engine.Call, a *fakeLeg, _ call.Ticket) { do(t, c, call.Answer{Leg: a.id}) },
			func(a call.LegID, _ call.Ticket) call.Command { return call.Answer{Leg: a} }, call.ErrState,
		},
		"ring after answer": {
			func(t *testing.T, c *engine.Call, a *fakeLeg, _ call.Ticket) { do(t, c, call.Answer{Leg: a.id}) },
			func(a call.LegID, _ call.Ticket) call.Command { return call.Ring{Leg: a} }, call.ErrState,
		},
		"answer an outbound leg": {
			nil, func(_ call.LegID, out call.Ticket) call.Command { return call.Answer{Leg: out.Leg} }, call.ErrState,
		},
		"play to a leg that rings": {
			nil, func(_ call.LegID, out call.Ticket) call.Command {
				return call.Play{Leg: out.Leg, Clips: []call.Clip{{Key: "1x1"}}}
			}, call.ErrState,
		},
		"join a leg with itself": {
			nil, func(a call.LegID, _ call.Ticket) call.Command { return call.Join{A: a, B: a} }, call.ErrState,
		},
		"a leg that never was": {
			nil, func(call.LegID, call.Ticket) call.Command { return call.Hangup{Leg: "other"} }, call.ErrNoLeg,
		},
		"a leg that is hung up": {
			func(t *testing.T, c *engine.Call, a *fakeLeg, _ call.Ticket) {
				a.deaf = true
				do(t, c, call.Hangup{Leg: a.id})
			},
			func(a call.LegID, _ call.Ticket) call.Command { return call.Part{Leg: a} }, call.ErrLegEnded,
		},
		"hang up twice is no error": {
			func(t *testing.T, c *engine.Call, a *fakeLeg, _ call.Ticket) { do(t, c, call.Hangup{Leg: a.id}) },
			func(a call.LegID, _ call.Ticket) call.Command { return call.Hangup{Leg: a} }, nil,
		},
		"stop what is over is no error": {
			nil, func(call.LegID, call.Ticket) call.Command { return call.Stop{Op: 99} }, nil,
		},
		"part what is not joined is no error": {
			nil, func(a call.LegID, _ call.Ticket) call.Command { return call.Part{Leg: a} }, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(nil)
			c, a := w.inbound()
			out := do(t, c, call.Dial{To: "+12065550199"})
			if tc.before != nil {
				tc.before(t, c, a, out)
			}
			if _, err := c.Do(ctx, tc.cmd(a.id, out)); !errors.Is(err, tc.want) {
				t.Errorf("got %v; want %v", err, tc.want)
			}
			a.end(byPeer)
			c.Close(byApp)
		})
	}
}

func TestLimits(t *testing.T) {
	w := newWorld(func(cfg *engine.Config) { cfg.Limits.Legs, cfg.Limits.Operations, cfg.Limits.Dials = 3, 2, 4 })
	c := w.Start(call.Origin{}, nil)
	first := do(t, c, call.Dial{To: "1"})
	do(t, c, call.Dial{To: "2"})
	refused := func() {
		t.Helper()
		if _, err := c.Do(ctx, call.Dial{To: "3"}); !errors.Is(err, call.ErrLimit) {
			t.Errorf("got %v; want %v", err, call.ErrLimit)
		}
	}
	refused() // operations
	(<-w.dialed).answer()
	(<-w.dialed).answer()
	do(t, c, call.Dial{To: "3"})
	refused() // legs
	do(t, c, call.Hangup{Leg: first.Leg})
	do(t, c, call.Dial{To: "4"})
	(<-w.dialed).hangup()
	(<-w.dialed).hangup()
	refused() // legs in all
	c.Close(byApp)
}

// A fault of ours ends one call and no other, and its legs are still hung up.
func TestFaultEndsOneCall(t *testing.T) {
	w := newWorld(func(cfg *engine.Config) { cfg.Limits.Hangup = time.Millisecond })
	other, _ := w.inbound()
	var a *fakeLeg
	c := w.Start(call.Origin{}, func(id call.LegID, r call.Report) engine.Leg {
		a = newLeg(id, call.In, r)
		return brokenLeg{a}
	})
	k := do(t, c, call.Dial{To: "+12065550199"})
	if _, err := c.Do(ctx, call.Ring{Leg: a.id}); err == nil {
		t.Error("a command that broke the call was accepted")
	}
	if told := <-(<-w.dialed).told; told != "hangup internal" {
		t.Errorf("the other leg was told %q", told)
	}
	if d := next[call.Done](t, c); d.Op != k.Op {
		t.Errorf("got %#v", d)
	}
	c.Close(byApp)
	if got := w.left()[0].Record; got.ID != c.ID() || got.Cause.Label != call.LabelInternal {
		t.Errorf("record %+v", got)
	}
	do(t, other, call.Note{})
	other.Close(byApp)
}

func TestNotesAreBounded(t *testing.T) {
	for name, on := range map[string]bool{"log on": true, "log off": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(func(cfg *engine.Config) { cfg.Limits.Ledger, cfg.Limits.Log, cfg.Log = 4, 3, on })
			entry := func(name string) call.Entry {
				return call.Entry{Message: "INVITE", Change: header.Change{Action: header.Kept, Field: header.Field{Name: name}}}
			}
			var a *fakeLeg
			c := w.Start(call.Origin{Attempt: call.Attempt{Ledger: []call.Entry{entry("1")}}}, func(id call.LegID, r call.Report) engine.Leg {
				a = newLeg(id, call.In, r)
				return a
			})
			a.report(call.Accounted{Entries: []call.Entry{entry("2"), entry("3")}})
			do(t, c, call.Book{Entries: []call.Entry{entry("4"), entry("5")}})
			a.report(call.Logged{Log: call.Log{Kind: call.LogMessage, Text: "INVITE"}})
			for range 3 {
				do(t, c, call.Note{Log: call.Log{Kind: call.LogEvent, Text: "asked"}})
			}
			c.Close(byApp)
			f := w.left()[0]
			var names []string
			for _, e := range f.Ledger {
				names = append(names, e.Name+e.Detail)
				if e.At.IsZero() {
					t.Errorf("entry without time: %+v", e)
				}
			}
			if diff := cmp.Diff([]string{"1", "2", "3", "2 more entries"}, names); diff != "" {
				t.Error(diff)
			}
			if f.Ledger[0].Leg != a.id || f.Ledger[1].Leg != a.id {
				t.Error("entries without their leg")
			}
			var texts []string
			for _, e := range f.Log {
				texts = append(texts, e.Text)
			}
			var want []string
			if on {
				want = []string{"INVITE", "asked", "2 more entries"}
			}
			if diff := cmp.Diff(want, texts); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A far end chooses how long its rows are: the ledger and the log of a call end where their bytes do, long before their
// number, and nothing is kept behind the first that had no room.
func TestNotesAreBoundedInBytes(t *testing.T) {
	w := newWorld(nil)
	c, a := w.inbound()
	row := header.Field{Name: "X-Big", Value: strings.Repeat("z", 8000)}
	const messages = 100
	for range messages {
		a.report(call.Accounted{Entries: []call.Entry{{Message: "INFO", Change: header.Change{Action: header.Kept, Field: row}}}})
		a.report(call.Logged{Log: call.Log{Kind: call.LogMessage, Text: "INFO", Headers: header.List{row}}})
	}
	a.report(call.Accounted{Entries: []call.Entry{{Message: "BYE"}}})
	a.report(call.Logged{Log: call.Log{Kind: call.LogMessage, Text: "BYE"}})
	do(t, c, call.Note{Log: call.Log{Kind: call.LogAction, Body: "{}"}})
	c.Close(byApp)
	f := w.left()[0]
	const budget = 256 << 10
	if n := len(f.Ledger); n < budget*9/10/len(row.Value) || n > budget/len(row.Value)+1 {
		t.Errorf("the ledger has %d entries", n)
	} else if got, want := f.Ledger[n-1].Detail, fmt.Sprintf("%d more entries", messages+1-(n-1)); got != want {
		t.Errorf("the ledger ends with %q, want %q", got, want)
	}
	if n := len(f.Log); n < budget*9/10/len(row.Value) || n > budget/len(row.Value)+1 {
		t.Errorf("the log has %d entries", n)
	} else if got, want := f.Log[n-1].Text, fmt.Sprintf("%d more entries", messages+2-(n-1)); got != want {
		t.Errorf("the log ends with %q, want %q", got, want)
	}
}

func TestCheckpoint(t *testing.T) {
	var id call.ID
	var state string
	w := newWorld(func(cfg *engine.Config) {
		cfg.Checkpoint = func(i call.ID, s []byte) { id, state = i, string(s) }
	})
	c, _ := w.inbound()
	c.Checkpoint([]byte("step 2"))
	c.Close(byApp)
	if id != c.ID() || state != "step 2" {
		t.Errorf("kept %q of %s", state, id)
	}
}
