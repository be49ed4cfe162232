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

// hangup hangs up a leg that is not hung up yet. What it does ends at once; it is gone when it reports so.
func (c *Call) hangup(l *leg, why call.Cause, h header.List) {
	c.release(l, &call.Refusal{Cause: why})
	l.state = ending
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
