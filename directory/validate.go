package directory

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/switchhook/switchhook/header"
)

// Limits of what is kept. They bound what one request can cost and are far above what anyone needs.
const (
	maxName    = 256
	maxID      = 128
	maxPeers   = 64
	maxAllow   = 256
	maxCallers = 256
	maxTargets = 64
	maxJSON    = 256 << 10
)

// InvalidError tells which field of which thing may not be kept, and what to do about it.
type InvalidError struct {
	Kind   Kind
	ID     string // of the thing, as given
	Field  string // as in its JSON: "peers[1].host"
	Reason string // what is wrong with it and what it should be
}

// Error gives it in words: `trunk "t1": peers[1].host: …`.
func (e *InvalidError) Error() string {
	return fmt.Sprintf("%s %q: %s: %s", e.Kind, e.ID, e.Field, e.Reason)
}

// check gathers the first fault of one thing.
type check struct {
	kind Kind
	id   string
	err  *InvalidError
}

func (c *check) fail(field, format string, args ...any) {
	if c.err == nil {
		c.err = &InvalidError{c.kind, c.id, field, fmt.Sprintf(format, args...)}
	}
}

func (c *check) result() error {
	if c.err == nil {
		return nil
	}
	return c.err
}

// Validate tells whether the account may be kept; an *[InvalidError] otherwise.
func (a Account) Validate() error {
	c := check{kind: KindAccount, id: a.ID}
	c.account("id", a.ID)
	c.name("name", a.Name)
	c.limits("limits", a.Limits)
	if a.Limits.Placed != 0 {
		c.fail("limits.placed", "is a trunk's: an account has limits.rate")
	}
	return c.result()
}

// Validate tells whether the key may be kept; an *[InvalidError] otherwise. Its message never holds the secret.
func (k Key) Validate() error {
	c := check{kind: KindKey, id: k.ID}
	c.ident("id", k.ID)
	if k.Secret == "" || len(k.Secret) > maxName || !utf8.ValidString(k.Secret) {
		c.fail("secret", "must have 1 to %d characters", maxName)
	}
	c.account("account", k.Account)
	c.word("kind", k.Kind)
	return c.result()
}

// Validate tells whether the application may be kept; an *[InvalidError] otherwise. What its dialect thinks of the
// settings is the dialect's to say.
func (a App) Validate() error {
	c := check{kind: KindApp, id: a.ID}
	c.ident("id", a.ID)
	c.account("account", a.Account)
	c.name("name", a.Name)
	c.word("dialect", a.Dialect)
	c.json("settings", a.Settings)
	c.json("vendor", a.Vendor)
	return c.result()
}

// Validate tells whether the number may be kept; an *[InvalidError] otherwise. A number without an account is in stock:
// owned by nobody yet.
func (n Number) Validate() error {
	c := check{kind: KindNumber, id: n.E164}
	c.number("e164", n.E164)
	if n.Account != "" {
		c.account("account", n.Account)
	}
	if n.Trunk != "" {
		c.ident("trunk", n.Trunk)
	}
	c.json("vendor", n.Vendor)
	return c.result()
}

// Validate tells whether the trunk may be kept; an *[InvalidError] otherwise.
func (t Trunk) Validate() error {
	c := check{kind: KindTrunk, id: t.ID}
	c.ident("id", t.ID)
	c.account("account", t.Account)
	c.name("name", t.Name)
	if t.Host != "" {
		c.host("host", t.Host)
	}
	if len(t.Peers) > maxPeers {
		c.fail("peers", "has %d entries, more than %d", len(t.Peers), maxPeers)
	}
	for i, p := range t.Peers {
		c.peer(fmt.Sprintf("peers[%d]", i), p)
	}
	if len(t.Allow) > maxAllow {
		c.fail("allow", "has %d entries, more than %d", len(t.Allow), maxAllow)
	}
	for i, p := range t.Allow {
		if !p.IsValid() || p != p.Masked() || p.Addr().Is4In6() {
			c.fail(fmt.Sprintf("allow[%d]", i), "%s is no network: write its first address and its length, as 192.0.2.0/24", p)
		}
	}
	c.callers("callers", t.Callers)
	c.login("login", t.Login, len(t.Peers))
	if named := slices.ContainsFunc(t.Peers, func(p Peer) bool { _, err := netip.ParseAddr(p.Host); return err != nil }); t.TLS.Mutual && t.TLS.Roots == "" && len(t.TLS.Names) == 0 && !named {
		c.fail("tls.mutual", "needs tls.roots, tls.names or a peer with a name: anybody has a certificate of some public authority")
	}
	c.policy("in", t.In, header.In)
	c.policy("out", t.Out, header.Out)
	if t.Keepalive < 0 || t.Keepalive > 0 && t.Keepalive < time.Second {
		c.fail("keepalive", "%s is too often: 0 for none, or 1s and more", t.Keepalive)
	}
	c.prefixes("transit.prefixes", t.Transit.Prefixes)
	if t.Transit.Caller != "" {
		c.number("transit.caller", t.Transit.Caller)
	}
	c.options(t.Options)
	c.json("vendor", t.Vendor)
	return c.result()
}

