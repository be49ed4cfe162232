package sip

import (
	"errors"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
)

// progressed takes a provisional response.
func (l *Leg) progressed(m *message.Message) {
	p := l.out
	if p == nil {
		return
	}
	p.patience.Stop()
	rows := l.heard(m)
	if m.Status == 100 {
		return
	}
	e := p.earlyOf(m.ToTag)
	if e == nil {
		return // more forks than anyone has
	}
	if m.Status == 180 && !e.rang {
		e.rang = true
		l.emit(call.Ringing{Leg: l.id, Headers: rows})
	}
	body, _ := session(m)
	if body == nil || string(body) == string(e.sdp) {
		return
	}
	first := e.sdp == nil
	e.sdp = append([]byte(nil), body...)
	if err := l.answeredMedia(body); err == nil && first {
		l.emit(call.Progress{Leg: l.id, Headers: rows})
	}
}

const maxEarly = 16

// earlyOf gives what is known of an early dialog; nil when there are too many.
func (p *placing) earlyOf(tag string) *earlyAnswer {
	for i := range p.early {
		if p.early[i].tag == tag {
			return &p.early[i]
		}
	}
	if len(p.early) == maxEarly {
		return nil
	}
	p.early = append(p.early, earlyAnswer{tag: clone(tag)})
	return &p.early[len(p.early)-1]
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
		l.s.peers.failed(l.trunk.trunk, p.at.peer)
		p.cause, p.rows = refusedCause(m.Status, clone(m.Reason), rows), rows
		if p.at.oversize {
			p.hops = p.hops[1:] // the same place over UDP
		}
		l.next()
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

// accepted takes the 2xx.
func (l *Leg) accepted(m *message.Message) {
	p := l.out
	rows := l.heard(m)
	body, _ := session(m)
	if e := p.earlyOf(m.ToTag); body == nil && e != nil {
		body = e.sdp // what peers say in 183 and not again
	}
	p.stop()
	l.s.peers.answered(l.trunk.trunk, p.at.peer)
	l.out = nil
	l.timer.Stop()
	l.established = true
	if err := l.answeredMedia(body); err != nil {
		l.hangup(call.Cause{Q850: 47, By: call.ByPeer, Label: call.LabelMedia, Text: err.Error()}, nil)
		return
	}
	l.emit(call.Answered{Leg: l.id, Headers: rows})
}
