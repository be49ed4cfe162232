// Package sip is the SIP edge: an INVITE that comes becomes a call.Attempt, legs are placed through trunks, and each leg
// reports to its call what happens to it.
//
// It owns: which trunk a request belongs to, the trunk's policies applied to everything that carries context and the
// ledger entries of that, peers in order with failover and health, redirection, offer and answer, the meaning of SIP
// status codes as causes, limits, and the drain. It must not know who runs calls or what an application is: it reports
// call.Event and takes call.Dial.
//
//	source banned, or too fast: dropped unread (package guard)
//	REGISTER ─▶ proof (401) ─▶ package registrar
//	INVITE ─▶ trunk, by source or certificate (403), or proof that it is an endpoint's (401)
//	       ─▶ screen (405, 420, 415 …) ─▶ limits (503) ─▶ policy in ─▶ signature (403) ─▶ Receive(attempt, open)
//	                                                                   open ─▶ *Leg
//	Dial ─▶ *Leg ─▶ policy out ─▶ claim, signature
//	        a trunk: peer after peer: down? skip ─▶ NAPTR, SRV, addresses (package locate) ─▶ INVITE ─▶ 503, time-out: next ─▶ 3xx: its contacts
//	        an endpoint: all its contacts at once, each with a dialog of its own; the first 2xx makes the leg's (ring.go)
//
// A [Leg] is one type for both directions. Its methods may be called from any goroutine and never block: they post to
// the shard of the leg's Call-ID, which owns the leg's state, its dialog and its transactions.
//
//	trying ──▶ ringing ──▶ early media ──▶ answered ──▶ ended        (inbound: answered is when the caller acknowledged)
//	   └──────────┴─────────────┴──── refused, cancelled ──▶ ended
//
// Where a caller takes them, our provisional responses are reliable: one at a time waits for its PRACK, and what it
// describes of media is not said again (reliable.go; package dialog repeats and queues). A callee's are confirmed by
// package dialog; where our INVITE had no offer, the first of them, or the 2xx, brings it.
//
// # A standing leg
//
// One change of the session by us is out at a time (modify.go): what is wanted of it meanwhile follows when it is over.
//
//	           Hold, or half of the session's time is over
//	at rest ─────────────────────────────────────────────────▶ re-INVITE or UPDATE is out ──▶ 2xx: as wanted ─────▶ at rest
//	   │ ▲                                                       │   ▲                   └──▶ refused: as it was ──▶ at rest
//	   ▼ │ answered at once                                      └───┘ 491, 422, Retry-After: again, ten times at most
//	re-INVITE or UPDATE of the far end: its hold is call.Held; 491 while an offer of ours is out
//
// The leg's one timer is its patience until the answer; from then on it looks after the session's refresh and the far
// end's silence (sessiontimer.go), and from the hang-up on it ends a leg whose far end does not answer BYE or CANCEL.
//
// # Transfers
//
// A transfer is carried out by the call. This package reads and writes REFER and NOTIFY, finds the leg that a Replaces
// names, and ties two calls together where both parties are here (transfer_tie.go).
//
//	REFER of the far end ─▶ may it? (403) ─▶ 202, call.Asked ─▶ Notify: 18x … the target's final status     (refer.go)
//	Refer ─▶ the trunk or far end wants none, or can't: call.Referred{Anchor}                               (refer_out.go)
//	      └▶ REFER, 202 ─▶ NOTIFY, or nothing for 64*T1 ─▶ call.Referred{Cause}
//	INVITE with Replaces ─▶ may it, and is there that leg? (403, 481 …) ─▶ call.Replacement of that leg     (replaces.go)
//	                     ─▶ Adopt: it is the call's; or 480 where the call does not take it in time
//	Tie ─▶ the same, for a line of two ends that takes the place of a leg of another call
package sip
