package engine_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/engine"
)

// fork rings n targets for the caller.
func fork(t *testing.T, w *world, n int) (*engine.Call, *fakeLeg, call.Ticket, []*fakeLeg) {
	t.Helper()
	c, a := w.inbound()
	dials := make([]call.Dial, n)
	for i := range dials {
		dials[i] = call.Dial{To: "+12065550199", For: a.id}
	}
	k := do(t, c, call.Fork{Dials: dials})
	legs := make([]*fakeLeg, n)
	for i := range legs {
		legs[i] = <-w.dialed
	}
	return c, a, k, legs
}

// C31: the first that answers wins, the others are told that it was elsewhere, and the caller hears the first that sends
// early media.
func TestC31Fork(t *testing.T) {
	w := newWorld(nil)
	c, a, k, legs := fork(t, w, 3)
	defer c.Close(byApp)
	if k.Leg != "" || k.Op == 0 {
		t.Errorf("ticket %+v", k)
	}
	legs[0].ring()
	if r := next[call.Ringing](t, c); r.Leg != legs[0].id {
		t.Errorf("told %+v", r)
	}
	legs[1].progress()
	next[call.Progress](t, c)
	if j := next[call.Joined](t, c); j != (call.Joined{A: a.id, B: legs[1].id}) && j != (call.Joined{A: legs[1].id, B: a.id}) {
		t.Errorf("joined %+v", j)
	}
	legs[2].progress() // comes second
	next[call.Progress](t, c)
	legs[2].answer()
	next[call.Answered](t, c)
	if d := next[call.Done](t, c); d.Op != k.Op || d.Leg != legs[2].id || d.Err != nil || !d.Result.Headers.Has("X-From") {
		t.Errorf("done %+v", d)
	}
	next[call.Parted](t, c)
	if e := next[call.LegEnded](t, c); e.Leg != legs[0].id || e.Cause.Label != call.LabelElsewhere {
		t.Errorf("told %+v", e)
	}
	if e := next[call.LegEnded](t, c); e.Leg != legs[1].id || e.Cause.Label != call.LabelElsewhere {
		t.Errorf("told %+v", e)
	}
}

// C31: where the one whose early media the caller hears refuses, the caller hears another one's.
func TestC31ForkEarlyMediaOfAnother(t *testing.T) {
	w := newWorld(nil)
	c, a, _, legs := fork(t, w, 3)
	defer c.Close(byApp)
	for _, l := range legs[1:] {
		l.progress()
	}
	next[call.Progress](t, c)
	next[call.Joined](t, c)
	next[call.Progress](t, c)
	legs[1].end(busy)
	next[call.Parted](t, c)
	if j := next[call.Joined](t, c); j != (call.Joined{A: a.id, B: legs[2].id}) {
		t.Errorf("joined %+v", j)
	}
	if to := legs[2].withMedia().connected(); to != a.withMedia() {
		t.Errorf("its early media goes to %v", to)
	}
	next[call.LegEnded](t, c)
	legs[2].end(busy)
	next[call.Parted](t, c)
	next[call.LegEnded](t, c)
	if to := a.withMedia().connected(); to != nil {
		t.Errorf("the caller is heard by %v, and nobody rings with media", to)
	}
}

// Where none answers the best refusal counts (RFC 3261 section 16.7 step 6).
func TestForkRefused(t *testing.T) {
	status := func(n int) call.Cause { return call.Cause{SIP: n, By: call.ByPeer, Label: call.LabelRejected} }
	for name, tc := range map[string]struct {
		refuse []int
		best   int
	}{
		"lower class":      {[]int{503, 486, 500}, 486},
		"first of a class": {[]int{486, 404}, 486},
		"telling":          {[]int{486, 484, 404}, 484},
		"global":           {[]int{486, 603}, 603},
		"nobody told":      {[]int{0, 503}, 503},
		"busy, not silent": {[]int{480, 408, 486}, 486},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(nil)
			c, _, k, legs := fork(t, w, len(tc.refuse))
			defer c.Close(byApp)
			for i, n := range tc.refuse {
				legs[i].end(status(n))
			}
			for range len(legs) - 1 {
				next[call.LegEnded](t, c)
			}
			var no *call.Refusal
			if d := next[call.Done](t, c); d.Op != k.Op || !errors.As(d.Err, &no) || no.Cause.SIP != tc.best {
				t.Errorf("done %+v; want %d", d, tc.best)
			}
			next[call.LegEnded](t, c)
		})
	}
}

