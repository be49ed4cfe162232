package sip

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/sip/dialog"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
)

// earlyAnswer is what is known of an early dialog: one for each fork of the INVITE.
type earlyAnswer struct {
	tag     string
	sdp     []byte        // the last description that came
	settled bool          // and it came reliably: no other follows
	remote  *media.Remote // what was agreed on
	talks   bool          // it sends early media
	status  int           // the last that was told
	rows    uint64        // with these rows
	last    uint64        // the last response, to know it when it comes again
}

const maxEarly = 16

// fork gives what is known of an early dialog; nil when there are too many.
func (p *placing) fork(tag string) *earlyAnswer {
	if e := p.known(tag); e != nil {
		return e
	}
	if len(p.early) == maxEarly {
		return nil
	}
	p.early = append(p.early, earlyAnswer{tag: clone(tag)})
	return &p.early[len(p.early)-1]
}

// known gives what is known of an early dialog; nil for one that was never heard of.
func (p *placing) known(tag string) *earlyAnswer {
	for i := range p.early {
		if p.early[i].tag == tag {
			return &p.early[i]
		}
	}
	return nil
}

// settled tells whether offer and answer are over in an early dialog, so that it may be changed.
func (p *placing) settled(tag string) bool {
	e := p.known(tag)
	return e != nil && e.settled
}

// progressed takes a provisional response. One that comes again says nothing new. reply is nil for an unreliable one.
func (l *Leg) progressed(m *message.Message, reply *dialog.Reply) {
	p := l.out
	if p == nil {
		return
	}
	p.patience.Stop()
	if m.Status == 100 {
		l.heard(m)
		return
	}
	e := p.fork(m.ToTag)
	if e == nil {
		l.heard(m)
		return // more forks than anyone has
	}
	sum := sumOf(m.Headers, m.Status, m.Body)
	if sum == e.last && reply == nil {
		return
	}
	e.last = sum
	l.learn(m)
	rows := l.heard(m)
	if m.Status != 183 || len(m.Body) == 0 {
		l.rings(e, m.Status, rows)
	}
	l.speaks(e, m, rows, reply)
}

// sumOf tells messages apart by what counts in them (FNV-1a).
func sumOf(rows header.List, status int, body []byte) uint64 {
	sum := uint64(14695981039346656037)
	add := func(b byte) { sum = (sum ^ uint64(b)) * 1099511628211 }
	add(byte(status))
	for _, f := range rows {
		for _, s := range [...]string{f.Name, f.Value} {
			for i := range len(s) {
				add(s[i])
			}
			add('\n')
		}
	}
	for _, b := range body {
		add(b)
	}
	return sum
}

// rings reports that the far end rings, is being forwarded, or is queued, when that or its context is news. A 183 without
// media counts for its context alone.
func (l *Leg) rings(e *earlyAnswer, status int, rows header.List) {
	if status < 180 || status > 183 || status == 183 && len(rows) == 0 {
		return
	}
	sum := sumOf(rows, status, nil)
	if e.status == status && (e.rows == sum || len(rows) == 0) {
		return
	}
	e.status, e.rows = status, sum
	l.emit(call.Ringing{Leg: l.id, Status: status, Headers: rows})
}

// speaks takes what a provisional response says of early media: the description that it bears, and whether the network
// lets it through (RFC 5009). Of several forks the one whose description came last is heard; one that is gone (199, RFC
// 6228) gives way to the one before it.
func (l *Leg) speaks(e *earlyAnswer, m *message.Message, rows header.List, reply *dialog.Reply) {
	was := e.talks
	if m.Status == 199 {
		e.talks, e.sdp = false, nil
		l.hearAnother()
		return
	}
	body, _ := session(m)
	if rs := l.out.rings; rs != nil && rs.both { // which media it will be is known when somebody answers
		if body != nil {
			e.sdp = append([]byte(nil), body...)
		}
		return
	}
	if body != nil && !e.settled && (reply != nil || !l.media.bare) && (string(body) != string(e.sdp) || reply != nil) {
		e.sdp, e.settled = append([]byte(nil), body...), reply != nil
		if err := l.describedEarly(body, reply); err != nil {
			l.badEarly(err, reply)
			return
		}
		e.talks, e.remote = true, l.out.agreed
	}
	if gate := m.Get("P-Early-Media"); gate != "" && l.trunk.in.TellsEarlyMedia() {
		e.talks = e.sdp != nil && opens(gate)
		l.gates(gate)
	}
	if e.talks && !was {
		l.emit(call.Progress{Leg: l.id, Headers: rows})
	}
}

// describedEarly takes the description of an early dialog.
func (l *Leg) describedEarly(body []byte, reply *dialog.Reply) error {
	if l.media.bare {
		return l.offeredLate(body, reply)
	}
	return l.answeredMedia(body)
}

// badEarly takes early media that can't be had: the 2xx may bring better, but not after a reliable response.
func (l *Leg) badEarly(err error, reply *dialog.Reply) {
	if reply != nil {
		l.badOffer(err)
	}
}

