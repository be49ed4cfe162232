package far

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/switchhook/switchhook/media"
)

// Lengths of a key press and of the pause after it.
const (
	pressed  = 100 * time.Millisecond
	released = 80 * time.Millisecond
)

// Press presses keys, one after the other, as telephone events (RFC 4733), or as tones where the other side knows none.
// "," and "w" pause for half a second, "W" for a second.
func Press(ctx context.Context, s media.Session, digits string) error {
	done := make(chan error, 1)
	stop := s.SendDigits(digits, pressed, released, false, func(err error) { done <- err })
	select {
	case err := <-done:
		if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, media.ErrClosed) { // the line may be over: by the last key, as often
			return fmt.Errorf("pressing %q: %w", digits, err)
		}
		return nil
	case <-ctx.Done():
		stop()
		return ctx.Err()
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
