package engine

import (
	"fmt"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
)

// notes keeps what a call has to tell: its ledger and its log, each up to a number of entries and of bytes. What comes
// after the first that has no room is cut too, however small: what is kept has no gaps.
type notes struct {
	limits  *Limits
	now     func() time.Time
	keepLog bool

	ledger      call.Ledger
	entries     []call.Log
	ledgerBytes int // of what is kept
	logBytes    int
	cutLedger   int
	cutLog      int
}

// book enters what became of values; leg and time are filled in where an entry has none.
func (n *notes) book(leg call.LegID, entries []call.Entry) {
	for i := range entries {
		e := entries[i]
		size := e.Size()
		if n.cutLedger > 0 || len(n.ledger) >= n.limits.Ledger-1 || n.ledgerBytes+size > n.limits.LedgerBytes { // the last place is for what was cut
			n.cutLedger++
			continue
		}
		n.ledgerBytes += size
		if e.Leg == "" {
			e.Leg = leg
		}
		if e.At.IsZero() {
			e.At = n.now()
		}
		n.ledger = append(n.ledger, e)
	}
}

// log adds an entry: a note always, anything else where logs are kept.
func (n *notes) log(leg call.LegID, e call.Log) {
	if !n.keepLog && e.Kind != call.LogNote {
		return
	}
	size := e.Size()
	if n.cutLog > 0 || len(n.entries) >= n.limits.Log-1 || n.logBytes+size > n.limits.LogBytes {
		n.cutLog++
		return
	}
	n.logBytes += size
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
