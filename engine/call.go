package engine

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/call"
)

// Call is one call: all legs under one application's control. Its methods may be called from any goroutine and none
// waits for more than the call's goroutine, but for Ask and Close, which say so. It is a dialect.Call.
type Call struct {
	e      *Engine
	id     call.ID
	origin call.Origin
	inbox  inbox
	events chan call.Event
	ending chan struct{} // closed when the call begins to end
	done   chan struct{} // closed when it is over
	live   atomic.Int32  // how many legs there are

	// The rest is the call goroutine's alone.
	legs     []*leg // all it ever had, in order
	ops      []*operation
	lastOp   call.OpID
	back     func(call.Result, error) // during an Operate: whom the operation that begins is told to
	working  int                      // goroutines of operations that have not returned
	why      *call.Cause              // set when the call begins to end
	quiet    bool                     // the events are closed
	left     bool                     // the driver is gone
	legless  *time.Timer              // runs while there is no leg
	app      string                   // who drives
	answered time.Time                // when the first leg was
	notes    notes
}

// ID names the call.
func (c *Call) ID() call.ID { return c.id }

// Origin says how the call came to be. Its ledger is the call's and not kept here.
func (c *Call) Origin() call.Origin { return c.origin }

// Events gives what happens, in order, to the driver. Closed after the last leg of an ending call is gone.
func (c *Call) Events() <-chan call.Event { return c.events }

// Done is closed when the call is over and its record written.
func (c *Call) Done() <-chan struct{} { return c.done }

// Legs tells how many legs the call has now. A leg whose LegEnded was read is not among them.
func (c *Call) Legs() int { return int(c.live.Load()) }

// Do gives a command: it is accepted or refused at once. The errors are call.ErrOver, call.ErrNoLeg, call.ErrLegEnded,
// call.ErrState, call.ErrLimit, ctx's when it was done before, or what is wrong with the command.
func (c *Call) Do(ctx context.Context, cmd call.Command) (call.Ticket, error) {
	return c.Operate(ctx, cmd, nil)
}

// Ask hands a request to the driver and waits for its answer, for ctx, or for the call's end (call.ErrOver).
func (c *Call) Ask(ctx context.Context, body []byte) ([]byte, error) {
	type answer struct {
		body []byte
		err  error
	}
	back := make(chan answer, 1)
	req := call.Request{Body: body, Reply: func(b []byte, err error) {
		select {
		case back <- answer{b, err}:
		default: // a second answer has nobody who waits for it
		}
	}}
	if !c.inbox.put(func() { c.emit(req) }) {
		return nil, call.ErrOver
	}
	err := call.ErrOver
	select {
	case a := <-back:
		return a.body, a.err
	case <-c.ending:
	case <-ctx.Done():
		err = ctx.Err()
	}
	select { // an answer that is there counts, whatever else happened at the same time
	case a := <-back:
		return a.body, a.err
	default:
		return nil, err
	}
}

// Checkpoint keeps what another node needs to go on with this conversation.
func (c *Call) Checkpoint(state []byte) {
	if keep := c.e.cfg.Checkpoint; keep != nil {
		keep(c.id, state)
	}
}

// SetApp tells which application drives the call from now on, for its record.
func (c *Call) SetApp(id string) { c.inbox.put(func() { c.app = id }) }

// End stops the operations and hangs up every leg with the cause; from now on commands are refused. It does not wait.
// The first cause counts.
func (c *Call) End(why call.Cause) { c.inbox.put(func() { c.end(why) }) }

// Close ends the call, says that its driver is gone, and waits until it is over. It gives the cause that its record has:
// that of its first leg, or why when it had none.
func (c *Call) Close(why call.Cause) call.Cause {
	c.inbox.put(func() {
		c.left = true
		c.end(why)
	})
	<-c.done
	return c.cause()
}

// cause is why the call is over: as the leg did that it began with.
func (c *Call) cause() call.Cause {
	if len(c.legs) > 0 {
		return c.legs[0].record.Cause
	}
	return *c.why
}
