package mix

import (
	"errors"
	"slices"
	"sync"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
)

// Errors of [Rooms].
var (
	ErrFull   = errors.New("the room is full")
	ErrNoRoom = errors.New("no such room")
)

// MostParties is how many may be in one room.
const MostParties = 250

// Rooms are the rooms that there are, by name. A room begins with the first who enters and is gone with the last who
// leaves. Safe for concurrent use.
type Rooms struct {
	clock *Clock

	mu    sync.Mutex
	rooms map[string]*Room
}

// NewRooms makes a registry without rooms.
func NewRooms(c *Clock) *Rooms { return &Rooms{clock: c, rooms: map[string]*Room{}} }

// Enter lets somebody in; [ErrFull] when there are [MostParties] already.
func (a *Rooms) Enter(name string, e Entrant) (*Party, error) {
	wide := e.Codec != nil && e.Codec() == media.G722
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.rooms[name]
	begins := r == nil
	if begins {
		r = &Room{all: a, name: name}
	}
	if wide {
		r.voices.Store(true)
	}
	p := &Party{Entrant: e, room: r}
	p.muted.Store(e.Muted)
	if err := r.enter(p); err != nil {
		return nil, err
	}
	if begins {
		a.rooms[name] = r
		a.clock.add(r)
	}
	return p, nil
}

func (r *Room) enter(p *Party) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.present >= MostParties {
		return ErrFull
	}
	r.present++
	r.arrived = append(r.arrived, p)
	return nil
}

// left counts one party less; the last one ends the room.
func (r *Room) left() {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.present--; r.present == 0 {
		r.over = true
		delete(r.all.rooms, r.name)
	}
}

// Present gives how many are in a room; zero where there is none of that name.
func (a *Rooms) Present(name string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.rooms[name]
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.present
}

// Wide tells whether somebody in a room has 16 kHz, or had while it is there.
func (a *Rooms) Wide(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.rooms[name]
	return r != nil && r.voices.Load()
}

// Count gives how many rooms there are, and how many parties are in them.
func (a *Rooms) Count() (rooms, parties int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.rooms {
		r.mu.Lock()
		parties += r.present
		r.mu.Unlock()
	}
	return len(a.rooms), parties
}

// Sink hears 20 ms after the other, from the clock's goroutine. It must not block.
type Sink interface {
	// Rate is what it wants to hear, in hertz: [codec.Rate], or [codec.WideRate]. It does not change.
	Rate() int
	// Hear gets what one side says, and what it hears; the second is nil where all are in the first. Both are valid during
	// the call alone.
	Hear(says, hears []int16)
	// Over tells that there will be no more; it is not called for what was stopped.
	Over()
}

type hearing struct {
	sink Sink
	wide bool
}

// each gives the samples of a tick of 8 kHz that a sink wants.
func each(s Sink) int { return s.Rate() / codec.Rate }

// Listen lets a sink hear all that is said in a room, until stop; [ErrNoRoom] where there is none of that name.
func (a *Rooms) Listen(name string, s Sink) (stop func(), err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.rooms[name]
	if r == nil {
		return nil, ErrNoRoom
	}
	h := &hearing{s, each(s) == 2}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sinks = append(r.sinks, h)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.sinks = slices.DeleteFunc(r.sinks, func(x *hearing) bool { return x == h })
	}, nil
}
