package engine

import (
	"context"
	"errors"
	"io"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
)

// opener gives the n-th stream of what is to be played, from 0, in 16 kHz if that is wanted and there; io.EOF when there are
// no more. It may block and heeds ctx.
type opener func(ctx context.Context, n int, wide bool) (media.Stream, error)

// playlist plays streams one after the other without a gap: while one is heard the next is opened. Two goroutines meet
// in it: the operation's own, which opens and closes (fill, close), and the media's, which reads and never waits (Next).
type playlist struct {
	next  chan media.Stream // opened, not yet heard; closed after the last
	spent chan struct{}     // one for each stream heard to its end
	over  chan struct{}     // closed when nobody will call Next again
	open  []media.Stream    // the operation's goroutine's: opened and not closed, at most two
	now   media.Stream      // the media goroutine's: what is heard
	up    *widening         // of what has 8 kHz alone, for who has 16
}

var _ media.WideSource = (*playlist)(nil)

func newPlaylist() *playlist {
	return &playlist{
		next:  make(chan media.Stream, 1),
		spent: make(chan struct{}, 2), // one stream in next, one before it: Next finds room
		over:  make(chan struct{}),
	}
}

// fill opens the streams in turn, each as the one before it begins to be heard; ready is called after the first. It
// returns when there are no more, when one can't be opened, or when ctx is done.
func (p *playlist) fill(ctx context.Context, codec func(context.Context) media.Codec, open opener, ready func()) error {
	for n := 0; ; n++ {
		s, err := open(ctx, n, hearsWide(codec(ctx)))
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = s.Close()
			}
			return nil
		case errors.Is(err, io.EOF) && n > 0:
			return nil
		case err != nil:
			return err
		}
		p.open = append(p.open, s)
		select {
		case p.next <- s:
		case <-ctx.Done():
			return nil
		}
		if n == 0 {
			ready()
			continue
		}
		select {
		case <-p.spent:
			_ = p.open[0].Close()
			p.open = p.open[1:]
		case <-ctx.Done():
			return nil
		}
	}
}

// close says that no more streams come, waits until the list is not heard any more, and closes what is open.
func (p *playlist) close() {
	close(p.next)
	<-p.over
	for _, s := range p.open {
		_ = s.Close()
	}
}

// Next implements [media.Source].
func (p *playlist) Next(f *media.Frame) error {
	return p.step(func(s media.Stream) error {
		if s == nil {
			clear(f[:])
			return nil
		}
		return s.Next(f)
	})
}

// NextWide implements [media.WideSource].
func (p *playlist) NextWide(f *media.WideFrame) error {
	return p.step(func(s media.Stream) error {
		switch s := s.(type) {
		case nil:
			clear(f[:])
			return nil
		case media.WideSource:
			return s.NextWide(f)
		}
		if p.up == nil {
			p.up = new(widening)
		}
		return p.up.next(s, f)
	})
}

// step takes the next 20 ms from what is heard; from nil, silence, where there is nothing yet. It goes on to another stream
// at most once for a frame, so that empty streams played for ever cost no more than others.
func (p *playlist) step(take func(s media.Stream) error) error {
	for range 2 {
		if p.now == nil {
			select {
			case s, more := <-p.next:
				if !more {
					return io.EOF
				}
				p.now = s
			default: // it is still being opened
				return take(nil)
			}
		}
		err := take(p.now)
		if err == nil || !errors.Is(err, io.EOF) {
			return err
		}
		p.now = nil
		p.spent <- struct{}{}
	}
	return take(nil)
}

// widening brings streams of 8 kHz to 16.
type widening struct {
	frame media.Frame
	up    codec.Widener
}

func (w *widening) next(s media.Source, f *media.WideFrame) error {
	if err := s.Next(&w.frame); err != nil {
		return err
	}
	w.up.Widen(f[:], w.frame[:])
	return nil
}
