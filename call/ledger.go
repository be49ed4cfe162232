package call

import (
	"time"

	"github.com/switchhook/switchhook/header"
)

// Direction of a message, seen from this program.
type Direction string

// The directions.
const (
	In  Direction = "in"
	Out Direction = "out"
)

// Writer says who decided about a value.
type Writer string

// The writers.
const (
	WriterPeer     Writer = "peer"     // the far end sent it
	WriterApp      Writer = "app"      // the customer's application set it
	WriterRule     Writer = "rule"     // a trunk's policy decided
	WriterPlatform Writer = "platform" // this program decided: grammar, limit, reserved name, mapping
)

// Entry is one line of the ledger: what became of one context value, where, by whom, and why.
type Entry struct {
	At        time.Time `json:"at"`
	Leg       LegID     `json:"leg,omitempty"`
	Message   string    `json:"message"`   // "INVITE", "180", "BYE", "NEW_INBOUND_CALL", "CallAndBridge" …
	Direction Direction `json:"direction"` // towards us or from us
	Writer    Writer    `json:"writer"`
	header.Change
}

// Ledger is what became of every context value of a call, in order of time.
type Ledger []Entry

// LogKind says what a log entry shows.
type LogKind string

// The kinds.
const (
	LogMessage  LogKind = "message"  // a SIP message of a leg
	LogEvent    LogKind = "event"    // an event sent to the application
	LogAction   LogKind = "action"   // what the application answered
	LogFunction LogKind = "function" // a line that the customer's function printed
	LogNote     LogKind = "note"     // anything else worth telling
)

// Log is one entry of a call's log: the material of its ladder.
type Log struct {
	At        time.Time   `json:"at"`
	Leg       LegID       `json:"leg,omitempty"`
	Kind      LogKind     `json:"kind"`
	Direction Direction   `json:"direction,omitempty"`
	Text      string      `json:"text"`              // "INVITE sip:…", "200 OK", "NEW_INBOUND_CALL", a line
	Headers   header.List `json:"headers,omitempty"` // the context headers on the message
	Body      string      `json:"body,omitempty"`    // an event's or answer's JSON, where the log is on
}
