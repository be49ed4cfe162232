package clip

import (
	"context"
	"errors"
	"io"

	"github.com/switchhook/switchhook/media"
)

// ahead is how much of a large file is decoded before it is heard: two seconds.
const ahead = 100

// running is the stream of one file too large for the shelf: a goroutine reads it, a little ahead of who plays it.
type running struct {
	frames chan media.Frame // closed at the end
	err    error            // why it ended; read after frames is closed
	cancel context.CancelFunc
	done   chan struct{}
}

// run opens a file and begins to read it. ctx is for the opening alone. It returns with the first frame at hand.
func run(ctx context.Context, known *filters, open func(context.Context) (io.ReadCloser, error)) (*running, error) {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	release := context.AfterFunc(ctx, cancel)
	defer release()
	file, err := open(own)
	if err != nil {
		cancel()
		return nil, err
	}
	in, err := newReader(file, known)
	var first media.Frame
	if err == nil {
		err = readFrame(in, &first)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		cancel()
		file.Close()
		return nil, err
	}
	r := &running{frames: make(chan media.Frame, ahead), cancel: cancel, done: make(chan struct{})}
	if err == nil {
		r.frames <- first
	}
	go func() {
		defer close(r.done)
		defer cancel()
		defer file.Close()
		r.err = err
		if err == nil {
			r.err = r.pump(own, in)
		}
		close(r.frames)
	}()
	return r, nil
}

func (r *running) pump(ctx context.Context, in *Reader) error {
	for {
		var f media.Frame
		if err := readFrame(in, &f); err != nil {
			return err
		}
		select {
		case r.frames <- f:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// readFrame fills a frame. What the last one lacks is silence; io.EOF means that there was nothing at all.
func readFrame(in *Reader, f *media.Frame) error {
	for n := 0; n < len(f); {
		got, err := in.Read(f[n:])
		n += got
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}

// Next implements [media.Source].
func (r *running) Next(f *media.Frame) error {
	select {
	case got, more := <-r.frames:
		if !more {
			return r.err
		}
		*f = got
	default: // it comes more slowly than it is played
		*f = media.Frame{}
	}
	return nil
}

// Close implements [media.Stream]. It waits for the goroutine.
func (r *running) Close() error {
	r.cancel()
	<-r.done
	return nil
}
