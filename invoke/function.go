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
	NotFound    Kind = "not-found"   // no such function (404)
	Throttled   Kind = "throttled"   // too many requests (429)
	TimedOut    Kind = "timed-out"   // no answer within the limit
	Crashed     Kind = "crashed"     // the function returned an error or its process died (X-Amz-Function-Error)
	Unreachable Kind = "unreachable" // the service did not take the request: connection refused, 5xx, DNS
	TooLarge    Kind = "too-large"   // the answer is larger than the limit
)

// Error tells why a function gave no answer. The customer's own error type and message are in it, where it gave any.
type Error struct {
	Kind     Kind
	Function string // as configured: an ARN, a URL, a name
	Type     string // the function's errorType
	Message  string // the function's errorMessage, or what the transport said
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
