package call

import "time"

// Record is the call detail record: written once, when the call is over.
type Record struct {
	ID       ID          `json:"id"`
	Account  string      `json:"account,omitempty"`
	Trunk    string      `json:"trunk,omitempty"`
	Login    string      `json:"login,omitempty" doc:"the user name by which the caller proved to be one of the trunk's"`
	Rule     string      `json:"rule,omitempty"` // the rule that chose the app
	App      string      `json:"app,omitempty"`  // the app that drove it last
	From     string      `json:"from"`
	To       string      `json:"to"`
	Host     string      `json:"host,omitempty"`
	Start    time.Time   `json:"start"`
	Answered time.Time   `json:"answered,omitzero"` // when the first leg was answered
	End      time.Time   `json:"end"`
	Cause    Cause       `json:"cause"`
	Legs     []LegRecord `json:"legs"`
}

// LegRecord is what one leg leaves.
type LegRecord struct {
	ID        LegID      `json:"id"`
	Direction Direction  `json:"direction"` // In: the far end called us
	From      string     `json:"from"`
	To        string     `json:"to"`
	Trunk     string     `json:"trunk,omitempty"`
	SIPCallID string     `json:"sipCallId,omitempty"` // the dialog's Call-ID, to find it in the peer's logs
	Start     time.Time  `json:"start"`
	Answered  time.Time  `json:"answered,omitzero"`
	End       time.Time  `json:"end"`
	Cause     Cause      `json:"cause"`
	Media     MediaStats `json:"media"`
	// What a leg that stands has beside.
	Room     string `json:"room,omitempty" doc:"where it is"`
	Speaking bool   `json:"speaking,omitempty" doc:"nobody in the room is louder"`
}

// MediaStats counts a leg's media.
type MediaStats struct {
	Codec      string        `json:"codec,omitempty"`
	PacketsIn  uint64        `json:"packetsIn"`
	PacketsOut uint64        `json:"packetsOut"`
	BytesIn    uint64        `json:"bytesIn,omitempty"`  // of payload, without headers
	BytesOut   uint64        `json:"bytesOut,omitempty"` // likewise
	Lost       uint64        `json:"lost"`               // gaps in the sequence numbers received
	Discarded  uint64        `json:"discarded"`          // from a source that is not the far end, or malformed
	Jitter     time.Duration `json:"jitter"`             // interarrival jitter, RFC 3550 section 6.4.1
	RoundTrip  time.Duration `json:"roundTrip"`          // from the last RTCP report, 0 when unknown
	RemoteLoss float64       `json:"remoteLoss"`         // fraction 0..1 the far end reported
	MOS        float64       `json:"mos,omitempty"`      // estimate of what we hear, 1 to 4.5 (ITU-T G.107, as if all were G.711); 0 when nothing was heard
	Secure     bool          `json:"secure,omitempty"`   // SRTP
}

// Finished is all that a call leaves: its record, what became of every context value, and, where logs are on, its log.
type Finished struct {
	Record Record `json:"record"`
	Ledger Ledger `json:"ledger"`
	Log    []Log  `json:"log,omitempty"`
}

// Filter chooses records. Empty fields choose all.
type Filter struct {
	Account string    // whose
	Number  string    // From or To, whole
	Header  string    // a context header that the ledger mentions, by name
	Text    string    // a part of any text in the record or the ledger, ASCII case aside: a header's value, a SIP Call-ID
	Label   Label     // how it ended
	Since   time.Time // started at or after
	Until   time.Time // started before
}
