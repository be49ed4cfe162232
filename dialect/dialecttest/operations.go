package dialecttest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/switchhook/switchhook/call"
)

// operate begins an operation that is no prompt on a leg's answered far end.
func (c *Call) operate(id call.LegID, cmd call.Command) (call.Ticket, error) {
	f, err := c.find(id)
	switch {
	case err != nil:
		return call.Ticket{}, err
	case f.state != answered:
		return call.Ticket{}, call.ErrState
	}
	return c.begin(f, cmd), nil
}

// record begins a recording. A bucket by the name of [GoneBucket] is not there.
func (c *Call) record(cmd call.RecordAudio) (call.Ticket, error) {
	t, err := c.operate(cmd.Leg, cmd)
	switch {
	case err != nil || !cmd.Sure:
	case cmd.Bucket == GoneBucket:
		c.done(c.ops[len(c.ops)-1], call.Result{}, errGone)
	default:
		c.emit(call.Began(t))
	}
	return t, err
}

// GoneBucket is the name of a bucket of every [Call] that is declared and not there.
const GoneBucket = "gone"

var errGone = errors.New("the bucket is gone")

// pause interrupts a recording, or goes on with it.
func (c *Call) pause(id call.OpID) (call.Ticket, error) {
	for _, op := range c.ops {
		if _, recording := op.cmd.(call.RecordAudio); recording && op.id == id {
			return call.Ticket{Op: id, Leg: op.leg.ID}, nil
		}
	}
	return call.Ticket{}, call.ErrState
}

// enter takes a leg into a room, or from its room with an empty name.
func (c *Call) enter(id call.LegID, room string) (call.Ticket, error) {
	f, err := c.find(id)
	if err != nil {
		return call.Ticket{}, err
	}
	f.part()
	if f.room != "" {
		c.emit(call.Left{Leg: id, Room: f.room})
	}
	if f.room = room; room != "" {
		f.hearsEarly()
		c.emit(call.Entered{Leg: id, Room: room})
	}
	return call.Ticket{Leg: id}, nil
}

// Complete ends the leg's oldest operation of a command's name, such as "SendDigits", with that result. A recording that ends
// without error has left a file of two seconds.
func (f *Far) Complete(command string, r call.Result, err error) {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	for _, op := range f.ops() {
		if strings.TrimPrefix(fmt.Sprintf("%T", op.cmd), "call.") == command {
			f.c.complete(op, r, err)
			return
		}
	}
}

// complete ends an operation; one that records leaves a file.
func (c *Call) complete(op operation, r call.Result, err error) {
	if cmd, ok := op.cmd.(call.RecordAudio); ok && err == nil {
		r.Recording = &call.Recording{Bucket: cmd.Bucket, Key: cmd.Key, Length: 2 * time.Second, Bytes: 32_044}
	}
	c.done(op, r, err)
}

// recordings gives the leg's operations that record.
func (f *Far) recordings() []operation {
	var all []operation
	for _, op := range f.ops() {
		if _, ok := op.cmd.(call.RecordAudio); ok {
			all = append(all, op)
		}
	}
	return all
}
