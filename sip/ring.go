package sip

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/dialog"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
	"github.com/switchhook/switchhook/sip/transport"
)

// rings are the contacts of an endpoint that one leg rings at once. Each has a dialog of its own, all with the leg's
// Call-ID; that of the first to answer becomes the leg's, and the others hear "Call completed elsewhere" (RFC 3261
// section 16.10, RFC 3326).
type rings struct {
	l     *Leg
	all   []*ring
	won   *ring
	spare spare
	both  bool // families of addresses
}

// spare is our media toward contacts of the other family of addresses, while both ring: a description names one address.
type spare struct {
	session *Session
	local   []byte
}

// ring is one contact that rings.
type ring struct {
	of       *rings
	at       directory.Binding
	to       hop
	udp      transport.Target // where it goes when TCP fails for a long INVITE
	dialog   *dialog.Dialog
	over     bool
	patience *transaction.Timer // until the first response over that TCP
}

// ringAll begins to ring every contact at which the leg's endpoint is registered, or those that a 3xx named.
func (l *Leg) ringAll(b branch) {
	p, user := l.out, l.trunk.endpoint.User
	found := b.contacts
	if r := l.s.cfg.Endpoints.Registrar; r != nil && len(found) == 0 {
		found = r.Find(user, time.Now())
	}
	if len(found) == 0 {
		if p.cause.Label == "" {
			p.cause = call.Cause{SIP: 480, Q850: 20, By: call.ByPlatform, Label: call.LabelUnreachable, Text: user + " is not registered"}
		}
		l.ringNext()
		return
	}
	if !l.divides(len(found)) {
		p.cause = call.Cause{SIP: 440, Q850: 25, By: call.ByPlatform, Label: call.LabelRejected, Text: fmt.Sprintf("Max-Breadth lets fewer ring than %s has contacts", user)}
		l.ringNext()
		return
	}
	p.seen = append(p.seen, aor(user), found[0].Contact)
	b.uri = found[0].Contact
	if !l.take(b) {
		return
	}
	rs := &rings{l: l}
	p.rings = rs
	networks := make([]string, len(found)) // all of a family are made one and the same offer
	for i, b := range found {
		networks[i] = b.Network
	}
	l.over(networks...)
	for _, b := range found {
		to := reach(b)
		r := &ring{of: rs, at: b, udp: to, to: hop{to: to, domain: b.Domain, peer: directory.Peer{Host: to.Addr.Addr().String(), Port: int(to.Addr.Port())}}}
		if err := r.invite(); err != nil {
			l.note(fmt.Sprintf("contact %s of %s is not rung: %v", b.Contact, user, err))
			if p.cause.Label == "" {
				p.cause = call.Cause{SIP: 503, Q850: 41, By: call.ByPlatform, Label: call.LabelUnreachable, Text: err.Error()}
			}
			continue
		}
		rs.all = append(rs.all, r)
	}
	if p.out = rs.ringing() > 0; !p.out {
		l.ringNext()
	}
}

// usualBreadth is the Max-Breadth of a call of which nobody has said one (RFC 5393 section 5.3.3).
const usualBreadth = 60

// divides gives each of n contacts that ring at once its part of what the call's breadth is; false: that is too little.
func (l *Leg) divides(n int) bool {
	all := l.breadth
	if all < 0 && n > 1 {
		all = usualBreadth
	}
	if all >= 0 {
		all /= n
	}
	l.out.breadth = all
	return all != 0
}

// reach gives where a contact is found: on the connection that it registered by, at the address that it registered from.
// What it calls itself may lead nowhere from here, and nobody shall have us call third parties; it counts where a
// connection is gone, if the address is the same.
func reach(b directory.Binding) transport.Target {
	to := transport.Target{Network: b.Network, Addr: b.Source, Flow: transport.FlowID(b.Flow)}
	if b.Network == transport.UDP || len(b.Path) > 0 {
		return to
	}
	if at, ok := ownPlace(b.Contact, b.Network, b.Source); ok {
		to.Addr = at
	}
	return to
}

// listens gives where a contact that registers over UDP is called: at the port that its REGISTER came from, as whoever
// says rport listens there too (RFC 3581); else at the one that it names, if the address is the same.
func listens(contact string, m *message.Message, in *transport.Incoming) netip.AddrPort {
	if in.Network != transport.UDP || m.Via.RPort >= 0 || m.Headers.Has("Path") {
		return in.Source
	}
	if at, ok := ownPlace(contact, in.Network, in.Source); ok {
		return at
	}
	return in.Source
}

// ownPlace gives the address that a contact names, if its host is that of the source.
func ownPlace(contact, network string, source netip.AddrPort) (netip.AddrPort, bool) {
	u, err := header.ParseURI(contact)
	if err != nil {
		return netip.AddrPort{}, false
	}
	a, ok := hostAddr(u.Host)
	return netip.AddrPortFrom(source.Addr(), portOf(u.Port, network)), ok && a == source.Addr().Unmap()
}

// turn takes the media toward a family of addresses into use; there is none of it yet the first time.
func (rs *rings) turn(far netip.Addr) {
	l := rs.l
	open := l.session.Load()
	if open == nil || (*open).Local().Addr().Unmap().Is4() == far.Is4() {
		return
	}
	local := l.media.local
	l.session.Store(rs.spare.session)
	l.media.local, rs.spare, rs.both = rs.spare.local, spare{open, local}, true
}

