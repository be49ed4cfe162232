package engine

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/media"
)

func (c *Call) doSay(cmd call.Say) (call.Ticket, error) {
	speaker := c.e.cfg.Speaker
	if speaker == nil {
		return call.Ticket{}, errors.New("say: no speech engine")
	}
	return c.sound(cmd.Leg, cmd.Until, func(ctx context.Context, n int, wide bool) (media.Stream, error) {
		if n > 0 {
			return nil, io.EOF
		}
		say := speaker.Say
		if w, ok := speaker.(WideSpeaker); ok && wide {
			say = w.SayWide
		}
		s, err := say(ctx, cmd)
		if err != nil {
			return nil, fmt.Errorf("speak: %w", err)
		}
		return s, nil
	})
}
