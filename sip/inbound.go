package sip

import (
	"errors"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/dialog"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
	"github.com/switchhook/switchhook/sip/transport"
)

// invite makes a leg and an attempt of an INVITE outside of dialogs, or refuses it.
func (s *Server) invite(tx *transaction.Server, p *peering, host, user, login string) {
	m, in := tx.Msg(), tx.Incoming()
	hops := m.MaxForwards()
	switch {
	case hops == 0: // RFC 7332 section 5: what we would send on has none left
		s.turnAway(tx, p, 483, "Max-Forwards is used up")
		return
	case hops < 0:
		hops = 70
	}
	later := header.Field{Name: "Retry-After", Value: "5"}
	if s.draining.Load() {
		s.turnAway(tx, p, 503, "draining", later)
		return
	}
	if why := s.hurries(p); why != "" {
		s.turnAway(tx, p, 503, why, later)
		return
	}
	v := visit{account: p.trunk.Account}
	if p.isHome(&s.trunks.house) {
		host = "" // a secret of ours
		v, _ = s.trunks.house.visit(&in)
	}
	l := &Leg{
		s: s, direction: call.In, callID: m.CallID, from: callerOf(m), to: user, trunk: p, bounds: bounds{hops, m.MaxBreadth(), v.rounds}, start: in.At,
		terms: terms{askedUUI: asksUUI(m.Headers)},
	}
	rows, changes, ok := l.takes(tx)
	if !ok {
		return
	}
	if why := s.admit(l, ""); why != "" {
		s.turnAway(tx, p, 503, why, later)
		return
	}
	if !s.legs.add(l) {
		l.toll.free()
		s.turnAway(tx, p, 503, "too many legs", later)
		return
	}
	var err error
	if l.dialog, err = s.dialogs.Incoming(tx, s.contactFor(m.URI, in.Network, in.Source.Addr()), l.happened); err != nil {
		l.toll.free()
		s.legs.remove(l)
		status := 400
		if errors.Is(err, dialog.ErrFull) {
			status = 503
		}
		s.turnAway(tx, p, status, err.Error())
		return
	}
	l.own(l.dialog)
	endpoint := l.known(&in)
	if f := l.traces(); f != nil {
		f(false, m)
	}
	l.timer = l.after(s.cfg.Timers.Ring, l.unanswered)
	at := call.Attempt{
		Account: v.account, Trunk: p.trunk.ID, Endpoint: endpoint, Login: login, From: l.from, To: l.to, Host: clone(host), Source: in.Source,
		Params: ownParams(m.URI), Headers: rows, Ledger: entries(in.At, "", "INVITE", call.In, call.WriterPeer, changes), At: in.At,
	}
	l.guarded(func() { s.offer(l, at) })
}

// ownParams gives the parameters of a Request-URI whose names begin with X-: those that a service may have of its own.
func ownParams(uri string) header.Params {
	if !strings.Contains(uri, ";") {
		return nil
	}
	u, err := header.ParseURI(uri)
	if err != nil {
		return nil
	}
	var own header.Params
	for _, p := range u.Params {
		if len(p.Name) > 2 && strings.EqualFold(p.Name[:2], "x-") {
			own = append(own, header.Param{Name: clone(p.Name), Value: clone(p.Value)})
		}
	}
	return own
}

// takes reads what the INVITE of an inbound leg requires, offers and carries: the rows that the application may see, and
// what became of each. False: it is refused.
func (l *Leg) takes(tx *transaction.Server) (header.List, []header.Change, bool) {
	m, in, p := tx.Msg(), tx.Incoming(), l.trunk
	refuse := func(status int, why string, rows ...header.Field) (header.List, []header.Change, bool) {
		l.s.turnAway(tx, p, status, why, rows...)
		return nil, nil, false
	}
	if status, rows := l.deal(m); status != 0 {
		return refuse(status, whyOf(rows, "what it requires"), rows...)
	}
	l.over(in.Network)
	if status, rows := l.offered(m, in.Source.Addr().Unmap()); status != 0 {
		return refuse(status, whyOf(rows, "what its body says"), rows...)
	}
	rows, changes, err := p.in.Apply(header.Message{Kind: header.Invite, Target: m.URI}, m.Headers)
	if err != nil {
		return refuse(refusedByPolicy(err).SIP, err.Error())
	}
	changes, trusted := p.trusted(m, in.At, changes)
	if !trusted {
		return refuse(403, whyUntrusted(changes))
	}
	return rows, l.news(rows, changes), true
}

