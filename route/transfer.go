package route

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
)

// Named finds where a Dial goes whose target a far end named (call.Dial.Named), and gives it as [Out] takes it. A far end
// reaches no more than an application of the account does: a peer of one of its trunks, by the host that was named; else an
// endpoint, or a number, wherever that is dialled. Nothing is sent to any other host.
func Named(s *directory.Snapshot, d call.Dial) (call.Dial, *call.Cause) {
	host := Host(d.Named)
	d.Named = ""
	d.To = Number(d.To)
	if t := peering(s, d.Account, host); t != nil {
		d.Trunk = t.ID
		if !slices.ContainsFunc(t.Peers, func(p directory.Peer) bool { return Host(p.Host) == host }) {
			d.URI = "" // it was named by its own host, which is ours
		}
		d.URI = plain(d.URI, d.To)
		return d, nil
	}
	if e, ok := s.Endpoint(d.To); ok && e.Account == d.Account && d.Replaces == "" {
		d.Endpoint, d.URI = e.User, ""
		return d, nil
	}
	if d.Replaces == "" && directory.IsE164(d.To) {
		d.URI = ""
		return d, nil
	}
	why := fmt.Sprintf("a far end named %q at %q: neither a number, an endpoint, nor at a peer of a trunk of account %s", d.To, host, d.Account)
	return d, refusal(404, why)
}

// plain gives a URI without maddr, with which the peer would be asked to send it on to any host, and if its user is a
// number, with that number as it is meant: no escape may hide from the prefixes what is dialled.
func plain(uri, number string) string {
	u, err := header.ParseURI(uri)
	if err != nil || !u.IsSIP() {
		return uri
	}
	_, elsewhere := u.Params.Get("maddr")
	isNumber := directory.IsE164(number)
	if !elsewhere && !isNumber {
		return uri
	}
	u.Params = u.Params.Without("maddr")
	if isNumber {
		u.User, u.Password = header.EscapeUser(number), ""
	}
	return u.String()
}

// peering finds the account's trunk that a host belongs to: as its own, or a peer's. Of several, the first by ID.
func peering(s *directory.Snapshot, account, host string) *directory.Trunk {
	host = strings.Trim(host, "[]")
	var found []*directory.Trunk
	for _, t := range s.Trunks() {
		if t.Disabled || t.Account != account || len(t.Peers) == 0 {
			continue
		}
		if host != "" && (Host(t.Host) == host || slices.ContainsFunc(t.Peers, func(p directory.Peer) bool { return Host(p.Host) == host })) {
			found = append(found, t)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return slices.MinFunc(found, func(a, b *directory.Trunk) int { return cmp.Compare(a.ID, b.ID) })
}
