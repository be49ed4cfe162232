package directory

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/header"
)

// What options may say at most. They bound what one call can cost.
const (
	maxSession  = 24 * time.Hour
	minSession  = 90 * time.Second // RFC 4028 section 5
	maxBudget   = 65535
	maxFiles    = 16
	maxPath     = 4096
	maxPrefixes = 1000
	maxKeep     = 24 * time.Hour
	maxRows     = 16
)

// options checks all but the login, which a trunk alone has. Whether the profile and the files exist is not looked up here.
func (c *check) options(o Options) {
	if o.Profile != "" && strings.Trim(o.Profile, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		c.fail("profile", "%q is no name of a profile: `switchhook profiles` lists them", o.Profile)
	}
	c.signalling(o.Signalling)
	c.audio(o.Audio)
	c.oneOf("transfer.strategy", o.Transfer.Strategy, "header", "refer-to", "both", "anchored")
	c.choice("transfer.accept", o.Transfer.Accept)
	c.oneOf("transfer.context", o.Transfer.Context, "inherit", "replace", "none")
	c.signing(o.Signing)
	c.claims(o.Claims)
	c.tls(o.TLS)
	c.limits("limits", o.Limits)
}

func (c *check) signalling(s Signalling) {
	c.choice("signalling.reliable", s.Reliable)
	c.choice("signalling.timer", s.Timer)
	c.choice("signalling.update", s.Update)
	if s.Session != 0 && (s.Session < minSession || s.Session > maxSession) {
		c.fail("signalling.session", "%s is not 0 or %s to %s", s.Session, minSession, maxSession)
	}
	if s.Silence > 0 && s.Silence < time.Second {
		c.fail("signalling.silence", "%s is too short: 1s and more, 0 or less", s.Silence)
	}
	c.oneOf("signalling.oversize", string(s.Oversize), string(OversizeTCP), string(OversizeUDP))
	c.oneOf("signalling.inside", string(s.Inside), string(InsideAnyone))
	if len(s.Rows) > maxRows {
		c.fail("signalling.rows", "has %d entries, more than %d", len(s.Rows), maxRows)
	}
	for i, row := range s.Rows {
		at := fmt.Sprintf("signalling.rows[%d]", i)
		if err := header.CheckWire(row.Name, row.Value); err != nil {
			c.fail(at, "%v", err)
		} else if !header.OfCall(row.Name) {
			c.fail(at, "%s is made for each leg, or is not ours to say", row.Name)
		}
	}
	if s.Budget < 0 || s.Budget > maxBudget {
		c.fail("signalling.budget", "%d is not 0 to %d bytes", s.Budget, maxBudget)
	}
}

func (c *check) audio(a Audio) {
	for i, name := range a.Codecs {
		if !slices.Contains([]string{"PCMU", "PCMA", "G722"}, name) {
			c.fail("audio.codecs", "%q is none of PCMU, PCMA, G722", name)
		}
		if slices.Contains(a.Codecs[:i], name) {
			c.fail("audio.codecs", "%s is there twice", name)
		}
	}
	c.oneOf("audio.keys", a.Keys, "auto", "rfc4733", "info", "inband")
	c.choice("audio.srtp", a.SRTP)
	if !slices.Contains([]int{0, 10, 20, 30, 40, 60}, a.Ptime) {
		c.fail("audio.ptime", "%d is not 10, 20, 30, 40 or 60 ms", a.Ptime)
	}
}

func (c *check) signing(s Signing) {
	c.path("signing.key", s.Key)
	c.name("signing.keyId", s.KeyID)
	if s.KeyID != "" && s.Key == "" {
		c.fail("signing.keyId", "names a key, and signing.key has none")
	}
	if len(s.Verify) > maxFiles {
		c.fail("signing.verify", "has %d entries, more than %d", len(s.Verify), maxFiles)
	}
	for _, file := range s.Verify {
		if file == "" {
			c.fail("signing.verify", "names a file without a name")
		}
		c.path("signing.verify", file)
	}
	if s.Need && len(s.Verify) == 0 {
		c.fail("signing.need", "every INVITE would be refused: signing.verify has no key to verify with")
	}
}

func (c *check) claims(cl Claims) {
	if cl.Over < 0 || cl.Over > maxBudget {
		c.fail("claims.over", "%d is not 0 to %d bytes", cl.Over, maxBudget)
	}
	if cl.Over > 0 && cl.Over < 64 {
		c.fail("claims.over", "%d is shorter than a reference: 0 for never, or 64 and more", cl.Over)
	}
	if cl.Over > 0 && cl.URL == "" {
		c.fail("claims.url", "is needed: under it the next hop redeems what it is sent")
	}
	if cl.URL != "" {
		u, err := url.Parse(cl.URL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			c.fail("claims.url", "%q is not like https://host/path", cl.URL)
		}
	}
	if cl.Keep < 0 || cl.Keep > 0 && cl.Keep < time.Second || cl.Keep > maxKeep {
		c.fail("claims.keep", "%s is not 0 or 1s to %s", cl.Keep, maxKeep)
	}
}

func (c *check) tls(t TLS) {
	c.path("tls.roots", t.Roots)
	c.path("tls.cert", t.Cert)
	c.path("tls.certKey", t.CertKey)
	if (t.Cert == "") != (t.CertKey == "") {
		c.fail("tls.certKey", "a certificate and its key go together: set both tls.cert and tls.certKey, or neither")
	}
	if len(t.Names) > maxPeers {
		c.fail("tls.names", "has %d entries, more than %d", len(t.Names), maxPeers)
	}
	for _, name := range t.Names {
		c.host("tls.names", strings.TrimPrefix(name, "*.")) // a wildcard stands for itself alone
	}
}

func (c *check) limits(at string, l Limits) {
	c.perSecond(at+".rate", l.Rate)
	c.perSecond(at+".placed", l.Placed)
	if l.Calls < 0 {
		c.fail(at+".calls", "%d is below 0", l.Calls)
	}
	if l.Unanswered < 0 {
		c.fail(at+".unanswered", "%d is below 0", l.Unanswered)
	}
	c.prefixes(at+".prefixes", l.Prefixes)
}

func (c *check) prefixes(at string, list []string) {
	if len(list) > maxPrefixes {
		c.fail(at, "has %d entries, more than %d", len(list), maxPrefixes)
	}
	for _, p := range list {
		digits, ok := strings.CutPrefix(strings.TrimPrefix(p, "!"), "+")
		if !ok || len(digits) > 15 || strings.Trim(digits, "0123456789") != "" || strings.HasPrefix(digits, "0") {
			c.fail(at, "%q is no prefix: \"+\" and digits, with \"!\" before one that is forbidden", p)
		}
	}
}

func (c *check) perSecond(field string, r float64) {
	if r < 0 || r > 1e6 || r != r {
		c.fail(field, "%g is not 0 to 1000000 calls a second", r)
	}
}

func (c *check) choice(field string, v Choice) {
	c.oneOf(field, string(v), string(Always), string(Offered), string(Never))
}

// oneOf: empty is the default of every such setting.
func (c *check) oneOf(field, v string, known ...string) {
	if v != "" && !slices.Contains(known, v) {
		c.fail(field, "%s is none of %s", header.Quote(v), strings.Join(known, ", "))
	}
}

func (c *check) path(field, p string) {
	if len(p) > maxPath || strings.ContainsAny(p, "\r\n\x00") {
		c.fail(field, "is no name of a file")
	}
}
