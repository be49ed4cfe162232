package engine_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/header"
)

// The five faults that a first draft of this core had.

// 1: the customer's webhook asks our API about the call that waits for that webhook.
func TestRequestFromInsideWebhook(t *testing.T) {
	w := newWorld(nil)
	c, _ := w.inbound()
	webhook := make(chan string)
	go func() {
		answer, err := c.Ask(ctx, []byte("update"))
		webhook <- fmt.Sprintf("%s %v", answer, err)
	}()
	for got := ""; got == ""; { // the driver: waits for its webhook and listens
		select {
		case got = <-webhook:
			if got != "done: update <nil>" {
				t.Errorf("the webhook's request gave %q", got)
			}
		case ev := <-c.Events():
			r, ok := ev.(call.Request)
			if !ok {
				t.Fatalf("got %#v", ev)
			}
			r.Reply([]byte("done: "+string(r.Body)), nil)
			r.Reply(nil, errors.New("a second answer goes nowhere"))
		}
	}
	c.Close(byApp)
}

// 2: a call is not over before its legs have told their far ends.
func TestNotOverBeforeLegsEnded(t *testing.T) {
	w := newWorld(nil)
	c, a := w.inbound()
	a.deaf = true
	do(t, c, call.Answer{Leg: a.id})
	closed := make(chan struct{})
	go func() {
		c.Close(byApp)
		close(closed)
	}()
	for <-a.told != "hangup normal" {
	}
	select {
	case <-closed:
		t.Fatal("closed before the leg reported its end")
	case <-c.Done():
		t.Fatal("over before the leg reported its end")
	default:
	}
	if len(w.left()) != 0 {
		t.Fatal("record written before the leg reported its end")
	}
	a.end(byApp)
	<-closed
	if n := len(w.left()); n != 1 {
		t.Fatalf("%d records; want 1", n)
	}
}

// 3: the caller hangs up before the driver reads anything, even before its leg is made.
func TestCallerGoneBeforeFirstRead(t *testing.T) {
	for name, open := range map[string]func(id call.LegID, r call.Report) engine.Leg{
		"leg made": func(id call.LegID, r call.Report) engine.Leg {
			l := newLeg(id, call.In, r)
			l.hangup()
			return l
		},
		"no leg made": func(_ call.LegID, r call.Report) engine.Leg {
			r(call.LegEnded{Cause: byPeer})
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(nil)
			c := w.Start(call.Origin{}, open)
			if _, err := c.Do(ctx, call.Answer{Leg: c.Origin().Leg}); !errors.Is(err, call.ErrLegEnded) {
				t.Errorf("Answer gave %v; want %v", err, call.ErrLegEnded)
			}
			if ev := next[call.LegEnded](t, c); ev.Leg != c.Origin().Leg || ev.Cause != byPeer {
				t.Errorf("got %#v", ev)
			}
			c.Close(byApp)
			if got := w.left()[0].Record.Cause; got != byPeer {
				t.Errorf("the record's cause is %v; want the caller's hang-up", got)
			}
		})
	}
}

// 4: an outbound leg can be cancelled while it rings, by its leg and by its operation.
func TestCancelRinging(t *testing.T) {
	for name, cancel := range map[string]func(call.Ticket) call.Command{
		"hangup": func(k call.Ticket) call.Command { return call.Hangup{Leg: k.Leg, Cause: byApp} },
		"stop":   func(k call.Ticket) call.Command { return call.Stop{Op: k.Op} },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(nil)
			c := w.Start(call.Origin{}, nil)
			k := do(t, c, call.Dial{To: "+12065550199"})
			b := <-w.dialed
			b.ring()
			next[call.Ringing](t, c)
			do(t, c, cancel(k))
			d := next[call.Done](t, c)
			if d.Op != k.Op || d.Leg != k.Leg || d.Err == nil {
				t.Errorf("got %#v", d)
			}
			if ev := next[call.LegEnded](t, c); ev.Leg != k.Leg {
				t.Errorf("got %#v", ev)
			}
			b.answer() // too late
			c.Close(byApp)
			if rest := drain(c); len(rest) != 0 {
				t.Errorf("more events: %#v", rest)
			}
		})
	}
}

// 5: when a call ends while something is asked of it, an answer that was given is not lost, and every command is
// either refused or accepted with its Done.
func TestAnswersAtTheEnd(t *testing.T) {
	for range 500 {
		w := newWorld(nil)
		c, a := w.inbound()
		do(t, c, call.Answer{Leg: a.id})
		next[call.Answered](t, c)
		var wg sync.WaitGroup
		accepted := make(chan call.OpID, 8)
		for range 4 {
			wg.Go(func() {
				k, err := c.Do(ctx, call.Play{Leg: a.id, Clips: []call.Clip{{Key: "slow"}}})
				switch {
				case err == nil:
					accepted <- k.Op
				case !errors.Is(err, call.ErrOver) && !errors.Is(err, call.ErrLegEnded):
					t.Errorf("Play gave %v", err)
				}
			})
		}
		wg.Go(func() { c.Close(byApp) })
		dones := map[call.OpID]int{}
		for ev := range c.Events() {
			if d, ok := ev.(call.Done); ok {
				dones[d.Op]++
			}
		}
		wg.Wait()
		close(accepted)
		for op := range accepted {
			if dones[op] != 1 {
				t.Fatalf("operation %d has %d Dones", op, dones[op])
			}
			delete(dones, op)
		}
		if len(dones) != 0 {
			t.Fatalf("Dones of operations that were refused: %v", dones)
		}
		w.Wait()
	}
}

func TestAnswerBesidesEndCounts(t *testing.T) {
	for range 500 {
		w := newWorld(nil)
		c, _ := w.inbound()
		back := make(chan error, 1)
		go func() {
			_, err := c.Ask(ctx, nil)
			back <- err
		}()
		r := next[call.Request](t, c)
		r.Reply(nil, nil) // the driver has answered; whatever comes now, the answer counts
		c.Close(byApp)
		if err := <-back; err != nil {
			t.Fatalf("an answer was lost: %v", err)
		}
	}
}

// brokenLeg breaks when it is hung up.
type brokenLeg struct{ *fakeLeg }

func (l brokenLeg) Ring(int, header.List)          { panic("ring is broken") }
func (l brokenLeg) Hangup(call.Cause, header.List) { panic("hangup is broken") }

// A leg that is answered while it is being hung up was answered: its record says so, the driver needs not hear of it.
func TestAnsweredWhileHungUp(t *testing.T) {
	w := newWorld(nil)
	w.deaf = true
	c := w.Start(call.Origin{}, nil)
	k := do(t, c, call.Dial{To: "+12065550199"})
	b := <-w.dialed
	late := call.Cause{SIP: 480, By: call.ByPlatform, Label: call.LabelNoAnswer}
	do(t, c, call.Hangup{Leg: k.Leg, Cause: late})
	b.answer()
	b.end(late)
	next[call.Done](t, c)
	next[call.LegEnded](t, c)
	c.Close(byApp)
	r := w.left()[0].Record
	if r.Answered.IsZero() || r.Legs[0].Answered != r.Answered {
		t.Errorf("the record says answered at %s, its leg's at %s", r.Answered, r.Legs[0].Answered)
	}
	if got := r.Legs[0].Cause; got.SIP != 0 || got.Label != call.LabelNoAnswer {
		t.Errorf("the leg ended with %s", got)
	}
}
