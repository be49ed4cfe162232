package dialog

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
	"github.com/switchhook/switchhook/sip/transport"
)

// maxLogins is how often one request is sent again with credentials: a second time where the first nonce was stale, or
// where a proxy and the far end both ask (RFC 3261 section 22).
const maxLogins = 2

// Login gives the rows with which a request of ours answers the 401 or 407 that it got at a target; none to leave it at
// that.
type Login func(req, refusal *message.Message, at transport.Target) header.List

// proving is how the two ends of a dialog know each other.
type proving struct {
	login Login
	pin   netip.Addr // where the far end's requests must come from; invalid: from anywhere
	prove func(*transaction.Server) bool
	admit func(transport.Incoming, Far) bool // whence they may come where nobody is asked for a proof; nil: from anywhere
}

// LogIn makes f answer the challenges that requests of the dialog get.
func (d *Dialog) LogIn(f Login) { d.login = f }

// Pin lets requests of the dialog come from one address alone, and sends ours to no other, whatever Contact and Record-Route
// say: for far ends that proved who they are when the dialog began, and are not asked again. Who sends from elsewhere must prove it: prove tells whether that is done, so that the dialog
// goes on from there, or answers the request.
func (d *Dialog) Pin(far netip.Addr, prove func(tx *transaction.Server) bool) {
	d.pin, d.prove = far.Unmap(), prove
}

// Admit lets requests and ACKs of the dialog come only from where f says: others are answered as if there were no such
// dialog (481), so that nobody learns that there is.
func (d *Dialog) Admit(f func(in transport.Incoming, far Far) bool) { d.admit = f }

// Far is a far end as it told where it is called.
type Far struct{ r *remote }

// Named tells whether its Contact, or a hop of the way to it, is at an address.
func (f Far) Named(a netip.Addr) bool {
	return leads(f.r.target, a) || slices.ContainsFunc(f.r.routes, func(route string) bool {
		hop, err := header.ParseNameAddr(route)
		return err == nil && leads(hop.URI, a)
	})
}

// leads tells whether a URI names the address where it is called, and that is this one.
func leads(uri string, to netip.Addr) bool {
	u, err := header.ParseURI(uri)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(strings.Trim(u.Hop(), "[]"))
	return err == nil && a.Unmap() == to.Unmap()
}

// comes tells whether a message comes from where those of the far end may come from, without any proof.
func (d *Dialog) comes(in transport.Incoming, r *remote) bool {
	if d.pin.IsValid() {
		return in.Source.Addr().Unmap() == d.pin
	}
	return d.admit == nil || d.admit(in, Far{r})
}

// known tells whether a request comes from the far end; else it is answered.
func (d *Dialog) known(tx *transaction.Server, r *remote) bool {
	in := tx.Incoming()
	switch {
	case d.comes(in, r):
		return true
	case !d.pin.IsValid():
		tx.Once()
		d.answer(tx, 481, "", nil)
		return false
	case !d.prove(tx):
		return false
	}
	d.pin = in.Source.Addr().Unmap()
	return true
}

// pinned tells whether a next hop names the address that the far end is pinned to.
func (d *Dialog) pinned(hop string) bool { return leads(hop, d.pin) }

// Challenged tells whether a response asks for credentials.
func Challenged(m *message.Message) bool { return m != nil && (m.Status == 401 || m.Status == 407) }

// authorised gives a challenged request as it is sent again: a copy with the next CSeq and credentials. Nil: it is not.
func (d *Dialog) authorised(req, refusal *message.Message, at transport.Target, tries int) *message.Message {
	if d.login == nil || !Challenged(refusal) || tries >= maxLogins {
		return nil
	}
	rows := d.login(req, refusal, at)
	if len(rows) == 0 {
		return nil
	}
	d.seq = max(d.seq, req.CSeq.Number) + 1
	return Again(req, d.seq, rows)
}

// Again gives a copy of a request with another CSeq and these rows, which take the place of those with their names.
func Again(req *message.Message, seq uint32, rows header.List) *message.Message {
	m := *req
	m.Headers = slices.Clone(req.Headers)
	m.Set("CSeq", strconv.FormatUint(uint64(seq), 10)+" "+m.Method)
	for _, f := range rows {
		m.Del(f.Name)
	}
	for _, f := range rows {
		m.Add(f.Name, f.Value)
	}
	return &m
}

// exchange sends a request and waits for its final response, answering challenges.
func (d *Dialog) exchange(m *message.Message, to transport.Target, tries int, on func(*message.Message, error)) {
	d.traced(true, m)
	d.set.cfg.Layer.Send(m, to, func(_ *transaction.Client, resp *message.Message, err error) {
		if resp != nil && resp.Status < 200 {
			return
		}
		if again := d.authorised(m, resp, to, tries); again != nil {
			d.traced(false, resp)
			d.exchange(again, to, tries+1, on)
			return
		}
		on(resp, err)
	})
}

// again sends an INVITE that was challenged once more, with credentials; false: it is over.
func (a *attempt) again(refusal *message.Message) bool {
	d := a.d
	if a.over || a.cancelled || d.attempt != a {
		return false
	}
	m := d.authorised(a.client.Request(), refusal, a.client.Target(), a.tries)
	if m == nil {
		return false
	}
	a.tries++
	a.seq, d.early = d.seq, nil
	a.proof = credentials(m)
	a.send(m, a.client.Target())
	return true
}

// credentials gives the rows of a request that prove who we are: an ACK repeats those of its INVITE (RFC 3261 section
// 22.1).
func credentials(m *message.Message) (rows header.List) {
	for _, f := range m.Headers {
		if header.SameName(f.Name, "Authorization") || header.SameName(f.Name, "Proxy-Authorization") {
			rows = append(rows, f)
		}
	}
	return rows
}
