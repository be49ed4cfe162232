package engine

import "sync/atomic"

// inbox is where everyone leaves what a call's goroutine shall do, in order. A channel would make a leg wait, or lose
// its report, when it is full; this takes always, in a few nanoseconds, until it is closed. It stays short because its
// reader never blocks and its writers are slow: a driver waits for each answer, a far end can press no key faster than
// packets come.
//
// Newest first in a linked list; the reader takes the whole list and turns it round.
type inbox struct {
	top  atomic.Pointer[item]
	wake chan struct{} // holds one token when something may be there
	end  *item         // marks a closed inbox
}

type item struct {
	do   func()
	next *item
}

func newInbox() inbox { return inbox{wake: make(chan struct{}, 1), end: new(item)} }

// put leaves do for the reader. False when the inbox is closed: then do will never run; else it certainly will.
func (b *inbox) put(do func()) bool {
	it := &item{do: do}
	for {
		before := b.top.Load()
		if before == b.end {
			return false
		}
		it.next = before
		if !b.top.CompareAndSwap(before, it) {
			continue
		}
		if before == nil { // else whoever came before has woken the reader
			select {
			case b.wake <- struct{}{}:
			default:
			}
		}
		return true
	}
}

// take gives all that was left, oldest first.
func (b *inbox) take() *item {
	var first *item
	for it := b.top.Swap(nil); it != nil; {
		it, it.next, first = it.next, first, it
	}
	return first
}

// close closes the inbox; false when something is left to take first.
func (b *inbox) close() bool { return b.top.CompareAndSwap(nil, b.end) }
