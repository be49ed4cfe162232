package dialect_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/dialect/dialecttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	ctx     = context.Background()
	errStop = errors.New("enough")
)

// listener is an On that keeps what it hears, and stops at one key.
type listener struct{ heard []string }

func (l *listener) on(ev call.Event) error {
	l.heard = append(l.heard, fmt.Sprintf("%T", ev))
	switch ev := ev.(type) {
	case call.Request:
		ev.Reply([]byte("heard"), nil)
	case call.Digit:
		if ev.Digit == '#' {
			return errStop
		}
	}
	return nil
}

func script(o call.Origin) (*dialecttest.Call, *dialect.Script, *listener) {
	c, l := dialecttest.NewCall(o), new(listener)
	return c, &dialect.Script{Call: c, On: l.on}, l
}

func TestRun(t *testing.T) {
	play := call.Play{Leg: dialecttest.LegID(0), Clips: []call.Clip{{Key: "a.wav"}}}
	for name, tc := range map[string]struct {
		cmd  call.Command
		act  func(c *dialecttest.Call)
		err  error
		want []string
	}{
		"to its end":           {play, func(c *dialecttest.Call) { c.Far(0).Press('1'); c.Far(0).Finish() }, nil, []string{"call.Digit"}},
		"no operation":         {call.Hangup{Leg: dialecttest.LegID(0)}, func(*dialecttest.Call) {}, nil, nil},
		"refused":              {call.Hangup{Leg: "none"}, func(*dialecttest.Call) {}, call.ErrNoLeg, nil},
		"what it plays breaks": {play, func(c *dialecttest.Call) { c.Far(0).Fail(errStop) }, errStop, nil},
		"the caller hangs up":  {play, func(c *dialecttest.Call) { c.Far(0).Hangup(nil) }, call.ErrLegEnded, nil},
		"On has enough":        {play, func(c *dialecttest.Call) { c.Far(0).Press('#') }, errStop, []string{"call.Digit"}},
		"the call ends":        {play, func(c *dialecttest.Call) { c.End() }, call.ErrStopped, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s, l := script(call.Origin{})
				go func() {
					synctest.Wait()
					tc.act(c)
				}()
				if _, err := s.Run(ctx, tc.cmd); !errors.Is(err, tc.err) {
					t.Errorf("got %v; want %v", err, tc.err)
				}
				if diff := cmp.Diff(tc.want, l.heard); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestNextAtTheEnd(t *testing.T) {
	c, s, _ := script(call.Origin{Request: []byte("{}")})
	c.End()
	if _, err := s.Next(ctx); !errors.Is(err, call.ErrOver) {
		t.Errorf("got %v", err)
	}
	_, s, _ = script(call.Origin{})
	done, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Next(done); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAwaitListens(t *testing.T) {
	c, s, l := script(call.Origin{})
	got, err := dialect.Await(ctx, s, func(ctx context.Context) (string, error) {
		c.Far(0).Press('1')
		answer, err := c.Ask(ctx, nil) // the driver answers although it waits for us
		c.Far(0).Hangup(nil)           // heard before Await returns
		return string(answer), err
	})
	if got != "heard" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if diff := cmp.Diff([]string{"call.Digit", "call.Request", "call.LegEnded"}, l.heard); diff != "" {
		t.Error(diff)
	}
}

func TestAwaitCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, l := script(call.Origin{})
		_, err := dialect.Await(ctx, s, func(ctx context.Context) (int, error) {
			c.Far(0).Press('#')
			<-ctx.Done()
			if _, err := c.Ask(context.Background(), nil); !errors.Is(err, errStop) {
				t.Errorf("a request to a driver that leaves gave %v", err)
			}
			return 0, ctx.Err()
		})
		if !errors.Is(err, errStop) || len(l.heard) != 1 {
			t.Errorf("got %v, heard %v", err, l.heard)
		}
	})
}

func TestAwaitOutlivesCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, l := script(call.Origin{})
		got, err := dialect.Await(ctx, s, func(context.Context) (int, error) {
			c.End()
			synctest.Wait()
			return 7, nil
		})
		if got != 7 || err != nil {
			t.Errorf("got %d, %v", got, err)
		}
		if diff := cmp.Diff([]string{"call.LegEnded"}, l.heard); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAwaitPanics(t *testing.T) {
	_, s, _ := script(call.Origin{})
	defer func() {
		if v := recover(); !strings.Contains(fmt.Sprint(v), "broken handler") || !strings.Contains(fmt.Sprint(v), "script_test.go") {
			t.Errorf("recovered %v", v)
		}
	}()
	dialect.Await(ctx, s, func(context.Context) (int, error) { panic("broken handler") })
	t.Error("the panic is lost")
}

// What is to be done later is done while something is waited for, in the driver's own goroutine and as often as it is due.
func TestAlarm(t *testing.T) {
	for name, wait := range map[string]func(*dialect.Script) error{
		"Await": func(s *dialect.Script) error {
			_, err := dialect.Await(ctx, s, func(context.Context) (int, error) {
				time.Sleep(150 * time.Second) // in the bubble's time
				return 0, nil
			})
			return err
		},
		"Next": func(s *dialect.Script) error {
			c, cancel := context.WithTimeout(ctx, 150*time.Second)
			defer cancel()
			if _, err := s.Next(c); !errors.Is(err, context.DeadlineExceeded) {
				return fmt.Errorf("Next gives %w", err)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, s, _ := script(call.Origin{})
				clock := time.NewTicker(time.Minute)
				defer clock.Stop()
				rung := 0
				s.Alarm = func() <-chan time.Time { return clock.C }
				s.Ring = func() { rung++ }
				if err := wait(s); err != nil || rung != 2 {
					t.Errorf("it rang %d times in 150 s, %v; want 2", rung, err)
				}
			})
		})
	}
}
