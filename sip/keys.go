package sip

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/transport"
)

// How often it is looked whether a file has changed, and how much is kept.
const (
	lookAgain  = time.Second
	maxSecures = 4096
)

// keychain keeps what TLS needs: certificates and authorities, read from files, and read again when these change; what
// does not read keeps its last good content. Safe for all goroutines.
type keychain struct {
	own     directory.TLS // our own certificate: Cert and CertKey
	changed func(path string, err error)

	mu      sync.Mutex
	looked  time.Time                       // guarded by mu
	version int                             // of all files; guarded by mu
	pairs   map[[2]string]*kept             // by the files' names; guarded by mu
	pools   map[string]*kept                // guarded by mu
	secures map[secureKey]*transport.Secure // guarded by mu
	now     func() time.Time
}

// kept is what was read of one or two files.
type kept struct {
	paths []string
	state string // of the files when they were read
	cert  tls.Certificate
	told  time.Time // when it was last told that the certificate ends soon
	pool  *x509.CertPool
	err   error // of the first reading
}

// secureKey says for whom a connection is opened. Snapshots never change what a pointer leads to.
type secureKey struct {
	trunk   *directory.Trunk
	host    string
	version int
}

func newKeychain(own directory.TLS, changed func(string, error)) *keychain {
	return &keychain{own: own, changed: changed, pairs: map[[2]string]*kept{}, pools: map[string]*kept{}, secures: map[secureKey]*transport.Secure{}, now: time.Now}
}

// state tells files apart from what they were.
func state(paths []string) string {
	var b strings.Builder
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil {
			fmt.Fprint(&b, info.ModTime().UnixNano(), " ", info.Size(), ";")
		} else {
			fmt.Fprint(&b, err, ";")
		}
	}
	return b.String()
}

// readPair reads a certificate and its key.
func (k *kept) readPair() error {
	c, err := tls.LoadX509KeyPair(k.paths[0], k.paths[1])
	if err != nil {
		return fmt.Errorf("certificate %s: %w", k.paths[0], err)
	}
	k.cert, k.told = c, time.Time{}
	return nil
}

// readPool reads certificate authorities.
func (k *kept) readPool() error {
	text, err := os.ReadFile(k.paths[0])
	if err != nil {
		return fmt.Errorf("certificate authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return fmt.Errorf("certificate authorities: %s has no certificate (PEM)", k.paths[0])
	}
	k.pool = pool
	return nil
}

// refresh reads what has changed. The caller holds mu.
func (c *keychain) refresh(now bool) {
	if at := c.now(); now || at.Sub(c.looked) >= lookAgain {
		c.looked = at
		for _, k := range c.pairs {
			c.again(k, k.readPair)
		}
		for _, k := range c.pools {
			c.again(k, k.readPool)
		}
	}
}

func (c *keychain) again(k *kept, read func() error) {
	is := state(k.paths)
	if is == k.state {
		return
	}
	k.state = is
	err := read()
	if err == nil {
		k.err = nil
		c.version++
	}
	c.changed(k.paths[0], err)
}

// How long before its end a certificate is told of, and how often.
const (
	endsSoon  = 14 * 24 * time.Hour
	tellAgain = 24 * time.Hour
)

// aging gives the certificates in use that end soon or have ended, and are to be told of.
func (c *keychain) aging() map[string]time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out map[string]time.Time
	for _, k := range c.inUse() {
		now := c.now()
		if end := k.cert.Leaf.NotAfter; end.Sub(now) < endsSoon && now.Sub(k.told) >= tellAgain {
			if out == nil {
				out = map[string]time.Time{}
			}
			out[k.paths[0]], k.told = end, now
		}
	}
	return out
}

// ends gives when the certificates in use end.
func (c *keychain) ends() map[string]time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]time.Time{}
	for _, k := range c.inUse() {
		out[k.paths[0]] = k.cert.Leaf.NotAfter
	}
	return out
}

// inUse gives the certificates that could be read, our own among them before anybody has asked for it. The caller holds mu.
func (c *keychain) inUse() []*kept {
	if c.own.Cert != "" {
		_, _ = c.pair(c.own.Cert, c.own.CertKey) // who needs it is told why it can't be read
	}
	var out []*kept
	for _, k := range c.pairs {
		if k.cert.Leaf != nil {
			out = append(out, k)
		}
	}
	return out
}

// reload reads what has changed, now.
func (c *keychain) reload() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refresh(true)
}

// pair gives a certificate with its key. The caller holds mu.
func (c *keychain) pair(cert, key string) (*tls.Certificate, error) {
	k := c.pairs[[2]string{cert, key}]
	if k == nil {
		k = &kept{paths: []string{cert, key}}
		k.state = state(k.paths)
		k.err = k.readPair()
		c.pairs[[2]string{cert, key}] = k
	}
	return &k.cert, k.err
}

// pool gives the authorities of a file; the system's without one. The caller holds mu.
func (c *keychain) pool(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	k := c.pools[path]
	if k == nil {
		k = &kept{paths: []string{path}}
		k.state = state(k.paths)
		k.err = k.readPool()
		c.pools[path] = k
	}
	return k.pool, k.err
}

// certificate gives our own certificate.
func (c *keychain) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refresh(false)
	return c.pair(c.own.Cert, c.own.CertKey)
}

// secure says how TLS connections to a host are opened, as the trunk's settings say; without a trunk the system's
// authorities are trusted.
func (c *keychain) secure(t *directory.Trunk, host string) (*transport.Secure, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refresh(false)
	key := secureKey{t, host, c.version}
	if s := c.secures[key]; s != nil {
		return s, nil
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
	if len(c.secures) >= maxSecures {
		clear(c.secures)
	}
	s := &transport.Secure{Name: fmt.Sprintf("%s %s %d %+v", id, host, c.version, o), Config: cfg}
	c.secures[key] = s
	return s, nil
}

// proves tells whether a chain of certificates proves that its owner may call by a trunk: it descends from the trunk's
// authorities, and bears a name of the trunk or of one of its peers. Where the trunk has no names and authorities of its
// own, whom these vouch for may call.
func (c *keychain) proves(t *directory.Trunk, chain []*x509.Certificate) error {
	c.mu.Lock()
	c.refresh(false)
	roots, err := c.pool(t.TLS.Roots)
	c.mu.Unlock()
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
