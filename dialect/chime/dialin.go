package chime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/google/uuid"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/directory"
)

var _ dialect.Concierge = (*Dialect)(nil)

// Greet takes calls to the meetings' number, +17035550122, that bring an attendee's token: as a header, or as a parameter of the
// Request-URI (https://docs.aws.amazon.com/chime-sdk/latest/dg/mtgs-sdk-cvc.html). They are calls of the meeting's account,
// whoever brings them: the token proves who joins.
func (d *Dialect) Greet(at call.Attempt) (dialect.App, string) {
	if directory.NumberOf(at.To) != dialIn {
		return nil, ""
	}
	g := &guest{lobby: d.lobby}
	g.token, g.meeting = said(at, "X-chime-join-token", "X-joinToken"), said(at, "X-chime-meeting-id")
	if g.token == "" {
		return nil, ""
	}
	if r, _, ok := d.lobby.byJoinToken("", g.meeting, g.token); ok {
		return g, r.Account
	}
	return g, at.Account
}

// said gives what a call says under the first of some names that it has, as a header or as a parameter.
func said(at call.Attempt, names ...string) string {
	for _, name := range names {
		if s, ok := at.Headers.Get(name); ok {
			return s
		}
		if s, ok := at.Params.Get(name); ok {
			if plain, err := url.PathUnescape(s); err == nil {
				s = plain
			}
			return s
		}
	}
	return ""
}

// guest is a call that came into a meeting by itself: no function is told of it.
type guest struct {
	lobby          *lobby
	meeting, token string

	call  dialect.Call
	leg   call.LegID
	place *place
	muted bool
	in    bool // its leg is in the meeting's room
}

// Drive answers the call, lets it into the meeting, and is over when the caller or the meeting is.
func (g *guest) Drive(ctx context.Context, c dialect.Call) error {
	g.call, g.leg = c, c.Origin().Leg
	if err := g.join(ctx); err != nil {
		return err
	}
	if g.place != nil {
		defer g.lobby.leave(g.place)
	}
	for {
		select {
		case ev, ok := <-c.Events():
			if !ok {
				return nil
			}
			over, err := g.hear(ctx, ev)
			if over || err != nil {
				return err
			}
		case <-ctx.Done():
			return fmt.Errorf("hold call %s in its meeting: %w", c.ID(), ctx.Err())
		}
	}
}

// join answers the caller and lets it in, or refuses it.
func (g *guest) join(ctx context.Context) (err error) {
	g.place, err = g.lobby.join("", g.meeting, g.token, g.call.ID(), uuid.NewString())
	switch {
	case errors.Is(err, errMeetingFull):
		return g.do(ctx, call.Hangup{Leg: g.leg, Cause: call.Cause{SIP: 480, By: call.ByPlatform, Label: call.LabelLimit, Text: err.Error()}})
	case err != nil:
		return g.do(ctx, call.Hangup{Leg: g.leg, Cause: call.Cause{SIP: 403, By: call.ByPlatform, Label: call.LabelRejected, Text: err.Error()}})
	}
	text := "joins meeting " + g.place.meeting + " as attendee " + g.place.attendee + ", by its token"
	if err := g.do(ctx, call.Note{Log: call.Log{At: g.lobby.d.cfg.Clock(), Leg: g.leg, Kind: call.LogNote, Text: text}}); err != nil {
		return err
	}
	if err := g.do(ctx, call.Answer{Leg: g.leg}); err != nil {
		return err
	}
	if err := g.look(ctx); err != nil {
		return err
	}
	return g.do(ctx, call.Enter{Leg: g.leg, Room: g.place.room(), Silent: true})
}

func (g *guest) hear(ctx context.Context, ev call.Event) (over bool, err error) {
	switch ev := ev.(type) {
	case call.LegEnded:
		return ev.Leg == g.leg, nil
	case call.Transferred: // another has taken the caller's place
		if ev.Leg == g.leg {
			g.leg = ev.To
		}
	case call.Entered:
		g.in = g.in || ev.Leg == g.leg
	case call.Left:
		if ev.Leg == g.leg && !g.in { // it never got in: the room has filled up
			return false, g.hangUp(ctx)
		}
	case call.Request:
		var req liveRequest
		err := json.Unmarshal(ev.Body, &req)
		if err == nil && (g.place == nil || req.Account != g.place.account || req.Meeting != g.place.id) {
			err = errNotOurs
		}
		ev.Reply(nil, err)
		if err == nil {
			return false, g.look(ctx)
		}
	}
	return false, nil
}

// look does what became of the place in the meeting.
func (g *guest) look(ctx context.Context) error {
	there, heard := g.lobby.seen(g.place)
	switch {
	case !there:
		return g.hangUp(ctx)
	case heard == g.muted:
		g.muted = !heard
		return g.do(ctx, call.Mute{Leg: g.leg, On: g.muted})
	}
	return nil
}

func (g *guest) hangUp(ctx context.Context) error {
	return g.do(ctx, call.Hangup{Leg: g.leg, Cause: call.Cause{By: call.ByApp, Label: call.LabelNormal}})
}

// do gives a command. A leg that has just ended is no failure: its LegEnded comes.
func (g *guest) do(ctx context.Context, cmd call.Command) error {
	_, err := g.call.Do(ctx, cmd)
	if errors.Is(err, call.ErrLegEnded) || errors.Is(err, call.ErrOver) {
		return nil
	}
	return err
}
