package invoke

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"
)

// A process that was granted to an invocation at the moment that it gave up is not lost: the next who waits gets it, or it
// is idle again. Else each such moment would cost a fleet one of its processes, for good.
func TestProcessGrantedToOneWhoGaveUpIsReused(t *testing.T) {
	f := newFleet(Declared{Name: "one", Concurrency: 1, Timeout: time.Minute, InitTimeout: time.Minute, IdleTimeout: time.Minute},
		[]string{"true"}, nil, Config{Logger: slog.New(slog.DiscardHandler), MaxAnswer: 1})
	defer f.stop()
	p := newProcess(f)
	defer p.timer.Stop()
	f.live[p] = struct{}{}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	// gaveUp grants the process to an invocation whose caller is gone, as hand does, until that hears of its caller first.
	gaveUp := func() {
		for range 1000 {
			w := &waiter{make(chan grant, 1)}
			p.state = busy
			w.got <- grant{process: p}
			_, err := f.await(gone, w)
			if err == nil {
				continue // it was granted before: as good
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			return
		}
		t.Fatal("never gave up")
	}

	gaveUp()
	if len(f.idle) != 1 || p.state != idle {
		t.Fatalf("%d processes are idle, its state is %d; want it idle", len(f.idle), p.state)
	}
	f.idle = nil
	next := &waiter{make(chan grant, 1)}
	f.waiting = append(f.waiting, next)
	gaveUp()
	select {
	case g := <-next.got:
		if g.process != p {
			t.Errorf("who waits got %+v", g)
		}
	default:
		t.Error("who waits got nothing")
	}
}
