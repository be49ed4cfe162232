package sip

import (
	"errors"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
)

// meaning is what a SIP status says as a Q.850 cause (RFC 3398 section 8.2.6.1) and as a label.
type meaning struct {
	status, q850 int
	label        call.Label
}

// meanings is the one table between SIP, Q.850 and our labels. Statuses that are not here are [call.LabelRejected] with
// cause 31 (normal, unspecified).
var meanings = [...]meaning{
	{400, 41, call.LabelProtocol},
	{401, 21, call.LabelDeclined},
	{402, 21, call.LabelDeclined},
	{403, 21, call.LabelDeclined},
	{404, 1, call.LabelNotFound},
	{405, 63, call.LabelProtocol},
	{406, 79, call.LabelMedia},
	{407, 21, call.LabelDeclined},
	{408, 102, call.LabelNoAnswer},
	{410, 22, call.LabelNotFound},
	{413, 127, call.LabelRejected},
	{414, 127, call.LabelRejected},
	{415, 79, call.LabelMedia},
	{416, 127, call.LabelNotFound},
	{420, 127, call.LabelProtocol},
	{421, 127, call.LabelProtocol},
	{423, 127, call.LabelProtocol},
	{433, 21, call.LabelDeclined},
	{440, 25, call.LabelRejected},
	{480, 18, call.LabelNoAnswer},
	{481, 41, call.LabelProtocol},
	{482, 25, call.LabelRejected},
	{483, 25, call.LabelRejected},
	{484, 28, call.LabelNotFound},
	{485, 1, call.LabelNotFound},
	{486, 17, call.LabelBusy},
	{487, 16, call.LabelCancelled},
	{488, 65, call.LabelMedia},
	{491, 41, call.LabelRejected},
	{500, 41, call.LabelRejected},
	{501, 79, call.LabelRejected},
	{502, 38, call.LabelUnreachable},
	{503, 41, call.LabelUnreachable},
	{504, 102, call.LabelUnreachable},
	{505, 127, call.LabelProtocol},
	{513, 127, call.LabelRejected},
	{580, 47, call.LabelRejected},
	{600, 17, call.LabelBusy},
	{603, 21, call.LabelDeclined},
	{604, 1, call.LabelNotFound},
	{606, 65, call.LabelMedia},
	{607, 21, call.LabelDeclined},
	{608, 21, call.LabelDeclined},
}

// meaningOf gives what a final status means.
func meaningOf(status int) meaning {
	for _, m := range meanings {
		if m.status == status {
			return m
		}
	}
	return meaning{status, 31, call.LabelRejected}
}

// q850Of gives the Q.850 cause of an end that has a label and no cause of its own: what Reason on our BYE says.
func q850Of(l call.Label) int {
	switch l {
	case call.LabelBusy:
		return 17
	case call.LabelNoAnswer:
		return 19
	case call.LabelDeclined:
		return 21
	case call.LabelNotFound:
		return 1
	case call.LabelUnreachable, call.LabelInternal, call.LabelAppFailed, call.LabelAppSlow:
		return 41
	case call.LabelNoRoute:
		return 3
	case call.LabelMedia:
		return 47
	case call.LabelProtocol:
		return 111
	case call.LabelLimit, call.LabelDrained:
		return 42
	}
	return 16
}

// phraseOf gives the words of ITU-T Q.850 for the causes that we send.
func phraseOf(q850 int) string {
	switch q850 {
	case 1:
		return "Unallocated number"
	case 3:
		return "No route to destination"
	case 16:
		return "Normal call clearing"
	case 17:
		return "User busy"
	case 19:
		return "No answer from user"
	case 21:
		return "Call rejected"
	case 41:
		return "Temporary failure"
	case 42:
		return "Switching equipment congestion"
	case 47:
		return "Resource unavailable"
	case 111:
		return "Protocol error"
	}
	return ""
}

// refusedCause is the cause that a final refusal of the far end gives. A Q.850 cause in its Reason counts more than the
// table (RFC 6432).
func refusedCause(status int, reason string, rows header.List) call.Cause {
	m := meaningOf(status)
	c := call.Cause{SIP: status, Q850: m.q850, By: call.ByPeer, Label: m.label, Text: reason}
	if r, ok := header.FindReason(rows, "Q.850"); ok {
		if n, ok := r.Cause(); ok {
			c.Q850 = n
		}
	}
	return c
}

// leftCause is the cause that the far end's BYE gives.
func leftCause(rows header.List) call.Cause {
	c := call.Cause{Q850: 16, By: call.ByPeer, Label: call.LabelNormal}
	if r, ok := header.FindReason(rows, "Q.850"); ok {
		if n, ok := r.Cause(); ok {
			c.Q850, c.Text = n, r.Text()
		}
	}
	return c
}

// refusalStatus is the status with which an inbound leg is refused for a cause: 480 where the cause names none. 503 says
// that we can take no calls; that another can't is 500 to the caller, who would call us no more (RFC 3261 section 16.7).
func refusalStatus(c call.Cause) int {
	if c.SIP == 503 && c.Label == call.LabelUnreachable {
		return 500
	}
	if c.SIP >= 400 && c.SIP <= 699 {
		return c.SIP
	}
	return 480
}

// reasonRow is the Reason row that tells a far end why we end a leg (RFC 3326): a phone that rang with others counts no
// missed call for SIP cause 200.
func reasonRow(c call.Cause) header.Field {
	if c.Label == call.LabelElsewhere {
		return header.Field{Name: "Reason", Value: header.NewReason("SIP", 200, "Call completed elsewhere").String()}
	}
	q := c.Q850
	if q == 0 {
		q = q850Of(c.Label)
	}
	return header.Field{Name: "Reason", Value: string(header.NewReason("Q.850", q, phraseOf(q)).Append(nil))}
}

// refusedByPolicy is the end of a leg whose INVITE the trunk's policy refuses.
func refusedByPolicy(err error) call.Cause {
	c := call.Cause{SIP: 513, Q850: 127, By: call.ByPlatform, Label: call.LabelLimit, Text: err.Error()}
	var refused *header.RefusedError
	if errors.As(err, &refused) {
		c.SIP = refused.Status()
	}
	if c.SIP == 500 {
		c.Label = call.LabelRejected
	}
	return c
}
