package sip

import (
	"crypto/tls"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/sip/guard"
	"github.com/switchhook/switchhook/sip/transport"
)

// What faults of strangers weigh: so many of the guard's Faults.
const (
	faultUnknown   = 1.0 // a request from a source that no trunk knows
	faultMalformed = 1.0 // a message that can't be read
	faultPassword  = 1.0 // a wrong password
	faultUnproven  = 0.2 // a request that is asked for a password; who gives it is forgiven
	faultHandshake = 1.0 // a TLS connection that comes to nothing
)

// proofTime is how long nothing is held against who proved who it is.
const proofTime = 10 * time.Minute

// gate is what strangers meet before anything is made of what they send: who is listened to, and who is whom.
type gate struct {
	guard     *guard.Guard
	keys      *keychain
	malformed atomic.Int64
	failed    atomic.Uint64 // handshakes
	bad       *teller       // of messages that can't be read, and of handshakes
	unknown   *teller       // of their INVITEs
	refused   refusedCalls
	bans      *teller
}

// openGate makes the gate and sets the sockets to use it.
func (s *Server) openGate(c *transport.Config) {
	g := &s.gate
	g.bad, g.unknown, g.bans = newTeller(1), newTeller(1), newTeller(5)
	cfg := s.cfg.Guard
	cfg.Exempt = s.exempt
	cfg.Banned = func(b guard.Ban) {
		g.bans.tell(s.cfg.Log, slog.LevelWarn, "source banned", "source", b.Source, "until", b.Until, "reason", b.Why)
	}
	g.guard = guard.New(cfg)
	g.keys = newKeychain(s.cfg.TLS, func(path string, err error) {
		if err != nil {
			s.cfg.Log.Error("file of certificates changed and can't be read: the last one is used on", "file", path, "error", err)
			return
		}
		s.cfg.Log.Info("file of certificates read again", "file", path)
	})
	c.Admit = func(a netip.Addr, at time.Time) bool { return s.trunks.house.isBusyAt(a) || g.guard.Admit(a, at) }
	c.Malformed = s.unreadable
	c.Refused = func(source netip.AddrPort, why error) {
		g.failed.Add(1)
		g.guard.Fault(source.Addr(), faultHandshake, "TLS handshake failed", time.Now())
		g.bad.tell(s.cfg.Log, slog.LevelInfo, "TLS connection refused", "source", source, "reason", why)
	}
	if c.TLS == nil && s.cfg.TLS.Cert != "" {
		c.TLS = s.serverTLS()
	}
}

// tellCertificates tells of certificates of ours that end soon, for nobody can be called or call by TLS after that.
func (s *Server) tellCertificates() {
	for file, end := range s.gate.keys.aging() {
		if left := time.Until(end); left > 0 {
			s.cfg.Log.Warn("a certificate of ours ends soon: renew it; the file is read again when it changes", "file", file, "end", end.UTC(), "days", int(left.Hours()/24))
			continue
		}
		s.cfg.Log.Error("a certificate of ours has expired, and peers refuse it: renew it; the file is read again when it changes", "file", file, "end", end.UTC())
	}
}

// exempt tells which sources nothing is held against.
func (s *Server) exempt(a netip.Addr) bool {
	if s.cfg.TrustLoopback && a.IsLoopback() || s.peers.isPeer(a) {
		return true
	}
	_, ok := s.cfg.Directory().TrunkBySource(a)
	return ok
}

// unreadable hears of a message that can't be read.
func (s *Server) unreadable(in transport.Incoming) {
	s.gate.malformed.Add(1)
	s.gate.guard.Fault(in.Source.Addr(), faultMalformed, "malformed messages", in.At)
	s.gate.bad.tell(s.cfg.Log, slog.LevelInfo, "SIP message can't be read", "source", in.Source, "network", in.Network,
		"status", in.Fault.Status, "reason", in.Fault.Reason)
}

// Bans gives the sources that are banned, the oldest ban first.
func (s *Server) Bans() []guard.Ban { return s.gate.guard.Bans(time.Now()) }

// Strangers gives what the guard counted, and how many messages could not be read, whoever sent them.
func (s *Server) Strangers() (st guard.Stats, malformed int64) {
	return s.gate.guard.Stats(time.Now()), s.gate.malformed.Load()
}

// Handshakes gives how many TLS connections that others opened came to nothing.
func (s *Server) Handshakes() uint64 { return s.gate.failed.Load() }

// Certificates gives when our certificates end, by their files.
func (s *Server) Certificates() map[string]time.Time { return s.gate.keys.ends() }

// Reload reads the files of certificates that have changed, now; otherwise that is done each second.
func (s *Server) Reload() { s.gate.keys.reload() }

