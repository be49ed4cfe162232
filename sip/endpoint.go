package sip

import (
	"slices"
	"strings"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
	"github.com/switchhook/switchhook/sip/transport"
)

// claimsEndpoint tells whether a request that comes by no trunk says that it comes from an endpoint: its From has a domain of
// ours. On this machine, where strangers are let in too, it must name one that there is.
func (s *Server) claimsEndpoint(m *message.Message, host string, in transport.Incoming, local bool) bool {
	if !s.takesEndpoints() {
		return false
	}
	u, ok := addressOf(m, "From")
	if !ok {
		return false
	}
	if local {
		user, _ := u.UserText()
		_, known := s.cfg.Directory().Endpoint(user)
		return known
	}
	domain := strings.ToLower(strings.Trim(u.Host, "[]"))
	return domain == host || domain == strings.ToLower(s.cfg.Endpoints.Realm) || s.isOurs(domain, in)
}

// isOurs tells whether a host is an address of ours toward where a request came from.
func (s *Server) isOurs(host string, in transport.Incoming) bool {
	a, ok := hostAddr(host)
	return ok && (a == in.Local.Addr().Unmap() || a == s.layer.Local(in.Network, in.Source.Addr()).Addr().Unmap())
}

// namesUs tells whether a URI names this server by an address and port that it listens at, as seen from where a request
// came from: another program on this machine may be a trunk's peer.
func (s *Server) namesUs(uri string, in transport.Incoming) bool {
	u, err := header.ParseURI(uri)
	return err == nil && s.isOurs(u.Host, in) && s.listensAt(u)
}

// listensAt tells whether we listen at a URI's port.
func (s *Server) listensAt(u header.URI) bool {
	return slices.ContainsFunc(s.sockets.Addrs(), func(l transport.Listen) bool { return l.Addr.Port() == portOf(u.Port, l.Network) })
}

// fromEndpoint takes a request outside of dialogs that claims to come from an endpoint. It must prove it.
func (s *Server) fromEndpoint(tx *transaction.Server, host, user string) {
	m := tx.Msg()
	e, ok := s.door.prove(tx)
	switch {
	case !ok:
	case userOf(m, "From") != e.User:
		s.refuse(tx, 403) // who calls is not his to choose
	default:
		s.serve(tx, s.trunks.ofEndpoint(e), host, user, "")
	}
}

// moves lets an endpoint go on in its dialog from another address, as telephones do that change networks, once it has
// proven again who it is. Nobody else's password helps, nor are others told more than that one is needed.
func (l *Leg) moves(tx *transaction.Server) bool {
	e, ok := l.s.door.prove(tx)
	switch {
	case !ok:
		return false
	case l.trunk.endpoint == nil || e.User != l.trunk.endpoint.User:
		l.s.refuse(tx, 481)
		return false
	}
	l.note("the telephone goes on from " + tx.Incoming().Source.String())
	return true
}

// endpointKey is under what an endpoint made ready is found: no trunk's ID.
func endpointKey(e *directory.Endpoint) string { return "\x00" + e.User }

// ofEndpoint gives an endpoint made ready for calls, as if it were a trunk of its own.
func (ps *peerings) ofEndpoint(e *directory.Endpoint) *peering {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	key := endpointKey(e)
	old := ps.find(key)
	if old != nil && old.endpoint == e {
		return old
	}
	policy := header.Untrusted("User-to-User", "X-*")
	if e.Trusted {
		policy = header.Trusted()
	}
	t := &directory.Trunk{Account: e.Account, Name: e.Name, In: policy, Out: policy, Options: e.Options}
	t.Login = directory.Login{}
	return ps.prepare(key, old, t, e)
}
