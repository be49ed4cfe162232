package call

import (
	"fmt"
	"slices"
)

// Party says who ended something.
type Party string

// The parties.
const (
	ByPeer     Party = "peer"     // the far end
	ByApp      Party = "app"      // the customer's application
	ByPlatform Party = "platform" // this program: time-out, limit, failure, drain
)

// Label is a bounded, metric-fit reason for the end of a leg, a call or an operation.
type Label string

// The closed list of labels.
const (
	LabelNormal      Label = "normal"      // hung up after answer
	LabelCancelled   Label = "cancelled"   // the caller gave up before the answer
	LabelElsewhere   Label = "elsewhere"   // it rang with others, of which another one answered
	LabelBusy        Label = "busy"        // 486, 600
	LabelNoAnswer    Label = "no-answer"   // rang and was not answered in time, 408, 480
	LabelDeclined    Label = "declined"    // 403, 603 and the like
	LabelNotFound    Label = "not-found"   // 404, 410, 484, 604
	LabelRejected    Label = "rejected"    // any other final failure of the far end
	LabelUnreachable Label = "unreachable" // no peer of the trunk answered, or all are down
	LabelNoRoute     Label = "no-route"    // no rule, no trunk, or the number is not ours
	LabelAppFailed   Label = "app-failed"  // no application could be invoked, or it broke its contract
	LabelAppSlow     Label = "app-slow"    // the application did not keep up
	LabelMedia       Label = "media"       // no common codec, no port, audio file unreadable
	LabelProtocol    Label = "protocol"    // the far end broke the protocol (no ACK, bad SDP)
	LabelLimit       Label = "limit"       // a limit of ours was reached
	LabelDrained     Label = "drained"     // the node is stopping
	LabelInternal    Label = "internal"    // our own fault
)

// Cause says why a leg or call ended: SIP status (0 after an answer), Q.850 value (0 when unknown), by whom, and a label.
type Cause struct {
	SIP   int    `json:"sip,omitempty"`
	Q850  int    `json:"q850,omitempty"`
	By    Party  `json:"by"`
	Label Label  `json:"label"`
	Text  string `json:"text,omitempty"` // for people: the reason phrase, the limit reached; never parsed
	// Phrase is what a caller who is refused is told beside the status; empty: what the status means.
	Phrase string `json:"phrase,omitempty"`
}

// String gives the cause as "486 busy by peer (Busy Here)".
func (c Cause) String() string {
	s := fmt.Sprintf("%s by %s", c.Label, c.By)
	if c.SIP != 0 {
		s = fmt.Sprintf("%d %s", c.SIP, s)
	}
	if c.Text != "" {
		s += " (" + c.Text + ")"
	}
	return s
}

// Better tells whether a refusal says more than another does. Of several targets that rang at once the best refusal counts
// (RFC 3261 section 16.7 step 6): 6xx, then those that tell what to change, then the lowest class. That nobody answered,
// or that there was no way to ask, comes after all that somebody said; the zero Cause is last.
func (c Cause) Better(than Cause) bool { return c.rank() < than.rank() }

func (c Cause) rank() int {
	switch {
	case c == Cause{}:
		return 1000
	case c.SIP >= 600:
		return 0
	case c.SIP < 300:
		return 900
	case c.By == ByPlatform, c.SIP == 408, c.SIP == 480, c.SIP >= 500:
		return 500 + c.SIP/100
	case slices.Contains([]int{401, 407, 415, 420, 484}, c.SIP):
		return 1
	}
	return c.SIP / 100
}
