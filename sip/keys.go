package sip

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/transport"
)

// maxSecures bounds what is kept of how connections are opened.
const maxSecures = 4096

// secureKey says for whom a connection is opened. Snapshots never change what a pointer leads to.
type secureKey struct {
	trunk   *directory.Trunk
	host    string
	version int
}

// pair gives a certificate with its key.
func (c *keychain) pair(cert, key string) (*tls.Certificate, error) {
	got, err := c.find([2]string{cert, key})
	return got.cert, err
}

// pool gives the authorities of a file; the system's without one.
func (c *keychain) pool(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	got, err := c.find([2]string{path})
	return got.pool, err
}

// certificate gives our own certificate.
func (c *keychain) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.pair(c.own.Cert, c.own.CertKey)
}

// keptSecure gives how connections for somebody are opened, if that is known, and for which version of the files it is to be made.
func (c *keychain) keptSecure(t *directory.Trunk, host string) (*transport.Secure, secureKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := secureKey{t, host, c.version}
	return c.secures[key], key
}

// secure says how TLS connections to a host are opened, as the trunk's settings say; without a trunk the system's
// authorities are trusted.
func (c *keychain) secure(t *directory.Trunk, host string) (*transport.Secure, error) {
	known, key := c.keptSecure(t, host)
	if known != nil {
		return known, nil
	}
	var o directory.TLS
	id := ""
	if t != nil {
		o, id = t.TLS, t.ID
	}
	roots, err := c.pool(o.Roots)
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: host,
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection does it, by the rules of RFC 5922
		VerifyConnection: func(cs tls.ConnectionState) error {
			if o.Unverified {
				return nil
			}
			return verify(cs.PeerCertificates, roots, append([]string{host}, o.Names...), c.now())
		},
	}
	if _, literal := hostAddr(host); literal {
		cfg.ServerName = "" // RFC 6066 section 3: no addresses
	}
	mine, mineKey := o.Cert, o.CertKey
	if mine == "" {
		mine, mineKey = c.own.Cert, c.own.CertKey
	}
	if mine != "" {
		cert, err := c.pair(mine, mineKey)
		if err != nil {
			return nil, err
		}
		cfg.Certificates = []tls.Certificate{*cert}
	}
	s := &transport.Secure{Name: fmt.Sprintf("%s %s %d %+v", id, host, key.version, o), Config: cfg}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.secures) >= maxSecures {
		clear(c.secures)
	}
	c.secures[key] = s
	return s, nil
}

// proves tells whether a chain of certificates proves that its owner may call by a trunk: it descends from the trunk's
// authorities, and bears a name of the trunk or of one of its peers. Where the trunk has no names and authorities of its
// own, whom these vouch for may call.
func (c *keychain) proves(t *directory.Trunk, chain []*x509.Certificate) error {
	roots, err := c.pool(t.TLS.Roots)
	if err != nil {
		return err
	}
	names := slices.Clone(t.TLS.Names)
	for _, p := range t.Peers {
		if _, literal := hostAddr(p.Host); !literal {
			names = append(names, p.Host)
		}
	}
	if len(names) == 0 && t.TLS.Roots == "" {
		return errors.New("a trunk that trusts the system's authorities names nobody")
	}
	return verify(chain, roots, names, c.now())
}

// verify tells whether a chain descends from the roots, now, and bears one of the names (RFC 5922 section 7); no names
// mean any. What a certificate may be used for is not looked at beyond that: authorities that issue for servers alone
// issue for peers that call, too.
func verify(chain []*x509.Certificate, roots *x509.CertPool, names []string, now time.Time) error {
	if len(chain) == 0 {
		return errors.New("no certificate was shown")
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}); err != nil {
		return err
	}
	if len(names) == 0 {
		return nil
	}
	has := identities(chain[0])
	for _, name := range names {
		if slices.ContainsFunc(has, func(id string) bool { return strings.EqualFold(id, name) }) {
			return nil
		}
	}
	return fmt.Errorf("the certificate is for %s, not for %s", header.Quote(strings.Join(has, ", ")), strings.Join(names, " or "))
}

// identities gives whom a certificate is for: the hosts of its sip URIs, else its DNS names, else, if it has no
// alternative name at all, the common name (RFC 5922 section 7.1); its addresses, too. They are matched whole: a
// wildcard stands for nothing but itself (section 7.2), so a trunk that trusts one names it.
func identities(c *x509.Certificate) []string {
	var out []string
	for _, u := range c.URIs {
		if host := u.Opaque; u.Scheme == "sip" && host != "" && !strings.Contains(host, "@") {
			out = append(out, host)
		}
	}
	if len(out) == 0 {
		out = append(out, c.DNSNames...)
	}
	for _, ip := range c.IPAddresses {
		if a, ok := netip.AddrFromSlice(ip); ok {
			out = append(out, a.Unmap().String())
		}
	}
	if len(c.URIs)+len(c.DNSNames)+len(c.IPAddresses)+len(c.EmailAddresses) == 0 && c.Subject.CommonName != "" {
		out = append(out, c.Subject.CommonName)
	}
	return out
}
