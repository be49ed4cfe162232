package dialog

import (
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
	"github.com/switchhook/switchhook/sip/transport"
)

// attempt is one INVITE of ours outside a dialog. A dialog makes one after another: the next peer, the next contact of
// a 3xx. What comes for one that is over is looked at for its 2xx alone, which must be acknowledged and ended.
type attempt struct {
	d         *Dialog
	client    *transaction.Client
	seq       uint32
	over      bool // its final response was told, or nobody wants it any more
	cancelled bool
	timer     *transaction.Timer // bounds the wait for a final response after CANCEL
	tries     int                // how often it was sent with credentials
	proof     header.List        // those credentials
}

// Invite sends an INVITE made by [Dialog.Request] to a target. Provisional, then Accepted or Refused follow. [ErrState]
// when another one is out or the dialog stands.
func (d *Dialog) Invite(m *message.Message, to transport.Target) error {
	if d.state != idle {
		return ErrState
	}
	a := &attempt{d: d, seq: d.seq}
	d.state, d.attempt, d.near = calling, a, to
	a.send(m, to)
	return nil
}

func (a *attempt) send(m *message.Message, to transport.Target) {
	a.d.traced(true, m)
	a.client = a.d.set.cfg.Layer.Send(m, to, func(_ *transaction.Client, m *message.Message, err error) { a.response(m, err) })
}

// sent traces what the transaction sends by itself.
func (a *attempt) sent(m *message.Message) { a.d.traced(true, m) }

// Cancel gives the INVITE up: CANCEL with these rows goes out as soon as RFC 3261 section 9.1 allows. Refused with
// [ErrCancelled] follows, at the latest after 64*T1, whatever the far end answers.
func (d *Dialog) Cancel(rows header.List) {
	a := d.attempt
	if d.state != calling || a.cancelled {
		return
	}
	a.cancelled = true
	a.client.OnCancel(a.sent)
	a.client.Cancel(rows)
	if a.over {
		return // the layer had an answer ready
	}
	a.timer = d.set.cfg.Layer.After(d.callID, 64*d.set.cfg.T1, func() { a.finish(nil, ErrCancelled) })
}

// Abandon gives the INVITE up without waiting for its end: the dialog may invite elsewhere at once.
func (d *Dialog) Abandon() {
	a := d.attempt
	if a == nil || a.over {
		return
	}
	a.close()
	d.state, d.early = idle, nil
	a.client.OnCancel(a.sent)
	a.client.Cancel(nil)
}

func (a *attempt) close() {
	a.over = true
	a.timer.Stop()
}

// response takes every response to the INVITE, and the error that ends it without one.
func (a *attempt) response(m *message.Message, err error) {
	d := a.d
	if m != nil {
		d.traced(false, m)
	}
	switch {
	case err != nil:
		a.finish(nil, err)
	case m.Status >= 300:
		if !a.again(m) {
			a.finish(m, nil)
		}
	case m.Status >= 200:
		d.success(a, m)
	case !a.over:
		a.provisional(m)
	}
}

// finish tells that the attempt failed.
func (a *attempt) finish(m *message.Message, err error) {
	d := a.d
	if a.over || d.attempt != a {
		return
	}
	a.close()
	if d.state != calling {
		return
	}
	d.state, d.early = idle, nil
	if a.cancelled {
		err = ErrCancelled
	}
	d.emit(Event{Kind: Refused, Msg: m, Err: err})
}

// provisional tells of a provisional response, and sends PRACK for one that is reliable. What comes after our CANCEL is
// told to nobody.
func (a *attempt) provisional(m *message.Message) {
	d := a.d
	d.learn(m)
	rseq := reliable(m)
	if rseq == 0 || d.earlyOf(m.ToTag) == nil {
		if !a.cancelled {
			d.emit(Event{Kind: Provisional, Msg: m})
		}
		return
	}
	if !d.earlyOf(m.ToTag).next(rseq) {
		return
	}
	var reply Reply
	if !a.cancelled {
		d.emit(Event{Kind: Provisional, Msg: m, Reply: &reply})
	}
	if r := d.earlyOf(m.ToTag); r != nil { // the user may have given the INVITE up
		d.confirm(m, r, rseq, &reply)
	}
}

