package clip

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
)

// ErrClosed is given for what is asked of a closed [Shelf] or [Buckets].
var ErrClosed = errors.New("closed")

// Shelf keeps decoded sounds in memory: what many calls play is fetched and decoded once, and playing it takes neither a
// goroutine nor a buffer. A sound can be heard as soon as its first samples are there. One that nobody plays any more
// before it is complete is given up; the sounds used longest ago make room for new ones.
type Shelf struct {
	limit   int64 // bytes of samples
	filters *filters
	ctx     context.Context // ends the filling
	cancel  context.CancelFunc
	filling sync.WaitGroup

	mu     sync.Mutex
	sounds map[shelfKey]*sound
	order  *list.List // complete sounds, the one used last in front
	held   int64      // bytes of the complete ones
	closed bool
}

// sound is one entry of a shelf, shared by all who play it. One goroutine fills it.
type sound struct {
	key    shelfKey
	now    atomic.Pointer[take] // what is there already
	opened chan struct{}        // closed when now has samples or an error
	done   chan struct{}        // closed when it is complete or failed
	cancel context.CancelFunc

	users int           // under Shelf.mu: who plays it
	place *list.Element // under Shelf.mu: in Shelf.order once complete
	over  bool          // under Shelf.mu: no longer filled
}

// shelfKey names a sound. One of more than 8 kHz is there twice, where both are played.
type shelfKey struct {
	name string
	wide bool
}

// take is how much of a sound is there. It is never changed; samples may share memory with the next take.
type take struct {
	samples []int16
	each    int   // of a tick of 8 kHz: 2 where 16 kHz was wanted and is there
	same    bool  // who wants 16 kHz and who doesn't want the same: there is no more than 8
	err     error // nil: more is to come; io.EOF: that was all
}

// NewShelf makes a shelf for so many bytes of samples (16,000 a second, 32,000 of 16 kHz). A sound may take half of
// it, one of 16 kHz all.
func NewShelf(limit int64) *Shelf { return newShelf(limit, &filters{}) }

