package chime

import (
	"strconv"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
)

// forwardsRow counts how often applications may still send a call on to each other: the vendor's bound of loops that go by
// the customer's own hosts. It is the platform's: no function sees or sets it.
const (
	forwardsRow = "X-SMA-Max-Forwards"
	maxForwards = 5 // a call that nobody counted before
)

const becauseForwards header.Reason = "hop-count"

// forward adds the count to what a leg is dialled with, where it goes to a Voice Connector or to a number of our own: from there
// it may come back. False: it is used up.
func (d *driver) forward(l *leg, message, trunk, to string, rows header.List) (header.List, bool) {
	o := d.call.Origin()
	again := o.Leg != "" && directory.NumberOf(o.To) == to // what the caller dialled goes to the carrier
	if trunk == "" && (again || !leadsHere(d.app.dialect.cfg.Directory(), to)) {
		return rows, true
	}
	left := maxForwards
	if text, ok := o.Headers.Get(forwardsRow); ok {
		if n, err := strconv.Atoi(text); err == nil && n >= 0 && n < left {
			left = n
		}
	}
	if left--; left < 0 {
		return rows, false
	}
	f := header.Field{Name: forwardsRow, Value: strconv.Itoa(left)}
	d.book(l, message, call.Out, call.WriterPlatform, []header.Change{{Action: header.Added, Field: f, Reason: becauseForwards}})
	return rows.Without(forwardsRow).With(f.Name, f.Value), true
}

// leadsHere tells whether a number is one of ours that goes to an application or a Voice Connector.
func leadsHere(s *directory.Snapshot, to string) bool {
	n, ours := s.Number(to)
	_, ruled := s.Rule(directory.ByNumber, to)
	return ours && n.Account != "" && (ruled || n.Trunk != "")
}
