package engine

import (
	"errors"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
)

func (c *Call) doHangup(cmd call.Hangup) (call.Ticket, error) {
	l, err := c.leg(cmd.Leg)
	if errors.Is(err, call.ErrLegEnded) {
		return call.Ticket{Leg: cmd.Leg}, nil // as asked
	}
	if err != nil {
		return call.Ticket{}, err
	}
	c.hangup(l, cmd.Cause, cmd.Headers)
	return call.Ticket{Leg: l.id}, nil
}

// hangup hangs up a leg, unless that is done. What the leg does ends at once; it is gone when it reports so.
func (c *Call) hangup(l *leg, why call.Cause, h header.List) {
	if l.state >= ending {
		return
	}
	l.state = ending // first: what follows may end the call, and so come here again
	c.release(l, &call.Refusal{Cause: why})
	limit := c.e.cfg.Limits.Hangup
	l.lost = c.after(limit, func() {
		if l.state == ended {
			return
		}
		c.e.cfg.Logger.Error("leg did not report its end", "call", c.id, "leg", l.id, "waited", limit)
		c.legEnded(l, call.LegEnded{Leg: l.id, Cause: why})
	})
	l.Hangup(why, h)
}
