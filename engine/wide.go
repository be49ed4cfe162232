package engine

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/media"
)

// Settler is what a [Leg] offers beside that does later what it is asked: Settle calls f, from any goroutine and at once or
// soon, when all of that is done which it was asked for before.
type Settler interface{ Settle(f func()) }

// settling bounds how long we wait for that.
const settling = time.Second

// codecOf gives what tells the codec of a leg that has media, from any goroutine; where that is not known yet, once what the
// leg was asked for is done. It is none where its far end has still to say.
func (c *Call) codecOf(l *leg) func(ctx context.Context) media.Codec {
	s := l.media
	if s == nil {
		return func(context.Context) media.Codec { return media.NoCodec }
	}
	var settled chan struct{}
	if leg, ok := l.Leg.(Settler); ok && s.Stats().Codec == media.NoCodec {
		settled = make(chan struct{})
		leg.Settle(func() { close(settled) })
	}
	return func(ctx context.Context) media.Codec {
		if settled != nil {
			timer := time.NewTimer(settling)
			defer timer.Stop()
			select {
			case <-settled:
			case <-ctx.Done():
			case <-timer.C:
			}
		}
		return s.Stats().Codec
	}
}

// hearsWide tells whether what is opened for a far end is to have 16 kHz. That can be heard in 8 as well, at a price: where
// nobody knows yet, it is.
func hearsWide(c media.Codec) bool { return c == media.G722 || c == media.NoCodec }
