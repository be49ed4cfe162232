package engine

import (
	"cmp"
	"slices"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media"
)

// state of a leg; the package's doc draws it.
type state uint8

const (
	trying state = iota
	early
	answering
	answered
	ending
	ended
)

// leg is a leg as its call keeps it.
type leg struct {
	Leg
	id     call.LegID
	state  state
	record call.LegRecord
	media  media.Session // once it is there
	peer   *leg          // whom it is joined with
	heard  bool          // they hear each other: both have media
	held   bool          // we have its far end on hold
	muted  bool
	absent bool        // its far end has us on hold: what it plays to us is not for a room
	seat   *seat       // in a room
	taps   []tap       // of who listens along
	lost   *time.Timer // runs from its hang-up to its end
	*origins
}

// origins is how a leg came to be, and what it is on its way to become.
type origins struct {
	sent       header.List // outbound: the context that it was dialled with
	dialledFor call.LegID
	fork       *operation // it rings with others
	transfer   *transfer  // it is one of its three
	secret     bool       // the driver does not know of it
}

func (l *leg) inbound() bool { return l.record.Direction == call.In }

// place puts the Leg where it belongs; nil stands for one that never came to be.
func (l *leg) place(made Leg) {
	if made != nil {
		l.Leg = made
	}
}

// noLeg stands where a leg could not be made.
type noLeg struct{}

func (noLeg) Ring(int, header.List)          {}
func (noLeg) Early(header.List)              {}
func (noLeg) Answer(header.List)             {}
func (noLeg) Hangup(call.Cause, header.List) {}
func (noLeg) Media() media.Session           { return nil }
func (noLeg) Describe() call.LegRecord       { return call.LegRecord{} }

// describe completes the record with what the Leg knows.
func (l *leg) describe() {
	known, mine := l.Describe(), &l.record
	mine.SIPCallID = known.SIPCallID
	mine.From = cmp.Or(known.From, mine.From)
	mine.To = cmp.Or(known.To, mine.To)
	mine.Trunk = cmp.Or(known.Trunk, mine.Trunk)
}

// newLeg makes a leg, still without its Leg.
func (c *Call) newLeg(d call.Direction) *leg {
	l := &leg{Leg: noLeg{}, id: call.NewLegID(c.e.cfg.Node), origins: new(origins)}
	l.record = call.LegRecord{ID: l.id, Direction: d, Start: c.now()}
	c.legs = append(c.legs, l)
	c.live.Add(1)
	return l
}

// leg finds a leg that is there and not hung up.
func (c *Call) leg(id call.LegID) (*leg, error) {
	i := slices.IndexFunc(c.legs, func(l *leg) bool { return l.id == id })
	switch {
	case i < 0:
		return nil, call.ErrNoLeg
	case c.legs[i].state >= ending:
		return nil, call.ErrLegEnded
	}
	return c.legs[i], nil
}

// unanswered finds an inbound leg that is not answered.
func (c *Call) unanswered(id call.LegID) (*leg, error) {
	l, err := c.leg(id)
	if err == nil && (!l.inbound() || l.state > early) {
		return nil, call.ErrState
	}
	return l, err
}

// inTalk finds a leg that is answered.
func (c *Call) inTalk(id call.LegID) (*leg, error) {
	l, err := c.leg(id)
	if err == nil && l.state != answered {
		return nil, call.ErrState
	}
	return l, err
}

// reporter gives the leg the way to report.
func (c *Call) reporter(l *leg) call.Report {
	return func(ev call.Event) { c.inbox.put(func() { c.reported(l, ev) }) }
}

// reported hears what happened to a leg.
func (c *Call) reported(l *leg, ev call.Event) {
	switch ev := ev.(type) {
	case call.Accounted:
		c.notes.book(l.id, ev.Entries)
	case call.Logged:
		c.notes.log(l.id, ev.Log)
	case call.LegEnded:
		ev.Leg = l.id
		c.legEnded(l, ev)
	case call.Digit:
		c.pressed(l, ev.Digit, ev.For, true)
	case call.Ringing:
		if l.state < answered && !l.inbound() {
			ev.Leg = l.id
			c.tell(l, ev)
			c.progressed(l, cmp.Or(ev.Status, 180))
		}
	case call.Progress:
		if l.state < answered && !l.inbound() {
			l.state, ev.Leg = early, l.id
			c.tell(l, ev)
			c.progressed(l, 183)
			c.seekMedia(l)
			c.hearFork(l)
			c.hearTarget(l)
		}
	case call.Held:
		if l.state == answered {
			l.absent, ev.Leg = ev.On, l.id
			c.mute(l)
			c.tell(l, ev)
		}
	case call.Tone:
		if l.state < ending {
			ev.Leg = l.id
			c.tell(l, ev)
		}
	case call.Asked:
		c.asked(l, ev)
	case call.Referred:
		c.referred(l, ev)
	case call.Replacement:
		c.replace(l, ev)
	case call.Answered:
		if l.state == ended || !l.record.Answered.IsZero() {
			return
		}
		l.record.Answered = c.now()
		if c.answered.IsZero() {
			c.answered = l.record.Answered
		}
		if l.state < answered { // else it was hung up meanwhile: that it was answered is for the record alone
			ev.Leg = l.id
			c.legAnswered(l, ev)
		}
	}
}

