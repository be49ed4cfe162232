package engine

import (
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/switchhook/switchhook/call"
)

// run is the call's goroutine.
func (c *Call) run() {
	defer c.e.calls.Done()
	c.watchLegs()
	for {
		for it := c.inbox.take(); it != nil; it = it.next {
			c.handle(it.do)
		}
		if c.settled() && c.inbox.close() {
			break
		}
		<-c.inbox.wake
	}
	c.e.cfg.Record(c.finished())
	close(c.done)
}

// handle does one thing; a fault of ours in it ends this call and touches no other.
func (c *Call) handle(do func()) {
	defer func() {
		if v := recover(); v != nil {
			c.e.cfg.Logger.Error("call broke", "call", c.id, "fault", v, "stack", string(debug.Stack()))
			c.end(call.Cause{By: call.ByPlatform, Label: call.LabelInternal, Text: fmt.Sprint(v)})
		}
	}()
	do()
}

// settled tells whether nothing is left to wait for.
func (c *Call) settled() bool {
	if c.why == nil || c.live.Load() > 0 || len(c.ops) > 0 {
		return false
	}
	if !c.quiet {
		c.quiet = true
		close(c.events)
	}
	return c.left && c.working == 0
}

// end begins the end of the call.
func (c *Call) end(why call.Cause) {
	if c.why != nil {
		return
	}
	c.why = &why
	close(c.ending)
	c.watchLegs()
	for _, op := range slices.Clone(c.ops) {
		c.handle(func() { c.finish(op, call.Result{}, call.ErrStopped) })
	}
	for _, l := range c.legs {
		c.handle(func() { c.hangup(l, why, nil) })
	}
}

// watchLegs ends a call whose driver keeps it without a leg for too long.
func (c *Call) watchLegs() {
	if c.legless != nil {
		c.legless.Stop()
		c.legless = nil
	}
	if c.live.Load() > 0 || c.why != nil {
		return
	}
	limit := c.e.cfg.Limits.Legless
	c.legless = c.after(limit, func() {
		if c.live.Load() == 0 {
			c.end(call.Cause{By: call.ByPlatform, Label: call.LabelAppSlow, Text: "no leg for " + limit.String()})
		}
	})
}

// emit gives an event to the driver. What was promised (the Done of an operation, the LegEnded of a leg) always finds
// room: the channel is larger than Limits.Events by the most that can be owed.
func (c *Call) emit(ev call.Event) {
	var owed bool
	switch ev.(type) {
	case call.Done, call.LegEnded:
		owed = true
	}
	full := len(c.events) >= c.e.cfg.Limits.Events
	switch {
	case owed || c.why == nil && !full:
		c.events <- ev
	default:
		if r, ok := ev.(call.Request); ok {
			r.Reply(nil, call.ErrOver)
		}
	}
	if full {
		c.end(call.Cause{By: call.ByPlatform, Label: call.LabelAppSlow, Text: "the driver left too many events unread"})
	}
}

// finished is what the call leaves.
func (c *Call) finished() call.Finished {
	o := &c.origin
	r := call.Record{
		ID: c.id, Account: o.Account, Trunk: o.Trunk, Login: o.Login, Rule: o.Rule, App: c.app,
		From: o.From, To: o.To, Host: o.Host,
		Start: o.At, Answered: c.answered, End: c.now(),
		Cause: c.cause(), Legs: make([]call.LegRecord, len(c.legs)),
	}
	for i, l := range c.legs {
		r.Legs[i] = l.record
	}
	ledger, log := c.notes.close()
	return call.Finished{Record: r, Ledger: ledger, Log: log}
}
