package dialecttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
)

// Code is a customer's code: what it is told, and what it answers. A dialect under test asks it where it would ask a
// function or a URL, with a context that ends when the driver does not wait any more.
type Code func(ctx context.Context, told []byte) ([]byte, error)

// Subject is a dialect as the suite sees it: how to make an application whose customer's code is the suite's, and what
// that code answers, in the dialect's language, so that something happens.
type Subject struct {
	// App makes an application whose customer's code is code. It is called once for each case, inside the case's bubble.
	App func(t *testing.T, code Code) dialect.App

	Play      []byte // the caller hears a prompt; when it ends the code is asked again
	Bridge    []byte // another party is dialled and, when it answers, talks with the caller
	Hangup    []byte // the caller is hung up
	Nothing   []byte // what goes on goes on
	Malformed []byte // no answer in this language

	// Request is what an API's call has as call.Origin.Request; nil when the dialect has no such calls.
	Request []byte
	// Update is the body of an API's request to a live call after which the code is asked; nil when there is none.
	Update []byte
}

// asked is how often the code may be asked in one case, more than any case needs: a dialect that asks again and again
// although nothing happens would never end.
const asked = 20

// Run runs the suite as subtests of t.
func Run(t *testing.T, s Subject) {
	for _, c := range []struct {
		name string
		run  func(*stage)
		none bool // the language has no such thing
	}{
		{"the code answers", answers, false},
		{"hang-up during the first webhook", hangupDuringFirst, false},
		{"hang-up while a prompt plays", hangupWhilePlaying, false},
		{"hang-up during a later webhook", hangupDuringLater, false},
		{"hang-up while the other party rings", hangupWhileRinging, false},
		{"hang-up while they talk", hangupWhileJoined, false},
		{"two legs, the other party hangs up", otherHangsUp, false},
		{"two legs, the other party is busy", otherIsBusy, false},
		{"the prompt breaks", promptBreaks, false},
		{"slow code", slowCode, false},
		{"code that never answers", codeNeverAnswers, false},
		{"dead code", deadCode, false},
		{"code that dies later", codeDiesLater, false},
		{"malformed answers", malformed, false},
		{"empty answers", empty, false},
		{"code that panics", codePanics, false},
		{"the node stops", nodeStops, false},
		{"the driver is told to leave", toldToLeave, false},
		{"the application's own call", ownCall, s.Request == nil},
		{"the application's own call is refused", ownCallRefused, s.Request == nil},
		{"a request while a prompt plays", requestWhilePlaying, s.Update == nil},
		{"a request from inside a webhook", requestFromWebhook, s.Update == nil},
		{"a request that makes no sense", requestNonsense, s.Update == nil},
		{"a request as the call ends", requestAtEnd, s.Update == nil},
	} {
		if c.none {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			// The bubble's end proves that no goroutine is left; its clock makes every time limit pass at once.
			synctest.Test(t, func(t *testing.T) { c.run(&stage{T: t, s: s}) })
		})
	}
}

// stage is where one case is played.
type stage struct {
	*testing.T
	s      Subject
	call   *Call
	asked  int
	result chan error
	leave  context.CancelFunc
}

// drive begins to drive an inbound call, or one that the application asked for.
func (g *stage) drive(o call.Origin, code Code) {
	o.Account, o.From, o.To, o.At = "111122223333", "+12065550100", "+12065550101", time.Now()
	g.call = NewCall(o)
	app := g.s.App(g.T, func(ctx context.Context, told []byte) ([]byte, error) {
		if g.asked++; g.asked > asked {
			return nil, errors.New("asked too often")
		}
		return code(ctx, bytes.Clone(told))
	})
	ctx, leave := context.WithCancel(context.Background())
	g.leave, g.result = leave, make(chan error, 1)
	go func() {
		defer func() {
			if v := recover(); v != nil { // as the exchange does
				g.result <- fmt.Errorf("panic: %v", v)
			}
		}()
		g.result <- app.Drive(ctx, g.call)
	}()
	synctest.Wait()
}

// inbound drives an inbound call with code that gives these answers in turn, and then Nothing.
func (g *stage) inbound(answers ...[]byte) { g.drive(call.Origin{}, g.script(answers...)) }

func (g *stage) script(answers ...[]byte) Code {
	n := 0
	return func(context.Context, []byte) ([]byte, error) {
		if n++; n <= len(answers) {
			return answers[n-1], nil
		}
		return g.s.Nothing, nil
	}
}

// ends wants Drive to return within a day's time limits, and gives what it returned.
func (g *stage) ends() error {
	g.Helper()
	defer g.leave()
	select {
	case err := <-g.result:
		g.call.End() // as the engine does
		synctest.Wait()
		return err
	case <-time.After(24 * time.Hour):
		g.Errorf("Drive does not return; %s", g.call)
		g.call.End()
		g.leave()
		return <-g.result
	}
}

// endsWell wants Drive to return nil.
func (g *stage) endsWell() {
	g.Helper()
	if err := g.ends(); err != nil {
		g.Errorf("Drive gave %v", err)
	}
}

// caller is the inbound leg's far end.
func (g *stage) caller() *Far { return g.call.Far(0) }

// other is the far end that was dialled.
func (g *stage) other() *Far {
	g.Helper()
	f := g.call.Far(1)
	if f == nil {
		g.Fatalf("nobody was dialled; %s", g.call)
	}
	return f
}

// hears wants the caller to hear a prompt.
func (g *stage) hears() {
	g.Helper()
	if g.caller().Hears() == nil {
		g.Errorf("the caller hears nothing; %s", g.call)
	}
}

// over wants the far end's leg to be over.
func (g *stage) over(f *Far) {
	g.Helper()
	if _, over := f.Ended(); !over {
		g.Errorf("a leg is not over; %s", g.call)
	}
}

// hangup lets a far end hang up and the driver do what follows.
func (g *stage) hangup(f *Far) {
	f.Hangup(nil)
	synctest.Wait()
}