// invite sends the INVITE to one contact.
func (r *ring) invite() error {
	l, to := r.of.l, r.to.to
	p, s, far := l.out, l.s, to.Addr.Addr().Unmap()
	local, contact := s.layer.Local(to.Network, far), s.contactFor(r.at.Contact, to.Network, far)
	if r.dialog == nil {
		id := identity(p.dial, r.at.Contact, l.callID, randomID(), contact, local.String())
		id.Remote = "<sip:" + header.EscapeUser(r.at.User) + "@" + local.String() + ">"
		d, err := s.dialogs.Outgoing(id, r.happened)
		if err != nil {
			return err
		}
		r.dialog = d
		l.own(d)
		d.Pin(far, l.moves)
	}
	r.dialog.Retarget("", r.at.Contact, contact)
	r.of.turn(far)
	body, err := l.offerMedia(far)
	if err != nil {
		r.end()
		return fmt.Errorf("%w: %w", errNoSession, err)
	}
	m, told := l.draft(r.dialog, body)
	for _, hop := range r.at.Path {
		m.Add("Route", hop)
	}
	by := l.sized(r.to, m)
	if r.to = by; by.to.Network != to.Network {
		return r.invite()
	}
	l.account("INVITE", call.WriterPlatform, told)
	if err := r.dialog.Invite(m, r.to.to); err != nil {
		r.end()
		return err
	}
	if r.to.oversize {
		r.patience = l.after(s.cfg.Timers.Attempt, func() {
			if !r.over && r.of.won == nil && !l.hung {
				r.dialog.Abandon()
				r.refused(nil, transaction.ErrTimeout)
			}
		})
	}
	return nil
}

// overUDP sends a long INVITE for which TCP failed over UDP, as the contact registered; false: it is not that.
func (r *ring) overUDP(m *message.Message, err error) bool {
	l := r.of.l
	if !r.to.oversize || l.hung || err == nil && m.Status != 503 {
		return false
	}
	why := "503"
	if err != nil {
		why = err.Error()
	}
	l.backToUDP("INVITE", r.to.peer, why)
	r.to.to, r.to.oversize = r.udp, false
	return r.invite() == nil
}

// happened takes what happens to one contact's dialog, until it is the leg's.
func (r *ring) happened(e dialog.Event) {
	l := r.of.l
	if r.of.won == r {
		l.happened(e)
		return
	}
	defer l.net()
	if l.out == nil || r.over {
		if e.Tx != nil {
			_ = r.dialog.Respond(e.Tx, dialog.Response{Status: 481}) // who misses it asks again
		}
		return
	}
	switch e.Kind {
	case dialog.Provisional:
		r.patience.Stop()
		l.media.far = r.to.to.Addr.Addr()
		l.progressed(e.Msg, e.Reply)
	case dialog.Accepted:
		r.win(e)
	case dialog.Refused:
		r.refused(e.Msg, e.Err)
	case dialog.Replied:
		l.heard(e.Msg)
	case dialog.Modified, dialog.Asked: // UPDATE before the answer: several may ask for what is not the same
		_ = r.dialog.Respond(e.Tx, dialog.Response{Status: 500, Headers: header.List{{Name: "Retry-After", Value: "5"}}})
	}
}

// win makes the contact that answered the leg's.
func (r *ring) win(e dialog.Event) {
	l := r.of.l
	elsewhere := call.Cause{SIP: 200, By: call.ByPlatform, Label: call.LabelElsewhere}
	for _, o := range r.of.all {
		if o != r && !o.over {
			o.dialog.Cancel(header.List{reasonRow(elsewhere)})
			o.end()
		}
	}
	r.of.won = r
	r.of.turn(r.to.to.Addr.Addr().Unmap())
	l.dialog, l.media.far = r.dialog, r.to.to.Addr.Addr()
	if len(r.of.all) > 1 {
		l.note("answered at " + r.at.Contact)
	}
	l.accepted(e.Msg, e.Reply)
}

// refused takes the end of one contact's INVITE. When all are over, the best of the refusals is the leg's end (RFC 3261
// section 16.7, step 6); a 6xx ends the others too.
func (r *ring) refused(m *message.Message, err error) {
	rs, l := r.of, r.of.l
	p := l.out
	r.patience.Stop()
	if r.overUDP(m, err) || m != nil && m.Status == 422 && l.lease.insisted(m) && !l.hung && r.invite() == nil {
		return
	}
	rows := l.heard(m)
	cause := call.Cause{SIP: 480, Q850: 20, By: call.ByPlatform, Label: call.LabelUnreachable}
	switch {
	case m != nil:
		cause = refusedCause(m.Status, clone(m.Reason), rows)
	case errors.Is(err, transaction.ErrTimeout):
		cause.Text = "no response in time"
	case err != nil:
		cause.Text = err.Error()
	}
	r.end()
	if (m == nil || m.Status >= 400 || l.hung || !r.redirected(m, rows)) && cause.Better(p.cause) {
		p.cause, p.rows = cause, rows
	}
	if m != nil && m.Status >= 600 && !l.hung {
		p.later = nil
		rs.cancel(nil)
	}
	switch {
	case l.ended, rs.ringing() > 0:
	case l.hung:
		l.end(l.cause, rows)
	default:
		l.ringNext()
	}
}

// ringing gives how many are not over.
func (rs *rings) ringing() int {
	n := 0
	for _, r := range rs.all {
		if !r.over {
			n++
		}
	}
	return n
}

// cancel gives all up: each one's end follows.
func (rs *rings) cancel(rows header.List) {
	for _, r := range rs.all {
		if !r.over {
			r.dialog.Cancel(rows)
		}
	}
}

// end gives up what is not the leg's, at once: what answers late is acknowledged and ended.
func (rs *rings) end() {
	if rs == nil {
		return
	}
	for _, r := range rs.all {
		if r != rs.won {
			r.end()
		}
	}
	if rs.spare.session != nil {
		(*rs.spare.session).Close()
		rs.spare = spare{}
	}
}

func (r *ring) end() {
	if !r.over {
		r.over = true
		r.patience.Stop()
		r.dialog.End()
	}
}
