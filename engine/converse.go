package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/media/mix"
)

// Talker lets bots talk. Converse begins a conversation: it returns at once, and what hinders the conversation shows in its
// end. When ctx is done the conversation is given up.
type Talker interface {
	Converse(ctx context.Context, cmd call.Converse) Talk
}

// Talk is a conversation with a bot. It is a source of what the bot says, which is silence while that says nothing and never
// ends. Only Wait blocks.
type Talk interface {
	media.Source
	// Hear takes the next 20 ms of what the far end says, in 8 kHz. It keeps nothing of them.
	Hear(samples []int16)
	// Press takes a key (0-9 * # A-D) of the far end.
	Press(key byte)
	// Wait returns once when the conversation is over, what the bot says in the end is said, and nothing of it runs any more: how it ended, in
	// the JSON of the bot's service. Errors wrap those of package call: ErrNotFound, ErrDenied, ErrThrottled, ErrInvalid.
	Wait() ([]byte, error)
}

// talking is the conversation of a Converse.
type talking struct {
	talk Talk
	ear  *mix.Ear
	end  context.CancelFunc
	mute func() // stops what the bot says
}

func (c *Call) doConverse(cmd call.Converse) (call.Ticket, error) {
	l, err := c.leg(cmd.Leg)
	switch {
	case err != nil:
		return call.Ticket{}, err
	case l.state < answering: // one that is answered and not acknowledged yet is heard already
		return call.Ticket{}, call.ErrState
	case c.e.cfg.Talker == nil || c.e.cfg.Clock == nil:
		return call.Ticket{}, errors.New("converse: no bots")
	case l.media == nil:
		return call.Ticket{}, call.ErrState
	}
	c.hush(l)
	if len(c.ops) >= c.e.cfg.Limits.Operations {
		return call.Ticket{}, call.ErrLimit
	}
	ctx, cancel := context.WithCancel(context.Background())
	t := &talking{talk: c.e.cfg.Talker.Converse(ctx, cmd), end: cancel}
	op := c.begin(l)
	op.talk = t
	c.working++
	go func() {
		result, err := c.await(t.talk)
		c.inbox.put(func() {
			c.finish(op, call.Result{Talk: result}, err)
			c.working--
		})
	}()
	t.mute = l.media.Play(t.talk, func(error) {
		c.inbox.put(func() { // its leg is over, or something else is played: nobody hears the bot any more
			c.finish(op, call.Result{}, call.ErrLegEnded)
		})
	})
	t.ear = c.e.cfg.Clock.Listen(listener{t.talk})
	says, _ := t.ear.Ports(false)
	l.taps = append(l.taps, tap{op: op, says: says})
	l.tap()
	return op.ticket(), nil
}

// await waits for the end of a conversation. A fault of ours there ends the operation and touches no other.
func (c *Call) await(t Talk) (result []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			c.e.cfg.Logger.Error("conversation broke", "call", c.id, "fault", v, "stack", string(debug.Stack()))
			err = fmt.Errorf("the conversation broke: %v", v)
		}
	}()
	result, err = t.Wait()
	if err != nil {
		err = fmt.Errorf("converse: %w", err)
	}
	return result, err
}

// hangUp ends the conversation of an operation, if it is not over, and lets neither side hear the other.
func (op *operation) hangUp() {
	t := op.talk
	t.end()
	if t.mute != nil {
		t.mute()
	}
	if t.ear != nil {
		t.ear.Close()
	}
	l := op.leg
	l.taps = slices.DeleteFunc(l.taps, func(t tap) bool { return t.op == op })
	l.tap()
}

// listener gives a conversation what its far end says.
type listener struct{ talk Talk }

// Rate implements [mix.Sink].
func (listener) Rate() int { return codec.Rate }

// Hear implements [mix.Sink].
func (l listener) Hear(says, _ []int16) { l.talk.Hear(says) }

// Over implements [mix.Sink].
func (listener) Over() {}