// serverTLS says how TLS connections are accepted. A certificate is asked of everybody and needed of nobody, but of who
// calls from the addresses of a trunk that needs one: there it must be the right one, or there is no connection.
func (s *Server) serverTLS() *tls.Config {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert, GetCertificate: s.gate.keys.certificate}
	strict := cfg.Clone()
	strict.ClientAuth = tls.RequireAnyClientCert
	cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		from, err := netip.ParseAddrPort(hello.Conn.RemoteAddr().String())
		if err != nil {
			return nil, nil //nolint:nilerr // a test's network: as for everybody
		}
		t, ok := s.cfg.Directory().TrunkBySource(from.Addr().Unmap())
		if !ok || !t.TLS.Mutual {
			return nil, nil
		}
		c := strict.Clone()
		c.VerifyConnection = func(cs tls.ConnectionState) error { return s.gate.keys.proves(t, cs.PeerCertificates) }
		return c, nil
	}
	return cfg
}

// proven gives the IDs of the trunks that need a certificate and whose the far end of a TLS connection has.
func (s *Server) proven(p *transport.Peer) []string {
	if p == nil || len(p.Chain) == 0 {
		return nil
	}
	snapshot := s.cfg.Directory()
	ids, _ := p.Recall(snapshot, func() any {
		var out []string
		trunks := snapshot.Trunks()
		for _, id := range slices.Sorted(maps.Keys(trunks)) {
			if t := trunks[id]; t.TLS.Mutual && !t.Disabled && !t.OutOnly && s.gate.keys.proves(t, p.Chain) == nil {
				out = append(out, id)
			}
		}
		return out
	}).([]string)
	return ids
}

// admitted finds the trunk that a request comes by. A trunk that needs a certificate takes calls over TLS alone, from who
// has one, and from its addresses if it lists any.
func (s *Server) admitted(host string, in *transport.Incoming) (*peering, bool) {
	if host == s.trunks.house.host {
		v, known := s.trunks.house.visit(in)
		return v.by, known
	}
	from := in.Source.Addr().Unmap()
	ids := s.proven(in.Peer)
	p, known := s.trunkFor(host, from)
	switch {
	case known && p.trunk.TLS.Need && in.Network != transport.TLS:
		return nil, false
	case known && !p.trunk.TLS.Mutual:
		return p, true
	}
	snapshot := s.cfg.Directory()
	if t, named := snapshot.TrunkByHost(host); named {
		ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id != t.ID })
	}
	for _, id := range ids {
		t, ok := snapshot.Trunk(id)
		if !ok || len(t.Allow) > 0 && !s.trunks.of(t).allows(from) {
			continue
		}
		s.gate.guard.Trust(from, proofTime, in.At)
		s.alias(t, in)
		return s.trunks.of(t), true
	}
	return nil, false
}

// alias lets requests to a trunk's peer use the connection by which the peer, which has proved itself, asks for it (RFC
// 5923 section 6).
func (s *Server) alias(t *directory.Trunk, in *transport.Incoming) {
	v := in.Msg.Via
	if !slices.ContainsFunc(strings.Split(v.Raw, ";"), func(param string) bool { return strings.EqualFold(strings.TrimSpace(param), "alias") }) {
		return
	}
	port := uint16(v.Port)
	if port == 0 {
		port = transport.DefaultPort(transport.TLS)
	}
	has := identities(in.Peer.Chain[0])
	for _, p := range t.Peers {
		if p.Transport != transport.TLS || !slices.ContainsFunc(has, func(id string) bool { return strings.EqualFold(id, p.Host) }) {
			continue
		}
		if secure, err := s.gate.keys.secure(t, p.Host); err == nil {
			s.sockets.Alias(in.Flow, transport.TLS, netip.AddrPortFrom(in.Source.Addr(), port), secure)
		}
	}
}

// CheckTLS tells whether a trunk's settings of TLS can be used: whether their files can be read.
func CheckTLS(t directory.TLS) error {
	d := disk{state, os.ReadFile}
	if t.Roots != "" {
		if _, err := d.readPool(t.Roots); err != nil {
			return err
		}
	}
	if t.Cert == "" {
		return nil
	}
	_, err := d.readPair(t.Cert, t.CertKey)
	return err
}

// CheckCertificate tells whether a certificate and its key can be read, and belong together.
func CheckCertificate(cert, key string) error {
	return CheckTLS(directory.TLS{Cert: cert, CertKey: key})
}

// unsafely tells whether a request asks for what its way does not give: a sips Request-URI that did not come over TLS
// (RFC 5630 section 3.1).
func unsafely(uri string, in *transport.Incoming) bool {
	return isSIPS(uri) && in.Network != transport.TLS
}

// isSIPS tells whether a URI asks for TLS on all of its way.
func isSIPS(uri string) bool { return len(uri) > 5 && strings.EqualFold(uri[:5], "sips:") }

// contactFor is our Contact in a dialog that begins with a Request-URI: sips where that is (RFC 3261 section 8.1.1.8).
func (s *Server) contactFor(uri, network string, toward netip.Addr) string {
	contact := s.contact(network, toward)
	if !isSIPS(uri) {
		return contact
	}
	return strings.Replace(strings.Replace(contact, "<sip:", "<sips:", 1), ";transport=tls", "", 1)
}
