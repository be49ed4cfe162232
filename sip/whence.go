package sip

import (
	"log/slog"
	"net/netip"
	"slices"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/sip/dialog"
	"github.com/switchhook/switchhook/sip/transport"
)

// whence tells, of a leg whose dialog began with an address over a network, which requests and ACKs of it are taken: none
// that does not come over TLS where the trunk needs that and it began so, and, but where the trunk's signalling.inside is
// anyone, none from an address that is not the trunk's. The trunk's are the one that it began with, those that the trunk
// lists, and those that the far end itself named to be called at; a certificate that lets its owner call by the trunk does
// as well.
func (l *Leg) whence(home netip.Addr, network string) func(transport.Incoming, dialog.Far) bool {
	t, home := l.trunk.trunk, home.Unmap()
	secret := (t.TLS.Need || t.TLS.Mutual) && network == transport.TLS
	anyone := t.Signalling.Inside == directory.InsideAnyone
	return func(in transport.Incoming, far dialog.Far) bool {
		source := in.Source.Addr().Unmap()
		why := "its source is no address of the trunk: allow or peers of the trunk would name it, signalling.inside: anyone takes all"
		switch {
		case secret && in.Network != transport.TLS:
			why = "it does not come over TLS, which the trunk needs (tls.need)"
		case anyone, source == home, l.s.cfg.TrustLoopback && source.IsLoopback(), far.Named(source), l.s.isOf(t, &in):
			return true
		}
		l.s.refusals.tell(l.s.cfg.Log, slog.LevelWarn, "request inside a call refused", "trunk", t.ID, "source", in.Source, "network", in.Network,
			"method", in.Msg.Method, "callId", in.Msg.CallID, "reason", why)
		return false
	}
}

// isOf tells whether what came is of a trunk as the directory has it now: from an address that it lists or a peer of it is
// at, whether it may begin calls from there or not, or with its certificate.
func (s *Server) isOf(before *directory.Trunk, in *transport.Incoming) bool {
	t, ok := s.cfg.Directory().Trunk(before.ID)
	if !ok {
		t = before
	}
	source := in.Source.Addr().Unmap()
	return slices.ContainsFunc(t.Allow, func(p netip.Prefix) bool { return p.Contains(source) }) ||
		slices.ContainsFunc(t.Peers, func(p directory.Peer) bool { return s.isAt(p, source) }) ||
		slices.Contains(s.proven(in.Peer), t.ID) && len(t.Allow) == 0
}

// isAt tells whether a peer is at an address.
func (s *Server) isAt(p directory.Peer, a netip.Addr) bool {
	if literal, ok := hostAddr(p.Host); ok {
		return literal == a
	}
	for _, t := range s.names.known(queryOf(p)).Targets {
		if slices.Contains(t.Addrs, a) {
			return true
		}
	}
	return false
}
