package sip

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transport"
)

// maxContacts is how many contacts of one 3xx are called.
const maxContacts = 8

// redirected follows a 300, 301 or 302 to its contacts, the best first (RFC 3261 section 8.1.3.4). Each passes the same
// policy as what was dialled, and only contacts on the trunk itself are called: a far end must not choose whom we call
// on whose bill. Any other 3xx, and one that leads nowhere, is a refusal.
func (l *Leg) redirected(m *message.Message, rows header.List) {
	p := l.out
	p.cause, p.rows = refusedCause(m.Status, clone(m.Reason), rows), rows
	p.peers, p.hops = nil, nil
	found := l.named(m, rows, p.seen[len(p.seen)-1])
	if l.ended {
		return
	}
	if found == nil {
		p.later = nil
	}
	p.later = append(found, p.later...)
	l.next()
}

// named gives what a 3xx names that may be called instead of before, each with its context. nil: it is not followed, and
// the leg may be over.
func (l *Leg) named(m *message.Message, rows header.List, before string) []branch {
	p := l.out
	p.turns++
	if m.Status > 302 || p.turns > l.s.cfg.Limits.Redirects {
		return nil
	}
	context := l.diverted(p.branch.rows, rows, before, nameOf(m))
	if count, limit := diversions(context); count > limit {
		reason := header.Field{Name: "Reason", Value: header.NewReason("SIP", 482, "").String()}
		l.account("INVITE", call.WriterPlatform, []header.Change{
			{
				Action: header.Dropped, Field: header.Field{Name: "Contact", Value: clone(m.Get("Contact"))}, Reason: BecauseHops,
				Detail: fmt.Sprintf("more than %d diversions", limit),
			},
			{Action: header.Added, Field: reason, Reason: BecauseHops},
		})
		l.end(call.Cause{SIP: 480, Q850: 25, By: call.ByPlatform, Label: call.LabelRejected, Text: "too many diversions"},
			rows.Without(reason.Name).With(reason.Name, reason.Value))
		return nil
	}
	found := []branch{}
	for _, c := range contacts(m) {
		if b, ok := l.contacted(c, context, nameOf(m)); ok && len(found) < maxContacts {
			found = append(found, b)
		}
	}
	return found
}

// contacts gives the contacts of a 3xx in order of preference.
func contacts(m *message.Message) []header.NameAddr {
	all, err := m.Contacts()
	if err != nil {
		return nil
	}
	slices.SortStableFunc(all, func(a, b header.NameAddr) int { return preference(b) - preference(a) })
	return all
}

// preference gives a contact's q in thousandths; 1000 without one.
func preference(a header.NameAddr) int {
	text, ok := a.Params.Get("q")
	q, err := strconv.ParseFloat(text, 64)
	if !ok || err != nil || q < 0 || q > 1 {
		return 1000
	}
	return int(q * 1000)
}

// contacted makes a branch of a contact, or tells in the log why it is not called.
func (l *Leg) contacted(c header.NameAddr, context header.List, msg string) (branch, bool) {
	skip := func(why string) (branch, bool) {
		l.note("contact " + header.Quote(c.URI) + " of " + msg + " is not called: " + why)
		return branch{}, false
	}
	u, err := header.ParseURI(c.URI)
	if err != nil || !u.IsSIP() && (!u.IsTel() || l.trunk.endpoint == nil) {
		return skip("not a sip URI")
	}
	if isSIPS(l.out.branch.uri) && !strings.EqualFold(u.Scheme, "sips") {
		return skip("a sips call is not carried on without TLS")
	}
	rows, err := u.Embedded()
	if err != nil {
		return skip(err.Error())
	}
	b, why := l.located(u)
	if why != "" {
		return skip(why)
	}
	if slices.Contains(l.out.seen, b.key()) {
		return skip("it was called before")
	}
	honoured, changes := header.Honoured(rows)
	detach(honoured, changes)
	l.accountHeard(msg, changes)
	b.rows = header.Inherit(context, honoured)
	return b, true
}

// located finds where a contact of a 3xx is called, or tells why it is not.
func (l *Leg) located(u header.URI) (branch, string) {
	if l.isHere(u) {
		return l.elsewhere(u)
	}
	network, err := networkOf(u, l.out.at.to.Network)
	if err != nil {
		return branch{}, err.Error()
	}
	peer := directory.Peer{Host: clone(strings.Trim(u.Hop(), "[]")), Port: u.Port}
	if network != transport.UDP {
		peer.Transport = directory.Transport(network)
	}
	switch {
	case l.onTrunk(peer.Host):
		if why := l.forbidden(u.User, l.out.dial.Account); why != "" {
			return branch{}, why
		}
		u.Headers, u.Params = "", u.Params.Without("method")
		return branch{by: l.trunk, uri: clone(u.String()), peer: peer}, ""
	case l.trunk.endpoint != nil:
		return branch{}, "its host is neither the telephone nor one of ours"
	}
	return branch{}, "its host is not one of the trunk's"
}

// onTrunk tells whether a host is one of the trunk's: a peer by name or address, or an address that calls come from.
func (l *Leg) onTrunk(host string) bool {
	for _, peer := range l.trunk.trunk.Peers {
		if strings.EqualFold(peer.Host, host) {
			return true
		}
	}
	a, ok := hostAddr(host)
	return ok && (l.trunk.allows(a) || a == l.out.at.to.Addr.Addr()) && callable(a, l.out.at.to.Addr.Addr())
}

// diverted gives the context of what is dialled after a 3xx: with the Diversion rows that it brought before those that
// are there, which never change (RFC 5806 sections 3.1 and 5.2). One that brought none diverted what was dialled before.
func (l *Leg) diverted(context, brought header.List, before, msg string) header.List {
	var fresh header.List
	for _, f := range brought {
		if header.SameName(f.Name, "Diversion") && !slices.Contains(context, f) {
			fresh = append(fresh, f)
		}
	}
	if len(fresh) == 0 && !brought.Has("Diversion") {
		f := header.Field{Name: "Diversion", Value: "<" + toURI(before) + ">;reason=deflection;counter=1"}
		l.account("INVITE", call.WriterPlatform, []header.Change{{
			Action: header.Added, Field: f, Reason: BecauseRedirected, Detail: "the far end answered " + msg,
		}})
		fresh = append(fresh, f)
	}
	return append(fresh, context...)
}

// diversions counts how often a call was diverted, as the counters say, and tells how often it may be: as the least of
// the limits of those who diverted it says, but no more than [header.MaxDiversions].
func diversions(context header.List) (count, limit int) {
	limit = header.MaxDiversions
	for row := range context.Values("Diversion") {
		all, err := header.ParseDiversions(row)
		if err != nil {
			count++
		}
		for _, d := range all {
			count += d.Counter()
			if n, ok := d.Limit(); ok {
				limit = min(limit, n)
			}
		}
	}
	return count, limit
}
