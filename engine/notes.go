package engine

import (
	"fmt"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
)

// notes keeps what a call has to tell: its ledger and its log, each up to a limit.
type notes struct {
	limits  *Limits
	now     func() time.Time
	keepLog bool

	ledger    call.Ledger
	entries   []call.Log
	cutLedger int
	cutLog    int
}

// book enters what became of values; leg and time are filled in where an entry has none.
func (n *notes) book(leg call.LegID, entries []call.Entry) {
	for _, e := range entries {
		if len(n.ledger) >= n.limits.Ledger-1 { // the last place is for what was cut
			n.cutLedger++
			continue
		}
		if e.Leg == "" {
			e.Leg = leg
		}
		if e.At.IsZero() {
			e.At = n.now()
		}
		n.ledger = append(n.ledger, e)
	}
}

// log adds an entry where logs are kept.
func (n *notes) log(leg call.LegID, e call.Log) {
	switch {
	case !n.keepLog:
		return
	case len(n.entries) >= n.limits.Log-1:
		n.cutLog++
		return
	}
	if e.Leg == "" {
		e.Leg = leg
	}
	if e.At.IsZero() {
		e.At = n.now()
	}
	n.entries = append(n.entries, e)
}

// close gives both, each with a last entry that says how much was cut.
func (n *notes) close() (call.Ledger, []call.Log) {
	if n.cutLedger > 0 {
		n.ledger = append(n.ledger, call.Entry{
			At: n.now(), Message: "ledger", Writer: call.WriterPlatform,
			Change: header.Change{Action: header.Dropped, Reason: header.BecauseTooMany, Detail: fmt.Sprintf("%d more entries", n.cutLedger)},
		})
	}
	if n.cutLog > 0 {
		n.entries = append(n.entries, call.Log{At: n.now(), Kind: call.LogNote, Text: fmt.Sprintf("%d more entries", n.cutLog)})
	}
	return n.ledger, n.entries
}
