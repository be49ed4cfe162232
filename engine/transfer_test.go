package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/header"
)

// talk brings a call to where caller and callee talk, with context of both.
func talk(t *testing.T, w *world) (c *engine.Call, a, b *fakeLeg) {
	t.Helper()
	c = w.Start(call.Origin{Attempt: call.Attempt{From: "+12065550100", To: "+12065550101", Headers: header.List{
		{Name: "X-Account-Id", Value: "4711"}, {Name: "User-to-User", Value: "00aa;encoding=hex"}, {Name: "X-Lang", Value: "en"},
	}}}, func(id call.LegID, r call.Report) engine.Leg {
		a = newLeg(id, call.In, r)
		return a
	})
	do(t, c, call.Dial{To: "+12065550199", Headers: header.List{{Name: "X-Lang", Value: "de"}}})
	b = <-w.dialed
	b.answer()
	next[call.Answered](t, c)
	next[call.Done](t, c)
	do(t, c, call.Answer{Leg: a.id})
	next[call.Answered](t, c)
	do(t, c, call.Join{A: a.id, B: b.id})
	next[call.Joined](t, c)
	return c, a, b
}

// saw wants the leg to have been told this next.
func saw(t *testing.T, l *fakeLeg, what ...string) {
	t.Helper()
	for _, want := range what {
		select {
		case got := <-l.told:
			if got != want {
				t.Fatalf("the leg was told %q; want %q", got, want)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("the leg was not told %q", want)
		}
	}
}

// The callee transfers the caller: the target gets the call's context with what the transfer brings, hears who is
// transferred, and takes the callee's place; the callee is told how it goes.
func TestFarEndTransfersItsPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(nil)
		c, a, b := talk(t, w)
		defer c.Close(byApp)
		brought := header.Field{Name: "User-to-User", Value: "00bb;encoding=hex"}
		b.ask("+12065550177", brought)
		target := <-w.dialed
		want := header.List{{Name: "X-Account-Id", Value: "4711"}, {Name: "X-Lang", Value: "de"}, brought}
		if diff := cmp.Diff(want, target.dial.Headers); diff != "" {
			t.Errorf("context (-want +got):\n%s", diff)
		}
		if d := target.dial; d.From != "+12065550100" || d.To != "+12065550177" || d.For != a.id {
			t.Errorf("dialled with %+v", d)
		}
		b.ask("+12065550176") // one at a time
		target.ring()
		target.answer()
		moved := next[call.Transferred](t, c)
		if moved.Leg != b.id || moved.Peer != a.id || moved.To != target.id || moved.Headers[0] != brought {
			t.Errorf("told %+v", moved)
		}
		next[call.Parted](t, c)
		if j := next[call.Joined](t, c); j != (call.Joined{A: a.id, B: target.id}) {
			t.Errorf("joined %+v", j)
		}
		saw(t, b, "notify 480", "notify 180", "notify 200")
		if a.session.connected() != target.session {
			t.Error("the caller is not heard by the target")
		}
		time.Sleep(6 * time.Second) // the callee does not hang up
		saw(t, b, "hangup normal")
		if e := next[call.LegEnded](t, c); e.Leg != b.id {
			t.Errorf("%s ended", e.Leg)
		}
		if diff := cmp.Diff(engine.Counts{Transferred: 1, TransfersFailed: 1}, w.Counts()); diff != "" {
			t.Error(diff)
		}
	})
}

// What is worth telling of a call is kept without its log too: who asked for a transfer, and why it came to nothing.
func TestTransferIsTold(t *testing.T) {
	w := newWorld(func(cfg *engine.Config) { cfg.Log = false })
	c, _, b := talk(t, w)
	b.ask("+12065550177")
	(<-w.dialed).end(busy)
	saw(t, b, "notify 486")
	c.Close(byApp)
	var told []string
	for _, e := range w.left()[0].Log {
		told = append(told, string(e.Kind)+" "+e.Text)
	}
	if text := strings.Join(told, "\n"); len(told) != 2 || !strings.Contains(text, "transferred to +12065550177") || !strings.Contains(text, "did not reach its target: 486") {
		t.Errorf("told:\n%s", text)
	}
}

// A far end that leaves as soon as it has asked, as many do, ends nothing but its own leg: the driver hears of its end when
// it is known who takes its place, or that nobody does.
func TestAskerLeavesAtOnce(t *testing.T) {
	for name, answered := range map[string]bool{"target answers": true, "target is busy": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(nil)
			c, a, b := talk(t, w)
			defer c.Close(byApp)
			b.ask("+12065550177")
			target := <-w.dialed
			b.hangup()
			next[call.Parted](t, c)
			if answered {
				target.answer()
				if m := next[call.Transferred](t, c); m.Leg != b.id || m.To != target.id {
					t.Errorf("told %+v", m)
				}
				next[call.Joined](t, c)
			} else {
				target.end(busy)
			}
			if e := next[call.LegEnded](t, c); e.Leg != b.id || e.Cause.By != call.ByPeer {
				t.Errorf("told %+v", e)
			}
			if _, err := c.Do(ctx, call.Mute{Leg: a.id}); err != nil {
				t.Errorf("the caller: %v", err)
			}
		})
	}
}

