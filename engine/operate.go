package engine

import (
	"context"
	"errors"

	"github.com/switchhook/switchhook/call"
)

// reply is what a command gave, on its way from the call's goroutine to who asked.
type reply struct {
	ticket call.Ticket
	err    error
	given  chan struct{}
}

// errFault is what a command gives that broke the call.
var errFault = errors.New("internal fault")

// Operate gives a command as [Call.Do] does. Where back is not nil, somebody else than the driver gives it: the end of the
// operation that it begins, if it begins one, is told to back in the driver's place, from the call's goroutine: it must not
// block.
func (c *Call) Operate(ctx context.Context, cmd call.Command, back func(call.Result, error)) (call.Ticket, error) {
	if err := ctx.Err(); err != nil {
		return call.Ticket{}, err
	}
	r, ok := c.e.replies.Get().(*reply)
	if !ok {
		r = &reply{given: make(chan struct{}, 1)}
	}
	defer c.e.replies.Put(r)
	r.ticket, r.err = call.Ticket{}, errFault
	accepted := c.inbox.put(func() { // an operation outlives the ctx that its command was given under
		defer func() { // also when the command breaks the call
			c.back = nil
			r.given <- struct{}{}
		}()
		c.back = back
		r.ticket, r.err = c.accept(cmd)
	})
	if !accepted {
		return call.Ticket{}, call.ErrOver
	}
	<-r.given // certain to come: the inbox has taken it
	return r.ticket, r.err
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
