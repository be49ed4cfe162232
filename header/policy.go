package header

// Policy is what one trunk lets through in one direction: plain data, to be read from JSON or YAML, then turned into
// a [Compiled] once. Its zero value lets nothing through.
//
// A row is decided in this order: headers that each leg makes for itself are passed over without a [Change]; then come
// what never crosses a leg, malformed rows, reserved names, what an untrusted peer may not assert, and last the rules,
// of which the first that matches decides. What no rule names is dropped. After the rules come the User-to-User gate,
// the form of diversion and, on the way out to an untrusted peer, the caller's privacy.
type Policy struct {
	Name string `json:"name,omitempty" yaml:"name,omitempty"`
	// Direction is In unless set.
	Direction Direction `json:"direction,omitempty" yaml:"direction,omitempty"`
	// Trusted tells that the peer stands inside our trust domain (RFC 3325). From a peer outside it nothing is taken
	// that says who is calling or who diverted the call, whatever the rules say; to one, privacy is applied.
	Trusted bool `json:"trusted,omitempty" yaml:"trusted,omitempty"`
	// Rules are tried in order.
	Rules []Rule `json:"rules,omitempty" yaml:"rules,omitempty"`
	// UUI is the gate for User-to-User that the rules let through: transparent unless set.
	UUI UUIGate `json:"uui,omitempty" yaml:"uui,omitempty"`
	// Discriminator is what is done with the protocol discriminator of isdn-uui: nothing unless set.
	Discriminator Discriminator `json:"discriminator,omitempty" yaml:"discriminator,omitempty"`
	// Diversion is the form in which INVITE and 3xx tell of diversions: as received unless set.
	Diversion DiversionForm `json:"diversion,omitempty" yaml:"diversion,omitempty"`
	Limits    Limits        `json:"limits,omitzero" yaml:"limits,omitempty"`
	// Oversize says what becomes of a message that breaks a limit: drop the row unless set.
	Oversize Oversize `json:"oversize,omitempty" yaml:"oversize,omitempty"`
}

// Rule decides for one name or for all names with one prefix.
type Rule struct {
	// Match is a header name, or a prefix with "*" at its end ("X-*"); "*" alone matches every name. Case does not count.
	Match string `json:"match" yaml:"match"`
	Do    Verb   `json:"do" yaml:"do"`
	// To is the new name for rename (with "*" at its end if Match has it: the rest of the name is kept), or the host,
	// with ":port" if wanted, for rewrite-host.
	To string `json:"to,omitempty" yaml:"to,omitempty"`
}

// Verb is what a rule does.
type Verb string

// The closed list of verbs.
const (
	Keep        Verb = "keep"
	Drop        Verb = "drop"
	Rename      Verb = "rename"
	RewriteHost Verb = "rewrite-host" // keep, with the host of each sip address replaced; for headers that carry addresses
)

// Direction tells which way the messages go.
type Direction string

// The closed list of directions.
const (
	In  Direction = "in"  // from the peer to us
	Out Direction = "out" // from us to the peer
)

// UUIGate says how strictly User-to-User is taken.
type UUIGate string

// The closed list of gates.
const (
	UUITransparent UUIGate = "transparent" // as it came, in any message: for trunks of one owner
	UUIStrict      UUIGate = "strict-7434" // only where RFC 7433 and RFC 7434 allow it, and never two of isdn-uui
	UUIDeny        UUIGate = "deny"        // none (RFC 7433 section 3, REQ-9)
)

// DiversionForm says how diversions are told. Where two forms came, they are one only if the trunk asks for it.
type DiversionForm string

// The closed list of forms.
const (
	FormAsReceived DiversionForm = "" // rows pass as they came
	FormDiversion  DiversionForm = "diversion"
	FormHistory    DiversionForm = "history-info"
	FormBoth       DiversionForm = "both" // each completed from the other, so that they say the same
	FormNone       DiversionForm = "none"
)

// Oversize says what becomes of a message that breaks a limit.
type Oversize string

// The closed list of choices.
const (
	OversizeDrop   Oversize = "drop"   // the row does not go on
	OversizeRefuse Oversize = "refuse" // the message is refused: [Compiled.Apply] gives a *[RefusedError]
)

// Limits bound the context of one message. Zero means the default, given with each.
type Limits struct {
	RowBytes   int `json:"rowBytes,omitempty" yaml:"rowBytes,omitempty"`     // name, ": " and value: 8192
	Rows       int `json:"rows,omitempty" yaml:"rows,omitempty"`             // 256
	TotalBytes int `json:"totalBytes,omitempty" yaml:"totalBytes,omitempty"` // of all rows, each with its CRLF: 32768
}

// Trusted gives the policy for a peer inside the trust domain: it keeps User-to-User, X- headers, diversions, asserted
// identities, Privacy, Reason and a few more that tell of a call. Set Direction for the way out.
func Trusted() Policy {
	return Policy{Name: "trusted", Trusted: true, Rules: keep("User-to-User", "X-*", "Diversion", "History-Info", "Reason",
		"P-Asserted-Identity", "Remote-Party-ID", "Privacy", "Session-ID", "Subject", "Priority", "Resource-Priority")}
}

// Untrusted gives the policy for everyone else: Reason, Privacy and the names allowed here ("User-to-User",
// "X-Account-*"), nothing else. Set Direction for the way out.
func Untrusted(allow ...string) Policy {
	return Policy{Name: "untrusted", Rules: keep(append([]string{"Reason", "Privacy"}, allow...)...)}
}

func keep(names ...string) []Rule {
	rules := make([]Rule, len(names))
	for i, name := range names {
		rules[i] = Rule{Match: name, Do: Keep}
	}
	return rules
}
