package transaction

// The states of client transactions, one method each (RFC 3261 sections 17.1.1 and 17.1.2, RFC 6026 section 7.2). Each
// takes every event that can happen in it; what a state does not name, it ignores.

// calling: an INVITE is sent, and nothing was heard.
func (c *Client) calling(ev clientEvent) {
	switch ev.kind {
	case responseCame:
		c.inviteAnswered(ev)
	case resend:
		c.interval *= 2
		c.set(&c.retry, c.interval)
		c.repeat()
	case timeUp:
		c.fail(ErrTimeout)
	case sendingFailed:
		c.fail(ev.err)
	}
}

// inviteProceeding: an INVITE has a provisional response. There is no time limit but that
// after a CANCEL.
func (c *Client) inviteProceeding(ev clientEvent) {
	switch ev.kind {
	case responseCame:
		c.inviteAnswered(ev)
	case timeUp:
		c.fail(ErrTimeout)
	}
}

// inviteAnswered takes a response to an INVITE that has no final one.
func (c *Client) inviteAnswered(ev clientEvent) {
	cfg := &c.shard.layer.cfg
	switch status := ev.msg.Status; {
	case status < 200:
		if !c.heard {
			c.heard = true
			c.state = (*Client).inviteProceeding
			c.data = nil
			c.stop(&c.retry)
			c.stop(&c.deadline)
			if c.gaveUp {
				c.cancel()
			}
		}
		c.on(c, ev.msg, nil)
	case status < 300:
		c.state, c.done = (*Client).accepted, true
		c.data = nil
		c.stop(&c.retry)
		c.set(&c.deadline, 64*cfg.T1) // Timer M
		c.tell(ev.msg, nil)
	default:
		c.state, c.done = (*Client).inviteCompleted, true
		c.stop(&c.retry)
		c.acknowledge(ev.msg)
		if c.reliable() {
			c.end()
		} else {
			c.set(&c.deadline, 64*cfg.T1) // Timer D
		}
		c.tell(ev.msg, nil)
	}
}

// inviteCompleted: an INVITE has a final response of 300 to 699.
func (c *Client) inviteCompleted(ev clientEvent) {
	switch ev.kind {
	case responseCame:
		if ev.msg.Status >= 300 && c.data != nil {
			c.repeat() // the ACK
		}
	case timeUp:
		c.end()
	}
}

// accepted: an INVITE has a 2xx; repeated and forked ones go to the user.
func (c *Client) accepted(ev clientEvent) {
	switch ev.kind {
	case responseCame:
		if ev.msg.Status/100 == 2 {
			c.on(c, ev.msg, nil)
		}
	case timeUp:
		c.end()
	}
}

// trying: a request other than INVITE is sent, and nothing was heard.
func (c *Client) trying(ev clientEvent) {
	switch ev.kind {
	case responseCame:
		c.answered(ev)
	case resend:
		c.interval = min(2*c.interval, c.shard.layer.cfg.T2)
		c.set(&c.retry, c.interval)
		c.repeat()
	case timeUp:
		c.fail(ErrTimeout)
	case sendingFailed:
		c.fail(ev.err)
	}
}

// proceeding: a request other than INVITE has a provisional response. It is repeated every T2.
func (c *Client) proceeding(ev clientEvent) {
	switch ev.kind {
	case responseCame:
		c.answered(ev)
	case resend:
		c.set(&c.retry, c.shard.layer.cfg.T2)
		c.repeat()
	case timeUp:
		c.fail(ErrTimeout)
	case sendingFailed:
		c.fail(ev.err)
	}
}

// answered takes a response to a request other than INVITE that has no final one.
func (c *Client) answered(ev clientEvent) {
	switch {
	case ev.msg.Status < 200:
		if c.state = (*Client).proceeding; c.data != nil {
			c.set(&c.retry, c.shard.layer.cfg.T2)
		}
		c.on(c, ev.msg, nil)
	case c.reliable():
		c.end()
		c.tell(ev.msg, nil)
	default:
		c.state = (*Client).completed
		c.data = nil
		c.stop(&c.retry)
		c.set(&c.deadline, c.shard.layer.cfg.T4) // Timer K
		c.tell(ev.msg, nil)
	}
}

// completed: the final response was told; its copies end here.
func (c *Client) completed(ev clientEvent) {
	if ev.kind == timeUp {
		c.end()
	}
}

// terminated: the transaction is in no table any more.
func (c *Client) terminated(clientEvent) {}
