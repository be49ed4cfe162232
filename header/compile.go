package header

import (
	"fmt"
	"strconv"
	"strings"
)

// maxRules bounds what one row may cost.
const maxRules = 1000

// Compiled is a policy made ready: fast, unchanging, for any number of goroutines.
type Compiled struct {
	policy   Policy
	exact    map[string]int // lower-case long name → index of its rule
	prefixes []prefixRule   // in order
	rules    []readyRule
	later    bool // something is to be done after the rules
}

type prefixRule struct {
	prefix string // lower case, without "*"
	rule   int
}

type readyRule struct {
	Rule
	tail   int    // length of what the name keeps after a prefix was renamed: name[tail:]; -1 for a whole name
	to     string // To, without "*"
	detail string
	// platform tells that the rule names reserved names themselves, so that it may let them through.
	platform bool
}

// Compile checks the policy and makes it ready. Errors name the rule, counted from 1.
func (p Policy) Compile() (*Compiled, error) {
	if err := p.checkChoices(); err != nil {
		return nil, fmt.Errorf("policy %q: %w", p.Name, err)
	}
	if len(p.Rules) > maxRules {
		return nil, fmt.Errorf("policy %q: %d rules, limit %d", p.Name, len(p.Rules), maxRules)
	}
	p.Rules = append([]Rule(nil), p.Rules...)
	p.setDefaults()
	c := &Compiled{policy: p, exact: make(map[string]int, len(p.Rules)), rules: make([]readyRule, 0, len(p.Rules))}
	for i, r := range p.Rules {
		if err := c.add(i, r); err != nil {
			return nil, fmt.Errorf("policy %q: rule %d (%s %s): %w", p.Name, i+1, r.Do, r.Match, err)
		}
	}
	c.later = p.UUI != UUITransparent || p.Discriminator.changes() || p.Diversion != FormAsReceived || p.hides()
	return c, nil
}

// hides tells whether privacy is applied: on the way out of the trust domain.
func (p *Policy) hides() bool { return p.Direction == Out && !p.Trusted }

func (p *Policy) setDefaults() {
	if p.Direction == "" {
		p.Direction = In
	}
	if p.UUI == "" {
		p.UUI = UUITransparent
	}
	if p.Limits.RowBytes == 0 {
		p.Limits.RowBytes = 8192
	}
	if p.Limits.Rows == 0 {
		p.Limits.Rows = 256
	}
	if p.Limits.TotalBytes == 0 {
		p.Limits.TotalBytes = 32768
	}
}

func (p *Policy) checkChoices() error {
	switch p.Direction {
	case "", In, Out:
	default:
		return fmt.Errorf("direction %q is not in or out", p.Direction)
	}
	switch p.UUI {
	case "", UUITransparent, UUIStrict, UUIDeny:
	default:
		return fmt.Errorf("uui %q is not transparent, strict-7434 or deny", p.UUI)
	}
	if !p.Discriminator.valid() {
		return fmt.Errorf("discriminator %q is not keep, strip, param or add: with two hex digits", p.Discriminator)
	}
	switch p.Diversion {
	case FormAsReceived, FormDiversion, FormHistory, FormBoth, FormNone:
	default:
		return fmt.Errorf("diversion %q is not diversion, history-info, both or none", p.Diversion)
	}
	switch p.Oversize {
	case "", OversizeDrop, OversizeRefuse:
	default:
		return fmt.Errorf("oversize %q is not drop or refuse", p.Oversize)
	}
	if p.Limits.RowBytes < 0 || p.Limits.Rows < 0 || p.Limits.TotalBytes < 0 {
		return fmt.Errorf("a limit is negative")
	}
	return nil
}

// add makes one rule ready.
func (c *Compiled) add(i int, r Rule) error {
	name, wild := strings.CutSuffix(r.Match, "*")
	if name == "" && !wild || name != "" && !IsToken(name) {
		return fmt.Errorf("%q is no header name", r.Match)
	}
	low := lowered(name)
	if !wild {
		low = lowered(Long(name))
	}
	if err := c.checkReach(r, low, wild); err != nil {
		return err
	}
	ready := readyRule{Rule: r, tail: -1, detail: "rule " + strconv.Itoa(i+1) + ": " + string(r.Do) + " " + r.Match}
	ready.platform = hasPrefix(low, amazonPrefix) || hasPrefix(low, azurePrefix)
	var err error
	switch r.Do {
	case Keep, Drop:
		if r.To != "" {
			err = fmt.Errorf("to is for rename and rewrite-host")
		}
	case Rename:
		err = ready.setName(&c.policy, len(name), wild)
	case RewriteHost:
		err = ready.setHost(low, wild)
	default:
		err = fmt.Errorf("do %q is not keep, drop, rename or rewrite-host", r.Do)
	}
	if err != nil {
		return err
	}
	if wild {
		c.prefixes = append(c.prefixes, prefixRule{prefix: low, rule: i})
	} else {
		c.exact[low] = i
	}
	c.rules = append(c.rules, ready)
	return nil
}

