package engine

import (
	"cmp"
	"slices"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
)

// transfer is a leg on its way to another's place: because a far end asked that its peer be transferred (REFER), because
// one called in to take a leg's place (INVITE with Replaces), or because a Refer is anchored here. Until it is answered
// the driver knows nothing of it, and all is as it was.
type transfer struct {
	asker *leg // whose far end asked and is told how it goes; it may leave meanwhile
	takes *leg // whose place it takes, where it called in for that
	moved *leg // who is to talk with it; of one that called in: the peer of the leg whose place it takes; nil: a room
	to    *leg
	seat  *seat      // in the room where it takes the asker's place
	op    *operation // the Refer that wanted it
	fresh header.List
	gone  *call.LegEnded // the asker has left: the driver hears of that when it is known who takes its place
	timer *time.Timer
	heard bool   // the target is, by who is to talk with it, before it answers
	quiet func() // ends the ringback that is heard instead
}

// of gives the legs that a transfer is about.
func (t *transfer) of() []*leg {
	legs := []*leg{t.asker, t.takes, t.moved, t.to}
	return slices.DeleteFunc(legs, func(l *leg) bool { return l == nil })
}

// partTime is how long a far end that had its peer transferred may take to hang up by itself.
const partTime = 5 * time.Second

// asked hears that the far end of a leg wants its peer transferred.
func (c *Call) asked(l *leg, ev call.Asked) {
	r, ok := l.Leg.(Referrer)
	if !ok || l.state >= ending {
		return
	}
	p := l.peer
	switch {
	case l.state != answered, p == nil && l.seat == nil, l.transfer != nil, c.refers(l) != nil,
		p != nil && (p.state != answered || p.transfer != nil || c.refers(p) != nil):
		c.e.tally.transfer(call.ErrState)
		r.Notify(480)
		return
	case !c.room() || c.why != nil:
		c.e.tally.transfer(call.ErrLimit)
		r.Notify(503)
		return
	}
	d, whom := ev.Dial, "itself, which is in a room,"
	if p != nil {
		whom = "leg " + string(p.id)
	}
	c.notes.log(l.id, call.Log{Kind: call.LogNote, Text: "its far end has " + whom + " transferred to " + cmp.Or(d.To, d.URI)})
	fresh := d.Headers
	d.Headers = r.Carry(c.contextOf(l), fresh)
	c.dialTarget(&transfer{asker: l, moved: p, seat: l.seat, fresh: fresh}, d)
}

// dialTarget places the leg of a transfer, for the leg that is to talk with it; for who asked where that is a room.
func (c *Call) dialTarget(t *transfer, d call.Dial) {
	caller := cmp.Or(t.moved, t.asker)
	d.For, d.From = caller.id, caller.party()
	to, timeout := c.place(d)
	c.pursue(t, to)
	t.timer = c.after(timeout, func() {
		if to.transfer == t {
			c.hangup(to, noAnswer(), nil)
		}
	})
}

// pursue makes a leg that of a transfer.
func (c *Call) pursue(t *transfer, to *leg) {
	t.to, to.secret = to, true
	for _, l := range t.of() {
		l.transfer = t
	}
}

// drop ends a transfer, whatever came of it.
func (c *Call) drop(t *transfer) {
	if t.timer != nil {
		t.timer.Stop()
	}
	c.unhearTarget(t)
	for _, l := range t.of() {
		if l.transfer == t {
			l.transfer = nil
		}
	}
}

// party is the far end of a leg: who called, or was called.
func (l *leg) party() string {
	if l.inbound() {
		return l.record.From
	}
	return l.record.To
}

// contextOf gives the context of the call as a leg has it: what came with the call, and what that leg was dialled with,
// which counts more. nil: what came with the call.
func (c *Call) contextOf(l *leg) header.List {
	if l == nil || l.inbound() {
		return c.origin.Headers
	}
	rows := make(header.List, 0, len(c.origin.Headers)+len(l.sent))
	for _, f := range c.origin.Headers {
		if !l.sent.Has(f.Name) {
			rows = append(rows, f)
		}
	}
	return append(rows, l.sent...)
}

// progressed tells who asked for a transfer how far the target has come.
func (c *Call) progressed(l *leg, status int) {
	t := l.transfer
	if t == nil || t.to != l {
		return
	}
	c.notify(t, status)
	c.ringback(t)
}

