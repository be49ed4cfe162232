package main

import (
	"context"
	"net/url"
)

// party is one leg of a call that stands.
type party struct {
	server
	Call string `arg:"" help:"The call's id, as 'switchhook live' lists it."`
	Leg  string `arg:"" help:"Who: a leg's id, or its number in 'switchhook live CALL'."`
}

// tell asks the server to do something with it.
func (p party) tell(ctx context.Context, what string, body map[string]any) error {
	leg, err := p.legOf(ctx, p.Call, p.Leg)
	if err != nil {
		return err
	}
	return p.post(ctx, "/api/calls/"+url.PathEscape(p.Call)+"/legs/"+url.PathEscape(leg)+"/"+what, body, nil)
}

// holdCommand puts a party on hold.
type holdCommand struct {
	party
	Off bool `help:"Take it off."`
}

// Run asks.
func (c holdCommand) Run(ctx context.Context, _ console) error {
	return c.tell(ctx, "hold", map[string]any{"on": !c.Off})
}

// muteCommand keeps what a party says from everyone.
type muteCommand struct {
	party
	Off bool `help:"Let it be heard again."`
}

// Run asks.
func (c muteCommand) Run(ctx context.Context, _ console) error {
	return c.tell(ctx, "mute", map[string]any{"on": !c.Off})
}

// pressCommand presses keys.
type pressCommand struct {
	party
	Keys string `arg:"" help:"0-9 * # A-D; w waits half a second, W a second."`
}

// Run asks, and waits until all are sent.
func (c pressCommand) Run(ctx context.Context, _ console) error {
	return c.tell(ctx, "keys", map[string]any{"keys": c.Keys})
}
