package sip

import (
	"cmp"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/header"
)

// earlyGate is what a caller is told of early media by P-Early-Media (RFC 5009): what the callee says, whose trunk is trusted,
// or that it flows.
type earlyGate struct {
	value string // of the callee; empty: it says nothing
	told  string // last
}

// say gives the row of a response that bears our media, or bore it before and now says otherwise; none where the caller
// does not take it.
func (g *earlyGate) say(takes, media bool) header.List {
	value := cmp.Or(g.value, "sendrecv")
	if !takes || !media && (g.told == "" || g.told == value) {
		return nil
	}
	g.told = value
	return header.List{{Name: "P-Early-Media", Value: value}}
}

// gates passes on what the callee says of early media to the caller for whom it was dialled.
func (l *Leg) gates(value string) {
	caller := l.s.legs.find(l.out.dial.For)
	if value = gateOf(value); caller == nil || value == "" {
		return
	}
	caller.post(func() {
		if g := &caller.gate; g.value != value && !caller.ended && caller.dialog.INVITE() != nil {
			if g.value = value; g.told != "" {
				caller.respond(183, nil, false)
			}
		}
	})
}

// gateOf gives the known words of a P-Early-Media, as RFC 5009 section 8 writes them.
func gateOf(value string) string {
	var out []string
	for item := range strings.SplitSeq(value, ",") {
		item = strings.ToLower(strings.TrimSpace(item))
		if slices.Contains([]string{"sendrecv", "sendonly", "recvonly", "inactive", "gated"}, item) && !slices.Contains(out, item) {
			out = append(out, item)
		}
	}
	return strings.Join(out, ", ")
}