// Validate tells whether the rule may be kept; an *[InvalidError] otherwise. Whether its applications exist is not
// looked up here.
func (r Rule) Validate() error {
	c := check{kind: KindRule, id: r.ID}
	c.ident("id", r.ID)
	c.account("account", r.Account)
	c.name("name", r.Name)
	switch r.Kind {
	case ByNumber:
		c.number("value", r.Value)
	case ByHost:
		c.host("value", r.Value)
	default:
		c.fail("kind", "%q is neither %q nor %q", r.Kind, ByNumber, ByHost)
	}
	if len(r.Targets) > maxTargets {
		c.fail("targets", "has %d entries, more than %d", len(r.Targets), maxTargets)
	}
	seen := make(map[string]bool, len(r.Targets))
	for i, t := range r.Targets {
		at := fmt.Sprintf("targets[%d]", i)
		c.ident(at+".app", t.App)
		if seen[t.App] {
			c.fail(at+".app", "%s is there twice", t.App)
		}
		seen[t.App] = true
		if t.Priority < 0 {
			c.fail(at+".priority", "%d is below 0", t.Priority)
		}
		c.json(at+".vendor", t.Vendor)
	}
	c.json("vendor", r.Vendor)
	return c.result()
}

// Validate tells whether the document may be kept; an *[InvalidError] otherwise.
func (d Document) Validate() error {
	c := check{kind: KindDocument, id: d.ID}
	if d.ID == "" || len(d.ID) > maxJSON || !utf8.ValidString(d.ID) {
		c.fail("id", "must be text and not empty")
	}
	if d.Account != "" {
		c.account("account", d.Account)
	}
	if len(d.Body) == 0 {
		c.fail("body", "is empty")
	}
	c.json("body", d.Body)
	return c.result()
}

// maxShare is what a priority and a weight may be at most, as in DNS (RFC 2782): the weights of all peers are added up.
const maxShare = 65535

func (c *check) peer(at string, p Peer) {
	c.host(at+".host", p.Host)
	if p.Port < 0 || p.Port > 65535 {
		c.fail(at+".port", "%d is no port: 0 to 65535", p.Port)
	}
	switch p.Transport {
	case "", "udp", "tcp", "tls":
	default:
		c.fail(at+".transport", "%q is none of \"udp\", \"tcp\", \"tls\"", p.Transport)
	}
	if p.Priority < 0 || p.Priority > maxShare {
		c.fail(at+".priority", "%d is not 0 to %d", p.Priority, maxShare)
	}
	if p.Weight < 0 || p.Weight > maxShare {
		c.fail(at+".weight", "%d is not 0 to %d", p.Weight, maxShare)
	}
}

// policy: what does not compile would let nothing through, and nobody would know why.
func (c *check) policy(field string, p header.Policy, d header.Direction) {
	if p.Direction != "" && p.Direction != d {
		c.fail(field+".direction", "is %q; leave it out or write %q", p.Direction, d)
	}
	p.Direction = d
	if _, err := p.Compile(); err != nil {
		c.fail(field, "%v", err)
	}
}

func (c *check) account(field, s string) {
	if len(s) != 12 || strings.Trim(s, "0123456789") != "" {
		c.fail(field, "%q is no account: twelve digits", s)
	}
}

func (c *check) number(field, s string) {
	if !IsE164(s) {
		c.fail(field, "%q is no E.164 number: \"+\", then 2 to 15 digits of which the first is not 0", s)
	}
}

func (c *check) host(field, s string) {
	if !IsHost(s) {
		c.fail(field, "%q is no host: a name in lower case or an address, without port and brackets", s)
	}
}

// ident: an ID may stand in a log line as it is, and in a URL's path (the characters of RFC 3986's pchar).
func (c *check) ident(field, s string) {
	if s == "" || len(s) > maxID {
		c.fail(field, "must have 1 to %d characters", maxID)
	}
	for i := range len(s) {
		if b := s[i]; !isAlnum(b) && strings.IndexByte("-_.~!$&'()*+,;=:@", b) < 0 {
			c.fail(field, "%q: %q is possible in no ID; letters, digits and -_.~!$&'()*+,;=:@ are", s, rune(b))
			return
		}
	}
}

func (c *check) name(field, s string) {
	if utf8.RuneCountInString(s) > maxName {
		c.fail(field, "has more than %d characters", maxName)
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		c.fail(field, "%q has a control character or is not UTF-8", s)
	}
}

func (c *check) word(field, s string) {
	if s == "" || len(s) > maxID || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") != "" {
		c.fail(field, "%q is no word of lower-case letters", s)
	}
}

func (c *check) json(field string, j json.RawMessage) {
	switch {
	case len(j) == 0:
	case len(j) > maxJSON:
		c.fail(field, "has %d bytes, more than %d", len(j), maxJSON)
	case !json.Valid(j):
		c.fail(field, "is not JSON")
	}
}

// IsE164 tells whether s is a number as we keep it: "+", then 2 to 15 digits, the first not 0 (ITU-T E.164).
func IsE164(s string) bool {
	return len(s) >= 3 && len(s) <= 16 && s[0] == '+' && s[1] != '0' && strings.Trim(s[1:], "0123456789") == ""
}

// IsHost tells whether s is a host as we keep it: a domain name in lower case (RFC 1123 section 2.1, "_" too, as
// service names have it), or an IP address without brackets and zone.
func IsHost(s string) bool {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Zone() == ""
	}
	if len(s) > 253 || strings.Trim(s, "0123456789.") == "" {
		return false // too long, or meant as an address
	}
	for label := range strings.SplitSeq(s, ".") {
		if len(label) == 0 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if b := label[i]; !isAlnum(b) && b != '-' && b != '_' || b >= 'A' && b <= 'Z' {
				return false
			}
		}
	}
	return true
}

func isAlnum(b byte) bool { return b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'z' }
