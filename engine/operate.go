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
