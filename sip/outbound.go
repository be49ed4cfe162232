package sip

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	mathrand "math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/sip/dialog"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
	"github.com/switchhook/switchhook/sip/transport"
)

// placing is an outbound leg on its way to an answer: what is dialled, and whom to try next. It is freed at the answer.
type placing struct {
	dial   call.Dial
	branch branch   // what is dialled now
	later  []branch // contacts of a 3xx, the best first
	peers  []directory.Peer
	hops   []hop
	at     hop    // where the INVITE is
	out    bool   // an INVITE is out
	rings  *rings // of an endpoint, in place of peers and hops
	warned bool   // of its size

	breadth int // Max-Breadth of an INVITE: the leg's, or a part of it where several ring

	seen     []string // Request-URIs that were dialled, against loops
	turns    int      // 3xx followed
	cause    call.Cause
	rows     header.List // that the last refusal brought
	early    []earlyAnswer
	agreed   *media.Remote      // with an early dialog, the last time
	patience *transaction.Timer // until the first response
}

// branch is one target: that of the Dial, or a contact of a 3xx.
type branch struct {
	by   *peering       // whose policies and limits count; of what a 3xx named
	to   string         // who is called; empty: Dial.To
	uri  string         // the Request-URI; empty: made of who is called and the peer
	peer directory.Peer // none: all of the trunk's
	rows header.List    // context before the trunk's policy
	ok   header.List    // context after it

	contacts []directory.Binding // of an endpoint, where not all are meant
}

// hop is one place to send an INVITE to.
type hop struct {
	peer     directory.Peer
	to       transport.Target
	oversize bool   // TCP, because it is too long for UDP; the same place over UDP follows
	forced   bool   // the network is settled, however long it is
	domain   string // of ours, at which a telephone registered
}

// Dial places an outbound leg. It returns at once: the leg exists before it rings, and every failure is reported as
// call.LegEnded.
func (s *Server) Dial(id call.LegID, d call.Dial, r call.Report) *Leg {
	callID := randomID()
	l := &Leg{
		s: s, direction: call.Out, callID: callID, from: d.From, to: d.To, bounds: bounds{70, -1, 0}, start: time.Now(), id: id, report: r,
		terms: terms{askedUUI: asksUUI(d.Headers)}, out: &placing{dial: d},
	}
	if t, ok := s.cfg.Directory().Trunk(d.Trunk); ok && !t.Disabled {
		l.trunk = s.trunks.of(t)
	}
	if d.Endpoint != "" {
		l.trunk, l.to = nil, cmp.Or(d.To, d.Endpoint)
		if e, ok := s.cfg.Directory().Endpoint(d.Endpoint); ok && !e.Disabled {
			l.trunk = s.trunks.ofEndpoint(e)
		}
	}
	if hops, ok := s.legs.hops(d.For); ok {
		l.hops = hops - 1
	}
	if f := s.legs.find(d.For); f != nil {
		l.media.prefer, l.breadth, l.rounds = f.codec(), f.breadth, f.rounds
	}
	if p := s.trunks.house.of(d.Trunk); p != nil {
		l.trunk = p
		l.out.dial.URI = l.goesHome(d.To)
	}
	room := s.legs.add(l)
	s.legs.name(id, l)
	if !s.layer.Post(callID, func() { l.guarded(func() { l.place(room) }) }) {
		s.abort(l, room)
	}
	return l
}

