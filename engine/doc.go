// Package engine runs calls: one goroutine owns each call, its legs, its operations, its ledger and its record.
// Everyone else sends it messages.
//
// It is mechanism without policy: it knows no vendor, no SIP, no HTTP, no disk. Legs come through [Leg] and [Dialer],
// sound through media.Opener and [Speaker], rooms and ears from media/mix, and media/clip keeps what is recorded; what an
// application wants comes as call.Command, what happens goes out as call.Event, in order. No mutex stands here, and the
// owner never blocks.
//
//	       commands (Do) ──▶ ┌──────── call goroutine ────────┐ ──▶ events, in order, bounded; overflow ends this call
//	leg reports (Report) ──▶ │ legs · operations · ledger     │ ──▶ record, ledger, log at its end
//	  operations' returns ─▶ └────────────────────────────────┘
//
// # The way through
//
// [Engine.Start] makes a [Call] and its goroutine (run.go). All that others want done goes into its inbox (inbox.go),
// which takes without waiting and loses nothing until the call is over; then it refuses, so that what was accepted is
// always answered. Each command has its own file, named after it: it checks the leg's state, tells the leg, and returns
// a ticket at once. Reports of legs are handled in legs.go.
//
// # The states of a leg
//
//	            Ring                  Early, Play, Say, Join          (outbound: Progress)
//	trying ──────────▶ trying ────────────────────────────▶ early
//	   │                                                      │
//	   ├──── Answer (inbound) ──▶ answering ◀─── Answer ──────┤
//	   │                              │ Answered              │
//	   └──── Answered (outbound) ─▶ answered ◀────────────────┘
//
//	any of them ── Hangup ──▶ ending ── LegEnded ──▶ ended
//	any of them ── LegEnded ───────────────────────▶ ended
//
// When a leg ends, first its operations do, then its bridge, then it is gone: LegEnded is its last event. A leg that was
// hung up and does not report its end within Limits.Hangup is given up.
//
// # Another leg in a leg's place
//
// The far end of a leg may have its peer transferred (call.Asked), one may call in to take a leg's place
// (call.Replacement), and a Refer may be carried out here ("anchored"). All three are a transfer (transfer.go): a new leg,
// of which the driver knows nothing until it is answered; then call.Transferred tells of the change, before the bridges
// change, and the old leg ends. Until then all is as it was, and where it fails it stays so. A far end that asked and hung
// up at once is told to have ended when it is known who takes its place.
//
// # Rooms and recordings
//
// A leg is in a bridge or in a room (room.go), whose mixing is media/mix's; like a bridge it is entered once the leg has
// media. Whoever listens along on a leg, a recording or an ear for tones, does so by a tap of its media (tap.go). A
// recording (record.go) has a goroutine of its own, and is the one operation whose Done may come after its leg's LegEnded:
// when the file is in its bucket, which also the end of the call waits for.
//
// A conversation with a bot (converse.go) is both: it hears the leg by an ear, and the leg hears it as it would hear a
// prompt. What the bot is, the [Talker] knows.
//
// # What a call remembers
//
// The ledger and the log grow with what far ends send and the application says, so each is bounded in entries and in
// bytes. Once something has no room, it and all that follows is counted instead, and the last entry tells how many.
//
// # The end of a call
//
//	standing ── End: operations stopped, legs hung up ──▶ ending ── last leg gone ──▶ quiet (events closed)
//	quiet ── driver gone (Close), operations' goroutines returned ──▶ over (record written, Done closed)
//
// From End on, a driver hears nothing but what was promised: one Done for each operation, one LegEnded for each leg. The
// event channel keeps room for these beyond its bound, so that they arrive even when the driver was too slow for the rest.
package engine