// notify tells who asked for a transfer, if it is still there.
func (c *Call) notify(t *transfer, status int) {
	if t.asker == nil || t.asker.state >= ending {
		return
	}
	if r, ok := t.asker.Leg.(Referrer); ok {
		r.Notify(status)
	}
}

// transferred puts the leg of a transfer, which has answered, into its place.
func (c *Call) transferred(t *transfer, h header.List) {
	c.drop(t)
	to, old := t.to, t.takes
	if old != nil {
		t.moved = old.peer
	} else if old = t.asker; old == nil {
		old = t.moved.peer
	}
	to.secret = false
	if t.op == nil {
		c.e.tally.transfer(nil)
	}
	if old != nil {
		c.notes.log(to.id, call.Log{Kind: call.LogNote, Text: "it takes the place of leg " + string(old.id)})
		ev := call.Transferred{Leg: old.id, To: to.id, Headers: t.fresh}
		if t.moved != nil {
			ev.Peer = t.moved.id
		}
		c.emit(ev)
	}
	switch {
	case t.moved != nil && t.moved.state < ending && to.state < ending:
		c.couple(t.moved, to)
	case t.seat != nil:
		if t.asker.state < ending {
			c.leave(t.asker)
		}
		c.inherit(to, t.seat)
	case t.takes != nil:
		c.inherit(to, old.seat)
	}
	switch {
	case t.takes != nil:
		elsewhere := call.Cause{Q850: 16, By: call.ByPlatform, Label: call.LabelNormal, Text: "another dialog took its place"}
		if old.state < answered {
			elsewhere.Label, elsewhere.Q850 = call.LabelElsewhere, 26
			c.dialled(old, to, t.fresh)
		}
		c.hangup(old, elsewhere, nil)
	case t.gone != nil:
		c.tell(t.asker, *t.gone)
	case t.asker != nil:
		c.notify(t, 200)
		asker := t.asker
		c.after(partTime, func() {
			c.hangup(asker, call.Cause{Q850: 16, By: call.ByPlatform, Label: call.LabelNormal, Text: "its peer was transferred"}, nil)
		})
	default:
		c.finish(t.op, call.Result{Headers: h, Leg: to.id}, nil)
		c.relieve(t.op, old)
	}
}

// departs tells whether the driver may hear now that a leg has ended: not when its far end asked for a transfer and left,
// as many do, before it is known who takes its place.
func (c *Call) departs(l *leg, ev call.LegEnded) bool {
	t := l.transfer
	if t == nil || t.asker != l {
		return true
	}
	t.gone = &ev
	l.transfer = nil // it goes on without it
	return false
}

// broken ends a transfer because one of its legs is over.
func (c *Call) broken(t *transfer, l *leg, why *call.Refusal) {
	c.drop(t)
	cancelled := call.Cause{SIP: 487, By: call.ByPlatform, Label: call.LabelCancelled}
	if t.op == nil {
		c.e.tally.transfer(why)
	}
	if l == t.to {
		c.notes.log(l.id, call.Log{Kind: call.LogNote, Text: "the transfer did not reach its target: " + why.Cause.String()})
		status := why.Cause.SIP
		if status < 300 {
			status = 480
		}
		c.notify(t, status)
		if t.op != nil {
			c.finish(t.op, call.Result{}, why)
		}
	} else {
		c.notify(t, 487)
		c.hangup(t.to, cancelled, nil)
	}
	if t.gone != nil {
		c.tell(t.asker, *t.gone)
	}
}

// replace takes in a leg that called to take another's place (RFC 3891). What can't be taken in is refused in time by who
// announced it.
func (c *Call) replace(l *leg, ev call.Replacement) {
	a, ok := c.e.cfg.Dialer.(Adopter)
	if !ok || l.state >= ending || l.transfer != nil || !c.room() || c.why != nil {
		return
	}
	to := c.newLeg(call.In)
	c.watchLegs()
	at := &ev.Attempt
	to.record.From, to.record.To, to.record.Trunk = at.From, at.To, at.Trunk
	c.pursue(&transfer{takes: l, fresh: at.Headers}, to)
	c.notes.book(to.id, at.Ledger)
	to.place(a.Adopt(ev.Token, to.id, c.reporter(to)))
	to.state = answering
	to.Answer(nil)
}
