// Package engine runs calls: one goroutine owns each call, its legs, its operations, its ledger and its record.
// Everyone else sends it messages.
//
// It is mechanism without policy: it knows no vendor, no SIP, no HTTP, no disk. Legs come through [Leg] and [Dialer],
// sound through media.Opener and [Speaker]; what an application wants comes as call.Command, what happens goes out as
// call.Event, in order. No mutex stands here, and the owner never blocks.
//
//	      commands (Do) ──▶ ┌──────── call goroutine ────────┐ ──▶ events, in order, bounded; overflow ends this call
//	leg reports (Report) ──▶ │ legs · operations · ledger     │ ──▶ record, ledger, log at its end
//	 operations' ends ─────▶ └────────────────────────────────┘
package engine
