package guard

import "net/netip"

// recent is a bounded map in order of use: where it is full, what was used least recently makes room.
type recent[V any] struct {
	max   int
	index map[netip.Addr]int32
	slots []slot[V] // slot 0 is the ring's head: next is the latest, prev the oldest
	free  []int32
}

type slot[V any] struct {
	key        netip.Addr
	value      V
	prev, next int32
}

func newRecent[V any](most int) *recent[V] {
	return &recent[V]{max: most, index: map[netip.Addr]int32{}, slots: make([]slot[V], 1)}
}

// find gives what is kept of a key; nil if nothing is. The order stays.
func (r *recent[V]) find(key netip.Addr) *V {
	if i, ok := r.index[key]; ok {
		return &r.slots[i].value
	}
	return nil
}

// use gives what is kept of a key, a zero value at first, and makes it the latest. It is valid until the next call.
func (r *recent[V]) use(key netip.Addr) *V {
	i, ok := r.index[key]
	switch {
	case ok:
		r.unlink(i)
	case len(r.free) > 0:
		i = r.free[len(r.free)-1]
		r.free = r.free[:len(r.free)-1]
	case len(r.slots) <= r.max:
		i = int32(len(r.slots))
		r.slots = append(r.slots, slot[V]{})
	default:
		i = r.slots[0].prev
		r.unlink(i)
		delete(r.index, r.slots[i].key)
		r.slots[i] = slot[V]{}
	}
	if !ok {
		r.index[key] = i
		r.slots[i].key = key
	}
	first := r.slots[0].next
	r.slots[i].prev, r.slots[i].next = 0, first
	r.slots[first].prev, r.slots[0].next = i, i
	return &r.slots[i].value
}

func (r *recent[V]) unlink(i int32) {
	s := &r.slots[i]
	r.slots[s.prev].next, r.slots[s.next].prev = s.next, s.prev
}

// remove forgets a key.
func (r *recent[V]) remove(key netip.Addr) {
	i, ok := r.index[key]
	if !ok {
		return
	}
	r.unlink(i)
	delete(r.index, key)
	r.slots[i] = slot[V]{}
	r.free = append(r.free, i)
}

// oldest calls f for each, the one used least recently first, until f says no. f may remove the key that it is given.
func (r *recent[V]) oldest(f func(netip.Addr, *V) bool) {
	for i := r.slots[0].prev; i != 0; {
		before := r.slots[i].prev
		if !f(r.slots[i].key, &r.slots[i].value) {
			return
		}
		i = before
	}
}
