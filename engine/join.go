package engine

import "github.com/switchhook/switchhook/call"

func (c *Call) doJoin(cmd call.Join) (call.Ticket, error) {
	a, err := c.leg(cmd.A)
	if err != nil {
		return call.Ticket{}, err
	}
	b, err := c.leg(cmd.B)
	if err != nil {
		return call.Ticket{}, err
	}
	if a == b {
		return call.Ticket{}, call.ErrState
	}
	if a.peer != b {
		c.part(a)
		c.part(b)
		a.peer, b.peer = b, a
		c.hearEarly(a)
		c.hearEarly(b)
		c.connect(a)
	}
	return call.Ticket{Leg: a.id}, nil
}

func (c *Call) doPart(cmd call.Part) (call.Ticket, error) {
	l, err := c.leg(cmd.Leg)
	if err != nil {
		return call.Ticket{}, err
	}
	c.part(l)
	return call.Ticket{Leg: l.id}, nil
}

// connect lets a leg and its peer hear each other once both have media.
func (c *Call) connect(a *leg) {
	b := a.peer
	if b == nil || a.heard || a.media == nil || b.media == nil {
		return
	}
	a.media.Connect(b.media)
	b.media.Connect(a.media)
	a.heard, b.heard = true, true
	c.emit(call.Joined{A: a.id, B: b.id})
}

// part takes a leg and its peer apart.
func (c *Call) part(a *leg) {
	b := a.peer
	if b == nil {
		return
	}
	a.peer, b.peer = nil, nil
	if !a.heard {
		return
	}
	a.heard, b.heard = false, false
	a.media.Connect(nil)
	b.media.Connect(nil)
	c.emit(call.Parted{A: a.id, B: b.id})
}
