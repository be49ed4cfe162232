package engine

import (
	"errors"
	"slices"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
)

// forking is a Fork under way.
type forking struct {
	legs   []*leg // that ring still
	timers []*time.Timer
	best   *call.Refusal // of those that refused
}

func (c *Call) doFork(cmd call.Fork) (call.Ticket, error) {
	n, lim := len(cmd.Dials), &c.e.cfg.Limits
	switch {
	case n == 0:
		return call.Ticket{}, errors.New("fork: nobody to dial")
	case int(c.live.Load())+n > lim.Legs, len(c.legs)+n > lim.Dials, len(c.ops) >= lim.Operations:
		return call.Ticket{}, call.ErrLimit
	}
	op := c.begin(nil)
	op.fork = &forking{}
	for _, d := range cmd.Dials {
		l, timeout := c.place(d)
		l.fork = op
		op.fork.legs = append(op.fork.legs, l)
		op.fork.timers = append(op.fork.timers, c.after(timeout, func() {
			if l.fork == op && c.runs(op) {
				c.hangup(l, noAnswer(), nil)
			}
		}))
	}
	return op.ticket(), nil
}

// stop stops what waits.
func (f *forking) stop() {
	for _, t := range f.timers {
		t.Stop()
	}
}

// won ends a Fork: the leg has answered, and the others are told that it was elsewhere.
func (c *Call) won(op *operation, l *leg, h header.List) {
	op.leg = l
	losers := op.fork.legs
	c.finish(op, call.Result{Headers: h}, nil)
	for _, o := range losers {
		if o != l {
			c.hangup(o, call.Cause{Q850: 26, By: call.ByPlatform, Label: call.LabelElsewhere}, nil)
		}
	}
}

// lost takes a leg out of a Fork. One that refuses for good (6xx) ends it for all (RFC 3261 section 16.7 step 5).
func (c *Call) lost(op *operation, l *leg, why *call.Refusal) {
	f := op.fork
	i := slices.Index(f.legs, l)
	if i < 0 || !c.runs(op) {
		return
	}
	f.legs = slices.Delete(slices.Clone(f.legs), i, i+1)
	if f.best == nil || why.Cause.Better(f.best.Cause) {
		f.best = why
	}
	if len(f.legs) == 0 {
		c.finish(op, call.Result{}, f.best)
		return
	}
	if why.Cause.SIP >= 600 {
		for _, o := range f.legs {
			c.hangup(o, call.Cause{SIP: 487, By: call.ByPlatform, Label: call.LabelCancelled}, nil)
		}
		return
	}
	for _, o := range f.legs {
		if o.state == early {
			c.hearFork(o)
		}
	}
}

// hearFork lets the caller for whom several targets ring hear the first of them that sends early media; where that one is
// over, the next.
func (c *Call) hearFork(l *leg) {
	if l.fork == nil {
		return
	}
	a, err := c.unanswered(l.dialledFor)
	if err == nil && a.peer == nil {
		c.couple(a, l)
	}
}
