package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"sync"
)

// Secure says how TLS connections to a far end are opened.
type Secure struct {
	// Name is the same for targets that may share a connection: those whose Config trusts the same certificates and shows
	// the same one.
	Name   string
	Config *tls.Config
}

func (s *Secure) name() string {
	if s == nil {
		return ""
	}
	return s.Name
}

// Shows tells whether we show a certificate of our own.
func (s *Secure) Shows() bool { return s != nil && len(s.Config.Certificates) > 0 }

// Peer is who is at the far end of a TLS flow.
type Peer struct {
	Chain []*x509.Certificate // as shown, its own first; empty if it showed none. Not verified unless [Config.TLS] does so.

	mu    sync.Mutex
	asked any // guarded by mu
	said  any // guarded by mu
}

// Recall gives what make made of the chain, which is remembered for as long as the same is asked.
func (p *Peer) Recall(asked any, make func() any) any {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked != asked {
		p.asked, p.said = asked, make()
	}
	return p.said
}

// shake does the handshake of a connection.
func shake(ctx context.Context, conn *tls.Conn) (*tls.Conn, *Peer, error) {
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, nil, err
	}
	return conn, &Peer{Chain: conn.ConnectionState().PeerCertificates}, nil
}

// Alias makes a flow that a far end opened one to its address as well, as the alias parameter of Via asks (RFC 5923
// section 6): only where the far end has proved to be whom secure would trust there.
func (l *Layer) Alias(id FlowID, network string, at netip.AddrPort, secure *Secure) {
	l.flows.alias(id, end{network, at, secure.name()})
}
