package exchange

import (
	"context"
	"errors"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
)

// direct drives a call of an endpoint to another of its account: no application does. What the caller says of the call
// reaches the callee as it came in, and back.
type direct struct {
	dialect.Script
	to     string // the callee's user name
	caller call.LegID
	callee call.Ticket
	joined bool
}

// Drive rings the callee, joins the two, and waits until one hangs up.
func (d *direct) Drive(ctx context.Context, c dialect.Call) (err error) {
	o := c.Origin()
	d.Call, d.caller = c, o.Leg
	d.callee, err = c.Do(ctx, call.Dial{To: d.to, Endpoint: d.to, From: o.From, Headers: o.Headers, For: o.Leg})
	for err == nil {
		var ev call.Event
		if ev, err = d.Next(ctx); err == nil {
			err = d.heard(ctx, ev)
		}
	}
	if errors.Is(err, errHungUp) || errors.Is(err, call.ErrOver) {
		return nil
	}
	return err
}

// errHungUp: a party is gone, and the call is over.
var errHungUp = errors.New("hung up")

// heard does what an event asks for.
func (d *direct) heard(ctx context.Context, ev call.Event) error {
	switch e := ev.(type) {
	case call.Ringing:
		return d.do(ctx, call.Ring{Leg: d.caller, Status: e.Status, Headers: e.Headers})
	case call.Progress:
		return d.join(ctx)
	case call.Done:
		if e.Op != d.callee.Op {
			return nil
		}
		return d.answered(ctx, e)
	case call.Transferred: // another has taken a party's place, which is about to end
		switch e.Leg {
		case d.caller:
			d.caller = e.To
		case d.callee.Leg:
			d.callee.Leg = e.To
		}
	case call.LegEnded:
		if e.Leg == d.caller || d.joined && e.Leg == d.callee.Leg {
			return errHungUp
		}
	}
	return nil
}

// answered takes the outcome of the dial.
func (d *direct) answered(ctx context.Context, e call.Done) error {
	var why *call.Refusal
	switch {
	case errors.As(e.Err, &why):
		return d.do(ctx, call.Hangup{Leg: d.caller, Cause: why.Cause, Headers: why.Headers})
	case e.Err != nil:
		return e.Err
	}
	if err := d.do(ctx, call.Answer{Leg: d.caller, Headers: e.Result.Headers}); err != nil {
		return err
	}
	return d.join(ctx)
}

func (d *direct) join(ctx context.Context) error {
	if d.joined {
		return nil
	}
	d.joined = true
	return d.do(ctx, call.Join{A: d.caller, B: d.callee.Leg})
}

// do gives a command. A leg that has just ended is no failure: its LegEnded comes.
func (d *direct) do(ctx context.Context, cmd call.Command) error {
	_, err := d.Do(ctx, cmd)
	if errors.Is(err, call.ErrLegEnded) || errors.Is(err, call.ErrNoLeg) || errors.Is(err, call.ErrState) {
		return nil
	}
	return err
}