func (c *Call) legAnswered(l *leg, ev call.Answered) {
	l.state = answered
	c.tell(l, ev)
	c.seekMedia(l)
	c.dialled(l, l, ev.Headers)
	if t := l.transfer; t != nil && t.to == l {
		c.transferred(t, ev.Headers)
	}
}

// dialled ends the Dial or Fork of a leg: by, which may have taken its place, has answered.
func (c *Call) dialled(l, by *leg, h header.List) {
	for _, op := range c.opsOf(l) {
		if op.dial {
			c.finish(op, call.Result{Headers: h}, nil)
		}
	}
	if op := l.fork; op != nil && c.runs(op) {
		c.won(op, by, h)
	}
}

// tell gives an event of a leg to the driver, unless it does not know of the leg.
func (c *Call) tell(l *leg, ev call.Event) {
	if !l.secret {
		c.emit(ev)
	}
}

// legEnded ends a leg: its operations, its bridge, then itself.
func (c *Call) legEnded(l *leg, ev call.LegEnded) {
	if l.state == ended {
		return
	}
	if l.lost != nil {
		l.lost.Stop()
	}
	if !l.record.Answered.IsZero() {
		ev.Cause.SIP = 0 // it was hung up for want of an answer, and the answer came at that moment
	}
	// The leg is over, whatever fault of ours there may be in what follows: else the call would wait for it for ever.
	l.state = ended
	l.record.End, l.record.Cause, l.record.Media = c.now(), ev.Cause, ev.Media
	c.live.Add(-1)
	told := c.departs(l, ev)
	c.release(l, &call.Refusal{Cause: ev.Cause, Headers: ev.Headers})
	c.watchLegs()
	if told {
		c.tell(l, ev)
	}
	l.describe()
	l.Leg, l.media = nil, nil // what signals it can go
}

// release ends what the leg does: its operations, a Dial with refusal, and its bridge.
func (c *Call) release(l *leg, refusal *call.Refusal) {
	for _, op := range c.opsOf(l) {
		if op.dial {
			c.finish(op, call.Result{}, refusal)
		} else {
			c.finish(op, call.Result{}, call.ErrLegEnded)
		}
	}
	c.part(l)
	c.leave(l)
	if op := l.fork; op != nil {
		c.lost(op, l, refusal)
	}
	if t := l.transfer; t != nil {
		c.broken(t, l, refusal)
	}
}

// seekMedia notices a leg's media once it is there, and does what waited for it.
func (c *Call) seekMedia(l *leg) {
	if l.media != nil || l.state >= ending {
		return
	}
	if l.media = l.Media(); l.media == nil {
		return
	}
	l.media.OnDigit(func(digit byte, held time.Duration) {
		c.inbox.put(func() { c.pressed(l, digit, held, false) })
	})
	if l.muted {
		c.mute(l)
	}
	c.connect(l)
	c.sitLate(l)
	c.listenForTones(l)
	for _, op := range c.opsOf(l) {
		c.playIfReady(op)
	}
}

// pressed hears a key of a leg's far end, with its audio or by signalling.
func (c *Call) pressed(l *leg, digit byte, held time.Duration, signalled bool) {
	if l.state >= ending {
		return
	}
	c.tell(l, call.Digit{Leg: l.id, Digit: digit, For: held})
	if p := l.peer; p != nil && p.state == answered && !l.muted {
		if r, ok := p.Leg.(DigitRelay); ok {
			r.RelayDigit(digit, held, signalled)
		}
	}
	for _, op := range c.opsOf(l) {
		if op.talk != nil {
			op.talk.talk.Press(digit)
		}
		if t := op.take; signalled && t != nil && t.cmd.Keys && t.ear != nil {
			t.ear.Press(digit, held)
		}
		if op.ends(digit) {
			c.finish(op, call.Result{Digit: digit}, nil)
		}
	}
}