// A target that does not answer leaves the call as it was, and so does each party that leaves meanwhile.
func TestTransferThatFails(t *testing.T) {
	for name, tc := range map[string]struct {
		fail func(a, b, target *fakeLeg)
		told string
	}{
		"busy":         {func(_, _, target *fakeLeg) { target.end(busy) }, "notify 486"},
		"no route":     {func(_, _, target *fakeLeg) { target.end(call.Cause{SIP: 404, Label: call.LabelNoRoute}) }, "notify 404"},
		"peer is gone": {func(a, _, _ *fakeLeg) { a.hangup() }, "notify 487"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(nil)
			c, a, b := talk(t, w)
			defer c.Close(byApp)
			b.ask("+12065550177")
			target := <-w.dialed
			tc.fail(a, b, target)
			saw(t, b, tc.told)
			if name == "peer is gone" {
				saw(t, target, "hangup cancelled")
				return
			}
			if a.session.connected() != b.session {
				t.Error("they do not hear each other any more")
			}
			b.ask("+12065550178") // again
			<-w.dialed
		})
	}
}

func TestAskedInVain(t *testing.T) {
	w := newWorld(nil)
	c, a := w.inbound()
	defer c.Close(byApp)
	a.ask("1")
	saw(t, a, "notify 480")
	do(t, c, call.Answer{Leg: a.id})
	saw(t, a, "answer")
	a.ask("1") // with nobody to be transferred
	saw(t, a, "notify 480")
}

