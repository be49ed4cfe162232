package mix

import (
	"sync/atomic"

	"github.com/switchhook/switchhook/media"
)

// Ear hears both sides of one leg, evened out and at one time, for a sink.
type Ear struct {
	says, hears buffer
	sink        Sink
	closed      atomic.Bool
	a, b        []int16
	signalled   signalled
}

// Listen begins to beat an ear. The ports of [Ear.Ports] are what it hears.
func (c *Clock) Listen(s Sink) *Ear {
	e := &Ear{sink: s, a: make([]int16, each(s)*frame), b: make([]int16, each(s)*frame)}
	c.add(e)
	return e
}

// Ports gives where to write what the leg's far end says, and what it hears: each port is for one goroutine at a time. With
// keys, telephone events (RFC 4733) are heard as the tones they stand for; else not at all.
func (e *Ear) Ports(keys bool) (says, hears media.Port) {
	if keys {
		return &keypad{to: &e.says}, &keypad{to: &e.hears}
	}
	return media.PortFunc(e.says.write), media.PortFunc(e.hears.write)
}

// Close ends it. A beat that runs may still be heard.
func (e *Ear) Close() { e.closed.Store(true) }

func (e *Ear) beat() bool {
	if e.closed.Load() {
		return false
	}
	e.says.read(e.a)
	e.hears.read(e.b)
	e.signalled.sound(e.a)
	e.sink.Hear(e.a, e.b)
	return true
}

// pass hears silence.
func (e *Ear) pass(beats int) {
	clear(e.a)
	for range beats {
		e.sink.Hear(e.a, e.a)
	}
}

// Add gives the sum of two frames of one length, within 16 bits.
func Add(dst, a, b []int16) {
	for i := range dst {
		dst[i] = clip(int32(a[i]) + int32(b[i]))
	}
}
