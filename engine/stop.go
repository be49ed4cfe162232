package engine

import (
	"slices"

	"github.com/switchhook/switchhook/call"
)

func (c *Call) doStop(cmd call.Stop) (call.Ticket, error) {
	i := slices.IndexFunc(c.ops, func(op *operation) bool { return op.id == cmd.Op })
	if i < 0 {
		return call.Ticket{Op: cmd.Op}, nil // it is over: its Done is on the way
	}
	op := c.ops[i]
	c.finish(op, call.Result{}, call.ErrStopped)
	if op.dial {
		c.hangup(op.leg, call.Cause{SIP: 487, By: call.ByApp, Label: call.LabelCancelled}, nil)
	}
	return op.ticket(), nil
}
