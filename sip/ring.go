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
	l   *Leg
	all []*ring
	won *ring
}

// ring is one contact that rings.
type ring struct {
	of     *rings
	at     directory.Binding
	to     transport.Target
	dialog *dialog.Dialog
	over   bool
}

// ringAll begins to ring every contact at which the dialled endpoint is registered.
func (l *Leg) ringAll() {
	p, user := l.out, l.trunk.endpoint.User
	var found []directory.Binding
	if r := l.s.cfg.Endpoints.Registrar; r != nil {
		found = r.Find(user, time.Now())
	}
	if len(found) == 0 {
		l.end(call.Cause{SIP: 480, Q850: 20, By: call.ByPlatform, Label: call.LabelUnreachable, Text: user + " is not registered"}, nil)
		return
	}
	if !l.take(branch{uri: found[0].Contact, rows: p.dial.Headers}) {
		return
	}
	rs := &rings{l: l}
	p.rings = rs
	networks := make([]string, len(found)) // all are made one and the same offer
	for i, b := range found {
		networks[i] = b.Network
	}
	l.over(networks...)
	for _, b := range found {
		r := &ring{of: rs, at: b, to: reach(b)}
		if err := r.invite(); err != nil {
			l.note(fmt.Sprintf("contact %s of %s is not rung: %v", b.Contact, user, err))
			if p.cause.Label == "" {
				p.cause = call.Cause{SIP: 503, Q850: 41, By: call.ByPlatform, Label: call.LabelUnreachable, Text: err.Error()}
			}
			continue
		}
		rs.all = append(rs.all, r)
	}
	p.out = rs.ringing() > 0
	if !p.out {
		l.giveUp()
	}
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

var errFamily = errors.New("its address is of another family than the first contact's")

// invite sends the INVITE to one contact.
func (r *ring) invite() error {
	l := r.of.l
	p, s, far := l.out, l.s, r.to.Addr.Addr()
	if open := l.session.Load(); open != nil && (*open).Local().Addr().Is4() != far.Unmap().Is4() {
		return errFamily
	}
	local, contact := s.layer.Local(r.to.Network, far), s.contactFor(r.at.Contact, r.to.Network, far)
	if r.dialog == nil {
		id := identity(p.dial, r.at.Contact, l.callID, randomID(), contact, local)
		id.Remote = "<sip:" + header.EscapeUser(r.at.User) + "@" + local.String() + ">"
		d, err := s.dialogs.Outgoing(id, r.happened)
		if err != nil {
			return err
		}
		r.dialog = d
		l.own(d)
		d.Pin(far)
	}
	body, err := l.offerMedia(far)
	if err != nil {
		r.end()
		return fmt.Errorf("%w: %w", errNoSession, err)
	}
	m := r.dialog.Request("INVITE")
	for _, hop := range r.at.Path {
		m.Add("Route", hop)
	}
	complete(m, l.hops, invites(l.trunk.trunk, l.lease), p.branch.ok, body, s.cfg.Product)
	l.account("INVITE", call.WriterPlatform, l.trunk.signing.sign(m, time.Now()))
	if size := sizeOf(m); size > maxDatagram && r.to.Network == transport.UDP {
		l.note(fmt.Sprintf("INVITE of %d bytes is too long for UDP: it goes in fragments, for a contact is called the way it registered", size))
	}
	if err := r.dialog.Invite(m, r.to); err != nil {
		r.end()
		return err
	}
	return nil
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
		l.media.far = r.to.Addr.Addr()
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
	l.dialog, l.media.far = r.dialog, r.to.Addr.Addr()
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
	if m != nil && m.Status == 422 && l.lease.insisted(m) && !l.hung && r.invite() == nil {
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
	if better(cause, p.cause) {
		p.cause, p.rows = cause, rows
	}
	r.end()
	if m != nil && m.Status >= 600 && !l.hung {
		rs.cancel(nil)
	}
	switch {
	case rs.ringing() > 0:
	case l.hung:
		l.end(l.cause, rows)
	default:
		l.giveUp()
	}
}

// better tells whether a refusal says more than what is known.
func better(c, than call.Cause) bool {
	return rank(c) < rank(than)
}

func rank(c call.Cause) int {
	switch {
	case c.Label == "":
		return 1000
	case c.SIP >= 600:
		return 0
	case c.By == call.ByPlatform, c.SIP == 408, c.SIP == 480, c.SIP >= 500: // it rang, or could not be reached
		return 500 + c.SIP/100
	}
	return c.SIP / 100
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
}

func (r *ring) end() {
	if !r.over {
		r.over = true
		r.dialog.End()
	}
}
