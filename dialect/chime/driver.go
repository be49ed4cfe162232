package chime

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/invoke"
)

// driver is the running conversation of one call with its function. Its goroutine alone touches it.
type driver struct {
	conversation
	playlist
	timers

	ctx      context.Context // Drive's: the driver lives as long
	app      *app
	call     dialect.Call
	fn       invoke.Function
	weight   weight
	failed   []string // the applications, by ID, that drove the call before and could not be invoked, the first one first
	account  string
	rule     string // the rule that chose the application; empty for an API's call
	a, b     *leg   // b is nil unless it is dialled, or was answered and its end is not yet told
	meetings int    // how many it has joined
	idle     *timer // ends the call of a caller for whom nothing is to be done; nil: something is, or he is answered
}

// leg is one participant as its function sees it.
type leg struct {
	id       call.LegID
	known    call.LegID // the CallId that the function knows, where another leg has taken the place of that one; else empty
	tag      legTag
	to, from string
	inbound  bool
	start    time.Time
	rung     bool        // inbound: the caller was told that it rings; outbound: the function was told
	answered bool        // our 200 is out, or the far end's came in
	hungUp   bool        // we hung it up; its end is awaited
	ended    bool        // it is over
	code     int         // the SipResponseCode that its HANGUP tells; negative: what its cause says
	cause    call.Cause  // why it is over
	carry    header.List // what the end of the other leg brought: it goes out when the function hangs this one up
	recorded recorded    // what was recorded of it
	place    *place      // LEG-B: the meeting that it is, in place of a leg of the call; else nil
	muted    bool        // LEG-B that is a meeting: LEG-A is not heard there
	shown    header.List // the rows that view shows
	view     []byte      // SipHeaders as JSON, nil when there are none
}

// legTag is the name a function knows a leg by.
type legTag string

const (
	legA legTag = "LEG-A"
	legB legTag = "LEG-B"
)

// callID is the leg's name towards the function: it stays, whatever leg of the call takes its place.
func (l *leg) callID() string { return string(cmp.Or(l.known, l.id)) }

func (l *leg) live() bool { return l != nil && !l.ended }

func newDriver(ctx context.Context, a *app, c dialect.Call) *driver {
	d := &driver{ctx: ctx, app: a, call: c}
	d.script = dialect.Script{Call: c, On: d.hear, Alarm: d.alarm, Ring: d.timers.ring}
	origin := c.Origin()
	d.rule, d.account = origin.Rule, origin.Account
	if d.account == "" {
		d.account = a.dialect.cfg.Account
	}
	return d
}

func (d *driver) limits() *Limits { return &d.app.dialect.cfg.Limits }

func (d *driver) now() time.Time { return d.app.dialect.cfg.Clock() }

func (d *driver) do(cmd call.Command) (call.Ticket, error) { return d.call.Do(d.ctx, cmd) }

// inbound drives a call that came in.
func (d *driver) inbound(o call.Origin) error {
	d.a = &leg{id: o.Leg, tag: legA, to: o.To, from: o.From, inbound: true, start: o.At, code: -1}
	d.show(d.a, newInbound, o.Headers)
	d.push(&notice{event: newInbound, leg: d.a})
	return d.converse()
}

// outbound places the call that the application asked for, and drives it.
func (d *driver) outbound(o call.Origin, req CallRequest) error {
	changes := make([]header.Change, len(req.SipHeaders))
	for i, f := range req.SipHeaders {
		changes[i] = header.Change{Action: header.Added, Field: f, Reason: becauseSet}
	}
	counted, _ := d.forward(nil, "CreateSipMediaApplicationCall", "", o.To, req.SipHeaders) // nobody counted before
	t, err := d.do(call.Dial{To: o.To, From: o.From, Headers: counted, Timeout: d.limits().Ring})
	if err != nil {
		return fmt.Errorf("dial %s: %w", o.To, err)
	}
	d.a = &leg{id: t.Leg, tag: legA, to: o.To, from: o.From, start: d.now(), code: -1}
	d.book(d.a, "CreateSipMediaApplicationCall", call.In, call.WriterApp, changes)
	d.arguments = req.Arguments
	d.push(&notice{event: newOutbound, leg: d.a})
	return d.converse()
}

