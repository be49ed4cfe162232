package dialog

import (
	"slices"
	"strings"

	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
)

// Caps on what one far end may make us keep.
const (
	maxRoutes = 20
	maxEarly  = 16
)

// remote is the far end of one dialog, early or confirmed.
type remote struct {
	tag    string
	addr   string   // the To of our requests, its tag included
	target string   // the URI of its Contact
	routes []string // the route set in the order of use, each as received
	heard  uint32   // the CSeq of its last request; 0 before the first
	rseq   uint32   // of its last reliable provisional response; 0 before the first
	left   bool     // its BYE came before its 2xx
}

// caller learns the far end from the INVITE that it sent (RFC 3261 section 12.1.1). False: no usable Contact, or more
// proxies on the way than are kept, which our requests may not pass by. A caller of RFC 2543 may have no Contact: it is
// called as it calls itself.
func caller(m *message.Message) (remote, bool) {
	from := m.Get("From")
	target, ok := contactOf(m)
	if !ok && !m.Via.Cookie() {
		if a, err := header.ParseNameAddr(from); err == nil {
			target, ok = strings.Clone(a.URI), true
		}
	}
	routes := routeSet(m, false)
	return remote{
		tag:    strings.Clone(m.FromTag),
		addr:   strings.Clone(from),
		target: target,
		routes: routes,
		heard:  m.CSeq.Number,
	}, ok && len(routes) == len(m.Routes("Record-Route"))
}

// callee learns the far end from its response to our INVITE (RFC 3261 section 12.1.2). A response without a To-tag
// comes from a peer of RFC 2543: the tag is empty then, and so is compared.
func callee(m *message.Message, fallback string) remote {
	to, _ := m.Headers.Get("To")
	target, ok := contactOf(m)
	if !ok {
		target = fallback
	}
	return remote{tag: strings.Clone(m.ToTag), addr: strings.Clone(to), target: target, routes: routeSet(m, true)}
}

// contactOf gives the URI of the message's first Contact, sharing no memory with the message.
func contactOf(m *message.Message) (string, bool) {
	row, ok := m.Headers.Get("Contact")
	if !ok || row == "*" {
		return "", false
	}
	all, err := header.ParseNameAddrs(row)
	if err != nil {
		return "", false
	}
	if u, err := header.ParseURI(all[0].URI); err != nil || !u.IsSIP() {
		return "", false
	}
	return strings.Clone(all[0].URI), true
}

// routeSet gives the Record-Route values in the order in which requests use them: as received by the callee, reversed
// by the caller.
func routeSet(m *message.Message, reverse bool) []string {
	all := m.Routes("Record-Route")
	if len(all) == 0 || len(all) > maxRoutes {
		return nil
	}
	out := make([]string, len(all))
	for i, r := range all {
		out[i] = strings.Clone(r)
	}
	if reverse {
		slices.Reverse(out)
	}
	return out
}

// path is how a request reaches the far end: its Request-URI, its Route rows, and the URI of the next hop.
type path struct {
	uri    string
	routes []string
	hop    string
}

// path follows RFC 3261 section 12.2.1.1: loose routers are named in Route, a strict router (no lr) in the Request-URI.
func (r *remote) path() path {
	if len(r.routes) == 0 {
		return path{uri: r.target, hop: r.target}
	}
	first, err := header.ParseNameAddr(r.routes[0])
	if err != nil {
		return path{uri: r.target, hop: r.target}
	}
	if u, err := header.ParseURI(first.URI); err == nil && !hasParam(u.Params, "lr") {
		u.Headers, u.Params = "", u.Params.Without("method")
		rest := append(append(make([]string, 0, len(r.routes)), r.routes[1:]...), "<"+r.target+">")
		return path{uri: u.String(), routes: rest, hop: first.URI}
	}
	return path{uri: r.target, routes: r.routes, hop: first.URI}
}

func hasParam(ps header.Params, name string) bool {
	_, ok := ps.Get(name)
	return ok
}
