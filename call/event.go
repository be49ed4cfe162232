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

// Ringing: the far end of an outbound leg rings (180), with its headers after the trunk's policy.
type Ringing struct {
	Leg     LegID
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
// of each of its operations and its Parted come before.
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

// Result is what an operation brought.
type Result struct {
	Digit   byte        // the digit that ended a Play or Say, or 0
	Headers header.List // what the answer to a Dial brought
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

func (Ringing) event()   {}
func (Progress) event()  {}
func (Answered) event()  {}
func (LegEnded) event()  {}
func (Joined) event()    {}
func (Parted) event()    {}
func (Digit) event()     {}
func (Done) event()      {}
func (Request) event()   {}
func (Accounted) event() {}
func (Logged) event()    {}

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
)

// Refusal is the failure of a Dial.
type Refusal struct {
	Cause   Cause
	Headers header.List // what the far end's final response brought
}

// Error gives the cause in words.
func (r *Refusal) Error() string { return fmt.Sprintf("not answered: %s", r.Cause) }
