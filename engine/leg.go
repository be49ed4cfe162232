package engine

import (
	"context"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media"
)

// Leg is our end of one dialog with its media. Its methods never block and may be called in any state; the outcome is
// reported. One type serves both directions: Ring, Early and Answer have no effect on an outbound leg. A leg reports
// exactly one call.LegEnded, as its last, also when it was refused or cancelled; its cause is the one given to Hangup
// where that is what ended it. After that the engine calls Describe once and nothing else.
type Leg interface {
	Ring(int, header.List)          // 180, or 181 to 183
	Early(header.List)              // 183 with our media: the caller hears before the answer
	Answer(header.List)             // 200
	Hangup(call.Cause, header.List) // final refusal, CANCEL or BYE, as the state asks
	// Media is nil until there is media. An inbound leg has it when Early or Answer returns (where the offer can't be met,
	// LegEnded follows), an outbound one when it reports Progress or Answered. The engine asks after each of these, and
	// listens to the session's digits itself: a leg reports call.Digit only for keys that came by signalling. The leg
	// closes the session when it ends.
	Media() media.Session
	Describe() call.LegRecord // what is known for the record: direction, parties, trunk, Call-ID
}

// What a [Leg] offers beside, found by assertion; none of it blocks. A command that needs what a leg has not is refused
// (call.ErrState).
type (
	// Holder signals to its far end that it is on hold, or no longer.
	Holder interface{ Hold(on bool) }
	// DigitSender sends keys as its trunk says; done is called once, from any goroutine, also after stop.
	DigitSender interface {
		SendDigits(keys string, tone, gap time.Duration, done func(error)) (stop func())
	}
	// DigitRelay passes on keys of the leg that it is joined with that do not pass with the audio: signalled ones, or all,
	// as its trunk says.
	DigitRelay interface {
		RelayDigit(digit byte, held time.Duration, signalled bool)
	}
	// Referrer can have its far end transferred, and be asked for a transfer by it.
	Referrer interface {
		// Refer asks the far end to call a target, with the context. What comes of it is reported as call.Referred.
		Refer(r call.Refer, context header.List)
		// Notify tells the far end, which asked (call.Asked), how far that has come: a SIP status, a final one last.
		Notify(status int)
		// Carry gives the context for the target of a transfer: what it brings itself, and what the trunk lets go along of
		// the call's. It accounts for both.
		Carry(context, fresh header.List) header.List
	}
)

// Adopter is what a [Dialer] offers beside that hands over legs which shall take another's place (call.Replacement). The
// leg is inbound and unanswered; nil is returned where there is none, having reported so.
type Adopter interface {
	Adopt(token uint64, id call.LegID, r call.Report) Leg
}

// Dialer places outbound legs. Dial returns at once: a leg exists before it rings. Every failure, an unknown trunk
// included, is reported as call.LegEnded; where no leg came to be, nil is returned beside.
type Dialer interface {
	Dial(id call.LegID, d call.Dial, r call.Report) Leg
}

// Speaker turns text into speech. The stream is buffered: slow synthesis gives silence, never a late clock.
type Speaker interface {
	Say(ctx context.Context, s call.Say) (media.Stream, error)
}

// WideSpeaker is what a [Speaker] offers beside that can speak in 16 kHz: the stream is a media.WideSource then.
type WideSpeaker interface {
	SayWide(ctx context.Context, s call.Say) (media.Stream, error)
}
