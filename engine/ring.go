package engine

import "github.com/switchhook/switchhook/call"

func (c *Call) doRing(cmd call.Ring) (call.Ticket, error) {
	l, err := c.unanswered(cmd.Leg)
	if err != nil {
		return call.Ticket{}, err
	}
	l.Ring(cmd.Status, cmd.Headers)
	return call.Ticket{Leg: l.id}, nil
}