// converse is the driver's loop, a state machine: tell what is to be told, carry out what is to be carried out, listen.
// It ends when no leg is left and the function knows.
func (d *driver) converse() error {
	defer d.stopAll()
	defer d.leaveBot()
	defer d.leaveMeeting()
	for {
		d.forgetMeeting(nil)
		if !d.b.live() {
			d.weight.unbridge()
		}
		var err error
		switch {
		case len(d.notices) > 0:
			n := d.notices[0]
			d.notices = d.notices[1:]
			err = d.tell(n)
		case d.gone():
			return d.closing
		case d.step == nil && len(d.list) > 0:
			d.begin()
		default:
			err = d.listen()
		}
		if err != nil {
			return err
		}
	}
}

func (d *driver) gone() bool { return !d.a.live() && !d.b.live() }

// listen waits for the next thing to happen.
func (d *driver) listen() error {
	d.ringIdle()
	select {
	case ev, ok := <-d.call.Events():
		if !ok {
			d.overheard()
			return nil
		}
		return d.hear(ev)
	case <-d.alarm():
		d.timers.ring()
		return nil
	case <-d.ctx.Done():
		return fmt.Errorf("drive call %s: %w", d.call.ID(), d.ctx.Err())
	}
}

// ringAfter is how long the function may think before the caller is told that it rings: long enough that a function which
// answers or refuses at once is not preceded by a 180 that says nothing.
const ringAfter = 500 * time.Millisecond

// callerWaits tells whether there is a caller whose INVITE has no final response yet.
func (d *driver) callerWaits() bool {
	return d.a.live() && d.a.inbound && !d.a.answered && !d.a.hungUp
}

// ringWaiting tells a caller who waits that it rings, unless it knows.
func (d *driver) ringWaiting() {
	if !d.a.rung {
		d.ring(0, nil)
	}
}

// ringIdle keeps a caller who is not answered, and for whom nothing is to be done, ringing for a while.
func (d *driver) ringIdle() {
	if d.step != nil || !d.callerWaits() || d.idle != nil {
		return
	}
	d.ringWaiting()
	d.idle = d.after(d.limits().Unanswered, func() {
		if !d.callerWaits() {
			return
		}
		d.hangUp(d.a, call.Cause{SIP: 480, By: call.ByPlatform, Label: call.LabelNoAnswer, Text: "the function gave no action"}, 480)
	})
}

// busy ends the patience with a caller for whom nothing was to be done.
func (d *driver) busy() {
	d.stop(d.idle)
	d.idle = nil
}

// hear takes one event of the call. It never blocks and never fails: the error is for dialect.Script.
func (d *driver) hear(ev call.Event) error {
	switch ev := ev.(type) {
	case call.Ringing:
		d.farEndRings(ev.Leg)
	case call.Progress:
		d.farEndRings(ev.Leg)
	case call.Answered:
		d.farEndAnswered(ev)
	case call.LegEnded:
		d.legEnded(ev)
	case call.Transferred:
		d.transferred(ev)
	case call.Request:
		d.requested(ev)
	}
	collected := d.collects(ev)
	if d.step != nil {
		if o := d.step.hear(d, ev); o.over {
			d.finish(o)
		}
	}
	if collected {
		return nil
	}
	d.watchers = slices.DeleteFunc(d.watchers, func(w watcher) bool { return w.hear(d, ev) })
	return nil
}

// collects tells whether an event is a key that the action under way takes for itself.
func (d *driver) collects(ev call.Event) bool {
	key, pressed := ev.(call.Digit)
	return pressed && d.step != nil && d.action.kind.keys && d.action.leg.id == key.Leg
}

