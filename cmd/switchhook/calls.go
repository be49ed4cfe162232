package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/switchhook/switchhook/call"
)

// callsCommand lists calls that are over, or tells of one.
type callsCommand struct {
	server
	Call   string `arg:"" optional:"" help:"The call's id, or 'last' for the newest: its legs are told, how each ended and sounded, and what is worth telling of it."`
	Number string `help:"Only calls from or to this number."`
	Header string `help:"Only calls that saw this header."`
	Label  string `help:"Only calls that ended so: normal, busy, no-answer, app-failed, …"`
	Limit  int    `help:"At most so many, newest first." default:"20"`
	JSON   bool   `help:"Print JSON."`
}

// Run asks and prints.
func (c callsCommand) Run(ctx context.Context, con console) error {
	if c.Call != "" {
		return c.one(ctx, con)
	}
	q := url.Values{"limit": {fmt.Sprint(c.Limit)}}
	for k, v := range map[string]string{"number": c.Number, "header": c.Header, "label": c.Label} {
		if v != "" {
			q.Set(k, v)
		}
	}
	var list struct {
		Calls []call.Record `json:"calls"`
	}
	if err := c.get(ctx, "/api/calls", q, &list); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(con.out, list.Calls)
	}
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CALL\tSTART\tFROM\tTO\tLEGS\tSECONDS\tEND")
	for _, r := range list.Calls {
		talk := 0.0
		if !r.Answered.IsZero() {
			talk = r.End.Sub(r.Answered).Seconds()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%.1f\t%s\n", r.ID, r.Start.Local().Format(time.DateTime), quoteCtl(r.From), quoteCtl(r.To), len(r.Legs), talk, quoteCtl(r.Cause.String()))
	}
	return w.Flush()
}

// one tells of one call.
func (c callsCommand) one(ctx context.Context, con console) error {
	f, err := c.finished(ctx, c.Call)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(con.out, f)
	}
	printCall(con.out, f)
	return nil
}

// printCall tells of a call that is over: its legs, how each ended, what it sounded like, and the log that was kept of it.
func printCall(out io.Writer, f call.Finished) {
	r := f.Record
	fmt.Fprintf(out, "Call %s of %s: %s → %s, %s\n", r.ID, r.Start.Local().Format(time.DateTime), quoteCtl(r.From), quoteCtl(r.To), quoteCtl(r.Cause.String()))
	fmt.Fprintf(out, "It came by trunk %s; %s sent it to application %s.\n\n", cmp.Or(r.Trunk, "-"), cmp.Or(r.Rule, "no rule"), cmp.Or(r.App, "-"))
	names := legNames(r)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "LEG\tDIRECTION\tFROM\tTO\tTRUNK\tSECONDS\tAUDIO\tPACKETS IN/OUT\tLOST\tMOS\tCALL-ID\tEND")
	for _, l := range r.Legs {
		talk, mos := 0.0, "-"
		if !l.Answered.IsZero() {
			talk = l.End.Sub(l.Answered).Seconds()
		}
		if l.Media.MOS > 0 {
			mos = fmt.Sprintf("%.1f", l.Media.MOS)
		}
		audio := cmp.Or(l.Media.Codec, "-")
		if l.Media.Secure {
			audio += " SRTP"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%.1f\t%s\t%d/%d\t%d\t%s\t%s\t%s\n", names[l.ID], l.Direction, quoteCtl(l.From), quoteCtl(l.To), cmp.Or(l.Trunk, "-"), talk, audio,
			l.Media.PacketsIn, l.Media.PacketsOut, l.Media.Lost, mos, quoteCtl(l.SIPCallID), quoteCtl(l.Cause.String()))
	}
	_ = w.Flush() // as with every other line printed
	if len(f.Log) == 0 {
		return
	}
	fmt.Fprintln(out)
	for _, e := range f.Log {
		way := map[call.Direction]string{call.In: "→ us ", call.Out: "us → "}[e.Direction]
		fmt.Fprintf(w, "%s\t%s\t%s%s\n", e.At.Local().Format("15:04:05.000"), names[e.Leg], way, quoteCtl(shorten(e.Text, 200)))
	}
	_ = w.Flush()
}