// known settles who calls, once there is a dialog: nobody else may go on in its place. It gives the user name of an
// endpoint, which has proven who it is and is asked no more.
func (l *Leg) known(in *transport.Incoming) (endpoint string) {
	l.dialog.LogIn(l.s.loginOf(l.trunk, in.Source.Addr(), l.note))
	l.callID = l.dialog.CallID()
	l.from, l.to = clone(l.from), clone(l.to)
	if e := l.trunk.endpoint; e != nil {
		endpoint, l.from = e.User, e.User
		l.dialog.Pin(in.Source.Addr(), l.moves)
		return endpoint
	}
	l.dialog.Admit(l.whence(in.Source.Addr(), in.Network))
	return ""
}

// offer hands an attempt up.
func (s *Server) offer(l *Leg, at call.Attempt) {
	if r, _ := replacing(l.dialog.INVITE().Msg()); r != nil {
		s.takeOver(l, *r, at)
		return
	}
	if s.cfg.Receive == nil {
		l.hangup(call.Cause{SIP: 404, By: call.ByPlatform, Label: call.LabelNoRoute}, nil)
		return
	}
	s.cfg.Receive(at, l.open)
}

// unanswered refuses an inbound leg that nobody has answered in time.
func (l *Leg) unanswered() {
	l.hangup(call.Cause{SIP: 480, Q850: 19, By: call.ByPlatform, Label: call.LabelNoAnswer, Text: "not answered in time"}, nil)
}

// respond answers the INVITE of an inbound leg, but for a refusal. Nothing happens where the state does not allow it.
func (l *Leg) respond(status int, rows header.List, withMedia bool) {
	if l.ended {
		l.closeMedia() // one that was opened as the leg ended
		return
	}
	tx := l.dialog.INVITE()
	if tx == nil {
		return
	}
	r := dialog.Response{Status: status}
	if status < 200 {
		r.Reliable, withMedia = l.provisional(withMedia)
	} else {
		withMedia = withMedia && !l.media.settled
	}
	if withMedia {
		body, err := l.describeMedia()
		if err != nil {
			l.hangup(mediaCause(err), nil)
			return
		}
		r.Type, r.Body = sdpType, body
		l.media.settled = r.Reliable
	}
	gate := l.gate.say(l.takesEarly && status < 200, withMedia)
	if status == 183 && !withMedia && len(rows) == 0 && gate == nil {
		return // all is said
	}
	kind, name := header.Provisional, strconv.Itoa(status)
	r.Headers = l.s.answerRows()
	if status == 200 {
		kind = header.Success
		l.timer.Stop()
		r.Headers = append(r.Headers, l.lease.answer()...)
	}
	r.Headers = append(r.Headers, gate...)
	r.Headers = append(r.Headers, l.said(kind, name, rows)...)
	if err := l.dialog.Respond(tx, r); err != nil {
		l.failed(err)
	}
}

// answerRows are the rows of every answer to an INVITE.
func (s *Server) answerRows() header.List {
	return header.List{{Name: "Allow", Value: allow}, {Name: "Supported", Value: supported}, {Name: "Server", Value: s.cfg.Product}}
}

// failed ends a leg whose message could not be sent: our own fault, or rows that no message may carry.
func (l *Leg) failed(err error) {
	l.s.cfg.Log.Error("SIP message not sent", "callId", l.callID, "leg", string(l.id), "error", err)
	l.hangup(call.Cause{SIP: 500, Q850: 41, By: call.ByPlatform, Label: call.LabelInternal, Text: err.Error()}, nil)
}

// decline refuses the INVITE of an inbound leg.
func (l *Leg) decline(cause call.Cause, rows header.List) {
	status := refusalStatus(cause)
	rows = l.farewell(header.Failure, nameOf(&message.Message{Status: status, CSeq: message.CSeq{Method: "INVITE"}}), rows)
	r := dialog.Response{Status: status, Reason: oneLine(cause.Phrase), Headers: append(header.List{{Name: "Server", Value: l.s.cfg.Product}}, rows...)}
	if status == 503 && cause.Label == call.LabelLimit {
		r.Headers = append(r.Headers, header.Field{Name: "Retry-After", Value: "5"})
	}
	tx := l.dialog.INVITE()
	if err := l.dialog.Respond(tx, r); err != nil {
		_ = l.dialog.Respond(tx, dialog.Response{Status: status}) // without the rows that can't be written
	}
	l.dialog.End()
	if cause.SIP == 0 {
		cause.SIP = status
	}
	l.end(cause, nil)
}
