package directory

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"
)

// Endpoint is a telephone or program of an account that registers here (RFC 3261 section 10) and calls with its password.
type Endpoint struct {
	User     string `json:"user"` // user part of its address; unique; the key
	Account  string `json:"account"`
	Name     string `json:"name,omitempty"`
	Password string `json:"password"`
	Contacts int    `json:"contacts,omitempty"` // registered at one time; 0 means 5
	// Trusted: context passes it as on a trusted trunk; else User-to-User and X- headers alone, and it does not say who calls.
	Trusted  bool            `json:"trusted,omitempty"`
	Disabled bool            `json:"disabled,omitempty"`
	Options  Options         `json:"options,omitzero"` // as of a trunk; Login, TLS.Names and the like mean nothing here
	Vendor   json.RawMessage `json:"vendor,omitempty"`
	Created  time.Time       `json:"created"`
	Updated  time.Time       `json:"updated"`
}

// Limits of endpoints.
const (
	maxContacts     = 100
	defaultContacts = 5
)

// Most gives how many contacts may be registered at one time.
func (e *Endpoint) Most() int {
	if e.Contacts == 0 {
		return defaultContacts
	}
	return e.Contacts
}

// Validate tells whether the endpoint may be kept; an *[InvalidError] otherwise. Its message never holds the password.
func (e Endpoint) Validate() error {
	c := check{kind: KindEndpoint, id: e.User}
	if e.User == "" || len(e.User) > maxID {
		c.fail("user", "must have 1 to %d characters", maxID)
	}
	for i := range len(e.User) {
		if b := e.User[i]; !isAlnum(b) && strings.IndexByte("-_.!~*'+", b) < 0 {
			c.fail("user", "%q: %q is possible in no user; letters, digits and -_.!~*'+ are", e.User, rune(b))
		}
	}
	c.account("account", e.Account)
	c.name("name", e.Name)
	c.password("password", e.Password)
	if e.Contacts < 0 || e.Contacts > maxContacts {
		c.fail("contacts", "%d is none of 0 to %d", e.Contacts, maxContacts)
	}
	of := check{kind: c.kind, id: c.id}
	if of.options(e.Options); of.err != nil {
		c.fail("options."+of.err.Field, "%s", of.err.Reason)
	}
	c.options(e.Options)
	c.json("vendor", e.Vendor)
	return c.result()
}

func (c *check) password(field, s string) {
	if s == "" || len(s) > maxName || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		c.fail(field, "must have 1 to %d characters, and no control character", maxName)
	}
}

// callers: a user name stands in a digest as it is, between quotation marks and before a colon (RFC 7616 section 3.4.2).
func (c *check) callers(field string, list []Caller) {
	if len(list) > maxCallers {
		c.fail(field, "has %d entries, more than %d", len(list), maxCallers)
	}
	seen := make(map[string]bool, len(list))
	for i, p := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		bad := strings.ContainsFunc(p.User, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' || r == ':' })
		if p.User == "" || len(p.User) > maxID || bad {
			c.fail(at+".user", "%q must have 1 to %d printable ASCII characters, none of them \", \\ or :", p.User, maxID)
		}
		if seen[p.User] {
			c.fail(at+".user", "%s is there twice", p.User)
		}
		seen[p.User] = true
		c.password(at+".password", p.Password)
	}
}

// login: what is half written would fail at the first challenge, and nobody would know why.
func (c *check) login(field string, l Login, peers int) {
	switch {
	case l.User == "" && l.Password == "" && !l.Register: // what a profile says of logins alone
		return
	case l.User == "":
		c.fail(field+".user", "is missing")
	case l.Register && peers == 0:
		c.fail(field+".register", "needs a peer to register at")
	case l.Expires < 0, l.Expires > 0 && l.Expires < time.Minute, l.Expires > 24*time.Hour:
		c.fail(field+".expires", "%s: 0, or 1m to 24h", l.Expires)
	}
	c.name(field+".user", l.User)
	c.password(field+".password", l.Password)
	c.name(field+".realm", l.Realm)
}

// Binding is one contact at which an endpoint is registered, until it expires.
type Binding struct {
	User     string         `json:"user"`               // the endpoint's
	Contact  string         `json:"contact"`            // the URI that the endpoint named
	Instance string         `json:"instance,omitempty"` // +sip.instance: which device it is (RFC 5626)
	Domain   string         `json:"domain,omitempty"`   // of the address that it registered: what the endpoint calls us
	Path     []string       `json:"path,omitempty"`     // the proxies on the way (RFC 3327), the first to be passed first
	Q        int            `json:"q"`                  // preference in thousandths
	CallID   string         `json:"callId"`             // of the REGISTER that made it
	CSeq     uint32         `json:"cseq"`
	Agent    string         `json:"agent,omitempty"` // what the device says it is
	Network  string         `json:"network"`         // by which it was made
	Source   netip.AddrPort `json:"source"`          // where it came from
	Flow     uint64         `json:"-"`               // the connection it came by, good for this run
	Since    time.Time      `json:"since"`
	Expires  time.Time      `json:"expires"`
}
