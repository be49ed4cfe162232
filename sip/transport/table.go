package transport

import (
	"net/netip"
	"slices"
	"sync"
)

// table is the flows: by id, by the far end, and counted per source.
type table struct {
	mu       sync.Mutex
	max      int
	maxPerIP int
	closed   bool
	byID     map[FlowID]*flow
	byEnd    map[end]*flow
	perIP    map[netip.Prefix]int
	accepted int
}

// end is a far end. Connections to one address that trust different certificates are to different ends.
type end struct {
	network string
	addr    netip.AddrPort
	secure  string
}

func (t *table) init(most, mostPerIP int) {
	t.max, t.maxPerIP = most, mostPerIP
	t.byID = make(map[FlowID]*flow)
	t.byEnd = make(map[end]*flow)
	t.perIP = make(map[netip.Prefix]int)
}

// network gives what counts as one source: an IPv4 address, or the /64 that one IPv6 host has for itself.
func network(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

// add takes a flow in, and counts the goroutine that the caller starts for it. Flows that others open leave room for
// those that we open.
func (t *table) add(f *flow) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	from := network(f.end.addr.Addr())
	switch {
	case t.closed:
		return ErrClosed
	case f.accepted && (t.accepted >= t.max || t.perIP[from] >= t.maxPerIP):
		return ErrFull
	case !f.accepted && len(t.byID)-t.accepted >= t.max:
		return ErrFull
	}
	f.layer.running.Add(1)
	t.byID[f.id] = f
	t.byEnd[f.end] = f
	if f.accepted {
		t.accepted++
		t.perIP[from]++
	}
	return nil
}

func (t *table) remove(f *flow) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID[f.id] != f {
		return
	}
	delete(t.byID, f.id)
	if t.byEnd[f.end] == f {
		delete(t.byEnd, f.end)
	}
	if t.byEnd[f.alias] == f {
		delete(t.byEnd, f.alias)
	}
	if from := network(f.end.addr.Addr()); f.accepted {
		t.accepted--
		if t.perIP[from]--; t.perIP[from] <= 0 {
			delete(t.perIP, from)
		}
	}
}

// find gives the flow a target names, or one to its address.
func (t *table) find(to Target) *flow {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f := t.byID[to.Flow]; f != nil {
		return f
	}
	return t.byEnd[end{to.Network, to.Addr, to.Secure.name()}]
}

// alias makes a flow one to another end too.
func (t *table) alias(id FlowID, e end) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f := t.byID[id]; f != nil && t.byEnd[e] == nil {
		if t.byEnd[f.alias] == f {
			delete(t.byEnd, f.alias)
		}
		f.alias = e
		t.byEnd[e] = f
	}
}

func (t *table) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.byID)
}

// shut takes no more flows and gives those there are.
func (t *table) shut() []*flow {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	all := make([]*flow, 0, len(t.byID))
	for _, f := range t.byID {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *flow) int { return int(a.id) - int(b.id) })
	return all
}
