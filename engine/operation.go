package engine

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/call"
)

// operation is a command while it runs. Its Done is given when it leaves Call.ops, and by that alone: so there is
// exactly one.
type operation struct {
	id  call.OpID
	leg *leg // nil of one that concerns no leg alone

	// Of a Dial.
	dial  bool
	timer *time.Timer

	fork  *forking                 // of a Fork
	refer *referral                // of a Refer
	take  *take                    // of a RecordAudio
	talk  *talking                 // of a Converse
	undo  func()                   // of a SendDigits: no more keys
	back  func(call.Result, error) // who waits for it in place of the driver; nil: nobody

	// Of a Play or Say.
	until  string             // digits that end it
	cancel context.CancelFunc // ends what opens the streams
	list   *playlist
	opened bool   // there is something to play
	stop   func() // stops the playing, once it plays
}

func (op *operation) ticket() call.Ticket { return call.Ticket{Op: op.id, Leg: op.legID()} }

func (op *operation) legID() call.LegID {
	if op.leg == nil {
		return ""
	}
	return op.leg.id
}

func (op *operation) ends(digit byte) bool { return strings.IndexByte(op.until, digit) >= 0 }

// begin makes an operation of a leg.
func (c *Call) begin(l *leg) *operation {
	c.lastOp++
	op := &operation{id: c.lastOp, leg: l, back: c.back}
	c.ops = append(c.ops, op)
	return op
}

// runs tells whether an operation is not over.
func (c *Call) runs(op *operation) bool { return slices.Contains(c.ops, op) }

// opsOf gives the operations of a leg as they are now.
func (c *Call) opsOf(l *leg) []*operation {
	var mine []*operation
	for _, op := range c.ops {
		if op.leg == l {
			mine = append(mine, op)
		}
	}
	return mine
}

// finish ends an operation that runs; no effect on one that does not. One that records is over when that is stored.
func (c *Call) finish(op *operation, r call.Result, err error) {
	i := slices.Index(c.ops, op)
	if i < 0 {
		return
	}
	if op.take != nil && !op.take.stored {
		c.quit(op, r, err)
		return
	}
	c.ops = slices.Delete(c.ops, i, i+1)
	if op.refer != nil {
		c.e.tally.transfer(err)
	}
	if op.timer != nil {
		op.timer.Stop()
	}
	if op.list != nil {
		op.silence()
	}
	if op.talk != nil {
		op.hangUp()
	}
	if op.fork != nil {
		op.fork.stop()
	}
	if op.undo != nil {
		op.undo()
	}
	if op.back != nil {
		op.back(r, err)
		return
	}
	c.emit(call.Done{Op: op.id, Leg: op.legID(), Result: r, Err: err})
}
