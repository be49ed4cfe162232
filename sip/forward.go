package sip

import (
	"slices"
	"strings"

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
		if found[i].endpoint == nil {
			b := r.at
			b.Contact = found[i].uri
			found[i].contacts = []directory.Binding{b}
		}
	}
	l.out.later = append(l.out.later, found...)
	return len(found) > 0
}

// elsewhere tells whom of us the contact of an endpoint's 3xx means: another endpoint of its account, at an address or name
// of ours. Of a trunk's 3xx it means none of us.
func (l *Leg) elsewhere(u header.URI) (e *directory.Endpoint, why string) {
	if l.trunk.endpoint == nil {
		return nil, "its host is not one of the trunk's"
	}
	at := l.out.at.to
	ours := l.s.layer.Local(at.Network, at.Addr.Addr()).Addr().Unmap()
	if a, ok := hostAddr(u.Host); (!ok || a != ours) && !strings.EqualFold(u.Host, l.s.cfg.Endpoints.Realm) {
		return nil, "its host is neither the telephone nor one of ours"
	}
	user, _ := u.UserText()
	e, ok := l.s.cfg.Directory().Endpoint(user)
	switch {
	case !ok, e.Disabled, e.Account != l.trunk.endpoint.Account:
		return nil, "it is no endpoint of the account"
	case slices.Contains(l.out.seen, aor(e.User)):
		return nil, "it was called before"
	}
	return e, ""
}

// ringNext goes on to what a 3xx named, when nobody rings any more. When nothing is left the leg is over.
func (l *Leg) ringNext() {
	p := l.out
	p.rings.end()
	p.rings, p.out, p.early = nil, false, nil
	if len(p.later) == 0 {
		l.giveUp()
		return
	}
	b := p.later[0]
	p.later = p.later[1:]
	if b.endpoint != nil {
		l.toll.free()
		l.trunk, l.media.local = l.s.trunks.ofEndpoint(b.endpoint), nil
		if why := l.s.admit(l, p.dial.Account); why != "" {
			l.limited(why)
			return
		}
	}
	l.ringAll(b)
}

// aor is an endpoint among what was called.
func aor(user string) string { return "sip:" + header.EscapeUser(user) }
