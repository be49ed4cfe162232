package sip

import (
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/sdp"
	"github.com/switchhook/switchhook/sip/dialog"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
)

// change is a re-INVITE or UPDATE of ours that is out, or waits to be sent again. There is one at a time: what else is
// wanted meanwhile follows when it is over.
type change struct {
	refresh   bool            // it changes nothing, and keeps the session alive
	offers    bool            // it bears an offer
	direction media.Direction // that the offer asks for
	timer     *transaction.Timer
	turns     int // how often it was sent
}

// maxTurns bounds how often a change is sent that the far end has no time for.
const maxTurns = 10

// Hold puts the far end on hold (RFC 3264 section 8.4), so that it hears us and says nothing, or takes it off. What it
// wants is reached when the leg is answered, and after what is under way; where the far end refuses, all stays as it was.
func (l *Leg) Hold(on bool) {
	l.post(func() {
		l.media.direction = media.SendRecv
		if on {
			l.media.direction = media.SendOnly
		}
		l.pursue()
	})
}

// standing tells whether the leg is answered, and not about to end.
func (l *Leg) standing() bool { return l.established && !l.hung && !l.ended }

// pursue changes the session to what is wanted of it, as soon as that is possible.
func (l *Leg) pursue() {
	if l.standing() && l.change == nil && l.media.direction != l.media.agreed {
		l.begin(&change{})
	}
}

// begin sends a change, or waits with it until the dialog has room for it.
func (l *Leg) begin(c *change) {
	l.change, c.timer = c, nil
	update := l.updates(c.refresh)
	if l.media.waiting || !update && !l.dialog.Modifiable() {
		l.repeat(c, l.glare())
		return
	}
	c.turns++
	method := "INVITE"
	if update {
		method = "UPDATE"
	}
	m := l.dialog.Request(method)
	l.introduce(m)
	if c.offers = !update || !c.refresh; c.offers {
		p := l.session.Load()
		if p == nil {
			l.change = nil
			return
		}
		l.reoffer(c, *p)
		m.Add("Content-Type", sdpType)
		m.Body = l.media.local
	}
	var err error
	if update {
		err = l.ask(m, func(resp *message.Message, err error) { l.changed(c, resp, err) })
	} else {
		err = l.dialog.Modify(m, func(resp *message.Message, _ *dialog.Reply, err error) {
			l.guarded(func() { l.changed(c, resp, err) })
		})
	}
	if err != nil {
		l.repeat(c, l.glare())
	}
}

// reoffer makes the offer of a change. One that changes nothing repeats what we said last (RFC 4028 section 7.4), unless
// that was refused.
func (l *Leg) reoffer(c *change, s Session) {
	if c.refresh && !l.media.refused {
		c.direction = l.media.agreed
		return
	}
	c.direction = l.media.direction
	l.media.local = sdp.Offer(l.description(s))
}

// updates tells whether a change goes out as UPDATE: a refresh where the far end knows it, since a re-INVITE would need an
// offer.
func (l *Leg) updates(refresh bool) bool {
	switch l.trunk.signalling().Update {
	case directory.Always:
		return !l.noUpdate
	case directory.Never:
		return false
	}
	return l.knowsUpdate && !l.noUpdate && refresh
}

// introduce adds what each request of ours that refreshes the session says of us. Nobody rings here, so that provisional
// responses need not be reliable.
func (l *Leg) introduce(m *message.Message) {
	m.Add("Allow", allow)
	o := l.trunk.signalling()
	o.Reliable = directory.Never
	for _, f := range offers(o, l.lease) {
		m.Add(f.Name, f.Value)
	}
	m.Add("User-Agent", l.s.cfg.Product)
}

// repeat sends a change once more after a while.
func (l *Leg) repeat(c *change, wait time.Duration) {
	if c.turns >= maxTurns {
		l.stays(c, "the far end has no time for it")
		return
	}
	c.timer = l.after(wait, func() {
		if l.standing() && l.change == c {
			l.begin(c)
		}
	})
}

// glare gives how long to wait after 491 (RFC 3261 section 14.1): who made the Call-ID waits longer.
func (l *Leg) glare() time.Duration {
	if l.direction == call.Out {
		return 2100*time.Millisecond + time.Duration(rand.IntN(191))*10*time.Millisecond
	}
	return time.Duration(rand.IntN(201)) * 10 * time.Millisecond
}

