package invoke

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Retry says how often a function is asked that could not be invoked at all: denied, not found, throttled or
// unreachable. One that crashed, answered too much or did not answer in time has had the event and is never asked again,
// and no second attempt starts while one runs.
type Retry struct {
	Attempts int           // attempts in all; 0 means 2, 1 means no retry
	Wait     time.Duration // pause before the next one; 0 means 100 ms
}

// target makes one attempt. Its error is an *Error (Function may be empty), or anything else for a failure of the
// transport or of ctx, which the caller classifies.
type target interface {
	try(ctx context.Context, arn string, payload []byte) ([]byte, error)
}

// guarded is a target with its time limit and retries: the one place where both are.
type guarded struct {
	name   string // as asked for
	arn    string // what a local process is told; "" when it was asked for by name
	target target
	limit  time.Duration
	retry  Retry
}

var _ Function = (*guarded)(nil)

// Invoke implements [Function]. The limit holds for all attempts together.
func (g *guarded) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	bound, cancel := context.WithTimeout(ctx, g.limit)
	defer cancel()
	for attempt := 1; ; attempt++ {
		answer, err := g.target.try(bound, g.arn, payload)
		if err == nil {
			return answer, nil
		}
		fault := g.classify(bound, err)
		if fault.Kind == TimedOut && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if attempt >= g.retry.Attempts || !retried(fault.Kind) || !pause(bound, g.retry.Wait) {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, fault
		}
	}
}

// classify makes an *Error of what an attempt ended with.
func (g *guarded) classify(bound context.Context, err error) *Error {
	var fault *Error
	if errors.As(err, &fault) {
		own := *fault // shared by those who waited for the same process
		own.Function = g.name
		return &own
	}
	deadline, _ := bound.Deadline()
	if bound.Err() != nil || !time.Now().Before(deadline) {
		return &Error{Kind: TimedOut, Function: g.name, Message: fmt.Sprintf("no answer within %v", g.limit), Err: err}
	}
	return &Error{Kind: Unreachable, Function: g.name, Message: cut(err.Error()), Err: err}
}

func retried(k Kind) bool {
	return k == Denied || k == NotFound || k == Throttled || k == Unreachable
}

// pause waits for d; false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
