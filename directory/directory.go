package directory

import (
	"encoding/json"
	"net/netip"
	"time"

	"github.com/switchhook/switchhook/header"
)

// Account owns everything else. ID is twelve digits, the form of an AWS account, so that vendors' ARNs can carry it.
type Account struct {
	ID     string `json:"id"`
	Name   string `json:"name,omitempty"`
	Limits Limits `json:"limits,omitzero"`
}

// Key lets a client of a vendor's API or of ours in: an AWS access key, a Plivo auth id and token.
type Key struct {
	ID      string `json:"id"`      // the public half
	Secret  string `json:"secret"`  // the secret half
	Account string `json:"account"` // whose
	Kind    string `json:"kind"`    // one of the kinds below
}

// The kinds of keys.
const (
	KeyAWS   = "aws"   // an AWS access key: signs the requests of AWS clients
	KeyPlivo = "plivo" // a Plivo auth id and token
	KeyAdmin = "admin" // opens our own API under /api
)

// Ref is the key's ID in a [Table]: clients of different APIs may have the same public half.
func (k Key) Ref() string { return k.Kind + ":" + k.ID }

// App is a customer's application: a dialect and its settings.
type App struct {
	ID       string          `json:"id"`
	Account  string          `json:"account"`
	Name     string          `json:"name"`
	Dialect  string          `json:"dialect"`
	Settings json.RawMessage `json:"settings"` // the dialect's own; checked by dialect.Dialect.App on save
	Vendor   json.RawMessage `json:"vendor,omitempty"`
	Created  time.Time       `json:"created"`
	Updated  time.Time       `json:"updated"`
}

// Number is a number we own. Without an account it is in stock: an account may find and order it.
type Number struct {
	E164    string          `json:"e164"` // with "+"; the key
	Account string          `json:"account"`
	Trunk   string          `json:"trunk,omitempty"` // the trunk it belongs to, if any
	Vendor  json.RawMessage `json:"vendor,omitempty"`
	Created time.Time       `json:"created"`
	Updated time.Time       `json:"updated"`
}

// Transport is how a peer is reached: "udp", "tcp" or "tls".
type Transport string

// Peer is one far end of a trunk.
type Peer struct {
	Host      string    `json:"host"`           // name or address; a name without port and transport is found by NAPTR and SRV (RFC 3263)
	Port      int       `json:"port,omitempty"` // 0 means 5060, over TLS 5061
	Transport Transport `json:"transport,omitempty"`
	Priority  int       `json:"priority,omitempty"` // lower is tried first
	Weight    int       `json:"weight,omitempty"`   // share within one priority; 0 counts as 1
}

// The trunks that no directory holds: by them a number of our own is dialled without leaving the house. No trunk that is kept
// can have such an ID.
const (
	House      = "/house"       // who dials and whose number it is are of one account: the context goes along whole
	HouseApart = "/house/apart" // they are of two: each hears no more than a carrier would tell
)

// Transit is what a trunk's peers may dial through us: numbers that nobody here owns, by the trunk that is marked pstn. The
// trunk's Limits.Placed bounds how many a second.
type Transit struct {
	// Prefixes are the numbers that may be dialled, as in [Limits]. Empty: none.
	Prefixes []string `json:"prefixes,omitempty"`
	// Caller is the number (E.164) that is shown in place of a caller's who has none of the account's; empty: his own is.
	Caller string `json:"caller,omitempty"`
}

// Trunk is a peering with a carrier or PBX.
type Trunk struct {
	ID      string `json:"id"`
	Account string `json:"account"`
	Name    string `json:"name"`
	// Host is the Request-URI host that names this trunk when a peer calls us through it; unique; may be empty.
	Host string `json:"host,omitempty"`
	// Peers are where calls go out, tried in order of priority, then by weight. Empty: no calls out.
	Peers []Peer `json:"peers,omitempty"`
	// Allow lists where calls may come from. Empty: from the peers' addresses alone.
	Allow []netip.Prefix `json:"allow,omitempty"`
	// OutOnly: no calls come in by it, whatever Allow and Peers say.
	OutOnly bool `json:"outOnly,omitempty"`
	// Callers are who may call by it, where there are any: who proves to be none of them does not get in, whatever Allow says.
	Callers []Caller `json:"callers,omitempty"`
	// Owned: who calls by it shows a number of the account, or is refused (403).
	Owned bool `json:"owned,omitempty"`
	// Transit says what may be dialled through us by it that is no number of ours: nothing unless set.
	Transit Transit `json:"transit,omitzero"`
	// In and Out are the policies for context that comes in and goes out.
	In  header.Policy `json:"in"`
	Out header.Policy `json:"out"`
	// Keepalive is the interval of OPTIONS pings to each peer; 0 means none.
	Keepalive time.Duration `json:"keepalive,omitempty"`
	// PSTN marks the trunk that numbers nobody here owns are dialled at.
	PSTN bool `json:"pstn,omitempty"`
	// Options say how its peers want to be spoken to.
	Options  `json:",inline"`
	Disabled bool            `json:"disabled,omitempty"`
	Vendor   json.RawMessage `json:"vendor,omitempty"`
	Created  time.Time       `json:"created"`
	Updated  time.Time       `json:"updated"`
}

// Made tells whether a customer made the trunk, by the API of a dialect, and not the operator.
func (t *Trunk) Made() bool { return len(t.Vendor) > 0 }

// Caller is one who may call by a trunk, and the password that proves it (RFC 3261 section 22).
type Caller struct {
	User     string `json:"user"` // printable ASCII without quotation marks, "\\" and ":", which a digest can't carry
	Password string `json:"password"`
}

// TriggerKind says what of an attempt a rule looks at.
type TriggerKind string

// The kinds.
const (
	ByNumber TriggerKind = "number" // the called number
	ByHost   TriggerKind = "host"   // the host of the Request-URI
)

// Target is one application of a rule.
type Target struct {
	App      string          `json:"app"`
	Priority int             `json:"priority"` // lower is tried first
	Vendor   json.RawMessage `json:"vendor,omitempty"`
}

// Rule sends attempts to applications in order of priority.
type Rule struct {
	ID       string          `json:"id"`
	Account  string          `json:"account"`
	Name     string          `json:"name"`
	Kind     TriggerKind     `json:"kind"`
	Value    string          `json:"value"` // a number with "+", or a host in lower case; unique within Kind
	Targets  []Target        `json:"targets"`
	Disabled bool            `json:"disabled,omitempty"`
	Vendor   json.RawMessage `json:"vendor,omitempty"`
	Created  time.Time       `json:"created"`
	Updated  time.Time       `json:"updated"`
}