// changed takes the answer to a change.
func (l *Leg) changed(c *change, m *message.Message, err error) {
	if !l.standing() || l.change != c {
		return
	}
	l.heard(m)
	if err != nil || m.Status == 408 || m.Status == 481 { // the dialog is over (RFC 3261 section 12.2.1.2)
		l.change = nil
		l.lost()
		return
	}
	wait, later := comesAgain(m)
	switch {
	case m.Status == 422 && l.lease.insisted(m):
		l.repeat(c, 0)
		return
	case m.Status == 491:
		l.repeat(c, l.glare())
		return
	case later:
		l.repeat(c, wait)
		return
	case m.CSeq.Method == "UPDATE" && (m.Status == 405 || m.Status == 501): // it does not know that, though it said so, or the trunk does
		l.noUpdate = true
		l.repeat(c, 0)
		return
	case m.Status >= 300:
		l.stays(c, strconv.Itoa(m.Status)+" "+clone(m.Reason))
	default:
		l.succeeded(c, m)
	}
	l.post(l.pursue) // after the ACK
}

// lost ends a leg whose far end knows nothing of the call any more.
func (l *Leg) lost() {
	l.hangup(call.Cause{Q850: 102, By: call.ByPeer, Label: call.LabelProtocol, Text: "no answer within the dialog"}, nil)
}

// succeeded takes the 2xx to a change.
func (l *Leg) succeeded(c *change, m *message.Message) {
	l.change = nil
	l.learn(m)
	l.lease.granted(m, l.trunk.signalling())
	l.refreshed()
	if !c.offers {
		return
	}
	body, _ := session(m)
	if err := l.answeredMedia(body); err != nil {
		l.stays(c, err.Error())
		return
	}
	l.media.agreed, l.media.refused = c.direction, false
}

// stays leaves the session as it was, for a change that failed.
func (l *Leg) stays(c *change, why string) {
	l.change = nil
	l.media.refused = l.media.refused || c.offers && !c.refresh
	if c.offers && c.direction != l.media.agreed {
		l.note("the session stays as it was: " + oneLine(why))
		if l.media.direction == c.direction {
			l.media.direction = l.media.agreed
		}
	}
}

// worthwhile is the longest that a change waits because the far end says so.
const worthwhile = 30 * time.Second

// comesAgain gives after how long a refused change is sent again, where the far end says when and that is worth it.
func comesAgain(m *message.Message) (time.Duration, bool) {
	wait, asked := m.RetryAfter()
	if !asked || wait > worthwhile || m.Status < 500 {
		return 0, false
	}
	return wait, true
}

// modified answers a re-INVITE or UPDATE: with the session as the far end now wants it, or, without an offer, with the
// session as it is.
func (l *Leg) modified(tx *transaction.Server) {
	m := tx.Msg()
	l.heard(m)
	offer, ok := session(m)
	if !ok {
		l.answer(tx, dialog.Response{Status: 415, Headers: header.List{{Name: "Accept", Value: accept}}})
		return
	}
	before := l.lease
	status, rows := l.collides(m, offer != nil)
	if status == 0 {
		status, rows = l.lease.asked(m, l.trunk.signalling())
	}
	if status != 0 {
		l.answer(tx, dialog.Response{Status: status, Headers: rows})
		return
	}
	r := dialog.Response{Status: 200, Headers: header.List{{Name: "Allow", Value: allow}, {Name: "Supported", Value: supported}}}
	r.Headers = append(r.Headers, l.lease.answer()...)
	if offer != nil || m.Method == "INVITE" {
		body, err := l.renegotiate(offer)
		if err != nil {
			l.lease = before
			l.answer(tx, dialog.Response{Status: 488, Headers: header.List{{Name: "Warning", Value: "399 switchhook " + header.Quote(oneLine(err.Error()))}}})
			return
		}
		r.Type, r.Body = sdpType, body
		if l.out != nil {
			l.out.fork(m.FromTag).remote = l.out.agreed
		}
	}
	l.learn(m)
	l.answer(tx, r)
	l.refreshed()
}

// collides tells whether a re-INVITE or UPDATE comes while another offer waits for its answer (RFC 3261 section 14.2, RFC
// 3311 section 5.2): the status and rows that refuse it, 0 if none does.
func (l *Leg) collides(m *message.Message, offers bool) (int, []header.Field) {
	switch {
	case !offers && m.Method == "UPDATE":
		return 0, nil
	case l.change != nil && l.change.offers && l.change.timer == nil, l.media.waiting, l.out != nil && !l.out.settled(m.FromTag):
		return 491, nil
	case l.media.offer != nil, l.dialog.INVITE() != nil && !l.media.settled: // theirs, and not answered, or not reliably
		return 500, []header.Field{{Name: "Retry-After", Value: strconv.Itoa(rand.IntN(11))}}
	}
	return 0, nil
}
