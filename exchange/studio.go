package exchange

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/engine"
)

// takes are the recordings that operators began, until they are fetched or their call is over.
type takes struct {
	mu    sync.Mutex
	begun map[take]*outcome
}

type take struct {
	call call.ID
	op   call.OpID
}

// outcome is how a recording ended.
type outcome struct {
	over   chan struct{}
	result call.Result
	err    error
}

// ErrNoRecording says that a call has no such recording of an operator's.
var ErrNoRecording = errors.New("no such recording")

// Record begins a recording for an operator. The driver hears nothing of it. The errors are dialect.ErrNoCall and those of
// the command.
func (x *Exchange) Record(ctx context.Context, id call.ID, cmd call.RecordAudio) (call.OpID, error) {
	return onLive(x, id, func(c *engine.Call) (call.OpID, error) {
		o := &outcome{over: make(chan struct{})}
		t, err := c.Operate(ctx, cmd, func(r call.Result, err error) {
			o.result, o.err = r, err
			close(o.over)
		})
		if err != nil {
			return 0, err
		}
		x.takes.keep(take{id, t.Op}, o)
		if _, live := x.live.find(id); !live { // it is over meanwhile, and nobody else forgets this
			x.takes.forget(take{id, t.Op})
		}
		return t.Op, nil
	})
}

// EndRecording ends a recording that an operator began, and waits until it is in its bucket. Nil where nothing was recorded.
// The errors are dialect.ErrNoCall, [ErrNoRecording], ctx's, and what went wrong with it.
func (x *Exchange) EndRecording(ctx context.Context, id call.ID, op call.OpID) (*call.Recording, error) {
	return onLive(x, id, func(c *engine.Call) (*call.Recording, error) {
		o := x.takes.find(take{id, op})
		if o == nil {
			return nil, ErrNoRecording
		}
		if _, err := c.Operate(ctx, call.Stop{Op: op}, nil); err != nil && !errors.Is(err, call.ErrOver) {
			return nil, err
		}
		select {
		case <-o.over:
			x.takes.forget(take{id, op})
			return o.result.Recording, o.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
}

// Operate gives a live call a command for an operator that begins no operation. The errors are dialect.ErrNoCall and those
// of the command.
func (x *Exchange) Operate(ctx context.Context, id call.ID, cmd call.Command) error {
	_, err := onLive(x, id, func(c *engine.Call) (call.Ticket, error) { return c.Operate(ctx, cmd, nil) })
	return err
}

// ErrNotPressed says that keys could not be sent, or not all of them.
var ErrNotPressed = errors.New("the keys were not sent")

// Press presses keys at the far end of a live call's leg for an operator, and waits until all are sent. The errors are
// dialect.ErrNoCall, those of the command, ctx's, after which the keys go on, and [ErrNotPressed].
func (x *Exchange) Press(ctx context.Context, id call.ID, cmd call.SendDigits) error {
	_, err := onLive(x, id, func(c *engine.Call) (call.Done, error) {
		d, err := c.Await(ctx, cmd)
		if err == nil && d.Err != nil {
			err = fmt.Errorf("%w: %w", ErrNotPressed, d.Err)
		}
		return d, err
	})
	return err
}

func (t *takes) keep(k take, o *outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.begun == nil {
		t.begun = map[take]*outcome{}
	}
	t.begun[k] = o
}

func (t *takes) find(k take) *outcome {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.begun[k]
}

// over forgets the recordings of a call that is.
func (t *takes) over(id call.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.DeleteFunc(t.begun, func(k take, _ *outcome) bool { return k.call == id })
}

func (t *takes) forget(k take) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.begun, k)
}
