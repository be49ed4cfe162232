package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect/dialecttest"
	"github.com/switchhook/switchhook/engine"
)

// The call that dialects are tested with does as the engine does: the same commands are refused, with the same errors,
// and the same events come in the same order.
func TestTestsCallIsTrue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(struct{ rapid.TB }{t}, twins) // a bubble's test has no deadline to be asked for
	})
}

func twins(t *rapid.T) {
	w := newWorld(nil)
	c, a := w.inbound()
	defer c.Close(byApp)
	p := pair{T: t, w: w, real: c, twin: dialecttest.NewCall(call.Origin{}), legs: []*fakeLeg{a}}
	t.Repeat(map[string]func(*rapid.T){
		"ring":   func(*rapid.T) { p.toLeg(func(l call.LegID) call.Command { return call.Ring{Leg: l} }) },
		"answer": func(*rapid.T) { p.toLeg(func(l call.LegID) call.Command { return call.Answer{Leg: l} }) },
		"hangup": func(*rapid.T) { p.toLeg(func(l call.LegID) call.Command { return call.Hangup{Leg: l, Cause: byApp} }) },
		"part":   func(*rapid.T) { p.toLeg(func(l call.LegID) call.Command { return call.Part{Leg: l} }) },
		"say":    func(*rapid.T) { p.toLeg(func(l call.LegID) call.Command { return call.Say{Leg: l, Text: "1x9"} }) },
		"play": func(*rapid.T) {
			p.toLeg(func(l call.LegID) call.Command { return call.Play{Leg: l, Clips: clips("1x9"), Until: "1"} })
		},
		"dial": func(*rapid.T) { p.command(func(ids) call.Command { return call.Dial{To: "+12065550199"} }) },
		"join": func(*rapid.T) {
			a, b := p.leg(), p.leg()
			p.command(func(id ids) call.Command { return call.Join{A: id(a), B: id(b)} })
		},
		"stop": func(*rapid.T) {
			op := call.OpID(rapid.IntRange(1, 9).Draw(t, "op"))
			p.command(func(ids) call.Command { return call.Stop{Op: op} })
		},
		"far rings": func(*rapid.T) {
			p.out(func(l *fakeLeg, f *dialecttest.Far) { l.ring(); f.Ring(nil) })
		},
		"far progresses": func(*rapid.T) {
			p.out(func(l *fakeLeg, f *dialecttest.Far) { l.progress(); f.Progress(nil) })
		},
		"far answers": func(*rapid.T) {
			p.out(func(l *fakeLeg, f *dialecttest.Far) { l.answer(); f.Answer(nil) })
		},
		"far refuses": func(*rapid.T) {
			p.out(func(l *fakeLeg, f *dialecttest.Far) {
				if !f.Answered() {
					l.end(busy)
					f.Refuse(busy, nil)
				}
			})
		},
		"far hangs up": func(*rapid.T) {
			l, f := p.pick()
			if f.Answered() {
				l.hangup()
			} else {
				l.end(call.Cause{SIP: 487, By: call.ByPeer, Label: call.LabelCancelled})
			}
			f.Hangup(nil)
		},
		"far holds": func(*rapid.T) {
			l, f := p.pick()
			on := rapid.Bool().Draw(t, "on")
			l.report(call.Held{On: on})
			f.Hold(on)
		},
		"far transfers": func(*rapid.T) {
			l, f := p.pick()
			if len(p.legs) == 8 {
				return
			}
			synctest.Wait()
			l.ask("+12065550177")
			synctest.Wait()
			if len(w.dialed) == 0 {
				if f.Transfer(nil) != nil {
					t.Fatal("the engine transfers nothing here")
				}
				return
			}
			target := <-w.dialed
			p.legs = append(p.legs, target)
			target.answer()
			if f.Transfer(nil) == nil {
				t.Fatal("the twin transfers nothing here")
			}
		},
		"far presses": func(*rapid.T) {
			l, f := p.pick()
			digit := rapid.SampledFrom([]byte("12")).Draw(t, "digit")
			l.report(call.Digit{Digit: digit, For: 100 * time.Millisecond})
			f.Press(digit)
		},
		"the prompt ends": func(*rapid.T) {
			l, f := p.pick()
			for l.session != nil {
				if _, plays := l.session.tick(); !plays {
					break
				}
				synctest.Wait()
			}
			f.Finish()
		},
		"": func(t *rapid.T) { p.same(t) },
	})
	c.End(call.Cause{By: call.ByPlatform, Label: call.LabelDrained})
	p.twin.End()
	p.same(t)
}

