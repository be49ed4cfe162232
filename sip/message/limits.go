package message

// Limits of what is read and written. They bound the cost of any input.
const (
	MaxMessage = 64 << 10 // octets of a message
	MaxHead    = 32 << 10 // octets of start line and headers
	MaxRow     = 8 << 10  // octets of a start line, or of a header with its folds
	MaxRows    = 256      // header rows
	MaxVias    = 70       // Via values (RFC 3261 section 16.3: as many as Max-Forwards begins with)
)

// A response may be longer than its request by what the request's receiver adds to the mirrored rows: received, rport,
// the To-tag. Without this a request at the limits could not be answered.
const (
	slack     = 512
	slackRows = 4
)

// limits are the limits of one message.
type limits struct{ row, head, rows int }

func limitsOf(response bool) limits {
	if response {
		return limits{MaxRow + slack, MaxHead + slack, MaxRows + slackRows}
	}
	return limits{MaxRow, MaxHead, MaxRows}
}
