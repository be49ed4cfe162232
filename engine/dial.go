package engine

import (
	"time"

	"github.com/switchhook/switchhook/call"
)

// defaultRing is how long a far end may ring when Dial.Timeout says nothing.
const defaultRing = 60 * time.Second

func (c *Call) doDial(cmd call.Dial) (call.Ticket, error) {
	lim := &c.e.cfg.Limits
	if int(c.live.Load()) >= lim.Legs || len(c.legs) >= lim.Dials {
		return call.Ticket{}, call.ErrLimit
	}
	if len(c.ops) >= lim.Operations {
		return call.Ticket{}, call.ErrLimit
	}
	if cmd.Account == "" {
		cmd.Account = c.origin.Account
	}
	if cmd.Timeout <= 0 {
		cmd.Timeout = defaultRing
	}
	l := c.newLeg(call.Out)
	c.watchLegs()
	l.record.From, l.record.To, l.record.Trunk = cmd.From, cmd.To, cmd.Trunk
	l.place(c.e.cfg.Dialer.Dial(l.id, cmd, c.reporter(l)))
	op := c.begin(l)
	op.dial = true
	op.timer = c.after(cmd.Timeout, func() {
		if c.runs(op) {
			c.hangup(l, call.Cause{SIP: 480, Q850: 19, By: call.ByPlatform, Label: call.LabelNoAnswer}, nil)
		}
	})
	return op.ticket(), nil
}
