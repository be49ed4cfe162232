package dialecttest

import (
	"context"
	"errors"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
)

func answers(g *stage) {
	g.inbound(g.s.Play, g.s.Hangup)
	g.hears()
	g.caller().Finish()
	synctest.Wait()
	g.over(g.caller())
	g.endsWell()
}

// hangupNow lets the caller hang up while the code is asked; the driver has heard it when this returns.
func (g *stage) hangupNow() {
	g.caller().Hangup(nil)
	time.Sleep(time.Millisecond) // of the bubble's time: all others have done what they can
}

func hangupDuringFirst(g *stage) {
	g.drive(call.Origin{}, func(context.Context, []byte) ([]byte, error) {
		if g.asked == 1 {
			g.hangupNow()
			return g.s.Play, nil // too late
		}
		return g.s.Nothing, nil
	})
	g.endsWell()
}

func hangupWhilePlaying(g *stage) {
	g.inbound(g.s.Play)
	g.hears()
	g.hangup(g.caller())
	g.endsWell()
}

func hangupDuringLater(g *stage) {
	g.drive(call.Origin{}, func(context.Context, []byte) ([]byte, error) {
		switch g.asked {
		case 1:
			return g.s.Play, nil
		case 2:
			g.hangupNow()
			return g.s.Bridge, nil // too late
		}
		return g.s.Nothing, nil
	})
	g.caller().Finish()
	g.endsWell()
	if g.call.Far(1) != nil {
		g.Error("somebody was dialled for a caller who is gone")
	}
}

func hangupWhileRinging(g *stage) {
	g.inbound(g.s.Bridge)
	g.other().Ring(nil)
	synctest.Wait()
	g.hangup(g.caller())
	g.endsWell()
	g.over(g.other())
}

// joined brings the caller and another party together.
func joined(g *stage, answers ...[]byte) {
	g.Helper()
	g.inbound(append([][]byte{g.s.Bridge}, answers...)...)
	g.other().Ring(nil)
	synctest.Wait()
	g.other().Answer(nil)
	synctest.Wait()
	if g.caller().Peer() != g.other() {
		g.Errorf("they do not talk; %s", g.call)
	}
	if !g.caller().Answered() {
		g.Errorf("the caller is not answered; %s", g.call)
	}
}

func hangupWhileJoined(g *stage) {
	joined(g, g.s.Nothing, g.s.Hangup)
	g.hangup(g.caller())
	g.hangup(g.call.Far(1)) // some languages leave the other party standing until it goes
	g.endsWell()
}

func otherHangsUp(g *stage) {
	joined(g, g.s.Nothing, g.s.Hangup)
	g.hangup(g.other())
	g.hangup(g.caller()) // some languages leave the caller standing until it goes
	g.endsWell()
}

func otherIsBusy(g *stage) {
	g.inbound(g.s.Bridge, g.s.Hangup)
	g.other().Refuse(call.Cause{SIP: 486, Q850: 17, By: call.ByPeer, Label: call.LabelBusy}, nil)
	synctest.Wait()
	g.over(g.caller())
	g.endsWell()
}

func promptBreaks(g *stage) {
	g.inbound(g.s.Play, g.s.Hangup)
	g.caller().Fail(errors.New("the file can't be read"))
	synctest.Wait()
	g.over(g.caller())
	g.endsWell()
}

// slowCode: the driver hears the far ends while its customer thinks.
func slowCode(g *stage) {
	g.drive(call.Origin{}, func(context.Context, []byte) ([]byte, error) {
		switch g.asked {
		case 1:
			time.Sleep(2 * time.Second) // in the bubble's time
			g.caller().Press('1')
			time.Sleep(2 * time.Second)
			return g.s.Play, nil
		case 2:
			return g.s.Hangup, nil
		}
		return g.s.Nothing, nil
	})
	time.Sleep(5 * time.Second)
	g.hears()
	g.caller().Finish()
	g.endsWell()
}

