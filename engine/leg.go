package engine

import (
	"context"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media"
)

// Leg is our end of one dialog with its media. Its methods never block and may be called in any state; the outcome is
// reported. One type serves both directions: Ring, Early and Answer have no effect on an outbound leg.
type Leg interface {
	Ring(header.List)               // 180
	Early(header.List)              // 183 with our media: the caller hears before the answer
	Answer(header.List)             // 200
	Hangup(call.Cause, header.List) // final refusal, CANCEL or BYE, as the state asks
	Media() media.Session           // nil until there is media
	Describe() call.LegRecord       // what is known for the record: direction, parties, trunk, Call-ID
}

// Dialer places outbound legs. Dial returns at once: a leg exists before it rings. Every failure, an unknown trunk
// included, is reported as call.LegEnded.
type Dialer interface {
	Dial(id call.LegID, d call.Dial, r call.Report) Leg
}

// Speaker turns text into speech. The stream is buffered: slow synthesis gives silence, never a late clock.
type Speaker interface {
	Say(ctx context.Context, s call.Say) (media.Stream, error)
}
