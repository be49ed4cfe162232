// Package dialog keeps the dialogs that an INVITE makes (RFC 3261 sections 12 to 15), for both roles with one type, on
// top of the transaction layer.
//
// It owns: dialog identifiers, the route set and the remote target, CSeq rules, the retransmission of 2xx until ACK
// comes, the ACK of every 2xx that comes, the BYE of those that nobody wants (forks, a 200 that crossed our CANCEL),
// early dialogs per To-tag, reliable provisional responses and their PRACK in both roles (RFC 3262), re-INVITEs of ours
// and the refusal of those that meet another (RFC 3261 section 14). It must not know calls, trunks, context policies or
// SDP: bodies pass through it as bytes.
//
// Every [Dialog] is owned by the shard of its Call-ID: its methods are called there and its events come there, so it
// has no lock. The [Set] finds dialogs; its lock guards a map and nothing else.
//
//	caller (UAC)   idle ──Invite──▶ calling ──2xx──▶ confirmed ──Bye──▶ ending ──▶ ended
//	                 ▲                 │ final refusal          └─ BYE came ────────▲
//	                 └──── Refused ◀───┘ (Invite again, or End)
//
//	callee (UAS)   incoming ──Respond 2xx──▶ answered ──ACK──▶ confirmed ──Bye──▶ ending ──▶ ended
//	                 └─ CANCEL, early BYE, refusal ─▶ ended      └─ no ACK in 64*T1: BYE ─▶ ending
package dialog
