package engine

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/media"
)

// Bounds of a SendDigits.
const (
	maxDigits   = 256
	defaultTone = 100 * time.Millisecond
	longestTone = 24 * time.Second
)

func (c *Call) doSendDigits(cmd call.SendDigits) (call.Ticket, error) {
	l, err := c.inTalk(cmd.Leg)
	if err != nil {
		return call.Ticket{}, err
	}
	sender, ok := l.Leg.(DigitSender)
	switch {
	case !ok:
		return call.Ticket{}, call.ErrState
	case len(c.ops) >= c.e.cfg.Limits.Operations:
		return call.Ticket{}, call.ErrLimit
	case cmd.Digits == "" || len(cmd.Digits) > maxDigits || strings.Trim(strings.ToUpper(cmd.Digits), "0123456789*#ABCD,W") != "":
		return call.Ticket{}, fmt.Errorf("send digits: %w: 1 to %d of 0-9 * # A-D , w W", call.ErrInvalid, maxDigits)
	case cmd.Tone < 0 || cmd.Tone > longestTone || cmd.Gap < 0 || cmd.Gap > longestTone:
		return call.Ticket{}, fmt.Errorf("send digits: %w: a key lasts %v at most", call.ErrInvalid, longestTone)
	}
	tone, gap := cmd.Tone, cmd.Gap
	if tone == 0 {
		tone = defaultTone
	}
	if gap == 0 {
		gap = defaultTone
	}
	op := c.begin(l)
	op.undo = sender.SendDigits(cmd.Digits, tone, gap, func(err error) {
		if errors.Is(err, media.ErrClosed) { // its LegEnded is on the way
			err = call.ErrLegEnded
		}
		c.inbox.put(func() {
			op.undo = nil
			c.finish(op, call.Result{}, err)
		})
	})
	return op.ticket(), nil
}
