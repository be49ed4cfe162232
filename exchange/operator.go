package exchange

import (
	"context"
	"errors"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/engine"
)

// Legs gives the legs of a live call. The error is dialect.ErrNoCall, or ctx's.
func (x *Exchange) Legs(ctx context.Context, id call.ID) ([]call.LegRecord, error) {
	return onLive(x, id, func(c *engine.Call) ([]call.LegRecord, error) { return c.Standing(ctx) })
}

// Transfer transfers the far end of a leg of a live call, for an operator, and waits for the outcome. The leg that it leaves
// behind is hung up. The errors are dialect.ErrNoCall, those of the command, ctx's, and what went wrong.
func (x *Exchange) Transfer(ctx context.Context, id call.ID, r call.Refer) (call.Result, error) {
	return onLive(x, id, func(c *engine.Call) (call.Result, error) {
		d, err := c.Await(ctx, r)
		if err == nil {
			err = d.Err
		}
		return d.Result, err
	})
}

// Hangup ends a live call, for an operator. The error is dialect.ErrNoCall.
func (x *Exchange) Hangup(id call.ID) error {
	_, err := onLive(x, id, func(c *engine.Call) (struct{}, error) {
		c.End(call.Cause{SIP: 480, Q850: 16, By: call.ByPlatform, Label: call.LabelNormal, Text: "hung up by an operator"})
		return struct{}{}, nil
	})
	return err
}

// onLive does something with a live call.
func onLive[T any](x *Exchange, id call.ID, do func(*engine.Call) (T, error)) (T, error) {
	c, ok := x.live.find(id)
	if !ok {
		var none T
		return none, dialect.ErrNoCall
	}
	out, err := do(c)
	if errors.Is(err, call.ErrOver) {
		err = dialect.ErrNoCall
	}
	return out, err
}