// opens tells whether a P-Early-Media lets us hear what comes.
func opens(value string) bool {
	for item := range strings.SplitSeq(value, ",") {
		switch strings.ToLower(strings.TrimSpace(item)) {
		case "inactive", "recvonly":
			return false
		}
	}
	return true
}

// hearAnother lets the fork be heard that spoke before one that is gone.
func (l *Leg) hearAnother() {
	for i := len(l.out.early) - 1; i >= 0; i-- {
		if e := &l.out.early[i]; e.talks {
			_ = l.hear(e) // it was fine before
			return
		}
	}
}

// hear makes what was agreed on with an early dialog count again.
func (l *Leg) hear(e *earlyAnswer) error {
	p := l.session.Load()
	if p == nil || e.remote == nil {
		return errNoSession
	}
	return l.agree(*p, *e.remote)
}

// refused takes the end of an INVITE without success.
func (l *Leg) refused(m *message.Message, err error) {
	p := l.out
	if p == nil || l.ended {
		return
	}
	p.patience.Stop()
	rows := l.heard(m)
	switch {
	case l.hung:
		l.end(l.cause, rows)
	case errors.Is(err, transaction.ErrTimeout):
		l.missed(call.Cause{SIP: 408, Q850: 102, By: call.ByPlatform, Label: call.LabelUnreachable, Text: "no response in time"})
	case errors.Is(err, transaction.ErrOverload):
		l.end(call.Cause{SIP: 503, Q850: 42, By: call.ByPlatform, Label: call.LabelLimit, Text: err.Error()}, nil)
	case err != nil && !errors.Is(err, transaction.ErrTransport):
		l.end(call.Cause{SIP: 500, Q850: 41, By: call.ByPlatform, Label: call.LabelInternal, Text: err.Error()}, nil)
	case err != nil:
		l.missed(call.Cause{SIP: 503, Q850: 41, By: call.ByPlatform, Label: call.LabelUnreachable, Text: err.Error()})
	case m.Status == 503:
		p.cause, p.rows = refusedCause(m.Status, clone(m.Reason), rows), rows
		if p.at.oversize {
			p.hops = p.hops[1:] // the same place over UDP
		}
		l.busy(m)
		l.next()
	case m.Status == 422 && l.lease.insisted(m):
		p.early = nil
		l.inviteAt(p.at)
	case m.Status < 400:
		l.s.peers.answered(l.trunk.trunk, p.at.peer)
		l.redirected(m, rows)
	default:
		l.s.peers.answered(l.trunk.trunk, p.at.peer)
		p.cause, p.rows = refusedCause(m.Status, clone(m.Reason), rows), rows
		p.peers, p.hops = nil, nil
		if m.Status >= 600 {
			p.later = nil
		}
		l.next()
	}
}

// busy remembers a 503, and for how long the peer asks to be left alone: the address, or the peer where no other of its
// addresses is left.
func (l *Leg) busy(m *message.Message) {
	p, w := l.out, &l.s.peers
	w.failed(l.trunk.trunk, p.at.peer, "it answers 503")
	d, _ := m.RetryAfter()
	if d > 0 {
		l.note(fmt.Sprintf("%s asks not to be called for %s: Retry-After", p.at.to.Addr, d))
	}
	w.rest(p.at.to, false, max(d, l.s.cfg.Timers.Rest))
	if d > 0 && !slices.ContainsFunc(p.hops, func(h hop) bool { return h.peer == p.at.peer }) {
		w.asked(l.trunk.trunk, p.at.peer, d)
	}
}

// accepted takes the 2xx.
func (l *Leg) accepted(m *message.Message, reply *dialog.Reply) {
	p := l.out
	rows := l.heard(m)
	l.learn(m)
	err := l.agreedOn(m, p.known(m.ToTag), reply)
	p.stop()
	l.s.peers.answered(l.trunk.trunk, p.at.peer)
	l.out = nil
	l.timer.Stop()
	l.established = true
	if err != nil {
		l.badOffer(err)
		return
	}
	l.lease.granted(m, l.trunk.signalling())
	l.answered(rows)
}

// agreedOn takes the description in a 2xx, or that which its early dialog brought before: peers say in 183 what they
// don't say again, and what came reliably is not said again (RFC 6337 section 2.2). e is nil without an early dialog.
func (l *Leg) agreedOn(m *message.Message, e *earlyAnswer, reply *dialog.Reply) error {
	body, _ := session(m)
	switch {
	case e != nil && e.settled:
		return l.hear(e)
	case l.media.bare:
		return l.offeredLate(body, reply)
	case e != nil && body == nil:
		body = e.sdp
	}
	return l.answeredMedia(body)
}

// answered begins the life of a leg that stands.
func (l *Leg) answered(rows header.List) {
	l.toll.answer()
	l.emit(call.Answered{Leg: l.id, Headers: rows})
	if l.media.held {
		l.emit(call.Held{Leg: l.id, On: true})
	}
	l.refreshed()
	l.pursue()
}
