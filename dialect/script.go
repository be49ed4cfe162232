package dialect

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/switchhook/switchhook/call"
)

// Script lets a driver be written top to bottom: it runs one thing to its end and hands every event that comes
// meanwhile to On. Used by the driver's goroutine alone.
type Script struct {
	Call
	// On is called for each event that is not the awaited one, in order. An error ends what runs and is returned by it.
	On func(call.Event) error
	// Alarm and Ring are for what is to be done later, if set: while something is waited for, Ring is called when Alarm is ready.
	Alarm func() <-chan time.Time
	Ring  func()
}

func (s *Script) alarm() <-chan time.Time {
	if s.Alarm == nil {
		return nil
	}
	return s.Alarm()
}

// Run gives the command and, when it is an operation, waits for its Done, listening meanwhile. Done.Err is also the error.
func (s *Script) Run(ctx context.Context, cmd call.Command) (call.Done, error) {
	t, err := s.Do(ctx, cmd)
	if err != nil {
		return call.Done{}, err
	}
	return s.Wait(ctx, t)
}

// Wait waits for the Done of an operation begun with Do, listening meanwhile. What runs between Do and Wait hands that
// Done to On, if it comes then.
func (s *Script) Wait(ctx context.Context, t call.Ticket) (call.Done, error) {
	for t.Op != 0 {
		ev, err := s.Next(ctx)
		if err != nil {
			return call.Done{Op: t.Op, Leg: t.Leg, Err: err}, err
		}
		if d, ok := ev.(call.Done); ok && d.Op == t.Op {
			return d, d.Err
		}
		if err := s.On(ev); err != nil {
			return call.Done{Op: t.Op, Leg: t.Leg, Err: err}, err
		}
	}
	return call.Done{Leg: t.Leg}, nil
}

// Next gives the next event; call.ErrOver when there are no more.
func (s *Script) Next(ctx context.Context) (call.Event, error) {
	for {
		select {
		case ev, ok := <-s.Events():
			if !ok {
				return nil, call.ErrOver
			}
			return ev, nil
		case <-s.alarm():
			s.Ring()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Await runs f (a fetch from the customer's code, a timer) in a goroutine of its own and waits for it, listening
// meanwhile: what happened before f returned has been heard when Await returns. f's context ends when On gave an error
// or ctx is done; Await always waits for f to return, so f must heed it. A panic of f becomes one of Await's caller.
func Await[T any](ctx context.Context, s *Script, f func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	back := make(chan fetched[T], 1)
	go fetch(ctx, f, back)
	var fail error
	hear := func(ev call.Event) {
		if fail == nil {
			if fail = s.On(ev); fail != nil {
				cancel()
			}
		} else if r, ok := ev.(call.Request); ok { // the driver is on its way out, whoever asks must not wait
			r.Reply(nil, fail)
		}
	}
	events := s.Events()
	for {
		select {
		case r := <-back:
			for n := len(events); n > 0; n-- {
				if ev, ok := <-events; ok {
					hear(ev)
				}
			}
			if r.fault != "" {
				panic(r.fault)
			}
			if fail != nil {
				return r.v, fail
			}
			return r.v, r.err
		case ev, ok := <-events:
			if !ok {
				events = nil // the call is over; the fetch still ends by itself or by its time limit
				continue
			}
			hear(ev)
		case <-s.alarm():
			s.Ring()
		}
	}
}

// fetched is what a fetch brought.
type fetched[T any] struct {
	v     T
	err   error
	fault string // the panic it ended with, and where
}

func fetch[T any](ctx context.Context, f func(context.Context) (T, error), back chan<- fetched[T]) {
	r := fetched[T]{fault: "fetch left its goroutine"}
	defer func() {
		if v := recover(); v != nil {
			r.fault = fmt.Sprintf("%v\n%s", v, debug.Stack())
		}
		back <- r
	}()
	v, err := f(ctx)
	r = fetched[T]{v: v, err: err}
}