// learn makes an early dialog of a provisional response (RFC 3261 section 12.1.2): one for each To-tag.
func (d *Dialog) learn(m *message.Message) {
	if m.Status == 100 || m.ToTag == "" || d.earlyOf(m.ToTag) != nil || len(d.early) == maxEarly {
		return
	}
	d.early = append(d.early, callee(m, d.remote.target))
}

// success takes a 2xx to an INVITE of ours (RFC 3261 section 13.2.2.4). The first one makes the dialog. A repeated one
// is acknowledged again, that of an earlier INVITE of the dialog too. All others, from forks, from attempts that are over, from a callee whose 200 crossed our
// CANCEL, are acknowledged and ended with BYE. a is nil for a response that no transaction knows any more.
func (d *Dialog) success(a *attempt, m *message.Message) {
	wanted := a != nil && a == d.attempt && !a.over
	switch {
	case wanted && !a.cancelled:
		d.accept(a, m)
	case d.state != idle && d.state != calling && m.ToTag == d.remote.tag, m.CSeq.Number == d.ackSeq && m.ToTag == d.remote.tag:
		d.ack(m, &d.remote)
	default:
		d.lose(m)
		if wanted {
			a.finish(m, ErrCancelled)
		}
	}
}

func (d *Dialog) accept(a *attempt, m *message.Message) {
	a.close()
	a.client = nil // which keeps the whole INVITE
	left, heard := false, uint32(0)
	if r := d.earlyOf(m.ToTag); r != nil {
		left, heard = r.left, r.heard
	}
	d.remote = callee(m, d.remote.target)
	d.remote.heard = heard
	d.early = nil
	d.state, d.ackSeq = answered, a.seq
	var reply Reply
	defer func() { // whatever the user does
		d.acknowledge(m, &reply, a.proof)
		if left && d.state == answered {
			d.end()
			d.emit(Event{Kind: Left})
		}
		d.settle()
	}()
	d.emit(Event{Kind: Accepted, Msg: m, Reply: &reply})
}

// acked is what the ACK of the last 2xx bears.
type acked struct {
	Reply
	proof header.List // credentials
}

// settle confirms the dialog once the ACK is out, and sends the BYE that waited for it.
func (d *Dialog) settle() {
	if d.state != answered {
		return
	}
	d.state = confirmed
	if d.byeWanted {
		d.Bye(d.byeRows)
	}
}

// acknowledge sends the first ACK of a 2xx, and keeps what it bears for those that follow.
func (d *Dialog) acknowledge(m *message.Message, reply *Reply, proof header.List) {
	d.acked = nil
	if len(reply.Body) > 0 || len(proof) > 0 {
		d.acked = &acked{Reply: Reply{Type: reply.Type, Body: reply.Body}, proof: proof}
	}
	d.ack(m, &d.remote)
}

// lose acknowledges a 2xx that nobody wants, and ends its dialog with BYE the first time that it comes.
func (d *Dialog) lose(m *message.Message) {
	r := callee(m, d.remote.target)
	d.ack(m, &r)
	for _, tag := range d.losers {
		if tag == r.tag {
			return
		}
	}
	if len(d.losers) == maxEarly {
		return
	}
	d.losers = append(d.losers, r.tag)
	bye := d.request("BYE", max(m.CSeq.Number, d.seq)+1, &r)
	d.send(bye, &r, func(resp *message.Message, _ error) { d.traced(false, resp) })
}

// ack acknowledges a 2xx. An ACK that gets lost is asked for again by the 2xx that follows.
func (d *Dialog) ack(m *message.Message, r *remote) {
	ack := d.request("ACK", m.CSeq.Number, r)
	switch a := d.attempt; {
	case r == &d.remote && m.CSeq.Number == d.ackSeq && d.acked != nil:
		ack.Headers = append(ack.Headers, d.acked.proof...)
		d.acked.fill(ack)
	case a != nil && a.seq == m.CSeq.Number:
		ack.Headers = append(ack.Headers, a.proof...)
	}
	if r != &d.remote && d.decline != nil {
		reply := d.decline(m)
		reply.fill(ack)
	}
	d.route(r, func(to transport.Target, err error) {
		if err != nil {
			return
		}
		if d.set.cfg.Layer.SendAck(ack, to) == nil {
			d.traced(true, ack)
		}
	})
}
