package engine

import (
	"context"

	"github.com/switchhook/switchhook/call"
)

// Standing gives the legs that the call has now, in the order in which they were made, without those that the driver has
// not heard of. The errors are call.ErrOver and ctx's.
func (c *Call) Standing(ctx context.Context) ([]call.LegRecord, error) {
	back := make(chan []call.LegRecord, 1)
	accepted := c.inbox.put(func() {
		legs := []call.LegRecord{}
		for _, l := range c.legs {
			if l.state >= ending || l.secret {
				continue
			}
			l.describe()
			r := l.record
			if s := l.seat; s != nil && s.party != nil {
				r.Room, r.Speaking = s.cmd.Room, s.loudest == l.id
			}
			legs = append(legs, r)
		}
		back <- legs
	})
	if !accepted {
		return nil, call.ErrOver
	}
	select {
	case legs := <-back:
		return legs, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
