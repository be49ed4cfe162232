package engine_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
)

// A key of a leg is offered to the one joined with it, with how it came, while they are joined and the leg is not muted.
func TestC55KeysOfJoinedLegs(t *testing.T) {
	w := newWorld(nil)
	c, a := w.inbound()
	do(t, c, call.Answer{Leg: a.id})
	next[call.Answered](t, c)
	do(t, c, call.Dial{To: "+12065550199"})
	b := <-w.dialed
	b.answer()
	next[call.Answered](t, c)
	next[call.Done](t, c)
	key := func(press func(), digit byte) {
		t.Helper()
		press()
		if d := next[call.Digit](t, c); d.Digit != digit {
			t.Errorf("%c was told", d.Digit)
		}
	}
	signalled := func(digit byte) func() {
		return func() { a.report(call.Digit{Leg: a.id, Digit: digit, For: 80 * time.Millisecond}) }
	}
	key(signalled('1'), '1')
	do(t, c, call.Join{A: a.id, B: b.id})
	next[call.Joined](t, c)
	key(signalled('2'), '2')
	key(func() { a.withMedia().press('3') }, '3')
	do(t, c, call.Mute{Leg: a.id, On: true})
	key(signalled('4'), '4')
	do(t, c, call.Mute{Leg: a.id})
	do(t, c, call.Part{Leg: a.id})
	next[call.Parted](t, c)
	key(signalled('5'), '5')
	c.Close(byApp)
	b.mu.Lock()
	defer b.mu.Unlock()
	if d := cmp.Diff([]string{"2 true", "3 false"}, b.relayed); d != "" {
		t.Error(d)
	}
}
