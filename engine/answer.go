package engine

import "github.com/switchhook/switchhook/call"

func (c *Call) doAnswer(cmd call.Answer) (call.Ticket, error) {
	l, err := c.unanswered(cmd.Leg)
	if err != nil {
		return call.Ticket{}, err
	}
	l.state = answering
	l.Answer(cmd.Headers)
	c.seekMedia(l)
	return call.Ticket{Leg: l.id}, nil
}

// hearEarly lets the caller of an unanswered inbound leg hear.
func (c *Call) hearEarly(l *leg) {
	if l.inbound() && l.state == trying {
		l.state = early
		l.Early(nil)
		c.seekMedia(l)
	}
}
