package directory

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Snapshot is the directory at one moment, indexed for look-ups on a call's way. Immutable: safe for all goroutines.
type Snapshot struct {
	accounts map[string]Account
	keys     map[string]Key
	apps     map[string]App
	numbers  map[string]Number
	trunks   map[string]*Trunk
	hosts    map[string]*Trunk
	rules    map[TriggerKind]map[string]*Rule
	ruleIDs  map[string]*Rule
	phones   map[string]*Endpoint
	declared sources // of the operator's trunks
	made     sources // of those that customers made
	pstn     *Trunk
}

// sources are where calls may come from, by which trunk.
type sources struct {
	by      map[netip.Prefix]*Trunk
	lengths []int // of the prefixes, longest first
}

// Content is everything that a snapshot is made of.
type Content struct {
	Accounts  []Account
	Keys      []Key
	Apps      []App
	Numbers   []Number
	Trunks    []Trunk
	Rules     []Rule
	Endpoints []Endpoint
}

// NewSnapshot indexes the content, which must not be changed afterwards.
func NewSnapshot(c Content) *Snapshot {
	s := &Snapshot{
		accounts: make(map[string]Account, len(c.Accounts)),
		keys:     make(map[string]Key, len(c.Keys)),
		apps:     make(map[string]App, len(c.Apps)),
		numbers:  make(map[string]Number, len(c.Numbers)),
		trunks:   make(map[string]*Trunk, len(c.Trunks)),
		hosts:    make(map[string]*Trunk, len(c.Trunks)),
		declared: sources{by: map[netip.Prefix]*Trunk{}},
		made:     sources{by: map[netip.Prefix]*Trunk{}},
		rules:    map[TriggerKind]map[string]*Rule{ByNumber: {}, ByHost: {}},
		ruleIDs:  make(map[string]*Rule, len(c.Rules)),
		phones:   make(map[string]*Endpoint, len(c.Endpoints)),
	}
	for _, a := range c.Accounts {
		s.accounts[a.ID] = a
	}
	for _, k := range c.Keys {
		s.keys[k.Ref()] = k
	}
	for _, a := range c.Apps {
		s.apps[a.ID] = a
	}
	for _, n := range c.Numbers {
		s.numbers[n.E164] = n
	}
	for i := range c.Trunks {
		s.addTrunk(&c.Trunks[i])
	}
	for i := range c.Rules {
		r := &c.Rules[i]
		s.ruleIDs[r.ID] = r
		if m := s.rules[r.Kind]; m != nil {
			m[r.Value] = r
		}
	}
	for i := range c.Endpoints {
		s.phones[c.Endpoints[i].User] = &c.Endpoints[i]
	}
	return s
}

func (s *Snapshot) addTrunk(t *Trunk) {
	s.trunks[t.ID] = t
	if t.Host != "" {
		s.hosts[t.Host] = t
	}
	if t.PSTN && s.pstn == nil {
		s.pstn = t
	}
	if t.OutOnly {
		return
	}
	from := &s.declared
	if t.Made() {
		from = &s.made
	}
	for _, p := range t.Allow {
		from.add(p, t)
	}
	if len(t.Allow) > 0 {
		return
	}
	for _, p := range t.Peers {
		if a, err := netip.ParseAddr(p.Host); err == nil {
			a = a.Unmap()
			from.add(netip.PrefixFrom(a, a.BitLen()), t)
		}
	}
}

// add lets calls come from a prefix by a trunk, unless another trunk has it already.
func (s *sources) add(p netip.Prefix, t *Trunk) {
	p = p.Masked()
	if _, taken := s.by[p]; taken || t.Disabled || !p.IsValid() {
		return
	}
	s.by[p] = t
	if at, found := slices.BinarySearchFunc(s.lengths, p.Bits(), func(a, b int) int { return b - a }); !found {
		s.lengths = slices.Insert(s.lengths, at, p.Bits())
	}
}

// Account finds an account.
func (s *Snapshot) Account(id string) (Account, bool) { a, ok := s.accounts[id]; return a, ok }

// Keys gives every key, in order of their Refs. Their secrets stand in them.
func (s *Snapshot) Keys() []Key {
	return slices.SortedFunc(maps.Values(s.keys), func(a, b Key) int { return strings.Compare(a.Ref(), b.Ref()) })
}

// Key finds a key of a kind by its public half.
func (s *Snapshot) Key(kind, id string) (Key, bool) {
	k, ok := s.keys[Key{Kind: kind, ID: id}.Ref()]
	return k, ok
}

// App finds an application.
func (s *Snapshot) App(id string) (App, bool) { a, ok := s.apps[id]; return a, ok }

// Number finds a number that we own.
func (s *Snapshot) Number(e164 string) (Number, bool) { n, ok := s.numbers[e164]; return n, ok }

// Trunk finds a trunk; do not change it.
func (s *Snapshot) Trunk(id string) (*Trunk, bool) { t, ok := s.trunks[id]; return t, ok }

// TrunkByHost finds the trunk that a Request-URI host names.
func (s *Snapshot) TrunkByHost(host string) (*Trunk, bool) { t, ok := s.hosts[host]; return t, ok }

// TrunkBySource finds the trunk that a source address may call by: the longest prefix that holds it, and the operator's of equal
// ones. What a customer made takes no source from a trunk that the operator declared for another account.
func (s *Snapshot) TrunkBySource(a netip.Addr) (*Trunk, bool) {
	a = a.Unmap()
	made, length := s.made.find(a)
	declared, most := s.declared.find(a)
	if made == nil || declared != nil && (declared.Account != made.Account || most >= length) {
		return declared, declared != nil
	}
	return made, true
}

// find gives the trunk whose prefix is the longest that holds an address, and its length.
func (s *sources) find(a netip.Addr) (*Trunk, int) {
	for _, bits := range s.lengths {
		p, err := a.Prefix(bits)
		if err != nil {
			continue // longer than the address
		}
		if t, ok := s.by[p]; ok {
			return t, bits
		}
	}
	return nil, 0
}

// Trunks gives every trunk; do not change them.
func (s *Snapshot) Trunks() map[string]*Trunk { return s.trunks }

// PSTN finds the trunk for numbers that nobody here owns.
func (s *Snapshot) PSTN() (*Trunk, bool) { return s.pstn, s.pstn != nil }

// Rule finds the rule for a trigger.
func (s *Snapshot) Rule(k TriggerKind, value string) (*Rule, bool) {
	r, ok := s.rules[k][value]
	return r, ok
}

// RuleByID finds a rule by its ID; do not change it.
func (s *Snapshot) RuleByID(id string) (*Rule, bool) { r, ok := s.ruleIDs[id]; return r, ok }

// Endpoint finds an endpoint by its user name; do not change it.
func (s *Snapshot) Endpoint(user string) (*Endpoint, bool) { e, ok := s.phones[user]; return e, ok }

// Endpoints gives how many endpoints there are.
func (s *Snapshot) Endpoints() int { return len(s.phones) }
