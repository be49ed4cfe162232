package sip

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/claim"
	"github.com/switchhook/switchhook/sip/dialog"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/profile"
	"github.com/switchhook/switchhook/sip/transport"
)

// Explanation is what a call.Dial would do.
type Explanation struct {
	Peer    directory.Peer // whom the INVITE would go to first
	Network string         // "udp" or "tcp": TCP also where the INVITE is too long for UDP
	Text    string         // the INVITE as it would stand on the wire
	Parts   []Part         // what each part of it costs, about
	Size    int            // their sum
	Budget  int            // what the next hop is known to take; 0: unknown
	Changes []call.Entry   // what became of each header, and why
}

// Explain tells what a Dial through a trunk would send, without dialling: the same rules make the same message. What
// differs each time (Call-ID, tag, branch, the media port) stands for itself, and the first of several peers of one
// priority is taken. local is our address as the far end would see it. The error says why nothing would be sent.
func Explain(d call.Dial, t *directory.Trunk, local netip.AddrPort) (Explanation, error) {
	if len(t.Peers) == 0 {
		return Explanation{}, errors.New("the trunk has no peers")
	}
	if t.Disabled {
		return Explanation{}, errors.New("the trunk is disabled")
	}
	t = profile.Applied(t)
	peer := t.Peers[0]
	for _, p := range t.Peers {
		if p.Priority < peer.Priority {
			peer = p
		}
	}
	e := Explanation{Peer: peer, Network: transport.UDP}
	if peer.Transport != "" {
		e.Network = string(peer.Transport)
	}
	uri := cmp.Or(d.URI, requestURI(d.To, peer))
	out := compiled(t.Out, header.Out)
	rows, changes, err := out.Apply(header.Message{Kind: header.Invite, Target: uri}, d.Headers)
	e.Changes = entries(time.Time{}, "", "INVITE", call.Out, call.WriterApp, changes)
	if err != nil {
		return e, fmt.Errorf("the trunk's policy refuses the INVITE: %w", err)
	}
	rows, claims := claimed(t.Claims, rows, func(header.Field) (string, error) { return claim.New().Keep("", "", 0, nil) })
	e.Changes = append(e.Changes, entries(time.Time{}, "", "INVITE", call.Out, call.WriterPlatform, claims)...)
	body := (&peering{trunk: t}).offerAt(netip.AddrPortFrom(local.Addr(), 10000), e.Network)
	keys := signingOf(t.Signing, nil, time.Time{})
	var signed []header.Change
	build := func(network string) *message.Message {
		contact := contactOf(network, local)
		m := dialog.Draft(identity(d, uri, "call-id", "tag", contact, domainAt(t, peer, local)), "INVITE")
		complete(m, 70, invites(t, out, lease{}), rows, body, "Switchhook")
		signed = keys.sign(m, time.Now())
		return m
	}
	m := build(e.Network)
	tell := func(changes []header.Change) {
		e.Changes = append(e.Changes, entries(time.Time{}, "", "INVITE", call.Out, call.WriterPlatform, changes)...)
	}
	if e.Network == transport.UDP {
		over, why := network(t.Signalling.Oversize, "INVITE", sizeOf(m), true)
		if why != "" {
			tell([]header.Change{overNetwork(over, why)})
		}
		if over != e.Network {
			e.Network = over
			m = build(over)
		}
	}
	tell(signed)
	tell(overBudget(t, formOf(t), m))
	e.Parts, e.Size, e.Budget = partsOf(m), sizeOf(m), t.Signalling.Budget
	m.Prepend("Via", "SIP/2.0/"+strings.ToUpper(e.Network)+" "+local.String()+";branch=z9hG4bKbranch;rport")
	text, err := m.Append(nil)
	if err != nil {
		return e, fmt.Errorf("the INVITE can't be written: %w", err)
	}
	e.Text = string(text)
	return e, nil
}
