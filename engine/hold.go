package engine

import "github.com/switchhook/switchhook/call"

func (c *Call) doHold(cmd call.Hold) (call.Ticket, error) {
	l, err := c.inTalk(cmd.Leg)
	if err != nil {
		return call.Ticket{}, err
	}
	h, ok := l.Leg.(Holder)
	if !ok {
		return call.Ticket{}, call.ErrState
	}
	if l.held != cmd.On {
		l.held = cmd.On
		h.Hold(cmd.On)
		if cmd.On {
			c.unhear(l)
			c.stand(l)
		} else {
			c.connect(l)
			c.sitLate(l)
		}
	}
	return call.Ticket{Leg: l.id}, nil
}

func (c *Call) doMute(cmd call.Mute) (call.Ticket, error) {
	l, err := c.leg(cmd.Leg)
	if err != nil {
		return call.Ticket{}, err
	}
	l.muted = cmd.On
	if l.seat != nil {
		l.seat.cmd.Muted = cmd.On
	}
	c.mute(l)
	return call.Ticket{Leg: l.id}, nil
}

// mute lets a leg's media know whether its far end may be heard, once it has media.
func (c *Call) mute(l *leg) {
	if l.media != nil {
		l.media.Mute(l.muted)
	}
	if l.seat != nil && l.seat.party != nil {
		l.seat.party.Mute(l.seat.cmd.Muted || l.muted || l.absent)
	}
}
