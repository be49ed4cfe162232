package call

import (
	"time"

	"github.com/switchhook/switchhook/header"
)

// Command is what an application asks of a call. Sealed: the types of this file are all there are. Those marked
// "operation" give exactly one [Done]; the others take effect at once and show in events.
type Command interface{ command() }

// Ring tells the caller of an unanswered inbound leg that it rings (180), is being forwarded (181) or queued (182), or that
// something goes on (183, without media), with headers.
type Ring struct {
	Leg     LegID
	Status  int // 180 to 183; 0 means 180
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
	To       string        // number (E.164), or user part when Trunk is set
	URI      string        // the Request-URI, whatever peer it is sent to; empty: made of To and the peer
	From     string        // caller's number
	Display  string        // caller's display name; empty for none
	Trunk    string        // trunk ID; empty: the route decides
	Headers  header.List   // context to send, before the trunk's policy
	Timeout  time.Duration // from INVITE to answer; 0 means 60 s
	Endpoint string        // user name of a registered endpoint of the account, in place of To and Trunk: all its contacts ring
	For      LegID         // the leg it is dialled for, if any: its hop count and codec are carried over
	Account  string        // who dials; empty: the call's account
	Called   string        // whom the caller dialled who began the call; the engine's to say
	Via      string        // the trunk whose peer dials through us, without an application: its rate of placed calls counts it
	// Named, where a far end named the target and not the application (RFC 3515), is the host that it named: the route
	// decides by it whether and where the target is dialled.
	Named    string
	Replaces string // what takes the new leg's far end from another dialog of its own: the value of Replaces (RFC 3891)
	Takes    LegID  // a leg of ours, of this call or another, in place of To: the new leg talks with its peer, and it ends
}

// Fork rings several targets at once; operation. The first that answers wins: Done.Leg is its leg, and the others are
// cancelled and end with [LabelElsewhere] (RFC 3261 section 16.10, RFC 3326). Where none answers, Err is the best of the
// refusals (RFC 3261 section 16.7 step 6). The ticket carries no leg: each leg shows in its [Ringing] and [Progress].
type Fork struct{ Dials []Dial }

// Hold puts the far end of an answered leg on hold, or takes it off (RFC 3264 section 8.4): it hears what is played to it
// (hold music), and is not heard. Nothing happens where it is so already.
type Hold struct {
	Leg LegID
	On  bool
}

// Mute keeps what the far end of a leg says from everyone, or lets it through again. It is signalled to nobody.
type Mute struct {
	Leg LegID
	On  bool
}

// SendDigits sends keys to the far end of an answered leg, as its trunk says (RFC 4733, INFO, or tones in the audio); operation.
type SendDigits struct {
	Leg    LegID
	Digits string        // 0-9 * # A-D; "," and "w" pause half a second, "W" a second
	Tone   time.Duration // of each key; 0 means 100 ms
	Gap    time.Duration // between keys; 0 means 100 ms
}

// RecordAudio records what a leg's two parties, or a room, say; operation. Done comes when it is over and the file is in its
// bucket, with Result.Recording; Stop ends it, which is no error and keeps what there is. Without a Rate the file has 16,000
// Hz where, as it begins, the leg speaks G.722, or somebody in the room does or did; else 8,000. A driver whose vendor promises
// a rate names it.
type RecordAudio struct {
	Leg     LegID  // whose; empty with Room
	Room    string // the room, by name; empty with Leg
	Tracks  Tracks
	Rate    int           // samples a second of a channel, in hertz: 8,000 or 16,000; 0 for what is heard
	Format  string        // "wav", or "mp3" where an encoder is found on the machine ([ErrInvalid] else); empty means "wav"
	Bucket  string        // name of a declared bucket
	Key     string        // the object's key
	Longest time.Duration // it ends after this; 0 means 4 h
	Silence time.Duration // it ends after so long a silence; 0 means never
	// Threshold is how many decibels below full scale sound is silence, for Silence; 0 means 50.
	Threshold float64
	Until     string // digits of the leg's far end any of which ends it
	Beep      bool   // the leg's far end hears a tone first
	// Blank: what is said while it is paused is silence in the file, with a tone at the begin and the end of each pause; else
	// the file goes on where the pause began.
	Blank bool
	// Sure: it begins only where its bucket is there, which is asked for first; [Began] follows, or Done says why not.
	Sure bool
	// Keys: a key that is sent as an event beside the audio (RFC 4733), either way, or that the leg's far end signals (INFO),
	// sounds in the file as it would in the audio.
	Keys bool
	// Meta is kept with the object, where its bucket keeps such: up to 16 names of a-z, 0-9 and "-", and values of printable
	// ASCII, of 2,048 bytes in all. Where a value is [MetaSeconds] the length of the sound stands there, in whole seconds.
	Meta map[string]string
}

