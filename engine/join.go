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
	c.couple(a, b)
	return call.Ticket{Leg: a.id}, nil
}

// couple makes two legs each other's peers.
func (c *Call) couple(a, b *leg) {
	if a.peer == b {
		return
	}
	c.part(a)
	c.part(b)
	c.leave(a)
	c.leave(b)
	a.peer, b.peer = b, a
	c.hearEarly(a)
	c.hearEarly(b)
	c.connect(a)
}

func (c *Call) doPart(cmd call.Part) (call.Ticket, error) {
	l, err := c.leg(cmd.Leg)
	if err != nil {
		return call.Ticket{}, err
	}
	c.part(l)
	return call.Ticket{Leg: l.id}, nil
}

// connect lets a leg and its peer hear each other once both have media, unless we have one on hold.
func (c *Call) connect(a *leg) {
	b := a.peer
	if b == nil || a.heard || a.media == nil || b.media == nil || a.held || b.held {
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
	c.unhear(a)
	a.peer, b.peer = nil, nil
}

// unhear lets a leg and its peer hear each other no more.
func (c *Call) unhear(a *leg) {
	b := a.peer
	if b == nil || !a.heard {
		return
	}
	a.heard, b.heard = false, false
	a.media.Connect(nil)
	b.media.Connect(nil)
	c.emit(call.Parted{A: a.id, B: b.id})
}
