package engine

import (
	"context"

	"github.com/switchhook/switchhook/call"
)

// Operate gives a command for somebody else than the driver. The end of the operation that it begins, if it begins one, is
// told to back in the driver's place, from the call's goroutine: it must not block. The errors are those of [Call.Do].
func (c *Call) Operate(ctx context.Context, cmd call.Command, back func(call.Result, error)) (call.Ticket, error) {
	type reply struct {
		ticket call.Ticket
		err    error
	}
	answer := make(chan reply, 1)
	accepted := c.inbox.put(func() {
		r := reply{err: errFault}
		defer func() { answer <- r }() // also when the command breaks the call
		c.back = back
		defer func() { c.back = nil }()
		r.ticket, r.err = c.accept(cmd)
	})
	if !accepted {
		return call.Ticket{}, call.ErrOver
	}
	select {
	case r := <-answer:
		return r.ticket, r.err
	case <-ctx.Done():
		return call.Ticket{}, ctx.Err()
	}
}

// Await gives a command as [Call.Operate] does, and waits for the end of the operation that it begins. The errors are those
// of Operate, and ctx's, after which the operation goes on; how it ended is in what is given back.
func (c *Call) Await(ctx context.Context, cmd call.Command) (call.Done, error) {
	over := make(chan call.Done, 1)
	t, err := c.Operate(ctx, cmd, func(r call.Result, err error) { over <- call.Done{Result: r, Err: err} })
	if err != nil {
		return call.Done{}, err
	}
	select {
	case d := <-over:
		d.Op, d.Leg = t.Op, t.Leg
		return d, nil
	case <-ctx.Done():
		return call.Done{}, ctx.Err()
	}
}
