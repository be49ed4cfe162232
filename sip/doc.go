// Package sip is the SIP edge: an INVITE that comes becomes a call.Attempt, legs are placed through trunks, and each leg
// reports to its call what happens to it.
//
// It owns: which trunk a request belongs to, the trunk's policies applied to everything that carries context and the
// ledger entries of that, peers in order with failover and health, redirection, offer and answer, the meaning of SIP
// status codes as causes, limits, and the drain. It must not know who runs calls or what an application is: it reports
// call.Event and takes call.Dial.
//
//	source banned, or too fast: dropped unread (package guard)
//	INVITE ─▶ trunk, by source or certificate (403) ─▶ screen (405, 420, 415 …) ─▶ limits (503) ─▶ policy in ─▶ Receive(attempt, open)
//	                                                                               open ─▶ *Leg
//	Dial ─▶ *Leg ─▶ policy out ─▶ peer after peer: down? skip ─▶ NAPTR, SRV, addresses (package locate) ─▶ INVITE ─▶ 503, time-out: next ─▶ 3xx: its contacts
//
// A [Leg] is one type for both directions. Its methods may be called from any goroutine and never block: they post to
// the shard of the leg's Call-ID, which owns the leg's state, its dialog and its transactions.
//
//	trying ──▶ ringing ──▶ answered ──▶ ended        (inbound: answered is when the caller acknowledged)
//	   └──────────┴──── refused, cancelled ──▶ ended
//
// A transfer is carried out by the call. This package reads and writes REFER and NOTIFY (refer.go, refer_out.go), finds the
// leg that a Replaces names (replaces.go), and ties two calls together where both parties are here (transfer_tie.go). It
// reports call.Asked, call.Replacement and call.Referred, and hands legs over by [Server.Adopt] and [Server.Tie].
package sip