func codeNeverAnswers(g *stage) {
	g.drive(call.Origin{}, func(ctx context.Context, _ []byte) ([]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	g.unavailable(true)
}

func deadCode(g *stage) {
	g.drive(call.Origin{}, func(context.Context, []byte) ([]byte, error) { return nil, errDead })
	g.unavailable(false)
}

var errDead = errors.New("connection refused")

// unavailable wants the driver to say that the application can't be invoked, and to have done nothing a far end notices,
// but that a caller who waits may hear that it rings.
func (g *stage) unavailable(waits bool) {
	g.Helper()
	if err := g.ends(); !errors.Is(err, dialect.ErrUnavailable) {
		g.Errorf("Drive gave %v; want %v", err, dialect.ErrUnavailable)
	}
	for _, given := range g.call.Given() {
		if ring, ok := given.(call.Ring); !ok || !waits || len(ring.Headers) > 0 {
			g.Errorf("command of an application that can't be invoked: %#v", given)
		}
	}
}

// codeDiesLater: the call is under way, so the next application is not to be tried.
func codeDiesLater(g *stage) {
	g.drive(call.Origin{}, func(context.Context, []byte) ([]byte, error) {
		if g.asked == 1 {
			return g.s.Play, nil
		}
		return nil, errDead
	})
	g.caller().Finish()
	if err := g.ends(); errors.Is(err, dialect.ErrUnavailable) {
		g.Errorf("Drive gave %v after the caller was answered", err)
	}
}

func malformed(g *stage) {
	g.drive(call.Origin{}, func(context.Context, []byte) ([]byte, error) { return g.s.Malformed, nil })
	_ = g.ends() // whatever it says of it, it ends
	if g.asked > asked/2 {
		g.Errorf("asked %d times although every answer is malformed", g.asked)
	}
}

// empty: an answer without a byte is one more form of malformed, or means nothing to do; the caller may give up then.
func empty(g *stage) {
	g.drive(call.Origin{}, func(context.Context, []byte) ([]byte, error) { return nil, nil })
	g.hangup(g.caller())
	_ = g.ends()
}

// codePanics stands for a fault of the dialect in whatever it does to ask: it must reach the exchange, which keeps it
// from other calls, and not end the program.
func codePanics(g *stage) {
	g.drive(call.Origin{}, func(context.Context, []byte) ([]byte, error) { panic("broken") })
	if err := g.ends(); err == nil {
		g.Error("the fault is lost")
	}
}

func nodeStops(g *stage) {
	g.inbound(g.s.Play)
	g.call.End()
	_ = g.ends()
}

// toldToLeave: the context of the driver ends while its customer thinks.
func toldToLeave(g *stage) {
	began := time.Now()
	g.drive(call.Origin{}, func(ctx context.Context, _ []byte) ([]byte, error) {
		if g.asked == 1 {
			return g.s.Play, nil
		}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	g.caller().Finish()
	synctest.Wait()
	g.leave()
	_ = g.ends()
	if took := time.Since(began); took > time.Second {
		g.Errorf("the driver took %s to leave", took)
	}
}

func (g *stage) ownCall(answers ...[]byte) {
	g.drive(call.Origin{Request: g.s.Request}, g.script(answers...))
	if g.call.Far(0) == nil {
		g.Fatal("nobody was dialled")
	}
}

func ownCall(g *stage) {
	g.ownCall()
	g.call.Far(0).Ring(nil)
	synctest.Wait()
	g.call.Far(0).Answer(nil)
	synctest.Wait()
	if g.asked == 0 {
		g.Error("the code was told nothing")
	}
	g.hangup(g.call.Far(0))
	g.endsWell()
}

func ownCallRefused(g *stage) {
	g.ownCall()
	g.call.Far(0).Refuse(call.Cause{SIP: 486, Q850: 17, By: call.ByPeer, Label: call.LabelBusy}, nil)
	g.endsWell()
}

func requestWhilePlaying(g *stage) {
	g.inbound(g.s.Play, g.s.Hangup)
	g.hears()
	if _, err := g.call.Ask(g.within(time.Minute), g.s.Update); err != nil {
		g.Errorf("the request gave %v", err)
	}
	synctest.Wait()
	g.over(g.caller())
	g.endsWell()
}

// requestFromWebhook: the customer's code asks the API about the call that waits for that code.
func requestFromWebhook(g *stage) {
	g.drive(call.Origin{}, func(ctx context.Context, _ []byte) ([]byte, error) {
		switch g.asked {
		case 1:
			return g.s.Play, nil
		case 2:
			began := time.Now()
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			_, _ = g.call.Ask(ctx, g.s.Update) // granted or refused, but at once
			if took := time.Since(began); took > 0 {
				g.Errorf("the driver took %s to answer a request while it waits for its customer", took)
			}
			return g.s.Nothing, nil
		}
		return g.s.Hangup, nil
	})
	g.caller().Finish()
	synctest.Wait()
	g.hangup(g.caller())
	g.endsWell()
}

func requestNonsense(g *stage) {
	g.inbound(g.s.Play)
	_, err := g.call.Ask(g.within(time.Minute), []byte("\x00 this is no request"))
	if errors.Is(err, context.DeadlineExceeded) {
		g.Error("no answer to a request that makes no sense")
	}
	g.hangup(g.caller())
	g.endsWell()
}

// requestAtEnd: the request comes in as the caller hangs up; it is answered, or the call is over.
func requestAtEnd(g *stage) {
	g.inbound(g.s.Play)
	back := make(chan struct{})
	g.caller().Hangup(nil)
	go func() {
		defer close(back)
		_, _ = g.call.Ask(context.Background(), g.s.Update)
	}()
	g.endsWell()
	select {
	case <-back:
	case <-time.After(time.Minute):
		g.Error("a request at the end of the call is never answered")
	}
}

// within gives a context that ends after d of the bubble's time.
func (g *stage) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	g.Cleanup(cancel)
	return ctx
}
