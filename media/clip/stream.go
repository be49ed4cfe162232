package clip

import (
	"context"
	"errors"
	"io"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
)

// ahead is how many frames of a large file are decoded before they are heard: two seconds.
const ahead = 100

// samples is a stream of 8 kHz that may also hold 16: fill gives 20 ms in the rate that it has, s has room for that, and tells
// whether they were there already. What the last ones lack is silence; io.EOF means that there was nothing at all.
type samples interface {
	media.Stream
	fill(s []int16) (there bool, err error)
}

// stream gives a sound of so many samples for a tick of 8 kHz as what it is played as.
func stream(s samples, each int) media.Stream {
	if each == 2 {
		return &wide{samples: s}
	}
	return s
}

var _ media.WideSource = (*wide)(nil)

// wide is a stream of 16 kHz, also for who wants 8: a leg whose codec was not known yet, or changed.
type wide struct {
	samples
	frame media.WideFrame
	down  codec.Narrower
}

// NextWide implements [media.WideSource].
func (w *wide) NextWide(f *media.WideFrame) error {
	_, err := w.fill(f[:])
	return err
}

// Next implements [media.Source].
func (w *wide) Next(f *media.Frame) error {
	there, err := w.fill(w.frame[:])
	if there {
		w.down.Narrow(f[:], w.frame[:])
	} else {
		clear(f[:])
	}
	return err
}

// running is one file too large for the shelf: a goroutine reads it, a little ahead of who plays it.
type running struct {
	ring   []int16       // of frames: those that wait, the one that is filled, and the one that is taken
	frame  int           // samples of one
	put    int           // the goroutine's: frames filled
	taken  int           // of who plays it
	ready  chan struct{} // one for each frame that waits; closed at the end
	err    error         // why it ended; read after ready is closed
	cancel context.CancelFunc
	done   chan struct{}
}

// run opens a file and begins to read it, in 16 kHz if that is wanted and there. ctx is for the opening alone. It returns
// with the first frame at hand.
func run(ctx context.Context, known *filters, wide bool, open func(context.Context) (io.ReadCloser, error)) (media.Stream, error) {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	release := context.AfterFunc(ctx, cancel)
	defer release()
	file, err := open(own)
	if err != nil {
		cancel()
		return nil, err
	}
	in, err := newReader(file, known, wide)
	r := &running{ready: make(chan struct{}, ahead), cancel: cancel, done: make(chan struct{})}
	if err == nil {
		r.frame = in.each * media.FrameSamples
		r.ring = make([]int16, (ahead+2)*r.frame)
		err = readFrame(in, r.next())
	}
	if in == nil || err != nil && !errors.Is(err, io.EOF) {
		cancel()
		file.Close()
		return nil, err
	}
	if err == nil {
		r.ready <- struct{}{}
	}
	go func() {
		defer close(r.done)
		defer cancel()
		defer file.Close()
		r.err = err
		if err == nil {
			r.err = r.pump(own, in)
		}
		close(r.ready)
	}()
	return stream(r, in.each), nil
}

// next gives the room of the next frame to be filled.
func (r *running) next() []int16 {
	at := r.put % (ahead + 2) * r.frame
	r.put++
	return r.ring[at : at+r.frame]
}

func (r *running) pump(ctx context.Context, in *Reader) error {
	for {
		if err := readFrame(in, r.next()); err != nil {
			return err
		}
		select {
		case r.ready <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// readFrame fills a frame. What the last one lacks is silence; io.EOF means that there was nothing at all.
func readFrame(in *Reader, f []int16) error {
	for n := 0; n < len(f); {
		got, err := in.Read(f[n:])
		n += got
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			clear(f[n:])
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}

// Next implements [media.Source].
func (r *running) Next(f *media.Frame) error {
	_, err := r.fill(f[:])
	return err
}

// fill implements [samples].
func (r *running) fill(s []int16) (there bool, err error) {
	select {
	case _, more := <-r.ready:
		if !more {
			return false, r.err
		}
		at := r.taken % (ahead + 2) * r.frame
		r.taken++
		copy(s, r.ring[at:at+r.frame])
		return true, nil
	default: // it comes more slowly than it is played
		clear(s)
		return false, nil
	}
}

// Close implements [media.Stream]. It waits for the goroutine.
func (r *running) Close() error {
	r.cancel()
	<-r.done
	return nil
}
