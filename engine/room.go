package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/mix"
)

// longestName bounds the name of a room, in bytes.
const longestName = 256

// seat is a leg's place in a room. Like a bridge it is taken once the leg has media, and left for as long as we have its far
// end on hold.
type seat struct {
	cmd   call.Enter
	party *mix.Party // while it is taken
	quiet func()     // ends the music
	away  bool       // it was left for a hold
	// loudest is who is heard loudest in the room, as far as was told since the leg came in; its own place it always knows.
	loudest call.LegID
}

// roomKey names a room of the call's account among those of all accounts.
func (c *Call) roomKey(name string) string { return c.origin.Account + "/" + name }

func (c *Call) doEnter(cmd call.Enter) (call.Ticket, error) {
	l, err := c.leg(cmd.Leg)
	switch {
	case err != nil:
		return call.Ticket{}, err
	case c.e.cfg.Rooms == nil:
		return call.Ticket{}, errors.New("enter: there are no rooms")
	case cmd.Room == "" || len(cmd.Room) > longestName:
		return call.Ticket{}, fmt.Errorf("enter: %w: the name of a room has 1 to %d bytes", call.ErrInvalid, longestName)
	}
	c.part(l)
	c.leave(l)
	l.seat = &seat{cmd: cmd}
	c.hearEarly(l)
	if err := c.sit(l); err != nil {
		return call.Ticket{}, err
	}
	return call.Ticket{Leg: l.id}, nil
}

func (c *Call) doLeave(cmd call.Leave) (call.Ticket, error) {
	l, err := c.leg(cmd.Leg)
	if err != nil {
		return call.Ticket{}, err
	}
	c.leave(l)
	return call.Ticket{Leg: l.id}, nil
}

// sit lets a leg that has a seat hear its room, once it has media. Where the room is full it has none.
func (c *Call) sit(l *leg) error {
	s := l.seat
	if s == nil || s.party != nil || l.media == nil || l.held {
		return nil
	}
	session := l.media
	e := mix.Entrant{
		ID: string(l.id), To: session, Codec: func() media.Codec { return session.Stats().Codec },
		Muted: s.cmd.Muted || l.muted || l.absent, Silent: s.cmd.Silent, Back: s.away,
		Speaking: func(id string) { c.inbox.put(func() { c.speaking(l, call.LegID(id)) }) },
	}
	if s.cmd.Music != (call.Clip{}) && c.e.cfg.Opener != nil {
		e.Music, s.quiet = c.music(l, s.cmd.Music)
	}
	p, err := c.e.cfg.Rooms.Enter(c.roomKey(s.cmd.Room), e)
	if err != nil {
		l.seat = nil
		s.hush()
		return fmt.Errorf("enter %q: %w: %w", s.cmd.Room, call.ErrLimit, err)
	}
	s.party, s.away = p, false
	session.Connect(p)
	c.tell(l, call.Entered{Leg: l.id, Room: s.cmd.Room})
	return nil
}

// sitLate does so some time after the command: that the room has filled up meanwhile is told by a Left.
func (c *Call) sitLate(l *leg) {
	s := l.seat
	if err := c.sit(l); err != nil {
		c.notes.log(l.id, call.Log{Kind: call.LogNote, Text: err.Error()})
		c.tell(l, call.Left{Leg: l.id, Room: s.cmd.Room})
	}
}

// stand takes a leg from its room, for now.
func (c *Call) stand(l *leg) {
	s := l.seat
	if s == nil || s.party == nil {
		return
	}
	l.media.Connect(nil)
	if s.away = l.held; s.away {
		s.party.Pause()
	} else {
		s.party.Leave()
	}
	s.party, s.loudest = nil, ""
	s.hush()
	c.tell(l, call.Left{Leg: l.id, Room: s.cmd.Room})
}

// leave takes a leg from its room, for good.
func (c *Call) leave(l *leg) {
	c.stand(l)
	l.seat = nil
}

// inherit gives a leg the seat of one whose place it takes.
func (c *Call) inherit(l *leg, s *seat) {
	if s == nil || l.state >= ending {
		return
	}
	cmd := s.cmd
	cmd.Leg = l.id
	l.seat = &seat{cmd: cmd}
	c.sitLate(l)
}

// hush ends the music.
func (s *seat) hush() {
	if s.quiet != nil {
		s.quiet()
		s.quiet = nil
	}
}

// speaking hears who is loudest in a leg's room, and tells that once, however many legs of the call are there.
func (c *Call) speaking(l *leg, who call.LegID) {
	if l.seat == nil || l.seat.party == nil {
		return
	}
	l.seat.loudest = who
	for _, first := range c.legs {
		if first.seat != nil && first.seat.party != nil && first.seat.cmd.Room == l.seat.cmd.Room {
			if first == l {
				c.tell(l, call.Speaking{Leg: who, Room: l.seat.cmd.Room})
			}
			return
		}
	}
}

// music plays a clip over and over. What is wrong with it is told in the log: who waits hears silence then.
func (c *Call) music(l *leg, clip call.Clip) (src media.Source, stop func()) {
	list, codec := newPlaylist(), c.codecOf(l)
	ctx, cancel := context.WithCancel(context.Background())
	c.working++
	go func() {
		err := c.fill(ctx, list, codec, func(ctx context.Context, _ int, wide bool) (media.Stream, error) {
			return c.openClip(ctx, clip, wide)
		}, func() {})
		if err != nil {
			c.inbox.put(func() {
				c.notes.log(l.id, call.Log{Kind: call.LogNote, Text: "music of the room: " + err.Error()})
			})
		}
		list.close()
		c.inbox.put(func() { c.working-- })
	}()
	return list, func() {
		cancel()
		close(list.over)
	}
}
