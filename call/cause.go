package call

import "fmt"

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
