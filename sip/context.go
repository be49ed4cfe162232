package sip

import (
	"strings"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
)

// Reasons that this package gives for changes of its own, beside those of package header.
const (
	BecauseCause      header.Reason = "cause"      // the leg ends, and Reason tells why
	BecauseRedirected header.Reason = "redirected" // the far end named another target (RFC 5806 section 5)
	BecauseHops       header.Reason = "max-hops"   // too many diversions
	BecauseOversize   header.Reason = "oversize"   // the INVITE is too long for UDP, and the trunk says what then
	BecauseTrunk      header.Reason = "trunk"      // the trunk has it said in each INVITE
	BecauseBudget     header.Reason = "budget"     // it is longer than the next hop is known to take
)

// writerOf says who decided about a value that author sent.
func writerOf(c header.Change, author call.Writer) call.Writer {
	switch c.Reason {
	case header.BecauseReserved, header.BecauseMalformed, header.BecauseTooLong, header.BecauseTooMany,
		header.BecauseNeverCrosses, header.BecauseDialog, header.BecauseEmbedded, BecauseCause, BecauseTransfer, BecauseRedirected, BecauseHops,
		BecauseOversize, BecauseBudget, BecauseTrunk, BecauseClaimed, BecauseSigned, BecauseSignatureValid, BecauseSignatureInvalid, BecauseSignatureMissing:
		return call.WriterPlatform
	}
	if c.Action == header.Kept {
		return author
	}
	return call.WriterRule
}

// entries makes the ledger's lines of what a policy did to one message.
func entries(at time.Time, leg call.LegID, msg string, d call.Direction, author call.Writer, changes []header.Change) []call.Entry {
	if len(changes) == 0 {
		return nil
	}
	out := make([]call.Entry, len(changes))
	for i, c := range changes {
		out[i] = call.Entry{At: at, Leg: leg, Message: msg, Direction: d, Writer: writerOf(c, author), Change: c}
	}
	return out
}

// detach gives the rows and changes without what they share with the message that they came in, so that a call does not
// keep its INVITE for as long as it stands: all their texts are in one string.
func detach(rows header.List, changes []header.Change) {
	n := 0
	for _, f := range rows {
		n += len(f.Name) + len(f.Value)
	}
	for _, c := range changes {
		n += len(c.Name) + len(c.Value) + len(c.NewName) + len(c.NewValue)
	}
	var b strings.Builder
	b.Grow(n) // never moves after this, so that each text can be cut off at once
	keep := func(s *string) {
		from := b.Len()
		b.WriteString(*s)
		*s = b.String()[from:]
	}
	for i := range rows {
		keep(&rows[i].Name)
		keep(&rows[i].Value)
	}
	for i := range changes {
		c := &changes[i]
		keep(&c.Name)
		keep(&c.Value)
		keep(&c.NewName)
		keep(&c.NewValue)
	}
}

// kindOf says which kind of message a policy has before it.
func kindOf(m *message.Message) header.Kind {
	if !m.IsRequest() {
		switch {
		case m.CSeq.Method == "BYE":
			return header.ByeResponse
		case m.CSeq.Method != "INVITE":
			return header.OtherResponse
		case m.Status < 200:
			return header.Provisional
		case m.Status < 300:
			return header.Success
		case m.Status < 400:
			return header.Redirect
		}
		return header.Failure
	}
	switch m.Method {
	case "INVITE":
		if m.ToTag != "" {
			return header.ReInvite
		}
		return header.Invite
	case "ACK":
		return header.Ack
	case "BYE":
		return header.Bye
	case "CANCEL":
		return header.Cancel
	case "INFO":
		return header.Info
	case "REFER":
		return header.Refer
	case "UPDATE":
		return header.Update
	case "PRACK":
		return header.Prack
	}
	return header.OtherRequest
}

// nameOf is what the ledger calls a message: its method or status, with the method where it is no answer to INVITE.
func nameOf(m *message.Message) string {
	if m.IsRequest() {
		return m.Method
	}
	status := string([]byte{byte('0' + m.Status/100%10), byte('0' + m.Status/10%10), byte('0' + m.Status%10)})
	if m.CSeq.Method != "INVITE" {
		return status + " " + m.CSeq.Method
	}
	return status
}

// asksUUI tells whether an INVITE carries isdn-uui, which lets the answers carry it (RFC 7434 section 8).
func asksUUI(rows header.List) bool {
	for v := range rows.Values("User-to-User") {
		if !strings.Contains(strings.ToLower(v), "purpose=") || strings.Contains(strings.ToLower(v), "isdn-") {
			return true
		}
	}
	return false
}
