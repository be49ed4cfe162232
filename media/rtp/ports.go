package rtp

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// ErrNoPorts says that all ports of the range are in use or at rest.
var ErrNoPorts = errors.New("no RTP port is free")

// ports gives out the even ports of a range, the one that rested longest first. A port given back rests for a while, so
// that late packets of one call do not meet the next. Both ways cost the same whatever the range.
type ports struct {
	mu    sync.Mutex
	ring  []resting // a queue of len entries, beginning at head
	head  int
	count int
	rest  time.Duration
}

type resting struct {
	port  uint16
	until time.Duration // on the engine's clock
}

// newPorts starts with the pairs of lowest..highest in an order that nobody can guess.
func newPorts(lowest, highest uint16, rest time.Duration) *ports {
	p := &ports{rest: rest}
	for port := (int(lowest) + 1) &^ 1; port+1 <= int(highest); port += 2 {
		p.ring = append(p.ring, resting{port: uint16(port)})
	}
	p.count = len(p.ring)
	rand.Shuffle(p.count, func(i, j int) { p.ring[i], p.ring[j] = p.ring[j], p.ring[i] })
	return p
}

func (p *ports) take(now time.Duration) (uint16, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count == 0 || p.ring[p.head].until > now {
		return 0, ErrNoPorts
	}
	port := p.ring[p.head].port
	p.head = (p.head + 1) % len(p.ring)
	p.count--
	return port, nil
}

func (p *ports) give(port uint16, now time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ring[(p.head+p.count)%len(p.ring)] = resting{port, now + p.rest}
	p.count++
}
