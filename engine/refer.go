package engine

import (
	"cmp"
	"fmt"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
)

// referral is a Refer under way: first with the far end, which is asked to call the target itself, then, where that is not
// to be, with a leg of ours (see transfer.go).
type referral struct {
	call.Refer
	context  header.List // for the target: Headers, and what the trunk lets go along of the call's
	anchored bool
}

func (c *Call) doRefer(cmd call.Refer) (call.Ticket, error) {
	l, err := c.inTalk(cmd.Leg)
	if err != nil {
		return call.Ticket{}, err
	}
	if cmd.With != "" {
		other, err := c.inTalk(cmd.With)
		switch {
		case err != nil:
			return call.Ticket{}, err
		case other == l:
			return call.Ticket{}, call.ErrState
		}
	}
	switch {
	case l.transfer != nil, c.refers(l) != nil:
		return call.Ticket{}, call.ErrState
	case cmd.To == "" && cmd.URI == "" && cmd.With == "":
		return call.Ticket{}, fmt.Errorf("refer: %w: no target", call.ErrInvalid)
	case len(c.ops) >= c.e.cfg.Limits.Operations:
		return call.Ticket{}, call.ErrLimit
	}
	if cmd.Timeout <= 0 {
		cmd.Timeout = defaultRing
	}
	cmd.Account = cmp.Or(cmd.Account, c.origin.Account)
	op := c.begin(l)
	op.refer = &referral{Refer: cmd, context: cmd.Headers}
	op.timer = c.after(cmd.Timeout, func() {
		if l.transfer != nil && c.runs(op) {
			c.hangup(l.transfer.to, noAnswer(), nil)
		}
		c.finish(op, call.Result{}, &call.Refusal{Cause: noAnswer()})
	})
	if r, ok := l.Leg.(Referrer); ok {
		op.refer.context = r.Carry(c.contextOf(l.peer), cmd.Headers)
		r.Refer(cmd, op.refer.context)
	} else {
		c.anchor(op)
	}
	return op.ticket(), nil
}

// refers gives the Refer of a leg that is under way; nil: none.
func (c *Call) refers(l *leg) *operation {
	for _, op := range c.ops {
		if op.refer != nil && op.leg == l {
			return op
		}
	}
	return nil
}

// referred hears what became of a Refer at the leg's far end.
func (c *Call) referred(l *leg, ev call.Referred) {
	op := c.refers(l)
	switch {
	case op == nil || op.refer.anchored || l.state >= ending:
	case ev.Anchor:
		c.anchor(op)
	case ev.Cause != nil && ev.Cause.Label != call.LabelNormal:
		c.finish(op, call.Result{}, &call.Refusal{Cause: *ev.Cause})
	case ev.Cause != nil: // it talks with the target
		before := l.peer
		c.finish(op, call.Result{}, nil)
		c.hangup(l, call.Cause{Q850: 16, By: op.by(), Label: call.LabelNormal, Text: "transferred"}, nil)
		c.relieve(op, before)
	}
}

// relieve hangs up the leg that a transferred one leaves behind, where no driver knows that it must.
func (c *Call) relieve(op *operation, left *leg) {
	if op.back != nil && left != nil {
		c.hangup(left, call.Cause{Q850: 16, By: op.by(), Label: call.LabelNormal, Text: "its peer was transferred"}, nil)
	}
}

// by says who wanted an operation: the driver, or who else waits for it.
func (op *operation) by() call.Party {
	if op.back != nil {
		return call.ByPlatform
	}
	return call.ByApp
}

// anchor carries a Refer out here: the target's leg takes the place of the leg's peer.
func (c *Call) anchor(op *operation) {
	l, r := op.leg, op.refer
	r.anchored = true
	if r.With != "" {
		to, err := c.inTalk(r.With)
		if err != nil {
			c.finish(op, call.Result{}, err)
			return
		}
		before := l.peer
		c.couple(l, to)
		c.finish(op, call.Result{Leg: to.id}, nil)
		c.relieve(op, before)
		return
	}
	if !c.room() {
		c.finish(op, call.Result{}, call.ErrLimit)
		return
	}
	c.dialTarget(&transfer{moved: l, op: op, fresh: r.Headers}, call.Dial{To: r.To, URI: r.URI, Trunk: r.Trunk, Headers: r.context, Timeout: r.Timeout})
}