// MetaSeconds stands in a RecordAudio's Meta for what is known in the end.
const MetaSeconds = "{seconds}"

// Tracks says whose voices a recording holds.
type Tracks string

// The tracks.
const (
	TracksMixed  Tracks = ""       // everybody in one channel
	TracksApart  Tracks = "apart"  // two channels: left what the far end says, right what it hears
	TracksFar    Tracks = "far"    // only what the far end says
	TracksToward Tracks = "toward" // only what the far end hears
)

// Pause interrupts a recording, or goes on with it. What is said meanwhile is not in the file (see RecordAudio.Blank).
type Pause struct {
	Op OpID
	On bool
}

// Converse lets a bot talk with the far end of an answered leg; operation. Done comes when the bot is through, with Result.Talk.
// The leg hears the bot instead of its peer, who hears nothing of it. A Play or Say on the leg takes its place, as another
// Converse does: it ends with [ErrStopped].
type Converse struct {
	Leg      LegID
	Bot      string // what its service calls it: of Amazon Lex the ARN of an alias
	Session  string // the conversation's name at the service
	Language string // a locale of the bot, as "en_US"
	Config   []byte // what the service is told at the begin, in its own JSON; nil for nothing
}

// Enter lets a leg into a room: it hears everybody there but itself. It is parted from its bridge first. The room exists
// while somebody is in it; its name is one of the account's. An unanswered inbound leg gets early media (183). [Entered] follows.
type Enter struct {
	Leg    LegID
	Room   string
	Muted  bool // it only listens
	Silent bool // nobody hears a tone as it comes and goes
	Music  Clip // what it hears over and over while it is alone there; zero for silence
}

// Leave takes a leg out of its room; no error when it is in none. [Left] follows.
type Leave struct{ Leg LegID }

// Refer transfers the far end of an answered leg to another target, as the leg's trunk says: by REFER (RFC 3515), or, where
// the trunk or the far end wants none, by a leg of ours that takes this leg's place in front of its far end (anchored);
// operation. Done comes without error when the target has answered; Result.Leg is the new leg where there is one.
type Refer struct {
	Leg     LegID
	To      string        // as in Dial
	URI     string        // as in Dial
	Trunk   string        // as in Dial, where the transfer is anchored
	Headers header.List   // context for the target, beside what the trunk's policy of transfers carries over
	With    LegID         // attended: the far end of this leg takes over (RFC 3891); To and URI are empty then
	Timeout time.Duration // until the target's answer; 0 means 60 s
	Account string        // whose prefixes bound the target; empty: the call's account
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

func (Ring) command()        {}
func (Answer) command()      {}
func (Hangup) command()      {}
func (Play) command()        {}
func (Say) command()         {}
func (Dial) command()        {}
func (Join) command()        {}
func (Fork) command()        {}
func (Hold) command()        {}
func (Mute) command()        {}
func (SendDigits) command()  {}
func (RecordAudio) command() {}
func (Pause) command()       {}
func (Converse) command()    {}
func (Enter) command()       {}
func (Leave) command()       {}
func (Refer) command()       {}
func (Part) command()        {}
func (Stop) command()        {}
func (Note) command()        {}
func (Book) command()        {}

// Ticket is what an accepted command gave: the operation's number and the leg made, where there is one.
type Ticket struct {
	Op  OpID
	Leg LegID
}