// randomID gives 128 random bits, for Call-IDs and tags.
func randomID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// place begins to dial, on the shard. room tells whether one more leg may stand.
func (l *Leg) place(room bool) {
	p := l.out
	if l.ended || l.hung {
		return
	}
	fail := func(status int, label call.Label, why string) {
		l.end(call.Cause{SIP: status, Q850: q850Of(label), By: call.ByPlatform, Label: label, Text: why}, nil)
	}
	switch {
	case l.trunk == nil:
		l.trunk = l.s.open
		fail(404, call.LabelNoRoute, "no such trunk or endpoint")
		return
	case l.hops < 0:
		fail(483, call.LabelRejected, "Max-Forwards is used up")
		return
	case l.rounds > maxRounds:
		fail(482, call.LabelRejected, inCircle)
		return
	case l.breadth == 0:
		fail(440, call.LabelRejected, "Max-Breadth is used up")
		return
	}
	why := l.s.hurriesVia(p.dial.Via)
	if why == "" {
		why = l.s.hurriesOut(l.trunk)
	}
	if why == "" && !room {
		why = "too many legs"
	}
	if why == "" {
		why = l.s.admit(l, p.dial.Account)
	}
	if why != "" {
		l.limited(why)
		return
	}
	p.breadth = l.breadth
	timeout := p.dial.Timeout
	if timeout <= 0 {
		timeout = l.s.cfg.Timers.Dial
	}
	l.timer = l.after(timeout, func() {
		l.hangup(call.Cause{SIP: 408, Q850: 19, By: call.ByPlatform, Label: call.LabelNoAnswer, Text: "not answered in time"}, nil)
	})
	if l.trunk.endpoint != nil {
		l.ringAll(branch{rows: p.dial.Headers})
		return
	}
	if len(l.trunk.trunk.Peers) == 0 {
		fail(503, call.LabelUnreachable, "the trunk has no peers")
		return
	}
	peers := l.s.peers.usable(l.trunk.trunk)
	if len(peers) == 0 {
		fail(503, call.LabelUnreachable, "all peers are down")
		return
	}
	p.peers = order(peers, mathrand.New(mathrand.NewPCG(mathrand.Uint64(), mathrand.Uint64())))
	if l.take(branch{uri: p.dial.URI, rows: p.dial.Headers}) {
		l.next()
	}
}

// take makes b what is dialled now: its context passes the trunk's policy. False: the policy refuses it, and the leg is
// over.
func (l *Leg) take(b branch) bool {
	p := l.out
	uri := b.uri
	if uri == "" {
		uri = requestURI(cmp.Or(b.to, p.dial.To), p.peers[0])
	}
	ok, changes, err := l.trunk.out.Apply(header.Message{Kind: header.Invite, Target: uri}, b.rows)
	l.account("INVITE", call.WriterApp, changes)
	if err != nil {
		l.end(refusedByPolicy(err), nil)
		return false
	}
	b.ok = l.claim(ok)
	p.branch = b
	return true
}

// next tries the next place: an address of the peer, another peer, another contact. When none is left the leg is over.
func (l *Leg) next() {
	p := l.out
	p.out = false
	for !l.ended && !l.hung {
		switch {
		case len(p.hops) > 0:
			h := p.hops[0]
			p.hops = p.hops[1:]
			l.inviteAt(h)
			return
		case len(p.peers) > 0:
			peer := p.peers[0]
			p.peers = p.peers[1:]
			l.reach(peer)
			return
		case len(p.later) > 0:
			b := p.later[0]
			p.later = p.later[1:]
			if !l.turn(b) {
				return
			}
		default:
			l.giveUp()
			return
		}
	}
}

// giveUp ends the leg with the last failure.
func (l *Leg) giveUp() {
	p := l.out
	if p.cause.Label == "" {
		p.cause = call.Cause{SIP: 503, Q850: 41, By: call.ByPlatform, Label: call.LabelUnreachable, Text: "no peer could be called"}
	}
	l.end(p.cause, p.rows)
}

// reach finds where a peer is served, then goes on.
func (l *Leg) reach(peer directory.Peer) {
	found := func(all []transport.Target, err error) {
		if l.ended || l.out == nil {
			return
		}
		if err != nil {
			l.out.cause = call.Cause{SIP: 503, Q850: 41, By: call.ByPlatform, Label: call.LabelUnreachable, Text: err.Error()}
		}
		for _, to := range all {
			l.out.hops = append(l.out.hops, hop{peer: peer, to: to})
		}
		l.next()
	}
	at := peer
	if isSIPS(l.out.branch.uri) {
		at.Transport = transport.TLS // whatever the peer is reached by otherwise
	}
	if _, ok := hostAddr(peer.Host); ok {
		l.s.places(l.trunk.trunk, at, found)
		return
	}
	l.s.places(l.trunk.trunk, at, func(all []transport.Target, err error) { l.post(func() { found(all, err) }) })
}