// A 6xx ends the ringing everywhere.
func TestForkDeclinedForGood(t *testing.T) {
	w := newWorld(nil)
	c, _, k, legs := fork(t, w, 3)
	defer c.Close(byApp)
	legs[1].end(call.Cause{SIP: 603, By: call.ByPeer, Label: call.LabelDeclined})
	saw(t, legs[0], "hangup cancelled")
	saw(t, legs[2], "hangup cancelled")
	var no *call.Refusal
	if d := next[call.Done](t, c); d.Op != k.Op || !errors.As(d.Err, &no) || no.Cause.SIP != 603 {
		t.Errorf("done %+v", d)
	}
}

func TestForkStopsAndTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(nil)
		c, a, k, _ := fork(t, w, 2)
		defer c.Close(byApp)
		do(t, c, call.Stop{Op: k.Op})
		if d := next[call.Done](t, c); !errors.Is(d.Err, call.ErrStopped) {
			t.Errorf("done %+v", d)
		}
		next[call.LegEnded](t, c)
		next[call.LegEnded](t, c)
		do(t, c, call.Fork{Dials: []call.Dial{{To: "1", For: a.id, Timeout: time.Second}, {To: "2", Timeout: 2 * time.Second}}})
		begun := time.Now()
		next[call.LegEnded](t, c)
		var no *call.Refusal
		if d := next[call.Done](t, c); !errors.As(d.Err, &no) || no.Cause.Label != call.LabelNoAnswer || time.Since(begun) != 2*time.Second {
			t.Errorf("done %+v after %v", d, time.Since(begun))
		}
		next[call.LegEnded](t, c)
		if _, err := c.Do(ctx, call.Fork{}); err == nil {
			t.Error("a Fork to nobody was accepted")
		}
		if _, err := c.Do(ctx, call.Fork{Dials: make([]call.Dial, 16)}); !errors.Is(err, call.ErrLimit) {
			t.Errorf("17 legs: %v", err)
		}
	})
}

func TestHoldMuteAndKeys(t *testing.T) {
	w := newWorld(nil)
	c, a, b := talk(t, w)
	defer c.Close(byApp)
	saw(t, a, "answer")
	do(t, c, call.Hold{Leg: a.id, On: true})
	do(t, c, call.Hold{Leg: a.id, On: true})
	next[call.Parted](t, c)
	if a.session.connected() != nil || b.session.connected() != nil {
		t.Error("who is on hold is heard, or hears")
	}
	do(t, c, call.Hold{Leg: a.id})
	next[call.Joined](t, c)
	saw(t, a, "hold true", "hold false")
	a.report(call.Held{On: true})
	if h := next[call.Held](t, c); h != (call.Held{Leg: a.id, On: true}) {
		t.Errorf("told %+v", h)
	}
	k := do(t, c, call.SendDigits{Leg: a.id, Digits: "12,#"})
	saw(t, a, "digits 12,#")
	a.finishDigits()
	if d := next[call.Done](t, c); d.Op != k.Op || d.Err != nil {
		t.Errorf("done %+v", d)
	}
	do(t, c, call.SendDigits{Leg: a.id, Digits: "9"})
	if d := next[call.Done](t, c); d.Err == nil {
		t.Errorf("done %+v", d)
	}
	do(t, c, call.SendDigits{Leg: a.id, Digits: "8"})
	if d := next[call.Done](t, c); !errors.Is(d.Err, call.ErrLegEnded) {
		t.Errorf("done %+v, though its media were closed", d)
	}
	for _, bad := range []call.SendDigits{{Leg: a.id}, {Leg: a.id, Digits: "x"}, {Leg: a.id, Digits: "1", Tone: time.Hour}, {Leg: a.id, Digits: "1", Gap: -1}} {
		if _, err := c.Do(ctx, bad); !errors.Is(err, call.ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	do(t, c, call.Dial{To: "1"})
	ringing := <-w.dialed
	if _, err := c.Do(ctx, call.Hold{Leg: ringing.id}); !errors.Is(err, call.ErrState) {
		t.Errorf("hold before the answer: %v", err)
	}
	if _, err := c.Do(ctx, call.SendDigits{Leg: ringing.id, Digits: "1"}); !errors.Is(err, call.ErrState) {
		t.Errorf("keys before the answer: %v", err)
	}
}
