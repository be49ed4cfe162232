// Package exchange is the way of a call: an attempt is received, routed, run and driven, and it leaves a record. It also
// begins calls that applications ask for, finds a live call for an API's request, and drains a node that stops.
//
//	sip leg ──▶ Receive ──▶ route.Find ──▶ engine.Start ──▶ Drive by the rule's applications, in turn ──▶ record
//	  API   ──▶ Start ─────────────────────────┘     ▲               ▲
//	  API   ──▶ Ask ─────────────────────────────────┼───────────────┘
//	  API   ──▶ Transfer, Record, Operate, Hangup ───┘  the operator's: the driver hears what becomes of its legs, and no more
//
// A call of an endpoint to another of its account is driven by no application, but by this package (direct.go).
//
// Each call has one goroutine here, its driver's: it lets the rule's applications drive, one after the other until one
// can be invoked, and closes the call when that returns, fails or panics. What no rule takes is refused, and recorded
// like any call, so that "why did my call not arrive?" has an answer.
//
// That an application fails is in the log of each call, and counted; the program's log tells the first failure of an
// application at once and then one a minute, with how many were not told.
//
// It must not know how a leg is signalled, what media is, or any vendor: dialects come in a table.
package exchange
