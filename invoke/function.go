package invoke

import (
	"context"
	"fmt"
)

// Function is a customer's function that can be invoked. Safe for concurrent use.
type Function interface {
	// Invoke gives the event to the function and returns its answer. The error is an *[Error] or ctx's. The answer may
	// be kept; payload is not kept after return.
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
}

// Kind says why a function gave no answer.
type Kind string

// The closed list of kinds.
const (
	Denied      Kind = "denied"      // no permission (403)
	NotFound    Kind = "not-found"   // no such function (404), or its program is not there
	Throttled   Kind = "throttled"   // too many requests (429), or all processes of a local function are busy
	TimedOut    Kind = "timed-out"   // no answer within the limit
	Crashed     Kind = "crashed"     // the function returned an error or its process died (X-Amz-Function-Error)
	Unreachable Kind = "unreachable" // the service did not take the request: connection refused, 5xx, DNS
	TooLarge    Kind = "too-large"   // the answer is larger than the limit
)

// Error tells why a function gave no answer. The customer's own error type and message are in it, where it gave any.
type Error struct {
	Kind     Kind
	Function string // as asked for: an ARN, a name
	Type     string // the function's errorType, or the service's error code
	Message  string // the function's errorMessage, or what the service or the transport said
	Err      error  // the cause, when there is one
}

// Error gives the error in words for the customer.
func (e *Error) Error() string {
	s := fmt.Sprintf("function %s: %s", e.Function, e.Kind)
	if e.Type != "" {
		s += ": " + e.Type
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

type linesKey struct{}

// WithLines asks that each line that a local function process prints while it works on an invocation made with the
// returned context is given to line, in order, one at a time. What was printed before the answer is given before
// Invoke returns; what follows (work after the answer) may come until the process gets its next event. line must not
// block. Long lines are cut and a flood is thinned out; a line then tells so.
//
// Without it a line goes to [Config.Logger]. Functions that are not local processes keep their lines to themselves.
func WithLines(ctx context.Context, line func(string)) context.Context {
	return context.WithValue(ctx, linesKey{}, line)
}

func linesOf(ctx context.Context) func(string) {
	line, _ := ctx.Value(linesKey{}).(func(string))
	return line
}
