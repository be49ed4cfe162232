package dialog

import (
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
)

// requested takes a request inside the dialog.
func (d *Dialog) requested(tx *transaction.Server) {
	m := tx.Msg()
	d.traced(false, m)
	r := d.far(m.FromTag)
	if r == nil && m.Method == "BYE" {
		r = d.unseen(m.FromTag)
	}
	switch {
	case r == nil, d.state == idle:
		d.answer(tx, 481, "", nil)
		return
	case !d.known(tx, r):
		return
	case r.heard != 0 && m.CSeq.Number <= r.heard: // RFC 3261 section 12.2.2
		d.answer(tx, 500, "Request Out Of Order", nil)
		return
	}
	r.heard = m.CSeq.Number
	if d.state != calling {
		d.near = source(tx.Incoming())
	}
	switch m.Method {
	case "BYE":
		d.left(tx)
	case "INVITE":
		d.reinvited(tx)
	case "PRACK":
		d.confirmed(tx)
	case "UPDATE":
		d.emit(Event{Kind: Modified, Msg: m, Tx: tx})
	default:
		d.emit(Event{Kind: Asked, Msg: m, Tx: tx})
	}
}

// reinvited takes a re-INVITE. While the INVITE before it has no answer it is 500; while its 2xx has no ACK, or an INVITE of
// ours is out, it is 491 (RFC 3261 section 14.2, RFC 5407 section 3.1).
func (d *Dialog) reinvited(tx *transaction.Server) {
	switch {
	case d.state == incoming:
		d.answer(tx, 500, "INVITE Pending", header.List{{Name: "Retry-After", Value: strconv.Itoa(rand.IntN(11))}})
	case d.server != nil, d.state == calling, d.modifying:
		d.answer(tx, 491, "Request Pending", nil)
	case d.state == ending:
		d.answer(tx, 481, "Call Is Ending", nil)
	default:
		d.emit(Event{Kind: Modified, Msg: tx.Msg(), Tx: tx})
	}
}

// answer responds where the user need not be asked.
func (d *Dialog) answer(tx *transaction.Server, status int, reason string, rows header.List) {
	_ = d.Respond(tx, Response{Status: status, Reason: reason, Headers: rows}) // a peer that misses it asks again
}

// left takes the far end's BYE (RFC 3261 section 15.1.2), in whatever state it comes.
func (d *Dialog) left(tx *transaction.Server) {
	m := tx.Msg()
	d.answer(tx, 200, "", nil)
	switch d.state {
	case incoming: // early BYE of the caller
		d.giveUp(m)
	case calling: // overtook its own 2xx, which must still be acknowledged
		d.earlyOf(m.FromTag).left = true
	case ending: // crossed our BYE
		d.end()
		d.emit(Event{Kind: Over})
	default:
		d.end()
		d.emit(Event{Kind: Left, Msg: m})
	}
}

// unseen makes an early dialog of a far end whose BYE overtook everything else that it sent.
func (d *Dialog) unseen(tag string) *remote {
	if len(d.early) == maxEarly {
		return nil
	}
	d.early = append(d.early, remote{tag: strings.Clone(tag), addr: d.remote.addr, target: d.remote.target})
	return &d.early[len(d.early)-1]
}

// Bye ends the dialog, with these rows on the BYE; Over follows. A callee's BYE waits for the ACK of its 2xx, or for
// the end of that wait (RFC 3261 section 15).
func (d *Dialog) Bye(rows header.List) {
	switch d.state {
	case answered:
		d.byeWanted, d.byeRows = true, rows
	case confirmed:
		d.state = ending
		m := d.Request("BYE")
		for _, f := range rows {
			m.Add(f.Name, f.Value)
		}
		d.byeRows = nil
		d.send(m, &d.remote, func(resp *message.Message, err error) {
			d.traced(false, resp)
			if d.state == ending {
				d.end()
				d.emit(Event{Kind: Over, Msg: resp, Err: err})
			}
		})
	}
}
