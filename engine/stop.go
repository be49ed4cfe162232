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
	cancelled := call.Cause{SIP: 487, By: call.ByApp, Label: call.LabelCancelled}
	switch {
	case op.dial:
		c.hangup(op.leg, cancelled, nil)
	case op.fork != nil:
		for _, l := range op.fork.legs {
			c.hangup(l, cancelled, nil)
		}
	case op.refer != nil && op.leg.transfer != nil:
		c.hangup(op.leg.transfer.to, cancelled, nil)
	}
	return op.ticket(), nil
}
