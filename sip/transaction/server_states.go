package transaction

// The states of server transactions, one method each (RFC 3261 sections 17.2.1 and 17.2.2, RFC 6026 section 7.1). Each
// takes every event that can happen in it; what a state does not name, it ignores.

// inviteProceeding: an INVITE waits for its final response.
func (t *Server) inviteProceeding(ev serverEvent) error {
	switch ev.kind {
	case requestCame:
		return t.Repeat()
	case cancelCame:
		if !t.cancelled {
			t.cancelled = true
			t.shard.layer.cfg.User.Cancelled(t, ev.in.Msg)
		}
	case respond:
		return t.respondInvite(ev)
	}
	return nil
}

func (t *Server) respondInvite(ev serverEvent) error {
	cfg := &t.shard.layer.cfg
	switch {
	case ev.msg.Status < 200:
		return t.Repeat()
	case ev.msg.Status < 300:
		t.state = (*Server).accepted
		t.set(&t.deadline, 64*cfg.T1) // Timer L
	case t.once:
		t.state = (*Server).inviteCompleted
		t.set(&t.deadline, cfg.T4)
	default:
		t.state = (*Server).inviteCompleted
		t.set(&t.deadline, 64*cfg.T1) // Timer H
		if !t.reliable() {
			t.interval = cfg.T1
			t.set(&t.retry, t.interval) // Timer G
		}
	}
	t.finish()
	return t.Repeat()
}

// inviteCompleted: an INVITE was refused, and its ACK is due.
func (t *Server) inviteCompleted(ev serverEvent) error {
	cfg := &t.shard.layer.cfg
	switch ev.kind {
	case requestCame:
		return t.Repeat()
	case retryFired:
		t.interval = min(2*t.interval, cfg.T2)
		t.set(&t.retry, t.interval)
		return t.Repeat()
	case ackCame:
		t.stop(&t.retry)
		if t.reliable() {
			t.end()
			return nil
		}
		t.state, t.last = (*Server).confirmed, nil
		t.set(&t.deadline, cfg.T4) // Timer I
	case deadlineCame:
		t.end() // the refusal stands, whether it arrived or not
	}
	return nil
}

// confirmed: the ACK came; more copies of it may come.
func (t *Server) confirmed(ev serverEvent) error {
	if ev.kind == deadlineCame {
		t.end()
	}
	return nil
}

// accepted: an INVITE was accepted (RFC 6026). The user repeats its 2xx and waits for the ACK.
func (t *Server) accepted(ev serverEvent) error {
	switch ev.kind {
	case ackCame: // by the INVITE's own branch: not as it should be, and yet the ACK
		t.shard.layer.cfg.User.Ack(ev.in.Msg, *ev.in)
	case deadlineCame:
		t.end()
	}
	return nil
}

// trying: a request other than INVITE waits for an answer; RFC 3261's Proceeding is this after a provisional one. After
// 64*T1 its sender waits no more (RFC 4320).
func (t *Server) trying(ev serverEvent) error {
	switch ev.kind {
	case requestCame:
		return t.Repeat() // nothing, or the last provisional response
	case deadlineCame:
		t.end()
	case respond:
		if ev.msg.Status < 200 {
			return t.Repeat()
		}
		t.state = (*Server).completed
		t.finish()
		err := t.Repeat()
		switch cfg := &t.shard.layer.cfg; {
		case t.reliable():
			t.end()
		case t.once:
			t.set(&t.deadline, cfg.T4)
		default:
			t.set(&t.deadline, 64*cfg.T1) // Timer J
		}
		return err
	}
	return nil
}

// completed: the final response to a request other than INVITE was sent; copies of the request get it again.
func (t *Server) completed(ev serverEvent) error {
	switch ev.kind {
	case requestCame:
		return t.Repeat()
	case deadlineCame:
		t.end()
	}
	return nil
}

// terminated: the transaction is in no table any more.
func (t *Server) terminated(serverEvent) error { return nil }
