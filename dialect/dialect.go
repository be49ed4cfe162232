package dialect

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
)

// Call is one call as its driver sees it.
type Call interface {
	ID() call.ID
	Origin() call.Origin
	// Do gives a command: accepted or refused at once; it never waits for the end. See call.Command.
	Do(ctx context.Context, cmd call.Command) (call.Ticket, error)
	// Events gives what happens, in order; closed when the call is over.
	Events() <-chan call.Event
	// Checkpoint keeps what another node needs to go on with this conversation.
	Checkpoint(state []byte)
}

// Handover is what a Call offers beside whose record and log tell that another application of its rule goes on with it.
type Handover interface {
	// HandOver says that the application app drives the call from now on, and why the one before does not. It never blocks.
	HandOver(app string, why error)
}

// App is one customer's application, ready to drive calls.
type App interface {
	// Drive holds the conversation of one call with the customer's code. When it returns, what is left of the call is
	// hung up. It returns an error that is [ErrUnavailable] only before it gave the call any command that the far ends
	// could notice, but for letting the caller hear that it rings: the next application of the rule is tried then.
	Drive(ctx context.Context, c Call) error
}

// Resumable is what an App offers beside that can go on from a checkpoint.
type Resumable interface {
	Resume(ctx context.Context, c Call, state []byte) error
}

// Dialect is one vendor's language. One in which things go on of themselves is an io.Closer, too: it is closed when no call is left.
type Dialect interface {
	Name() string
	// App makes an application from its settings, the JSON kept in directory.App.Settings. It is also called when an
	// application is saved: bad settings never reach a call.
	App(id string, settings json.RawMessage) (App, error)
}

// Restful is what a Dialect offers beside that has an HTTP API.
type Restful interface {
	Routes(mux Mux, calls Calls)
}

// Concierge is what a Dialect offers beside that takes calls to numbers of its own, such as a conference's dial-in. It is asked
// about attempts that no rule takes, and gives what drives the call, and the account whose call it becomes; nil: the number is
// none of its own. It must not block.
type Concierge interface {
	Greet(at call.Attempt) (app App, account string)
}

// Refreshed is what a Dialect offers beside whose things in the directory follow from what it keeps and how it is configured: asked at
// each start, before any call.
type Refreshed interface {
	Refresh(ctx context.Context) error
}

// Historian is what a Dialect offers beside that wants to know of every call that is over, whoever drove it. It must not block.
type Historian interface {
	Over(f call.Finished)
}

// Scribe is what a Dialect offers beside that keeps the messages of some trunks' legs whole.
type Scribe interface {
	// Copy gives who takes those of a trunk's leg that begins; nil: nobody. Neither may block.
	Copy(t *directory.Trunk) func(at time.Time, callID string, message []byte)
}

// Metered is what a Dialect offers beside that has figures of its own to be watched.
type Metered interface {
	// Metrics gives them as they are now. It is asked each time that somebody looks.
	Metrics() []Metric
}

// Metric is one figure.
type Metric struct {
	Name, Help string // under "switchhook_"; one name has one kind and the same labels' names always
	Kind       MetricKind
	Labels     [][2]string // name and value
	Value      float64
	Count      uint64 // of a Summary: of how many Value is the sum
}

// MetricKind says what a figure is.
type MetricKind int

// The kinds.
const (
	Gauge MetricKind = iota
	Counter
	Summary // a sum, and of how many
)

// Traffic is what a trunk has carried since the start: In is legs that its far ends began, Out those that we placed.
type Traffic struct {
	In, Out   Flow
	Codes     [7]uint64 // responses to INVITEs by their first digit: each that rang counts in 1, each that was answered in 2, each that was not by its final one
	Throttled uint64    // refused because of a limit of ours
}

// Flow is the legs of one direction.
type Flow struct {
	Attempts, Answered, Failures uint64
	Active                       int
}

// Mux is where a dialect mounts its API: patterns as in http.ServeMux, with method and path.
type Mux interface {
	Handle(pattern string, h http.Handler)
}

// Calls is what a dialect's API may do with calls.
type Calls interface {
	// Start begins a call that the application asked for: the app is driven with an origin that has no leg.
	Start(ctx context.Context, app string, origin call.Origin) (call.ID, error)
	// Ask hands body to the driver of a live call and gives its answer; [ErrNoCall] when there is none.
	Ask(ctx context.Context, id call.ID, body []byte) ([]byte, error)
}

// Errors that cross the dialects' border.
var (
	ErrUnavailable = errors.New("application can't be invoked")
	ErrBusy        = errors.New("application takes no more calls") // stands beside ErrUnavailable: nothing is broken
	ErrNoCall      = errors.New("no such call")
	ErrNoApp       = errors.New("no such application")
	ErrDraining    = errors.New("this node is stopping")
)
