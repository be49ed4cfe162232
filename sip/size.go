package sip

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/profile"
	"github.com/switchhook/switchhook/sip/transaction"
	"github.com/switchhook/switchhook/sip/transport"
)

// maxDatagram is the size over which a request is not sent over UDP where it can be helped (RFC 3261 section 18.1.1).
const maxDatagram = 1300

// viaSize is what the transaction layer adds: one Via row, with a margin.
const viaSize = 110

// Part is what one part of an INVITE costs on the wire.
type Part struct {
	Name    string `json:"name"` // of a context header; empty for what every INVITE has: rows of the leg's own, and the body
	Bytes   int    `json:"bytes"`
	Context bool   `json:"context,omitempty"`
}

// partsOf tells what each context row of a request costs, and the rest together, about: the size of the whole is their sum.
func partsOf(m *message.Message) []Part {
	rest := frameSize(m)
	var out []Part
	for _, f := range m.Headers {
		if ofINVITE(f.Name) {
			rest += rowSize(f)
			continue
		}
		out = append(out, Part{Name: f.Name, Bytes: rowSize(f), Context: true})
	}
	return append(out, Part{Bytes: rest})
}

// ofINVITE tells whether a row stands in every INVITE of ours.
func ofINVITE(name string) bool { return header.OfLeg(name) || header.SameName(name, "User-Agent") }

// sizeOf gives the size of a request on the wire, about.
func sizeOf(m *message.Message) int {
	n := frameSize(m)
	for _, f := range m.Headers {
		n += rowSize(f)
	}
	return n
}

// frameSize is what a request has beside its own rows: the first line, the body, and what is added as it is sent.
func frameSize(m *message.Message) int {
	return len(m.Method) + len(m.URI) + len("  SIP/2.0\r\n\r\n") + len("Content-Length: 1234\r\n") + viaSize + len(m.Body)
}

func rowSize(f header.Field) int { return len(f.Name) + len(f.Value) + len(": \r\n") }

// costs says what the dearest context rows cost: "X-Long 812, User-to-User 300".
func costs(parts []Part) string {
	parts = slices.DeleteFunc(slices.Clone(parts), func(p Part) bool { return !p.Context })
	slices.SortStableFunc(parts, func(a, b Part) int { return cmp.Compare(b.Bytes, a.Bytes) })
	var out []string
	for _, p := range parts[:min(4, len(parts))] {
		out = append(out, fmt.Sprintf("%s %d", p.Name, p.Bytes))
	}
	if len(out) == 0 {
		return "no context header has a part in it"
	}
	return strings.Join(out, ", ")
}

// overBudget tells of an INVITE that is longer than the next hop is known to take, and of User-to-User longer than its
// kind of peer takes. It is sent all the same: the budget is somebody's estimate.
func overBudget(t *directory.Trunk, form *uuiForm, m *message.Message) []header.Change {
	var out []header.Change
	if size := sizeOf(m); t.Signalling.Budget > 0 && size > t.Signalling.Budget {
		parts := partsOf(m)
		c := header.Change{Action: header.Kept, Reason: BecauseBudget,
			Detail: fmt.Sprintf("INVITE of %d bytes, the next hop takes %d: %s", size, t.Signalling.Budget, costs(parts))}
		c.Field = dearest(m)
		out = append(out, c)
	}
	return append(out, form.over(m)...)
}

// dearest gives the longest context row; the request's first row where there is none.
func dearest(m *message.Message) header.Field {
	out := header.Field{Name: "Via", Value: m.Method}
	n := 0
	for _, f := range m.Headers {
		if size := len(f.Name) + len(f.Value); size > n && !ofINVITE(f.Name) {
			out, n = f, size
		}
	}
	return out
}

// uuiForm is how a kind of peer takes User-to-User; nil where nothing is known of it.
type uuiForm struct {
	peer string
	header.UUIProfile
}

// formOf gives the form of a trunk's profile.
func formOf(t *directory.Trunk) *uuiForm {
	p, _ := profile.Find(t.Profile)
	form, ok := header.FindUUIProfile(p.UUI)
	if !ok {
		return nil
	}
	return &uuiForm{p.Peer, form}
}

