package engine

import (
	"fmt"

	"github.com/switchhook/switchhook/call"
)

// accept does a command or refuses it. One file per command says what it does.
func (c *Call) accept(cmd call.Command) (call.Ticket, error) {
	switch cmd := cmd.(type) { // also of a call that ends
	case call.Note:
		c.notes.log(cmd.Log.Leg, cmd.Log)
		return call.Ticket{}, nil
	case call.Book:
		c.notes.book("", cmd.Entries)
		return call.Ticket{}, nil
	}
	if c.why != nil {
		return call.Ticket{}, call.ErrOver
	}
	switch cmd := cmd.(type) {
	case call.Ring:
		return c.doRing(cmd)
	case call.Answer:
		return c.doAnswer(cmd)
	case call.Hangup:
		return c.doHangup(cmd)
	case call.Play:
		return c.doPlay(cmd)
	case call.Say:
		return c.doSay(cmd)
	case call.Dial:
		return c.doDial(cmd)
	case call.Fork:
		return c.doFork(cmd)
	case call.Refer:
		return c.doRefer(cmd)
	case call.Hold:
		return c.doHold(cmd)
	case call.Mute:
		return c.doMute(cmd)
	case call.SendDigits:
		return c.doSendDigits(cmd)
	case call.RecordAudio:
		return c.doRecordAudio(cmd)
	case call.Pause:
		return c.doPause(cmd)
	case call.Converse:
		return c.doConverse(cmd)
	case call.Enter:
		return c.doEnter(cmd)
	case call.Leave:
		return c.doLeave(cmd)
	case call.Join:
		return c.doJoin(cmd)
	case call.Part:
		return c.doPart(cmd)
	case call.Stop:
		return c.doStop(cmd)
	}
	return call.Ticket{}, fmt.Errorf("command %T is not known", cmd)
}
