package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/switchhook/switchhook/call"
)

// printLedger draws a ledger as a table: one line for each value, in order of time.
func printLedger(out io.Writer, r call.Record, ledger call.Ledger) {
	legs := legNames(r)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "LEG\tMESSAGE\t\tHEADER\tWHAT\tBY\tWHY")
	for _, e := range ledger {
		arrow := "→ us"
		if e.Direction == call.Out {
			arrow = "us →"
		}
		name := e.Name + ": " + shorten(e.Value, 48)
		if e.NewName != "" && e.NewName != e.Name {
			name += " → " + e.NewName
		}
		if e.NewValue != "" {
			name += " → " + shorten(e.NewValue, 48)
		}
		why := string(e.Reason)
		if e.Detail != "" {
			why += ": " + e.Detail
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", legs[e.Leg], e.Message, arrow, quoteCtl(name), e.Action, e.Writer, quoteCtl(why))
	}
	_ = w.Flush() // as with every other line printed
}

// legNames gives each leg a letter in order of its start: A, B, …
func legNames(r call.Record) map[call.LegID]string {
	names := map[call.LegID]string{"": "-"}
	for i, l := range r.Legs {
		names[l.ID] = string(rune('A' + i%26))
	}
	return names
}

// shorten cuts a long value in its middle.
func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-12]) + "…" + string(r[len(r)-11:])
	}
	return s
}

// quoteCtl shows what could steer a terminal as escapes: headers are written by strangers.
func quoteCtl(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }) {
		return s
	}
	q := strconv.QuoteToGraphic(s)
	return q[1 : len(q)-1]
}
