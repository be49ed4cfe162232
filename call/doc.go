// Package call holds the words for what happens on a call: the attempt that starts it, the commands an application
// gives, the events it hears, causes, the ledger of its context, the log and the record it leaves.
//
// Values only: nothing here runs, waits or locks. It must not know how a leg is signalled, how a call is run, or any
// vendor's language. A [Command] accepted by the engine gives a [Ticket] and, when it is an operation, exactly one
// [Done]; everything else that happens comes as an [Event], in order.
//
//	attempt ──▶ legs: trying ──▶ ringing ──▶ answered ──▶ ended
//	                     └────────────┴──────────▶ ended
package call
