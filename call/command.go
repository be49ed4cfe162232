package call

import (
	"time"

	"github.com/switchhook/switchhook/header"
)

// Command is what an application asks of a call. Sealed: the types of this file are all there are. Those marked
// "operation" give exactly one [Done]; the others take effect at once and show in events.
type Command interface{ command() }

// Ring tells the caller of an unanswered inbound leg that it rings (180), with headers.
type Ring struct {
	Leg     LegID
	Headers header.List
}

// Answer answers an inbound leg (200) with headers. The leg's [Answered] follows when the caller has acknowledged.
type Answer struct {
	Leg     LegID
	Headers header.List
}

// Hangup ends a leg, whatever its state: an unanswered inbound leg is refused with Cause.SIP (480 when zero), an
// outbound leg that rings is cancelled, an answered one gets BYE. Operations of the leg end at once, its [LegEnded]
// follows when the far end is told. Hanging up a leg twice is no error.
type Hangup struct {
	Leg     LegID
	Cause   Cause
	Headers header.List
}

// Play plays audio clips to a leg, instead of what its peer says; operation. On an unanswered inbound leg it is
// early media (183). Done.Result.Digit tells the digit that stopped it. A second Play or Say on a leg takes the place of
// the first, which ends with [ErrStopped].
type Play struct {
	Leg   LegID
	Clips []Clip
	Times int    // how often the clips are played, in sequence; 0 means once, negative until stopped
	Until string // digits (0-9 * # A-D) any of which ends it
}

// Clip names one audio file: an object of a bucket.
type Clip struct {
	Bucket string // name of a declared bucket
	Key    string // the object's key
}

// Say speaks text to a leg; operation. As [Play] otherwise.
type Say struct {
	Leg      LegID
	Text     string
	SSML     bool   // Text is SSML 1.1
	Voice    string // a voice of the engine, or a Polly voice name; empty for the default
	Language string // BCP 47, as "en-US"; empty for the voice's own
	Quality  string // "standard", "neural" …; an engine without the choice ignores it
	Until    string // digits any of which ends it
}

// Dial places an outbound leg; operation: Done comes with Answered or with the failure's cause in Err (a *[Refusal]). The
// ticket carries the new leg at once. Stop or Hangup of the leg cancels it; then Done comes at once, the leg's LegEnded
// when the far end is told.
type Dial struct {
	To      string        // number (E.164), or user part when Trunk is set
	URI     string        // the Request-URI, whatever peer it is sent to; empty: made of To and the peer
	From    string        // caller's number
	Display string        // caller's display name; empty for none
	Trunk   string        // trunk ID; empty: the route decides
	Headers header.List   // context to send, before the trunk's policy
	Timeout time.Duration // from INVITE to answer; 0 means 60 s
	For     LegID         // the leg it is dialled for, if any: its hop count and codec are carried over
	Account string        // who dials; empty: the call's account
}

// Join connects two legs so that they hear each other; a leg joined elsewhere is parted first. An unanswered inbound leg
// gets early media (183). [Joined] follows when both legs have media, which may be later.
type Join struct{ A, B LegID }

// Part disconnects a leg from its bridge; no error when it is in none.
type Part struct{ Leg LegID }

// Stop ends an operation early; its Done follows, with [ErrStopped]. No error when it is over already.
type Stop struct{ Op OpID }

// Note adds an entry of the application's side (an invocation, a log line of the function) to the call's log.
type Note struct{ Log Log }

// Book enters into the ledger what the application's dialect did with values: accepted, changed, refused.
type Book struct{ Entries []Entry }

func (Ring) command()   {}
func (Answer) command() {}
func (Hangup) command() {}
func (Play) command()   {}
func (Say) command()    {}
func (Dial) command()   {}
func (Join) command()   {}
func (Part) command()   {}
func (Stop) command()   {}
func (Note) command()   {}
func (Book) command()   {}

// Ticket is what an accepted command gave: the operation's number and the leg made, where there is one.
type Ticket struct {
	Op  OpID
	Leg LegID
}