// over tells of User-to-User that the kind of peer would cut or refuse.
func (f *uuiForm) over(m *message.Message) []header.Change {
	if f == nil {
		return nil
	}
	var out []header.Change
	for row := range m.Headers.Values("User-to-User") {
		for _, u := range header.ParseUserToUser(row) {
			why := ""
			if n := len(u.Data) / 2; f.MaxOctets > 0 && u.Valid && u.Encoding() == "hex" && n > f.MaxOctets {
				why = fmt.Sprintf("%d octets, %s takes %d", n, f.peer, f.MaxOctets)
			} else if f.MaxLength > 0 && len(row) > f.MaxLength {
				why = fmt.Sprintf("%d characters, %s takes %d", len(row), f.peer, f.MaxLength)
			}
			if why != "" {
				out = append(out, header.Change{Action: header.Kept, Field: header.Field{Name: "User-to-User", Value: row}, Reason: BecauseBudget, Detail: why})
				break
			}
		}
	}
	return out
}

// network says how a request of a size goes to a peer that is reached over UDP, and why where that is worth telling.
func network(how directory.Oversize, method string, size int, takesTCP bool) (network, why string) {
	long := fmt.Sprintf("%s of %d bytes is longer than %d", method, size, maxDatagram)
	switch {
	case size <= maxDatagram:
		return transport.UDP, ""
	case how == directory.OversizeUDP:
		return transport.UDP, long + ": in fragments, as its oversize says"
	case how == directory.OversizeTCP:
		return transport.TCP, long + ": TCP alone, as its oversize says"
	case takesTCP:
		return transport.TCP, long + ": TCP is tried first (RFC 3261 section 18.1.1)"
	}
	return transport.UDP, long + ", and TCP failed at this peer a while ago: in fragments"
}

// overNetwork is the ledger's line of the network that a long INVITE takes: it stands in the top Via.
func overNetwork(network, why string) header.Change {
	c := header.Change{Action: header.Kept, Field: header.Field{Name: "Via", Value: "SIP/2.0/UDP"}, Reason: BecauseOversize, Detail: why}
	if network != transport.UDP {
		c.Action, c.NewName, c.NewValue = header.Rewritten, "Via", "SIP/2.0/"+strings.ToUpper(network)
	}
	return c
}

// sized gives how a long INVITE goes to a place, as the trunk says, and tells of it and of what is over the trunk's
// budget. Where its network is another than h's, the INVITE must be made anew for it; oversize says that h follows.
func (l *Leg) sized(h hop, m *message.Message) hop {
	p, t := l.out, l.trunk.trunk
	if !p.warned {
		p.warned = true
		l.account("INVITE", call.WriterPlatform, overBudget(t, l.trunk.uui, m))
	}
	if h.to.Network != transport.UDP || h.forced {
		return h
	}
	how := t.Signalling.Oversize
	over, why := network(how, m.Method, sizeOf(m)+l.trunk.proofSize(), how == directory.OversizeTry && l.s.peers.takesTCP(l.trunkID(), h.peer))
	if why != "" {
		l.account("INVITE", call.WriterPlatform, []header.Change{overNetwork(over, why)})
	}
	h.forced = true
	if over != transport.UDP {
		h.to.Network, h.to.Flow, h.oversize = over, 0, how == directory.OversizeTry
	}
	return h
}

// backToUDP tells that TCP failed at a peer for a long request, so that it goes over UDP.
func (l *Leg) backToUDP(method string, peer directory.Peer, why string) {
	l.s.peers.refusesTCP(l.trunkID(), peer)
	l.account(method, call.WriterPlatform, []header.Change{overNetwork(transport.UDP, "TCP failed ("+why+"): in fragments over UDP")})
}

// askLong sends a request inside the dialog, one that is too long for UDP as the trunk says; once more over UDP where no
// TCP connection comes to be. Who took it over TCP and says nothing is not asked twice.
func (l *Leg) askLong(m *message.Message, on func(*message.Message, error)) error {
	near, how := l.dialog.Near(), l.trunk.trunk.Signalling.Oversize
	if near.Network != transport.UDP {
		return l.ask(m, on)
	}
	peer := directory.Peer{Host: near.Addr.Addr().Unmap().String(), Port: int(near.Addr.Port())}
	by, why := network(how, m.Method, sizeOf(m)+l.trunk.proofSize(), how == directory.OversizeTry && l.s.peers.takesTCP(l.trunkID(), peer))
	if why != "" {
		l.account(m.Method, call.WriterPlatform, []header.Change{overNetwork(by, why)})
	}
	if by == transport.UDP {
		return l.ask(m, on)
	}
	over := func(resp *message.Message, err error) {
		if how != directory.OversizeTry || !errors.Is(err, transaction.ErrTransport) {
			on(resp, err)
			return
		}
		l.backToUDP(m.Method, peer, err.Error())
		if err := l.ask(m, on); err != nil {
			on(nil, err)
		}
	}
	return l.dialog.AskBy(by, m, func(resp *message.Message, err error) { l.guarded(func() { over(resp, err) }) })
}