func newShelf(limit int64, f *filters) *Shelf {
	s := &Shelf{limit: limit, filters: f, sounds: make(map[shelfKey]*sound), order: list.New()}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Play plays the sound of that key. When it is not on the shelf, open gives the file, WAV or MP3, whose content must be the
// same each time for one key; its context ends when nobody wants the sound any more, so it may outlive ctx. Play returns
// when the first samples are there, or with the error why there are none, which is open's or wraps [media.ErrFormat] or
// [media.ErrTooLarge]; errors are not kept.
func (s *Shelf) Play(ctx context.Context, key string, open func(context.Context) (io.ReadCloser, error)) (media.Stream, error) {
	return s.play(ctx, key, false, open)
}

// PlayWide is [Shelf.Play] of a sound whose stream is a [media.WideSource] where the file has more than 8 kHz.
func (s *Shelf) PlayWide(ctx context.Context, key string, open func(context.Context) (io.ReadCloser, error)) (media.Stream, error) {
	return s.play(ctx, key, true, open)
}

func (s *Shelf) play(ctx context.Context, key string, wide bool, open func(context.Context) (io.ReadCloser, error)) (media.Stream, error) {
	snd, err := s.enter(shelfKey{key, wide}, open) // not ctx: the sound may be wanted by others when it is over
	if err != nil {
		return nil, err
	}
	select {
	case <-snd.opened:
	case <-ctx.Done():
		s.leave(snd)
		return nil, context.Cause(ctx)
	}
	now := snd.now.Load()
	if len(now.samples) == 0 && !errors.Is(now.err, io.EOF) {
		s.leave(snd)
		return nil, now.err
	}
	return stream(&playing{shelf: s, sound: snd}, now.each), nil
}

// enter finds a sound, or begins to fill it, and counts one more who plays it.
func (s *Shelf) enter(key shelfKey, open func(context.Context) (io.ReadCloser, error)) (*sound, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	if snd := s.find(key); snd != nil {
		snd.users++
		if snd.place != nil {
			s.order.MoveToFront(snd.place)
		}
		return snd, nil
	}
	snd := &sound{key: key, opened: make(chan struct{}), done: make(chan struct{}), users: 1}
	ctx, cancel := context.WithCancel(s.ctx)
	snd.cancel = cancel
	s.sounds[key] = snd
	s.filling.Add(1)
	go func() {
		defer s.filling.Done()
		defer close(snd.done)
		defer cancel()
		s.fill(ctx, snd, open)
	}()
	return snd, nil
}

// find gives a sound that is there; nil where it is not. The lock is held.
func (s *Shelf) find(key shelfKey) *sound {
	if snd := s.sounds[key]; snd != nil {
		return snd
	}
	key.wide = !key.wide
	if snd := s.sounds[key]; snd != nil {
		if now := snd.now.Load(); now != nil && now.same {
			return snd
		}
	}
	return nil
}

// leave counts one less who plays a sound. The last one to leave before it is complete ends the filling, and waits.
func (s *Shelf) leave(snd *sound) {
	s.mu.Lock()
	snd.users--
	last := snd.users == 0 && !snd.over && !snd.whole()
	if last {
		s.forget(snd)
	}
	s.mu.Unlock()
	if last {
		snd.cancel()
		<-snd.done
	}
}

// forget takes a sound from the shelf. Who plays it goes on. The lock is held.
func (s *Shelf) forget(snd *sound) {
	if s.sounds[snd.key] == snd {
		delete(s.sounds, snd.key)
	}
	if snd.place != nil {
		s.order.Remove(snd.place)
		snd.place = nil
		s.held -= size(snd)
	}
}

func size(snd *sound) int64 { return int64(2 * len(snd.now.Load().samples)) }

// fill is the goroutine of one sound.
func (s *Shelf) fill(ctx context.Context, snd *sound, open func(context.Context) (io.ReadCloser, error)) {
	all := s.decode(ctx, snd, open)
	if n := len(all.samples); cap(all.samples)-n > n/8 {
		all.samples = slices.Clone(all.samples)
	}
	snd.show(all)
	s.mu.Lock()
	defer s.mu.Unlock()
	snd.over = true
	if !errors.Is(all.err, io.EOF) || s.sounds[snd.key] != snd {
		s.forget(snd)
		return
	}
	snd.place = s.order.PushFront(snd)
	s.held += size(snd)
	for s.held > s.limit {
		oldest, _ := s.order.Back().Value.(*sound)
		s.forget(oldest)
	}
}

// whole tells whether all of it is there; its goroutine may have yet to say so.
func (snd *sound) whole() bool {
	now := snd.now.Load()
	return now != nil && errors.Is(now.err, io.EOF)
}

// show lets those who play it have what there is of a sound.
func (snd *sound) show(t take) {
	first := snd.now.Load() == nil
	snd.now.Store(&t)
	if first {
		close(snd.opened)
	}
}

// decode reads a file to its end and shows what is there as it comes. It gives all samples, and io.EOF. A file over which a
// decoder breaks is one that can't be played.
func (s *Shelf) decode(ctx context.Context, snd *sound, open func(context.Context) (io.ReadCloser, error)) (t take) {
	t.each = 1
	defer func() {
		if fault := recover(); fault != nil {
			t.err = fmt.Errorf("%w: the decoder broke: %v\n%s", media.ErrFormat, fault, debug.Stack())
		}
	}()
	file, err := open(ctx)
	if err != nil {
		t.err = err
		return t
	}
	defer file.Close()
	r, err := newReader(file, s.filters, snd.key.wide)
	if err != nil {
		t.err = err
		return t
	}
	most := s.limit / 2 * int64(r.each)
	t = take{samples: make([]int16, 0, 4096), each: r.each, same: r.from.rate() <= codec.Rate}
	for {
		t.samples = slices.Grow(t.samples, 1024)
		n, err := r.Read(t.samples[len(t.samples):cap(t.samples)])
		t.samples = t.samples[:len(t.samples)+n]
		switch {
		case err != nil:
			t.err = err
			return t
		case ctx.Err() != nil:
			t.err = ctx.Err()
			return t
		case int64(2*len(t.samples)) > most:
			t.err = fmt.Errorf("%w: over %d bytes when decoded", media.ErrTooLarge, most)
			return t
		}
		snd.show(t)
	}
}

// Close gives up what is not complete, and waits for that. Streams play what is there.
func (s *Shelf) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.filling.Wait()
	return nil
}

// playing is a stream of a shelf's sound.
type playing struct {
	shelf  *Shelf
	sound  *sound
	at     int // samples played
	closed atomic.Bool
}

// Next implements [media.Source].
func (p *playing) Next(f *media.Frame) error {
	_, err := p.fill(f[:])
	return err
}

// fill implements [samples].
func (p *playing) fill(f []int16) (there bool, err error) {
	now := p.sound.now.Load()
	n := copy(f, now.samples[p.at:])
	switch {
	case n == len(f):
	case now.err == nil: // it comes more slowly than it is played
		clear(f)
		return false, nil
	case n == 0:
		return false, now.err
	}
	clear(f[n:])
	p.at += n
	return true, nil
}

// Close implements [media.Stream].
func (p *playing) Close() error {
	if !p.closed.Swap(true) {
		p.shelf.leave(p.sound)
	}
	return nil
}
