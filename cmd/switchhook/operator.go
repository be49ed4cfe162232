package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
)

// liveCommand lists calls that stand, or the legs of one.
type liveCommand struct {
	server
	Call string `arg:"" optional:"" help:"The call's id: its legs are listed."`
	JSON bool   `help:"Print JSON."`
}

// Run asks and prints.
func (c liveCommand) Run(ctx context.Context, con console) error {
	if c.Call != "" {
		return c.legs(ctx, con)
	}
	var list struct {
		Calls []struct {
			ID, App, From, To string
			Start             time.Time
		}
	}
	if err := c.get(ctx, "/api/live", nil, &list); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(con.out, list.Calls)
	}
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CALL\tSTART\tFROM\tTO\tAPP")
	for _, r := range list.Calls {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.ID, r.Start.Local().Format(time.DateTime), quoteCtl(r.From), quoteCtl(r.To), quoteCtl(r.App))
	}
	return w.Flush()
}

func (c liveCommand) legs(ctx context.Context, con console) error {
	legs, err := c.legsOf(ctx, c.Call)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(con.out, legs)
	}
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "LEG\tID\tDIRECTION\tFROM\tTO\tTRUNK\tANSWERED\tROOM")
	for i, l := range legs {
		room := quoteCtl(l.Room)
		if l.Speaking {
			room += " (speaking)"
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%t\t%s\n", i+1, l.ID, l.Direction, quoteCtl(l.From), quoteCtl(l.To), quoteCtl(l.Trunk), !l.Answered.IsZero(), room)
	}
	return w.Flush()
}

// legsOf asks for the legs of a call that stands.
func (s server) legsOf(ctx context.Context, id string) ([]call.LegRecord, error) {
	var list struct{ Legs []call.LegRecord }
	err := s.get(ctx, "/api/live/"+url.PathEscape(id), nil, &list)
	return list.Legs, err
}

// transferCommand transfers one party of a call.
type transferCommand struct {
	server
	Call   string   `arg:"" help:"The call's id, as 'switchhook live' lists it."`
	Leg    string   `arg:"" help:"Whose far end is transferred: a leg's id, or its number in 'switchhook live CALL'."`
	Target string   `arg:"" help:"The number that it shall talk with."`
	Header []string `help:"Context for the target: 'Name: value'. May be repeated." placeholder:"HEADER" sep:"none"`
	Trunk  string   `help:"The target's trunk; by default as the route says." placeholder:"ID"`
}

// Run asks, and waits for the target's answer.
func (c transferCommand) Run(ctx context.Context, con console) error {
	leg, err := c.legOf(ctx, c.Call, c.Leg)
	if err != nil {
		return err
	}
	rows := header.List{}
	for _, h := range c.Header {
		name, value, ok := strings.Cut(h, ":")
		if !ok {
			return fmt.Errorf("--header %q is not like 'Name: value'", h)
		}
		rows = append(rows, header.Field{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)})
	}
	body := map[string]any{"leg": leg, "to": c.Target, "headers": rows}
	if c.Trunk != "" {
		body["trunk"] = c.Trunk
	}
	var out struct{ Leg string }
	if err := c.post(ctx, "/api/calls/"+url.PathEscape(c.Call)+"/transfer", body, &out); err != nil {
		return err
	}
	if out.Leg == "" {
		fmt.Fprintln(con.out, "transferred: the far end called the target itself")
		return nil
	}
	fmt.Fprintln(con.out, "transferred: leg", out.Leg)
	return nil
}

// legOf gives the ID of a call's leg that is named by it, or by its number.
func (s server) legOf(ctx context.Context, id, leg string) (string, error) {
	n, bad := strconv.Atoi(leg)
	if bad != nil { // an ID
		return leg, nil //nolint:nilerr // that it is no number is no error
	}
	legs, err := s.legsOf(ctx, id)
	switch {
	case err != nil:
		return "", err
	case n < 1 || n > len(legs):
		return "", fmt.Errorf("the call has %d legs: there is no leg %d", len(legs), n)
	}
	return string(legs[n-1].ID), nil
}

// hangupCommand hangs up a call.
type hangupCommand struct {
	server
	Call string `arg:"" help:"The call's id, as 'switchhook live' lists it."`
}

// Run asks.
func (c hangupCommand) Run(ctx context.Context, _ console) error {
	return c.ask(ctx, "POST", "/api/calls/"+url.PathEscape(c.Call)+"/hangup", nil, nil)
}
