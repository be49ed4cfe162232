package exchange

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/route"
)

// direct drives a call that no application does: of an endpoint to another of its account, or from one trunk to another. What
// the caller says of the call reaches the callee as it came in, and back.
type direct struct {
	dialect.Script
	dial   call.Dial // whom, and as whom if not as the caller
	caller call.LegID
	callee call.Ticket
	joined bool
}

// Drive rings the callee, joins the two, and waits until one hangs up.
func (d *direct) Drive(ctx context.Context, c dialect.Call) (err error) {
	o := c.Origin()
	d.Call, d.caller = c, o.Leg
	d.dial.Headers, d.dial.For = o.Headers, o.Leg
	if d.dial.From == "" {
		d.dial.From = o.From
	} else {
		err = d.unname(ctx, o)
	}
	if err == nil {
		d.callee, err = c.Do(ctx, d.dial)
	}
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

// directTo gives the driver of a call that goes to an endpoint, or on by a trunk.
func directTo(v route.Verdict) *direct {
	if t := v.Through; t != nil {
		return &direct{dial: call.Dial{To: t.To, Trunk: t.Trunk, Via: t.Via, From: t.From, Timeout: patience}}
	}
	return &direct{dial: call.Dial{To: v.Endpoint, Endpoint: v.Endpoint}}
}

// patience is how long the far end of a trunk may ring: as long as a caller may.
const patience = 3 * time.Minute

// becauseCaller tells of a row that says who calls, where another is shown as the caller.
const becauseCaller header.Reason = "caller-replaced"

// unname takes out of the context what says who the caller is, for he is shown as another.
func (d *direct) unname(ctx context.Context, o call.Origin) error {
	var gone []call.Entry
	d.dial.Headers = slices.DeleteFunc(slices.Clone(d.dial.Headers), func(f header.Field) bool {
		says := header.SameName(f.Name, "P-Asserted-Identity") || header.SameName(f.Name, "Remote-Party-ID")
		if says {
			gone = append(gone, call.Entry{At: time.Now(), Leg: o.Leg, Message: "INVITE", Direction: call.Out, Writer: call.WriterRule, Change: header.Change{
				Action: header.Dropped, Field: f, Reason: becauseCaller, Detail: "the caller is shown as " + d.dial.From}})
		}
		return says
	})
	if len(gone) == 0 {
		return nil
	}
	return d.do(ctx, call.Book{Entries: gone})
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