// inviteAt sends the INVITE to one place.
func (l *Leg) inviteAt(h hop) {
	p, s := l.out, l.s
	local := s.layer.Local(h.to.Network, h.to.Addr.Addr())
	uri := p.branch.uri
	if uri == "" {
		uri = requestURI(cmp.Or(p.branch.to, p.dial.To), h.peer)
	}
	contact := s.contactFor(uri, h.to.Network, h.to.Addr.Addr())
	if l.dialog == nil {
		d, err := s.dialogs.Outgoing(identity(p.dial, uri, l.callID, randomID(), contact, domainAt(l.trunk.trunk, h.peer, local)), l.happened)
		if err != nil {
			l.end(call.Cause{SIP: 503, Q850: 42, By: call.ByPlatform, Label: call.LabelLimit, Text: err.Error()}, nil)
			return
		}
		l.dialog = d
		l.own(d)
	} else if p.branch.uri == "" {
		l.dialog.Retarget("<"+toURI(uri)+">", uri, contact)
	} else {
		l.dialog.Retarget("", uri, contact) // RFC 3261 section 8.1.3.4: To stays
	}
	p.early = nil
	l.over(h.to.Network)
	body, err := l.offerMedia(h.to.Addr.Addr())
	if err != nil {
		l.end(mediaCause(fmt.Errorf("%w: %w", errNoSession, err)), nil)
		return
	}
	l.dialog.LogIn(l.s.loginOf(l.trunk, h.to.Addr.Addr(), l.note))
	l.dialog.Admit(l.whence(h.to.Addr.Addr(), h.to.Network))
	m, told := l.draft(l.dialog, body)
	by := l.sized(h, m)
	if by.to.Network != h.to.Network {
		if h.forced = true; by.oversize {
			p.hops = append([]hop{h}, p.hops...)
		}
		l.inviteAt(by)
		return
	}
	h = by
	l.account("INVITE", call.WriterPlatform, told)
	p.at, p.out = h, true
	p.seen = append(p.seen, uri)
	if err := l.dialog.Invite(m, h.to); err != nil {
		l.failed(fmt.Errorf("INVITE: %w", err))
		return
	}
	if len(p.hops) > 0 || len(p.peers) > 0 || len(p.later) > 0 {
		p.patience = l.after(s.cfg.Timers.Attempt, l.silent)
	}
}

// draft makes the next INVITE of a dialog that is dialled for the leg, and gives the ledger's lines of what is ours in it: the
// trunk's rows, and the signature.
func (l *Leg) draft(d *dialog.Dialog, body []byte) (*message.Message, []header.Change) {
	m := d.Request("INVITE")
	complete(m, l.hops, invites(l.trunk.trunk, l.trunk.out, l.lease), l.out.branch.ok, body, l.s.cfg.Product)
	if n := l.out.breadth; n >= 0 {
		m.Add("Max-Breadth", strconv.Itoa(n))
	}
	if r := l.out.dial.Replaces; r != "" { // as the far end that named the target knows it: RFC 3891
		m.Add("Replaces", r)
		m.Add("Require", optionReplaces)
	}
	told := make([]header.Change, 0, 1)
	for _, f := range l.trunk.trunk.Signalling.Rows {
		m.Set(f.Name, f.Value)
		told = append(told, header.Change{Action: header.Added, Field: f, Reason: BecauseTrunk, Detail: "each INVITE by the trunk bears it"})
	}
	return m, append(told, l.trunk.signing.sign(m, time.Now())...)
}

// silent goes on to the next place when the first response does not come.
func (l *Leg) silent() {
	if l.ended || l.hung || l.out == nil {
		return
	}
	l.dialog.Abandon()
	l.missed(call.Cause{SIP: 408, Q850: 102, By: call.ByPlatform, Label: call.LabelUnreachable, Text: "no response in time"})
}

// missed goes on after a place that gave no answer.
func (l *Leg) missed(c call.Cause) {
	p := l.out
	p.cause, p.rows = c, nil
	if p.at.oversize {
		l.backToUDP("INVITE", p.at.peer, c.Text)
	} else {
		l.s.peers.rest(p.at.to, false, l.s.cfg.Timers.Rest)
		l.s.peers.failed(l.trunk.trunk, p.at.peer, c.Text)
	}
	l.next()
}

// withdraw gives up dialling. Where nothing is out, the leg is over at once.
func (p *placing) withdraw(l *Leg, rows header.List) {
	p.patience.Stop()
	if !p.out {
		l.end(l.cause, nil)
		return
	}
	rows = l.farewell(header.Cancel, "CANCEL", rows)
	if p.rings != nil {
		p.rings.cancel(rows)
		return
	}
	l.dialog.Cancel(rows)
}

// stop frees the timer.
func (p *placing) stop() {
	if p != nil {
		p.patience.Stop()
		p.rings.end()
	}
}

func clone(s string) string { return strings.Clone(s) }