// pair is a call of the engine and its twin.
type pair struct {
	*rapid.T
	w    *world
	real *engine.Call
	twin *dialecttest.Call
	legs []*fakeLeg
}

// ids gives the ID of the n-th leg.
type ids func(n int) call.LegID

func (p *pair) leg() int { return rapid.IntRange(0, len(p.legs)-1).Draw(p.T, "leg") }

func (p *pair) pick() (*fakeLeg, *dialecttest.Far) {
	n := p.leg()
	return p.legs[n], p.twin.Far(n)
}

func (p *pair) toLeg(make func(call.LegID) call.Command) {
	n := p.leg()
	p.command(func(id ids) call.Command { return make(id(n)) })
}

func (p *pair) out(act func(*fakeLeg, *dialecttest.Far)) {
	if l, f := p.pick(); l.dir == call.Out {
		act(l, f)
	}
}

// command gives a command to both, the same but for the IDs of legs.
func (p *pair) command(make func(ids) call.Command) {
	cmd := make(func(n int) call.LegID { return p.legs[n].id })
	if _, dial := cmd.(call.Dial); dial && len(p.legs) == 8 {
		return
	}
	k, err := p.real.Do(ctx, cmd)
	kt, errt := p.twin.Do(ctx, make(func(n int) call.LegID { return dialecttest.LegID(n) }))
	if !errors.Is(err, errt) || k.Op != kt.Op {
		p.Fatalf("%#v gave %v, %v; to the twin %v, %v", cmd, k.Op, err, kt.Op, errt)
	}
	if _, dial := cmd.(call.Dial); dial {
		p.legs = append(p.legs, <-p.w.dialed)
	}
}

// same wants both to have told the same.
func (p *pair) same(t *rapid.T) {
	synctest.Wait()
	real := p.told(p.real.Events(), func(n int) call.LegID { return p.legs[n].id })
	twin := p.told(p.twin.Events(), func(n int) call.LegID { return dialecttest.LegID(n) })
	if diff := cmp.Diff(real, twin); diff != "" {
		t.Fatalf("events of the engine (-) and of its twin (+):\n%s", diff)
	}
}

func (p *pair) told(events <-chan call.Event, id ids) []string {
	nth := func(leg call.LegID) int {
		return slices.IndexFunc(p.legs, func(l *fakeLeg) bool { return id(slices.Index(p.legs, l)) == leg })
	}
	var all []string
	for len(events) > 0 {
		switch ev := (<-events).(type) {
		case call.Done:
			var refused *call.Refusal
			why := fmt.Sprint(ev.Err)
			if errors.As(ev.Err, &refused) {
				why = string(refused.Cause.Label)
			}
			all = append(all, fmt.Sprintf("done %d of leg %d: %s %q", ev.Op, nth(ev.Leg), why, ev.Result.Digit))
		case call.LegEnded:
			all = append(all, fmt.Sprintf("leg %d ended: %s", nth(ev.Leg), ev.Cause.Label))
		case call.Joined:
			all = append(all, fmt.Sprintf("joined %d and %d", min(nth(ev.A), nth(ev.B)), max(nth(ev.A), nth(ev.B))))
		case call.Parted:
			all = append(all, fmt.Sprintf("parted %d and %d", min(nth(ev.A), nth(ev.B)), max(nth(ev.A), nth(ev.B))))
		case call.Transferred:
			all = append(all, fmt.Sprintf("leg %d of %d is %d now", nth(ev.Leg), nth(ev.Peer), nth(ev.To)))
		case call.Held:
			all = append(all, fmt.Sprintf("leg %d holds: %t", nth(ev.Leg), ev.On))
		case call.Ringing:
			all = append(all, fmt.Sprintf("leg %d rings", nth(ev.Leg)))
		case call.Progress:
			all = append(all, fmt.Sprintf("leg %d progresses", nth(ev.Leg)))
		case call.Answered:
			all = append(all, fmt.Sprintf("leg %d answered", nth(ev.Leg)))
		case call.Digit:
			all = append(all, fmt.Sprintf("leg %d presses %c for %s", nth(ev.Leg), ev.Digit, ev.For))
		default:
			all = append(all, fmt.Sprintf("%#v", ev))
		}
	}
	return all
}