// farEndRings tells the function, once, that the far end of an API's call rings.
func (d *driver) farEndRings(id call.LegID) {
	if id == d.a.id && !d.a.inbound && !d.a.rung && !d.a.answered {
		d.a.rung = true
		d.push(&notice{event: ringing, leg: d.a})
	}
}

// farEndAnswered tells the function that the far end of an API's call has answered.
func (d *driver) farEndAnswered(ev call.Answered) {
	if ev.Leg != d.a.id || d.a.inbound || d.a.answered {
		return
	}
	d.a.answered = true
	d.show(d.a, callAnswered, ev.Headers)
	d.push(&notice{event: callAnswered, leg: d.a})
}

// legEnded tells the function that a leg is over; one that it has never seen answered is the bridge's own matter.
func (d *driver) legEnded(ev call.LegEnded) {
	l, other := d.a, d.b
	if d.b != nil && ev.Leg == d.b.id {
		l, other = d.b, d.a
	}
	if ev.Leg != l.id || l.ended {
		return
	}
	if l == d.a {
		d.leaveMeeting() // one HANGUP tells of both
	}
	l.ended, l.cause = true, ev.Cause
	if other != nil && !l.hungUp {
		other.carry = ev.Headers
	}
	if l == d.a || l.answered {
		d.push(&notice{event: hangup, leg: l})
	}
}

// transferred notices that another leg has taken the place of one: to the function it is the same participant, and the end
// of the old one is nothing to it.
func (d *driver) transferred(ev call.Transferred) {
	for _, l := range [...]*leg{d.a, d.b} {
		if l.live() && l.id == ev.Leg {
			l.known, l.id = call.LegID(l.callID()), ev.To
			d.recordOn(l)
		}
	}
}

// overheard takes the end of the events: whatever is left is over.
func (d *driver) overheard() {
	for _, l := range [...]*leg{d.a, d.b} {
		if l.live() {
			_ = d.hear(call.LegEnded{Leg: l.id, Cause: call.Cause{By: call.ByPlatform, Label: call.LabelInternal}})
		}
	}
}

// ring tells the caller that it rings, or what else status says (see call.Ring).
func (d *driver) ring(status int, headers header.List) {
	d.a.rung = true
	_, _ = d.do(call.Ring{Leg: d.a.id, Status: status, Headers: headers}) // when the leg is over, its LegEnded is on the way
}

// pickUp answers an inbound leg that is not answered yet.
func (d *driver) pickUp(l *leg, headers header.List) {
	if l.inbound && !l.answered {
		l.answered = true
		_, _ = d.do(call.Answer{Leg: l.id, Headers: headers}) // as in ring
	}
}

// hangUp ends a leg; code is what its HANGUP tells.
func (d *driver) hangUp(l *leg, cause call.Cause, code int) {
	l.hungUp, l.code = true, code
	if l.place != nil {
		d.leaveMeeting()
		return
	}
	_, _ = d.do(call.Hangup{Leg: l.id, Cause: cause, Headers: l.carry}) // as in ring
}

// hangUpAll ends the call because its function failed it. why is told to people on our side, and may be to the far end:
// it says nothing that is the customer's own.
func (d *driver) hangUpAll(label call.Label, why string) {
	d.list = nil
	d.drop()
	for _, l := range [...]*leg{d.a, d.b} {
		if !l.live() || l.hungUp {
			continue
		}
		cause := call.Cause{By: call.ByPlatform, Label: label, Text: why}
		if !l.answered {
			cause.SIP = 480
		}
		d.hangUp(l, cause, 480)
	}
}

// show makes the headers that came with a message part of what the function sees of a leg.
func (d *driver) show(l *leg, message string, headers header.List) {
	var changes []header.Change
	l.shown, l.view, changes = view(headers)
	d.book(l, message, call.Out, call.WriterPlatform, changes)
}
