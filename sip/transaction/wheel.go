package transaction

import (
	"math/bits"
	"time"
)

// tick is the wheel's grain: a timer fires up to one tick late, never early.
const tick = 5 * time.Millisecond

const (
	slotBits = 6
	slots    = 1 << slotBits
	levels   = 6 // 5 ms to 10 years

	// farthest is the longest wait; for what is beyond, nobody waits.
	farthest = 365 * 24 * time.Hour
)

// entry is one timer in the wheel. It is part of what it belongs to, so that setting a timer costs no memory.
type entry struct {
	next, prev *entry // nil: not in the wheel
	at         uint64 // tick
	owner      expirer
}

// expirer is what a timer tells that it fired.
type expirer interface{ expired(e *entry) }

// wheel is a hierarchical timing wheel: one level for each 6 bits of the tick count, one slot for each of their values.
// An entry stands on the level of the highest bits in which its tick differs from now's, and comes down level by level
// as now comes near. Setting and stopping cost the same however many timers there are.
type wheel struct {
	base     time.Time
	now      uint64 // tick up to which all has fired
	occupied [levels]uint64
	slot     [levels][slots]entry // heads of rings
	count    int
}

func (w *wheel) init(now time.Time) {
	w.base = now
	for l := range w.slot {
		for s := range w.slot[l] {
			h := &w.slot[l][s]
			h.next, h.prev = h, h
		}
	}
}

// set starts e, or starts it anew, to fire after d from now.
func (w *wheel) set(e *entry, now time.Time, d time.Duration) {
	w.stop(e)
	due := now.Sub(w.base) + min(max(d, 0), farthest)
	e.at = max(uint64((due+tick-1)/tick), w.now+1)
	w.count++
	w.insert(e)
}

func (w *wheel) insert(e *entry) {
	level := (bits.Len64((w.now^e.at)|(slots-1)) - 1) / slotBits
	if level >= levels {
		level = levels - 1 // far beyond: it comes round again
	}
	s := e.at >> (level * slotBits) & (slots - 1)
	w.occupied[level] |= 1 << s
	h := &w.slot[level][s]
	e.prev, e.next = h.prev, h
	h.prev.next, h.prev = e, e
}

// stop takes e out, and tells whether it was in.
func (w *wheel) stop(e *entry) bool {
	if e.next == nil {
		return false
	}
	w.count--
	e.unlink()
	return true
}

func (e *entry) unlink() {
	e.prev.next, e.next.prev = e.next, e.prev
	e.next, e.prev = nil, nil
}

// next gives the first slot in use: its level, its place and the tick at which it begins.
func (w *wheel) next() (level, s int, at uint64, ok bool) {
	for level = range levels {
		shift := level * slotBits
		here := w.now >> shift & (slots - 1)
		for ahead := w.occupied[level] >> here; ahead != 0; ahead = w.occupied[level] >> here {
			s = int(here) + bits.TrailingZeros64(ahead)
			if h := &w.slot[level][s]; h.next == h {
				w.occupied[level] &^= 1 << s // all that stood there was stopped
				continue
			}
			at = w.now>>(shift+slotBits)<<(shift+slotBits) | uint64(s)<<shift
			return level, s, max(at, w.now), true
		}
	}
	return 0, 0, 0, false
}

// advance fires all that is due, and tells each to fire.
func (w *wheel) advance(now time.Time, fire func(*entry)) {
	to := uint64(now.Sub(w.base) / tick)
	for w.count > 0 {
		level, s, at, ok := w.next()
		if !ok || at > to {
			break
		}
		w.now = at
		w.occupied[level] &^= 1 << s
		// What stands here is moved to a ring of its own first: what fires may set and stop others.
		var due entry
		h := &w.slot[level][s]
		due.next, due.prev = h.next, h.prev
		due.next.prev, due.prev.next = &due, &due
		h.next, h.prev = h, h
		for due.next != &due {
			e := due.next
			e.unlink()
			if e.at > w.now {
				w.insert(e)
				continue
			}
			w.count--
			fire(e)
		}
	}
	w.now = max(w.now, to)
}

// wait gives how long until something may fire; false, if nothing will.
func (w *wheel) wait(now time.Time) (time.Duration, bool) {
	if w.count == 0 {
		return 0, false
	}
	_, _, at, ok := w.next()
	if !ok {
		return 0, false
	}
	return max(w.base.Add(time.Duration(at)*tick).Sub(now), 0), true
}

// Timer is one call of a function in the future. Its methods are called on its shard.
type Timer struct {
	shard *shard
	entry entry
	f     func()
}

func (t *Timer) expired(*entry) { t.f() }

// Stop stops the timer, and tells whether it was still to fire. A nil timer is stopped.
func (t *Timer) Stop() bool { return t != nil && t.shard.wheel.stop(&t.entry) }
