package sip

import (
	mathrand "math/rand/v2"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
)

// redirected takes a 3xx of a contact: what it names and may be called rings when nobody rings any more. False: that is
// nothing.
func (r *ring) redirected(m *message.Message, rows header.List) bool {
	l := r.of.l
	l.out.at = r.to
	found := l.named(m, rows, aor(r.at.User)+"@"+l.s.layer.Local(r.to.to.Network, r.to.to.Addr.Addr()).String())
	for i := range found {
		if found[i].by == l.trunk && found[i].peer.Host != "" { // the telephone itself
			b := r.at
			b.Contact = found[i].uri
			found[i].contacts = []directory.Binding{b}
		}
	}
	l.out.later = append(l.out.later, found...)
	return len(found) > 0
}

// isHere tells whether the contact of an endpoint's 3xx names somebody of us: it has an address or name of ours, the domain
// at which the telephone registered among them, or is a number.
func (l *Leg) isHere(u header.URI) bool {
	if l.trunk.endpoint == nil || u.IsTel() {
		return l.trunk.endpoint != nil
	}
	at := l.out.at
	if a, ok := hostAddr(u.Host); ok {
		domain, registered := hostAddr(at.domain)
		ours := a == l.s.layer.Local(at.to.Network, at.to.Addr.Addr()).Addr().Unmap() || registered && a == domain
		return ours && l.s.listensAt(u)
	}
	return strings.EqualFold(u.Host, l.s.cfg.Endpoints.Realm) || strings.EqualFold(u.Host, at.domain)
}

// elsewhere finds whom an endpoint's 3xx means by somebody of us, as its REFER would: another endpoint of its account, or,
// where it may transfer calls, a number, by the trunk that takes it. It is the endpoint's account that calls there.
func (l *Leg) elsewhere(u header.URI) (branch, string) {
	user, ok := u.UserText()
	if !ok {
		return branch{}, "a broken escape"
	}
	d := &l.out.dial
	to, refused := call.Dial{Endpoint: clone(user)}, (*call.Cause)(nil)
	if l.s.cfg.Endpoints.Route != nil {
		to, refused = l.s.cfg.Endpoints.Route(call.Dial{From: d.From, To: clone(party(header.URI{Scheme: u.Scheme, User: user})), Named: l.s.cfg.Endpoints.Realm,
			Account: l.trunk.endpoint.Account})
	}
	if refused != nil {
		return branch{}, refused.Text
	}
	b := branch{to: to.To}
	if to.Endpoint != "" {
		e, ok := l.s.cfg.Directory().Endpoint(to.Endpoint)
		if !ok || e.Disabled || e.Account != l.trunk.endpoint.Account {
			return branch{}, "it is no endpoint of the account"
		}
		b.by, b.to = l.s.trunks.ofEndpoint(e), e.User
		return b, ""
	}
	t, ok := l.s.cfg.Directory().Trunk(to.Trunk)
	home := l.s.trunks.house.of(to.Trunk)
	if home != nil {
		t, ok = home.trunk, true
	}
	switch {
	case !ok || t.Disabled || len(t.Peers) == 0:
		return branch{}, "no trunk takes it"
	case !l.trunk.transfers():
		return branch{}, "the endpoint may not have others called (transfer.accept)"
	}
	if why := l.forbidden(u.User, l.trunk.endpoint.Account); why != "" {
		return branch{}, why
	}
	d.Account = l.trunk.endpoint.Account // whoever's the trunk is
	if b.by = home; home == nil {
		b.by = l.s.trunks.of(t)
	}
	return b, ""
}

// ringNext goes on to what a 3xx named, when nobody rings any more. When nothing is left the leg is over.
func (l *Leg) ringNext() {
	p := l.out
	p.rings.end()
	p.rings, p.early = nil, nil
	l.next()
}

// turn takes what a 3xx named, by whatever trunk or endpoint that is called. False: there is nothing more to be done now, as
// the leg is over, or an endpoint rings.
func (l *Leg) turn(b branch) bool {
	p := l.out
	if slices.Contains(p.seen, b.key()) {
		return true // by another contact meanwhile
	}
	if b.by != l.trunk && !l.goesBy(b.by) {
		return false
	}
	if l.trunk.endpoint != nil {
		l.ringAll(b)
		return false
	}
	p.peers = []directory.Peer{b.peer}
	if b.peer.Host == "" {
		p.seen = append(p.seen, b.key())
		if l.trunk.isHome(&l.s.trunks.house) {
			if b.uri = l.goesHome(b.to); l.rounds > maxRounds {
				l.end(call.Cause{SIP: 482, Q850: q850Of(call.LabelRejected), By: call.ByPlatform, Label: call.LabelRejected, Text: inCircle}, nil)
				return false
			}
		}
		p.peers = order(l.s.peers.usable(l.trunk.trunk), mathrand.New(mathrand.NewPCG(mathrand.Uint64(), mathrand.Uint64())))
		l.note("forwarded to " + b.to + " by trunk " + l.trunk.trunk.ID)
	}
	return len(p.peers) == 0 || l.take(b)
}

// goesBy lets what is called next go by another trunk or endpoint than before, which counts it from now on. False: a limit
// of that one, or of the account, refuses it, and the leg is over.
func (l *Leg) goesBy(to *peering) bool {
	l.toll.free()
	l.trunk, l.media.local, l.out.breadth = to, nil, l.breadth
	if l.dialog != nil { // refused, and of another trunk
		l.dialog.End()
		l.dialog = nil
	}
	why := l.s.hurriesOut(to)
	if why == "" {
		why = l.s.admit(l, l.out.dial.Account)
	}
	if why != "" {
		l.limited(why)
	}
	return why == ""
}

// key is a branch among what was called.
func (b branch) key() string {
	if b.uri == "" {
		return aor(b.to)
	}
	return b.uri
}

// aor is an endpoint among what was called.
func aor(user string) string { return "sip:" + header.EscapeUser(user) }
