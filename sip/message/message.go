package message

import (
	"github.com/switchhook/switchhook/header"
)

// Message is one SIP request or response. A message from [Parse] holds its rows as received; its strings share one copy
// of the bytes it came in. A Message belongs to one goroutine at a time.
type Message struct {
	// Method of a request, case-sensitive as received; empty for a response.
	Method string
	// URI is the Request-URI as received.
	URI string
	// Status (100 to 699) and Reason of a response.
	Status int
	Reason string
	// Headers holds every row in order, values unfolded and trimmed, else as received.
	Headers header.List
	// Body is what Content-Length (or, for datagrams without one, the datagram's end) delimits.
	Body []byte

	// The essentials, parsed once. They are views of Headers, and change only by [Parse] and the methods that say so.
	Via    Via  // the topmost value
	CSeq   CSeq // zero if unreadable, in a Fault's Request alone
	CallID string
	// FromTag and ToTag are empty where there is none (RFC 3261 section 12.1.1: a null tag).
	FromTag, ToTag string
}

// IsRequest tells a request from a response.
func (m *Message) IsRequest() bool { return m.Method != "" }
