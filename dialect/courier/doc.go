// Package courier brings what calls leave for others, records and events, to where it belongs: later, again and again, and never in
// the way of a call.
//
//	Take ──▶ lane of its destination, at most Config.Most bytes in all ──▶ Bring, Config.Workers at a time
//	   └─ full: lost and counted      ▲                                        │ fails: first of its lane again, after a rest that
//	                                  └────────────────────────────────────────┘ doubles up to a minute; others of the lane wait too
//
// A destination where nobody answers costs no other: it is the lane with most that loses what there is no room for.
//
// What is not brought when the courier is closed is kept in a file, and is the first that the next one brings. It must not know what
// it brings, nor how: that is Config.Bring's.
package courier
