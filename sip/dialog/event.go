package dialog

import (
	"errors"

	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
)

// Kind says what happened to a dialog.
type Kind uint8

// The kinds.
const (
	// Provisional: a 101 to 199 came to our INVITE, of its early dialog for the first time if it is reliable (RFC 3262).
	Provisional Kind = iota + 1
	// Refused: our INVITE is over without success: Msg is the final response (300 to 699), or Err says why there is
	// none. The user tries again with [Dialog.Invite] or gives up with [Dialog.End].
	Refused
	// Accepted: the first 2xx to our INVITE came. Its ACK goes out when the user returns, before anything that the user sends.
	Accepted
	// Acknowledged: the ACK for a 2xx of ours to an INVITE came, the first or a later one.
	Acknowledged
	// Cancelled: the far end gave its INVITE up, by CANCEL or by an early BYE; the INVITE is answered with 487. Msg is
	// the request that did it, if known.
	Cancelled
	// Modified: a re-INVITE or UPDATE came; the user answers Tx with [Dialog.Respond] before it returns.
	Modified
	// Asked: another request came inside the dialog; the user answers Tx with [Dialog.Respond].
	Asked
	// Left: the far end's BYE came and is answered. The dialog is over.
	Left
	// Over: what [Dialog.Bye] began has come to its end; Msg is the answer to our BYE, or Err says why there is none.
	Over
	// Unacknowledged: no ACK came for our 2xx in 64*T1. Who hears of it may end the dialog; else a bare BYE does. Over follows.
	Unacknowledged
	// Confirmed: PRACK came for a reliable provisional response of ours; the user answers Tx with [Dialog.Respond] before
	// it returns.
	Confirmed
	// Unconfirmed: no PRACK came in 64*T1. The INVITE is refused with 504, and the dialog is over (RFC 3262 section 3).
	Unconfirmed
	// Unsent: a response that waited for a PRACK could not be written, Err says why.
	Unsent
	// Replied: the final response came to a PRACK of ours, or Err says why there is none.
	Replied
)

// Event is one thing that happened to a dialog.
type Event struct {
	Kind Kind
	Msg  *message.Message    // the message that brought it; nil for a time-out
	Tx   *transaction.Server // to be answered: Modified, Asked and Confirmed alone
	Err  error
	// Reply is what the ACK of an Accepted or the PRACK of a reliable Provisional shall carry; nil with any other event. The
	// user fills it before it returns.
	Reply *Reply
}

// Reply is the body of an ACK or PRACK: the answer to an offer that came in a response.
type Reply struct {
	Type string // Content-Type of Body
	Body []byte // nil for none
}

func (r *Reply) fill(m *message.Message) {
	if len(r.Body) > 0 {
		m.Add("Content-Type", r.Type)
		m.Body = r.Body
	}
}

// Errors of dialogs.
var (
	// ErrCancelled: our CANCEL ended the INVITE, whatever its final response was.
	ErrCancelled = errors.New("cancelled")
	// ErrFull: the set holds as many dialogs as it may.
	ErrFull = errors.New("too many dialogs")
	// ErrState: the dialog's state does not allow it.
	ErrState = errors.New("not possible in the dialog's state")
)
