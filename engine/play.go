package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/media"
)

func (c *Call) doPlay(cmd call.Play) (call.Ticket, error) {
	if len(cmd.Clips) == 0 || c.e.cfg.Opener == nil {
		return call.Ticket{}, errors.New("play: nothing to play")
	}
	times := max(cmd.Times, 1)
	if cmd.Times < 0 {
		times = -1
	}
	return c.sound(cmd.Leg, cmd.Until, func(ctx context.Context, n int, wide bool) (media.Stream, error) {
		if times > 0 && n/len(cmd.Clips) >= times {
			return nil, io.EOF
		}
		return c.openClip(ctx, cmd.Clips[n%len(cmd.Clips)], wide)
	})
}

// openClip opens a stored sound, in 16 kHz if that is wanted and there.
func (c *Call) openClip(ctx context.Context, clip call.Clip, wide bool) (media.Stream, error) {
	open := c.e.cfg.Opener.Open
	if w, ok := c.e.cfg.Opener.(media.WideOpener); ok && wide {
		open = w.OpenWide
	}
	s, err := open(ctx, clip.Bucket, clip.Key)
	if errors.Is(err, media.ErrFormat) || errors.Is(err, media.ErrTooLarge) {
		err = fmt.Errorf("%w: %w", call.ErrInvalid, err) // a driver knows no media
	}
	if err != nil {
		return nil, fmt.Errorf("open %s/%s: %w", clip.Bucket, clip.Key, err)
	}
	return s, nil
}

// sound begins to play to a leg what open gives.
func (c *Call) sound(id call.LegID, until string, open opener) (call.Ticket, error) {
	l, err := c.leg(id)
	if err != nil {
		return call.Ticket{}, err
	}
	if !l.inbound() && l.state != answered {
		return call.Ticket{}, call.ErrState
	}
	c.hush(l) // the new one takes the place of what plays
	if len(c.ops) >= c.e.cfg.Limits.Operations {
		return call.Ticket{}, call.ErrLimit
	}
	c.hearEarly(l)
	op := c.begin(l)
	op.until, op.list = until, newPlaylist()
	ctx, cancel := context.WithCancel(context.Background())
	op.cancel = cancel
	c.working++
	list, codec := op.list, c.codecOf(l)
	go func() {
		err := c.fill(ctx, list, codec, open, func() {
			c.inbox.put(func() {
				op.opened = true
				c.playIfReady(op)
			})
		})
		if err != nil {
			c.inbox.put(func() { c.finish(op, call.Result{}, err) })
		}
		list.close()
		c.inbox.put(func() { c.working-- })
	}()
	return op.ticket(), nil
}

// hush ends what plays to a leg.
func (c *Call) hush(l *leg) {
	for _, op := range c.opsOf(l) {
		if op.list != nil || op.talk != nil {
			c.finish(op, call.Result{}, call.ErrStopped)
		}
	}
}

// fill fills a playlist in the operation's goroutine. A fault of ours there ends the operation and touches no other.
func (c *Call) fill(ctx context.Context, list *playlist, codec func(context.Context) media.Codec, open opener, ready func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			c.e.cfg.Logger.Error("operation broke", "call", c.id, "fault", v, "stack", string(debug.Stack()))
			err = fmt.Errorf("the operation broke: %v", v)
		}
	}()
	return list.fill(ctx, codec, open, ready)
}

// playIfReady lets the leg hear an operation that has something to play, once the leg has media.
func (c *Call) playIfReady(op *operation) {
	if !op.opened || op.stop != nil || op.leg.media == nil || !c.runs(op) {
		return
	}
	list := op.list
	op.stop = op.leg.media.Play(list, func(err error) {
		close(list.over)
		if errors.Is(err, context.Canceled) { // not by us: what we stop is not in Call.ops any more
			err = call.ErrLegEnded
		}
		c.inbox.put(func() {
			op.list = nil // silent already
			c.finish(op, call.Result{}, err)
			op.cancel()
		})
	})
}

// silence ends the playing and the opening.
func (op *operation) silence() {
	op.cancel()
	if op.stop != nil {
		op.stop()
	} else {
		close(op.list.over) // it was never played: nobody else will say so
	}
}
