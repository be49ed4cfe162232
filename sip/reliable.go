package sip

import (
	"errors"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media/sdp"
	"github.com/switchhook/switchhook/sip/dialog"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
)

// provisional decides how a provisional response goes out: reliably or not, and with our media or not. The offer or answer
// in a reliable one is the only one that the caller gets; the first reliable response to an INVITE without offer must
// bring the offer, and an unreliable one must not (RFC 3262 section 5).
func (l *Leg) provisional(withMedia bool) (reliably, describes bool) {
	n := &l.media
	reliably, describes = l.reliable != unreliable, withMedia && !n.settled
	if !n.bare || n.settled {
		return reliably, describes
	}
	if reliably && !withMedia {
		if l.reliable == mayBeReliable {
			return false, false
		}
		l.openMedia()
		describes = true
	}
	return reliably, describes && reliably
}

// confirmed takes a PRACK. It brings the answer to an offer of ours, or an offer of its own, or nothing.
func (l *Leg) confirmed(tx *transaction.Server) {
	m := tx.Msg()
	l.heard(m)
	body, ok := session(m)
	r := dialog.Response{Status: 200}
	switch {
	case !ok:
		r = dialog.Response{Status: 415, Headers: header.List{{Name: "Accept", Value: accept}}}
	case l.media.waiting:
		l.media.waiting = false
		if err := l.answeredMedia(body); err != nil {
			l.answer(tx, dialog.Response{Status: 488})
			l.hangup(call.Cause{SIP: 488, Q850: 47, By: call.ByPeer, Label: call.LabelMedia, Text: oneLine(err.Error())}, nil)
			return
		}
	case body != nil:
		answer, err := l.renegotiate(body)
		if err != nil {
			r.Status = 488
			break
		}
		r.Type, r.Body = sdpType, answer
	}
	l.answer(tx, r)
}

// unconfirmed ends a leg whose caller requires or supports reliable responses, and confirms none.
func (l *Leg) unconfirmed() {
	l.end(call.Cause{SIP: 504, Q850: 102, By: call.ByPeer, Label: call.LabelProtocol, Text: "no PRACK"}, nil)
}

// offeredLate takes the offer of a callee that got an INVITE without one, in a reliable provisional response or the 2xx,
// and fills our answer in.
func (l *Leg) offeredLate(body []byte, reply *dialog.Reply) error {
	if body == nil {
		return errNoOffer
	}
	if a := sdp.Where(body); a.IsValid() && !a.IsUnspecified() {
		l.media.toward = a
	} else {
		l.media.toward = l.media.far
	}
	l.openMedia()
	answer, err := l.renegotiate(body)
	if err != nil {
		answer = sdp.Refuse(body, l.s.layer.Local(l.dialog.Near().Network, l.media.far).Addr())
	}
	reply.Type, reply.Body = sdpType, answer
	return err
}

// declined answers the offer of a 2xx that nobody wants, so that its ACK says what it must.
func (l *Leg) declined(m *message.Message) (r dialog.Reply) {
	if body, _ := session(m); body != nil {
		r.Type, r.Body = sdpType, sdp.Refuse(body, l.s.layer.Local(l.dialog.Near().Network, l.media.far).Addr())
	}
	return r
}

var errNoOffer = errors.New("no session description where an offer was due")

// badOffer ends an outbound leg whose far end's offer can't be answered.
func (l *Leg) badOffer(err error) {
	l.hangup(call.Cause{Q850: 47, By: call.ByPeer, Label: call.LabelMedia, Text: oneLine(err.Error())}, nil)
}
