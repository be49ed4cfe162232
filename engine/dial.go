package engine

import (
	"time"

	"github.com/switchhook/switchhook/call"
)

// defaultRing is how long a far end may ring when Dial.Timeout says nothing.
const defaultRing = 60 * time.Second

func (c *Call) doDial(cmd call.Dial) (call.Ticket, error) {
	if !c.room() || len(c.ops) >= c.e.cfg.Limits.Operations {
		return call.Ticket{}, call.ErrLimit
	}
	l, timeout := c.place(cmd)
	op := c.begin(l)
	op.dial = true
	op.timer = c.after(timeout, func() {
		if c.runs(op) {
			c.hangup(l, noAnswer(), nil)
		}
	})
	return op.ticket(), nil
}

// room tells whether the call may have one more leg.
func (c *Call) room() bool {
	lim := &c.e.cfg.Limits
	return int(c.live.Load()) < lim.Legs && len(c.legs) < lim.Dials
}

// place makes an outbound leg, and tells how long it may ring.
func (c *Call) place(d call.Dial) (*leg, time.Duration) {
	if d.Account == "" {
		d.Account = c.origin.Account
	}
	if d.Timeout <= 0 {
		d.Timeout = defaultRing
	}
	if d.Called = ""; c.origin.Leg != "" {
		d.Called = c.origin.To
	}
	l := c.newLeg(call.Out)
	c.watchLegs()
	l.record.From, l.record.To, l.record.Trunk = d.From, d.To, d.Trunk
	l.sent, l.dialledFor = d.Headers, d.For
	l.place(c.e.cfg.Dialer.Dial(l.id, d, c.reporter(l)))
	return l, d.Timeout
}

// noAnswer is the end of a leg that rang too long.
func noAnswer() call.Cause {
	return call.Cause{SIP: 480, Q850: 19, By: call.ByPlatform, Label: call.LabelNoAnswer}
}
