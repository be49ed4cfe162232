package chime

import (
	"slices"
	"time"
)

// timers are what a driver is to do later. Its goroutine alone touches them.
type timers struct {
	set   []*timer    // the one that rings first is the first
	clock *time.Timer // rings for it; nil until there was one
}

// timer is one thing to be done later.
type timer struct {
	at   time.Time
	then func()
}

// after has then called by the driver's goroutine in a while, unless it is stopped before.
func (t *timers) after(wait time.Duration, then func()) *timer {
	x := &timer{time.Now().Add(wait), then}
	at, _ := slices.BinarySearchFunc(t.set, x, func(a, b *timer) int {
		if a.at.After(b.at) {
			return 1
		}
		return -1 // of those that ring together the one that was set first does so first
	})
	t.set = slices.Insert(t.set, at, x)
	t.arm()
	return x
}

// stop sees to it that a timer does not ring; no error when it has, or is nil.
func (t *timers) stop(x *timer) {
	if i := slices.Index(t.set, x); i >= 0 {
		t.set = slices.Delete(t.set, i, i+1)
		t.arm()
	}
}

// stopAll lets none ring any more.
func (t *timers) stopAll() {
	t.set = nil
	t.arm()
}

// alarm is ready when it is time to ring.
func (t *timers) alarm() <-chan time.Time {
	if len(t.set) == 0 {
		return nil
	}
	return t.clock.C
}

// ring does what is due.
func (t *timers) ring() {
	for now := time.Now(); len(t.set) > 0 && !t.set[0].at.After(now); {
		x := t.set[0]
		t.set = slices.Delete(t.set, 0, 1)
		x.then()
	}
	t.arm()
}

// arm sets the clock to the first.
func (t *timers) arm() {
	switch {
	case len(t.set) == 0:
		if t.clock != nil {
			t.clock.Stop()
		}
	case t.clock == nil:
		t.clock = time.NewTimer(time.Until(t.set[0].at))
	default:
		t.clock.Reset(time.Until(t.set[0].at))
	}
}