// An application's Refer: by the far end, or by a leg of ours; where it fails the leg stays.
func TestRefer(t *testing.T) {
	w := newWorld(nil)
	c, a, b := talk(t, w)
	defer c.Close(byApp)
	for name, cmd := range map[string]call.Refer{
		"no target":   {Leg: a.id},
		"with self":   {Leg: a.id, With: a.id},
		"no leg":      {Leg: "x", To: "1"},
		"with no-one": {Leg: a.id, With: "x"},
	} {
		if _, err := c.Do(ctx, cmd); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	do(t, c, call.Refer{Leg: a.id, To: "+12065550177"})
	if _, err := c.Do(ctx, call.Refer{Leg: a.id, To: "1"}); !errors.Is(err, call.ErrState) {
		t.Errorf("a second Refer: %v", err)
	}
	a.report(call.Referred{Cause: &busy})
	var no *call.Refusal
	if d := next[call.Done](t, c); !errors.As(d.Err, &no) || no.Cause.SIP != 486 {
		t.Errorf("done %+v", d)
	}
	do(t, c, call.Refer{Leg: a.id, To: "anchored", Headers: header.List{{Name: "X-New", Value: "1"}}})
	target := <-w.dialed
	if v, _ := target.dial.Headers.Get("X-New"); v != "1" || !target.dial.Headers.Has("X-Account-Id") {
		t.Errorf("context %v", target.dial.Headers)
	}
	target.answer()
	if m := next[call.Transferred](t, c); m.Leg != b.id || m.Peer != a.id || m.To != target.id {
		t.Errorf("told %+v", m)
	}
	next[call.Parted](t, c)
	next[call.Joined](t, c)
	if d := next[call.Done](t, c); d.Err != nil || d.Leg != a.id || d.Result.Leg != target.id {
		t.Errorf("done %+v", d)
	}
	do(t, c, call.Refer{Leg: a.id, To: "+12065550177"})
	a.report(call.Referred{Cause: &call.Cause{Label: call.LabelNormal}})
	if d := next[call.Done](t, c); d.Err != nil || d.Result.Leg != "" {
		t.Errorf("done %+v", d)
	}
	next[call.Parted](t, c)
	if e := next[call.LegEnded](t, c); e.Leg != a.id || e.Cause.By != call.ByApp {
		t.Errorf("told %+v", e)
	}
}

// Attended: the other leg's far end takes over.
func TestReferWith(t *testing.T) {
	w := newWorld(nil)
	c, a, b := talk(t, w)
	defer c.Close(byApp)
	do(t, c, call.Dial{To: "+12065550177"})
	other := <-w.dialed
	other.answer()
	next[call.Answered](t, c)
	next[call.Done](t, c)
	do(t, c, call.Refer{Leg: a.id, With: other.id})
	saw(t, a, "answer", "refer")
	a.report(call.Referred{Anchor: true})
	next[call.Parted](t, c)
	next[call.Joined](t, c)
	if d := next[call.Done](t, c); d.Err != nil || d.Result.Leg != other.id {
		t.Errorf("done %+v", d)
	}
	if a.session.connected() != other.session || b.session.connected() != nil {
		t.Error("joined wrongly")
	}
}

// transfer transfers for an operator.
func transfer(ctx context.Context, c *engine.Call, r call.Refer) (call.Result, error) {
	d, err := c.Await(ctx, r)
	if err == nil {
		err = d.Err
	}
	return d.Result, err
}

// An operator's transfer is told to who asked for it, not to the driver; the leg left behind is hung up.
func TestTransferForAnOperator(t *testing.T) {
	w := newWorld(nil)
	c, a, b := talk(t, w)
	type outcome struct {
		call.Result
		error
	}
	back := make(chan outcome, 1)
	go func() {
		r, err := transfer(ctx, c, call.Refer{Leg: a.id, To: "anchored"})
		back <- outcome{r, err}
	}()
	target := <-w.dialed
	target.answer()
	if o := <-back; o.error != nil || o.Leg != target.id {
		t.Errorf("outcome %+v", o)
	}
	next[call.Transferred](t, c)
	next[call.Parted](t, c)
	next[call.Joined](t, c)
	if e := next[call.LegEnded](t, c); e.Leg != b.id || e.Cause.By != call.ByPlatform {
		t.Errorf("told %+v", e)
	}
	if _, err := transfer(ctx, c, call.Refer{Leg: "x", To: "1"}); !errors.Is(err, call.ErrNoLeg) {
		t.Errorf("no leg: %v", err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := transfer(gone, c, call.Refer{Leg: a.id, To: "1"}); !errors.Is(err, context.Canceled) {
		t.Errorf("who asked is gone: %v", err)
	}
	c.Close(byApp)
	if _, err := transfer(ctx, c, call.Refer{Leg: a.id, To: "1"}); !errors.Is(err, call.ErrOver) {
		t.Errorf("over: %v", err)
	}
}

// plainLeg is a leg that can do no more than it must: nothing is referred at its far end.
type plainLeg struct{ engine.Leg }

// What is over as soon as it has begun is told to the operator who wanted it, too, and not to the driver.
func TestOperationThatEndsAtOnceForAnOperator(t *testing.T) {
	w := newWorld(func(cfg *engine.Config) { cfg.Limits.Legs = 1 })
	var a *fakeLeg
	c := w.Start(call.Origin{}, func(id call.LegID, r call.Report) engine.Leg {
		a = newLeg(id, call.In, r)
		return plainLeg{a}
	})
	do(t, c, call.Answer{Leg: a.id})
	next[call.Answered](t, c)
	if _, err := transfer(ctx, c, call.Refer{Leg: a.id, To: "+12065550177"}); !errors.Is(err, call.ErrLimit) {
		t.Errorf("no room for the target: %v", err)
	}
	c.End(byApp)
	next[call.LegEnded](t, c) // and no Done
	c.Close(byApp)
}

// A leg that calls in to take another's place is answered, joined with that leg's peer, and the old one ends.
func TestReplacement(t *testing.T) {
	w := newWorld(nil)
	c, a, b := talk(t, w)
	defer c.Close(byApp)
	b.report(call.Replacement{Token: 13}) // it has given up by now
	do(t, c, call.Mute{Leg: a.id})
	do(t, c, call.Mute{Leg: a.id}) // and that is heard of
	b.report(call.Replacement{Token: 1, Attempt: call.Attempt{From: "+12065550188", Headers: header.List{{Name: "X-New", Value: "1"}}}})
	n := <-w.dialed
	if m := next[call.Transferred](t, c); m.Leg != b.id || m.Peer != a.id || m.To != n.id || !m.Headers.Has("X-New") {
		t.Errorf("told %+v", m)
	}
	next[call.Parted](t, c)
	next[call.Joined](t, c)
	if e := next[call.LegEnded](t, c); e.Leg != b.id {
		t.Errorf("told %+v", e)
	}
}

// One that takes a leg's place that still rings is that Dial's answer.
func TestReplacementOfWhatRings(t *testing.T) {
	w := newWorld(nil)
	c, a := w.inbound()
	defer c.Close(byApp)
	k := do(t, c, call.Dial{To: "+12065550199", For: a.id})
	b := <-w.dialed
	b.ring()
	next[call.Ringing](t, c)
	b.report(call.Replacement{Token: 1})
	n := <-w.dialed
	if m := next[call.Transferred](t, c); m.Leg != b.id || m.Peer != "" || m.To != n.id {
		t.Errorf("told %+v", m)
	}
	if d := next[call.Done](t, c); d.Op != k.Op || d.Err != nil {
		t.Errorf("done %+v", d)
	}
	if e := next[call.LegEnded](t, c); e.Cause.Label != call.LabelElsewhere {
		t.Errorf("told %+v", e)
	}
}
