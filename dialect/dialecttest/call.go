package dialecttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
)

var _ dialect.Call = (*Call)(nil)

// ID is the ID of every [Call].
const ID call.ID = "ca11ca11-0000-4000-8000-000000000000"

// LegID gives the ID of the n-th leg of a [Call], from 0: the same in every run, so that dialogues can be kept as text.
func LegID(n int) call.LegID {
	return call.LegID(fmt.Sprintf("%08x-0000-4000-8000-000000000000", n+1))
}

// roomForEvents is how many events a driver may leave unread: more than any test needs, so a full channel is a driver
// that does not listen.
const roomForEvents = 256

// Call is a call whose far ends the test plays. Safe for concurrent use.
type Call struct {
	origin call.Origin
	events chan call.Event

	mu         sync.Mutex
	legs       []*Far
	ops        []operation
	lastOp     call.OpID
	given      []call.Command
	ledger     call.Ledger
	log        []call.Log
	checkpoint []byte
	over       bool
	ended      chan struct{} // closed with over
}

// operation is one that runs.
type operation struct {
	id  call.OpID
	leg *Far
	cmd call.Command
}

// NewCall makes a call with its inbound leg, or, when o has a Request, one that the application asked for, without legs.
func NewCall(o call.Origin) *Call {
	c := &Call{origin: o, events: make(chan call.Event, roomForEvents), ended: make(chan struct{})}
	if o.Request == nil {
		c.origin.Leg = c.newLeg(trying, call.In).ID
	}
	return c
}

// ID implements [dialect.Call].
func (c *Call) ID() call.ID { return ID }

// Origin implements [dialect.Call].
func (c *Call) Origin() call.Origin { return c.origin }

// Events implements [dialect.Call].
func (c *Call) Events() <-chan call.Event { return c.events }

// Checkpoint implements [dialect.Call].
func (c *Call) Checkpoint(state []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checkpoint = state
}

// Far gives the far end of the n-th leg, from 0; nil when the call has not got so many.
func (c *Call) Far(n int) *Far {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n >= len(c.legs) {
		return nil
	}
	return c.legs[n]
}

// Given gives the commands accepted since it was last called, without Note and Book.
func (c *Call) Given() []call.Command {
	c.mu.Lock()
	defer c.mu.Unlock()
	given := c.given
	c.given = nil
	return given
}

// Ledger gives what was entered by Book so far.
func (c *Call) Ledger() call.Ledger {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.ledger)
}

// Log gives what was added by Note so far.
func (c *Call) Log() []call.Log {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.log)
}

// State gives the last checkpoint.
func (c *Call) State() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.checkpoint
}

// Ask hands an API's request to the driver and waits for its answer, for ctx, or for the call's end, as the engine does.
func (c *Call) Ask(ctx context.Context, body []byte) ([]byte, error) {
	type answer struct {
		body []byte
		err  error
	}
	back := make(chan answer, 1)
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return nil, call.ErrOver
	}
	c.emit(call.Request{Body: body, Reply: func(b []byte, err error) {
		select {
		case back <- answer{b, err}:
		default:
			panic("dialecttest: a request was answered twice")
		}
	}})
	c.mu.Unlock()
	err := call.ErrOver
	select {
	case a := <-back:
		return a.body, a.err
	case <-c.ended:
	case <-ctx.Done():
		err = ctx.Err()
	}
	select {
	case a := <-back:
		return a.body, a.err
	default:
		return nil, err
	}
}

// End ends the call from outside, as a node does that stops: what is left is hung up, then the events are closed.
func (c *Call) End() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return
	}
	c.over = true
	close(c.ended)
	for _, op := range slices.Clone(c.ops) {
		c.done(op, call.Result{}, call.ErrStopped)
	}
	for _, l := range c.legs {
		l.end(call.Cause{By: call.ByPlatform, Label: call.LabelDrained}, nil)
	}
	close(c.events)
}