// checkReach refuses rules that could never do what they say.
func (c *Compiled) checkReach(r Rule, low string, wild bool) error {
	for _, earlier := range c.prefixes {
		if hasPrefix(low, earlier.prefix) {
			return fmt.Errorf("never reached: rule %d matches first", earlier.rule+1)
		}
	}
	if earlier, ok := c.exact[low]; ok && !wild {
		return fmt.Errorf("never reached: rule %d matches first", earlier+1)
	}
	if wild {
		low += "-" // any name under the prefix, to ask for its class
		if r.Match == "*" {
			return nil
		}
	}
	switch kind := classify([]byte(low)); {
	case low == earlyMedia && r.Do == Drop:
		return nil
	case kind == plumbing:
		return fmt.Errorf("each leg makes this header for itself")
	case kind == asserted && !c.policy.Trusted && c.policy.Direction == In && r.Do != Drop:
		return fmt.Errorf("an untrusted peer may not assert this: set trusted")
	case kind == network && !c.policy.Trusted && r.Do != Drop:
		return fmt.Errorf("this header stays inside the trust domain: set trusted")
	case kind == hop, kind == credential, kind == preference, kind == dialogName:
		return fmt.Errorf("this header never crosses a leg")
	case isInternal(low):
		return fmt.Errorf("names with %s never cross a trunk", internalPrefix)
	}
	return nil
}

func (r *readyRule) setName(p *Policy, matched int, wild bool) error {
	to, toWild := strings.CutSuffix(r.To, "*")
	if toWild != wild {
		return fmt.Errorf("match and to must both end in *, or neither")
	}
	if !IsToken(to) {
		return fmt.Errorf("to %q is no header name", r.To)
	}
	r.to = to
	if wild {
		r.tail = matched
		to += "-"
	}
	if !p.mayName(to) {
		return fmt.Errorf("to %q is not a name that this policy may give", r.To)
	}
	return nil
}

// mayName tells whether a rename may give the name: not one that each leg makes for itself or that never crosses, and
// none that the peer could not have used itself.
func (p *Policy) mayName(to string) bool {
	low := lowered(Long(to))
	switch classify([]byte(low)) {
	case context:
		return !isInternal(low)
	case asserted:
		return p.Trusted || p.Direction == Out
	}
	return false
}

func (r *readyRule) setHost(low string, wild bool) error {
	if wild || !carriesURI(low) {
		return fmt.Errorf("this header has no address whose host could be rewritten")
	}
	u, err := ParseURI("sip:" + r.To)
	if err != nil || u.User != "" || u.Params != nil || u.Headers != "" {
		return fmt.Errorf("to %q is no host", r.To)
	}
	r.to = r.To
	return nil
}

// earlyMedia is the one header that each leg makes for itself and a rule may drop: what it says of the media of one leg becomes
// what the other says, inside the trust domain, where a policy does not keep it (RFC 5009 section 7).
const earlyMedia = "p-early-media"

// TellsEarlyMedia tells whether P-Early-Media is said, or believed: of a peer inside the trust domain, unless a rule drops it.
func (c *Compiled) TellsEarlyMedia() bool {
	rule := c.find([]byte(earlyMedia))
	return c.policy.Trusted && (rule < 0 || c.rules[rule].Do != Drop)
}

// find gives the index of the rule for a lower-case long name, or -1.
func (c *Compiled) find(low []byte) int16 {
	at, exact := c.exact[string(low)]
	for _, p := range c.prefixes {
		if exact && p.rule > at {
			break
		}
		if hasPrefix(low, p.prefix) {
			return int16(p.rule)
		}
	}
	if !exact {
		return -1
	}
	return int16(at)
}

// Policy gives the policy that this was made from, with its defaults filled in. Its rules are not to be changed.
func (c *Compiled) Policy() Policy { return c.policy }
