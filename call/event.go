package call

import (
	"errors"
	"fmt"
	"time"

	"github.com/switchhook/switchhook/header"
)

// Event is one thing that happened on a call. Sealed: the types of this file are all there are.
type Event interface{ event() }

// Report is how a leg tells its call what happened to it. It never blocks. Exactly one [LegEnded] is a leg's last.
type Report func(Event)

// Ringing: the far end of an outbound leg rings (180), is being forwarded (181) or queued (182), or says something without
// media (183), with its headers after the trunk's policy.
type Ringing struct {
	Leg     LegID
	Status  int
	Headers header.List
}

// Progress: the far end of an outbound leg sends early media (183 and the like with SDP).
type Progress struct {
	Leg     LegID
	Headers header.List
}

// Answered: a leg is answered: outbound, its 200 came (Headers are what it brought); inbound, our 200 was acknowledged.
type Answered struct {
	Leg     LegID
	Headers header.List
}

// LegEnded: a leg is over; the far end's BYE or final response brought Headers, if any. The last event of a leg: the Done
// of each of its operations, its Parted and its Left come before. Only the Done of a recording may come after it, when the
// file is in its bucket.
type LegEnded struct {
	Leg     LegID
	Cause   Cause
	Headers header.List
	Media   MediaStats
}

// Joined: two legs hear each other.
type Joined struct{ A, B LegID }

// Parted: they no longer do.
type Parted struct{ A, B LegID }

// Digit: the far end of a leg pressed a key (one of 0-9 * # A-D).
type Digit struct {
	Leg   LegID
	Digit byte
	For   time.Duration // how long it was held
}

// Done: an operation is over. Exactly one for each accepted operation. Err is nil, [ErrStopped], [ErrLegEnded], a
// *[Refusal] for a Dial, or what went wrong.
type Done struct {
	Op     OpID
	Leg    LegID
	Result Result
	Err    error
}

// Began: a RecordAudio that was to be sure of its bucket begins.
type Began struct {
	Op  OpID
	Leg LegID
}

// Result is what an operation brought.
type Result struct {
	Digit   byte        // the digit that ended a Play or Say, or 0
	Headers header.List // what the answer to a Dial brought
	Leg     LegID       // of a Refer: the new leg, if there is one
	// Recording is what a RecordAudio left; nil where nothing was recorded.
	Recording *Recording
	Talk      []byte // of a Converse: how it ended, in the bot's service's own JSON
}

// Held: the far end of a leg put us on hold, or took us off.
type Held struct {
	Leg LegID
	On  bool
}

// Entered: a leg is in a room and hears it.
type Entered struct {
	Leg  LegID
	Room string
}

// Left: it no longer is; its own end is a reason too.
type Left struct {
	Leg  LegID
	Room string
}

// Speaking: the leg that is heard loudest in a room is another one now; none when Leg is empty. No more often than once
// a second.
type Speaking struct {
	Leg  LegID
	Room string
}

// Tone: a tone of the network was recognised in what the far end of a leg says: "busy", "congestion", "dial", "ringback", "sit".
type Tone struct {
	Leg  LegID
	Tone string
}

// Transferred: another leg has taken the place of Leg, which ends soon: its far end had its peer transferred (REFER), or was
// replaced (INVITE with Replaces), or a [Refer] of the peer was carried out here. To is the leg that Peer is joined with now;
// Peer is empty where Leg was joined with none.
type Transferred struct {
	Leg, Peer, To LegID
	Headers       header.List // context that came with it
}

// Asked: the far end of a leg wants its peer transferred (REFER): Dial says to whom, with the context that came with it. The
// engine's: it passes nothing on but [Transferred], in the end.
type Asked struct {
	Leg  LegID
	Dial Dial
}

// Referred: what became of a [Refer] at a leg's far end. The engine's: it passes nothing on.
type Referred struct {
	Leg    LegID
	Anchor bool   // the far end, or its trunk, wants no REFER
	Cause  *Cause // it is over: label normal where the target has answered
}

// Replacement: an INVITE came that shall take the place of a leg (RFC 3891); the engine adopts it by its token.
type Replacement struct {
	Leg     LegID
	Attempt Attempt
	Token   uint64
}

// Recording is a file that a [RecordAudio] left in its bucket.
type Recording struct {
	Bucket, Key string
	Length      time.Duration // of the sound in it
	Bytes       int64
	Began       time.Time
}

// Request is an API call that concerns this call. Reply must be called exactly once; it never blocks.
type Request struct {
	Body  []byte
	Reply func([]byte, error)
}

// Accounted brings ledger entries of a leg; the engine keeps them and passes nothing on.
type Accounted struct{ Entries []Entry }

// Logged brings a log entry of a leg; the engine keeps it and passes nothing on.
type Logged struct{ Log Log }

func (Ringing) event()     {}
func (Progress) event()    {}
func (Answered) event()    {}
func (LegEnded) event()    {}
func (Joined) event()      {}
func (Parted) event()      {}
func (Digit) event()       {}
func (Done) event()        {}
func (Began) event()       {}
func (Request) event()     {}
func (Held) event()        {}
func (Entered) event()     {}
func (Left) event()        {}
func (Speaking) event()    {}
func (Tone) event()        {}
func (Transferred) event() {}
func (Asked) event()       {}
func (Referred) event()    {}
func (Replacement) event() {}
func (Accounted) event()   {}
func (Logged) event()      {}

// Errors of operations and commands.
var (
	ErrStopped  = errors.New("operation stopped")
	ErrLegEnded = errors.New("leg ended") // also of a command to a leg that has ended or is hung up
	ErrOver     = errors.New("call is over")
	ErrNoLeg    = errors.New("no such leg") // the call never had it
	ErrState    = errors.New("not possible in the leg's state")
	ErrLimit    = errors.New("limit reached") // too many legs or operations in one call

	ErrInvalid   = errors.New("not acceptable")    // of a Say: its text, voice or language; of a Play: a file that is not audio
	ErrDenied    = errors.New("not permitted")     // by the service that was to do it
	ErrThrottled = errors.New("too many requests") // for the service that was to do it
	ErrNotFound  = errors.New("not found")         // by the service that was to do it: who or what should
)

// Refusal is the failure of a Dial.
type Refusal struct {
	Cause   Cause
	Headers header.List // what the far end's final response brought
}

// Error gives the cause in words.
func (r *Refusal) Error() string { return fmt.Sprintf("not answered: %s", r.Cause) }