// Do implements [dialect.Call].
func (c *Call) Do(ctx context.Context, cmd call.Command) (call.Ticket, error) {
	if err := ctx.Err(); err != nil {
		return call.Ticket{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch cmd := cmd.(type) {
	case call.Note:
		c.log = append(c.log, cmd.Log)
		return call.Ticket{}, nil
	case call.Book:
		c.ledger = append(c.ledger, cmd.Entries...)
		return call.Ticket{}, nil
	}
	if c.over {
		return call.Ticket{}, call.ErrOver
	}
	before := len(c.given)
	c.given = append(c.given, cmd)
	t, err := c.accept(cmd)
	if err != nil {
		c.given = slices.Delete(c.given, before, before+1)
	}
	return t, err
}

func (c *Call) accept(cmd call.Command) (call.Ticket, error) {
	switch cmd := cmd.(type) {
	case call.Ring:
		return c.inbound(cmd.Leg, func(*Far) {})
	case call.Answer:
		return c.inbound(cmd.Leg, func(f *Far) {
			f.state = answered
			f.sent = cmd.Headers
			f.hears()
			c.emit(call.Answered{Leg: f.ID})
		})
	case call.Hangup:
		return c.hangup(cmd)
	case call.Play:
		return c.sound(cmd.Leg, cmd)
	case call.Say:
		return c.sound(cmd.Leg, cmd)
	case call.Dial:
		f := c.newLeg(trying, call.Out)
		f.sent = cmd.Headers
		return c.begin(f, cmd), nil
	case call.Join:
		return c.join(cmd)
	case call.Part:
		f, err := c.find(cmd.Leg)
		if err == nil {
			f.part()
		}
		return call.Ticket{Leg: cmd.Leg}, err
	case call.Stop:
		return c.stop(cmd.Op)
	case call.SendDigits:
		return c.operate(cmd.Leg, cmd)
	case call.RecordAudio:
		return c.record(cmd)
	case call.Converse:
		return c.operate(cmd.Leg, cmd)
	case call.Pause:
		return c.pause(cmd.Op)
	case call.Mute:
		_, err := c.find(cmd.Leg)
		return call.Ticket{Leg: cmd.Leg}, err
	case call.Enter:
		return c.enter(cmd.Leg, cmd.Room)
	case call.Leave:
		return c.enter(cmd.Leg, "")
	}
	panic(fmt.Sprintf("dialecttest: command %T is not known here", cmd))
}

func (c *Call) inbound(id call.LegID, do func(*Far)) (call.Ticket, error) {
	f, err := c.find(id)
	if err != nil {
		return call.Ticket{}, err
	}
	if f.dir != call.In || f.state == answered {
		return call.Ticket{}, call.ErrState
	}
	do(f)
	return call.Ticket{Leg: id}, nil
}

func (c *Call) hangup(cmd call.Hangup) (call.Ticket, error) {
	f, err := c.find(cmd.Leg)
	if errors.Is(err, call.ErrLegEnded) {
		return call.Ticket{Leg: cmd.Leg}, nil
	}
	if err != nil {
		return call.Ticket{}, err
	}
	f.sent = cmd.Headers
	f.end(cmd.Cause, f.last)
	return call.Ticket{Leg: f.ID}, nil
}

func (c *Call) sound(id call.LegID, cmd call.Command) (call.Ticket, error) {
	f, err := c.find(id)
	if err != nil {
		return call.Ticket{}, err
	}
	if f.dir == call.Out && f.state == trying {
		return call.Ticket{}, call.ErrState
	}
	f.finish(call.ErrStopped, 0)
	f.hearsEarly()
	return c.begin(f, cmd), nil
}

func (c *Call) join(cmd call.Join) (call.Ticket, error) {
	a, err := c.find(cmd.A)
	if err != nil {
		return call.Ticket{}, err
	}
	b, err := c.find(cmd.B)
	if err != nil {
		return call.Ticket{}, err
	}
	if a == b {
		return call.Ticket{}, call.ErrState
	}
	if a.peer != b {
		a.part()
		b.part()
		a.peer, b.peer = b, a
		a.hearsEarly()
		b.hearsEarly()
		a.connect()
	}
	return call.Ticket{Leg: a.ID}, nil
}

func (c *Call) stop(id call.OpID) (call.Ticket, error) {
	i := slices.IndexFunc(c.ops, func(o operation) bool { return o.id == id })
	if i < 0 {
		return call.Ticket{Op: id}, nil
	}
	op := c.ops[i]
	if _, recording := op.cmd.(call.RecordAudio); recording {
		c.complete(op, call.Result{}, nil)
		return call.Ticket{Op: id, Leg: op.leg.ID}, nil
	}
	c.done(op, call.Result{}, call.ErrStopped)
	if _, dial := op.cmd.(call.Dial); dial {
		op.leg.end(call.Cause{SIP: 487, By: call.ByApp, Label: call.LabelCancelled}, nil)
	}
	return call.Ticket{Op: id, Leg: op.leg.ID}, nil
}

func (c *Call) begin(f *Far, cmd call.Command) call.Ticket {
	c.lastOp++
	c.ops = append(c.ops, operation{c.lastOp, f, cmd})
	return call.Ticket{Op: c.lastOp, Leg: f.ID}
}

// done ends an operation, if it still runs.
func (c *Call) done(op operation, r call.Result, err error) {
	i := slices.IndexFunc(c.ops, func(o operation) bool { return o.id == op.id })
	if i < 0 {
		return
	}
	c.ops = slices.Delete(c.ops, i, i+1)
	c.emit(call.Done{Op: op.id, Leg: op.leg.ID, Result: r, Err: err})
}

func (c *Call) find(id call.LegID) (*Far, error) {
	for _, f := range c.legs {
		if f.ID == id {
			if f.state == ended {
				return nil, call.ErrLegEnded
			}
			return f, nil
		}
	}
	return nil, call.ErrNoLeg
}

func (c *Call) newLeg(s state, d call.Direction) *Far {
	f := &Far{ID: LegID(len(c.legs)), c: c, state: s, dir: d}
	c.legs = append(c.legs, f)
	return f
}

// emit gives an event to the driver: of a call that ends, only what was promised. c.mu is held.
func (c *Call) emit(ev call.Event) {
	switch ev.(type) {
	case call.Done, call.LegEnded:
	default:
		if c.over {
			return
		}
	}
	select {
	case c.events <- ev:
	default:
		panic("dialecttest: the driver does not listen to its call")
	}
}

// String shows the legs' states, for messages of tests.
func (c *Call) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	for i, f := range c.legs {
		fmt.Fprintf(&b, "leg %d %s, ", i, f.state)
	}
	fmt.Fprintf(&b, "%d operations", len(c.ops))
	return b.String()
}
