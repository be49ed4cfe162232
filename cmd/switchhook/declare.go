package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
)

// defaultAccount owns what names no other.
const defaultAccount = "111122223333"

// mostCalls is more than one machine carries, or begins in a second: with more, counts of legs would run over.
const mostCalls = 1_000_000

// keeper is what declarations are taken over into.
type keeper interface {
	directory.Store
	// Put creates or replaces everything given, all of it or nothing.
	Put(ctx context.Context, c directory.Content) error
}

// content turns the file's sections into the directory's terms. The error tells of every mistake, with its place.
func (c config) content() (directory.Content, error) {
	account := cmp.Or(c.Account, defaultAccount)
	d := directory.Content{Accounts: []directory.Account{{ID: account, Limits: c.Limits}}, Keys: slices.Clone(c.Keys)}
	m := mistakes{text: c.text}
	m.noteAccount(d.Accounts[0])
	for path, n := range map[string]int{"$.sip.calls": c.SIP.Calls, "$.sip.rate": c.SIP.Rate} {
		if n < 0 || n > mostCalls {
			m.note(path, fmt.Errorf("%d is not 0 to %d", n, mostCalls))
		}
	}
	for i := range d.Keys {
		k, at := &d.Keys[i], fmt.Sprintf("$.keys[%d]", i)
		k.Account = cmp.Or(k.Account, account)
		m.note(at, k.Validate())
		if kinds := []string{directory.KeyAWS, directory.KeyPlivo, directory.KeyAdmin}; !slices.Contains(kinds, k.Kind) {
			m.note(at+".kind", fmt.Errorf("key %q: kind %q is none of %s", k.ID, k.Kind, strings.Join(kinds, ", ")))
		}
		m.once(at, "key", k.Ref())
	}
	for i, n := range c.Numbers {
		d.Numbers = append(d.Numbers, m.number(fmt.Sprintf("$.numbers[%d]", i), n, account))
	}
	for i, n := range c.Stock {
		d.Numbers = append(d.Numbers, m.number(fmt.Sprintf("$.stock[%d]", i), n, ""))
	}
	for i, t := range c.Trunks {
		at := fmt.Sprintf("$.trunks[%d]", i)
		d.Trunks = append(d.Trunks, m.trunk(at, t.trunk(account)))
		m.options(at, fmt.Sprintf("trunk %q", t.ID), t.Options)
	}
	for i, a := range c.Apps {
		at := fmt.Sprintf("$.apps[%d]", i)
		app := directory.App{ID: a.ID, Account: account, Name: cmp.Or(a.Name, a.ID), Dialect: a.Dialect, Settings: a.Settings}
		m.note(at, app.Validate())
		m.once(at+".id", "app", a.ID)
		d.Apps = append(d.Apps, app)
	}
	for i, r := range c.Rules {
		at := fmt.Sprintf("$.rules[%d]", i)
		rule, err := r.rule(account)
		if err == nil {
			err = rule.Validate()
		}
		m.note(at, err)
		m.once(at, "rule", r.ID)
		m.once(at, "rule for "+string(rule.Kind), rule.Value)
		d.Rules = append(d.Rules, rule)
	}
	for i, e := range c.Endpoints {
		at := fmt.Sprintf("$.endpoints[%d]", i)
		e.Account = cmp.Or(e.Account, account)
		m.note(at, e.Validate())
		m.once(at, "endpoint", e.User)
		m.options(at+".options", fmt.Sprintf("endpoint %q", e.User), e.Options)
		d.Endpoints = append(d.Endpoints, e)
	}
	return d, errors.Join(m.errs...)
}

// mistakes gathers what is wrong with a configuration.
type mistakes struct {
	text *source
	errs []error
	seen map[string]bool
	pstn string // the trunk that takes foreign numbers
}

// note takes a mistake, if it is one, in the value that path names.
func (m *mistakes) note(path string, err error) {
	var invalid *directory.InvalidError
	if errors.As(err, &invalid) {
		path += "." + invalid.Field
	}
	if err != nil {
		m.errs = append(m.errs, m.text.at(path, err))
	}
}

// once notes a thing that is there for the second time.
func (m *mistakes) once(path, kind, id string) {
	key := kind + " " + id
	if m.seen[key] {
		m.note(path, fmt.Errorf("%s %q is declared twice", kind, id))
	}
	if m.seen == nil {
		m.seen = map[string]bool{}
	}
	m.seen[key] = id != ""
}

func (m *mistakes) number(path, e164, account string) directory.Number {
	n := directory.Number{E164: e164, Account: account}
	m.note(path, n.Validate())
	m.once(path, "number", e164)
	return n
}

func (m *mistakes) trunk(path string, t directory.Trunk) directory.Trunk {
	m.note(path, t.Validate())
	m.once(path, "trunk", t.ID)
	m.once(path, "trunk for host", t.Host)
	if t.PSTN && m.pstn != "" {
		m.note(path+".pstn", fmt.Errorf("trunks %q and %q are both marked pstn: one takes the numbers that nobody here owns", m.pstn, t.ID))
	}
	if t.PSTN {
		m.pstn = t.ID
	}
	return t
}

// trunk fills in what the operator left out.
func (t trunkConfig) trunk(account string) directory.Trunk {
	out := t.Trunk
	out.Account = cmp.Or(out.Account, account)
	out.Name = cmp.Or(out.Name, out.ID)
	policy := func(given header.Policy) header.Policy {
		if !reflect.ValueOf(given).IsZero() {
			return given
		}
		if t.Trusted {
			return header.Trusted()
		}
		return header.Untrusted("User-to-User", "X-*")
	}
	out.In, out.Out = policy(out.In), policy(out.Out)
	out.In.Direction, out.Out.Direction = header.In, header.Out
	return out
}

// rule checks that there is one trigger.
func (r ruleConfig) rule(account string) (directory.Rule, error) {
	out := directory.Rule{ID: r.ID, Account: account, Name: r.Name, Disabled: r.Disabled}
	switch {
	case r.Number != "" && r.Host == "":
		out.Kind, out.Value = directory.ByNumber, r.Number
	case r.Host != "" && r.Number == "":
		out.Kind, out.Value = directory.ByHost, r.Host
	default:
		return out, errors.New("a rule has either a number or a host")
	}
	out.ID = cmp.Or(out.ID, string(out.Kind)+":"+out.Value)
	out.Name = cmp.Or(out.Name, out.ID)
	if len(r.Apps) == 0 {
		return out, fmt.Errorf("rule %q names no apps", out.ID)
	}
	for i, app := range r.Apps {
		out.Targets = append(out.Targets, directory.Target{App: app, Priority: i + 1})
	}
	return out, nil
}

// suits tells whether what a file declares goes together with what there is: dialects, and applications that an API made.
func (c config) suits(d directory.Content, old *directory.Snapshot, before ids, dialects map[string]dialect.Dialect) error {
	m := mistakes{text: c.text}
	here := map[string]bool{}
	for i, a := range d.Apps {
		here[a.ID] = true
		dia, ok := dialects[a.Dialect]
		if !ok {
			known := slices.Sorted(maps.Keys(dialects))
			m.note(fmt.Sprintf("$.apps[%d].dialect", i), fmt.Errorf("app %q: there is no dialect %q; there is %s", a.ID, a.Dialect, strings.Join(known, ", ")))
			continue
		}
		if _, err := dia.App(a.ID, a.Settings); err != nil {
			m.note(fmt.Sprintf("$.apps[%d].settings", i), fmt.Errorf("app %q: %w", a.ID, err))
		}
	}
	for i, r := range d.Rules {
		for j, t := range r.Targets {
			_, ok := old.App(t.App)
			if !here[t.App] && (!ok || slices.Contains(before[directory.KindApp], t.App)) {
				m.note(fmt.Sprintf("$.rules[%d].apps[%d]", i, j), fmt.Errorf("rule %q: there is no app %q", r.ID, t.App))
			}
		}
	}
	return errors.Join(m.errs...)
}

// declare brings the store to what the file says, and removes what an earlier file declared and this one does not.
// Things made through the vendors' APIs are left alone.
func (c config) declare(ctx context.Context, s keeper, d directory.Content, dialects map[string]dialect.Dialect) error {
	before, err := declaredBefore(ctx, s)
	if err != nil {
		return err
	}
	if err := c.suits(d, s.Snapshot(), before, dialects); err != nil {
		return err
	}
	stamp(&d, s.Snapshot(), time.Now().UTC())
	if err := forget(ctx, s, before, d); err != nil {
		return err
	}
	if err := s.Put(ctx, d); err != nil {
		return fmt.Errorf("take over what the file declares: %w", err)
	}
	return remember(ctx, s, d)
}

// stamp sets when each thing was made and last changed. A number that was ordered from stock stays whose it is.
func stamp(d *directory.Content, old *directory.Snapshot, now time.Time) {
	for i := range d.Numbers {
		n := &d.Numbers[i]
		before, ok := old.Number(n.E164)
		if ok && n.Account == "" {
			*n = before
			continue
		}
		n.Created, n.Updated, n.Trunk, n.Vendor = since(before.Created, now), before.Updated, before.Trunk, before.Vendor
		if !reflect.DeepEqual(*n, before) {
			n.Updated = now
		}
	}
	for i := range d.Trunks {
		if before, ok := old.Trunk(d.Trunks[i].ID); ok {
			d.Trunks[i].Created = before.Created
		}
		d.Trunks[i].Created, d.Trunks[i].Updated = since(d.Trunks[i].Created, now), now
	}
	for i := range d.Apps {
		before, _ := old.App(d.Apps[i].ID)
		d.Apps[i].Created, d.Apps[i].Updated, d.Apps[i].Vendor = since(before.Created, now), before.Updated, before.Vendor
		if !reflect.DeepEqual(d.Apps[i], before) {
			d.Apps[i].Updated = now
		}
	}
	for i := range d.Rules {
		var before directory.Rule
		if r, ok := old.Rule(d.Rules[i].Kind, d.Rules[i].Value); ok {
			before = *r
		}
		d.Rules[i].Created, d.Rules[i].Updated = since(before.Created, now), before.Updated
		if !reflect.DeepEqual(d.Rules[i], before) {
			d.Rules[i].Updated = now
		}
	}
	for i := range d.Endpoints {
		e := &d.Endpoints[i]
		if before, ok := old.Endpoint(e.User); ok {
			e.Created = before.Created
		}
		e.Created, e.Updated = since(e.Created, now), now
	}
}

func since(before, now time.Time) time.Time {
	if before.IsZero() {
		return now
	}
	return before
}

// ids are the ids of everything that a file declared, by kind.
type ids map[directory.Kind][]string

func idsOf(d directory.Content) ids {
	out := ids{}
	for _, r := range d.Rules {
		out[directory.KindRule] = append(out[directory.KindRule], r.ID)
	}
	for _, a := range d.Apps {
		out[directory.KindApp] = append(out[directory.KindApp], a.ID)
	}
	for _, t := range d.Trunks {
		out[directory.KindTrunk] = append(out[directory.KindTrunk], t.ID)
	}
	for _, n := range d.Numbers {
		out[directory.KindNumber] = append(out[directory.KindNumber], n.E164)
	}
	for _, k := range d.Keys {
		out[directory.KindKey] = append(out[directory.KindKey], k.Ref())
	}
	for _, e := range d.Endpoints {
		out[directory.KindEndpoint] = append(out[directory.KindEndpoint], e.User)
	}
	return out
}

// The one document that remembers what the last file declared.
const (
	declaredKind = "declared"
	declaredID   = "file"
)

// declaredBefore reads what the last file declared.
func declaredBefore(ctx context.Context, s keeper) (ids, error) {
	doc, err := s.Vendor(declaredKind).Get(ctx, declaredID)
	if errors.Is(err, directory.ErrNotFound) {
		return nil, nil
	}
	var old ids
	if err == nil {
		err = json.Unmarshal(doc.Body, &old)
	}
	if err != nil {
		return nil, fmt.Errorf("read what was declared before: %w", err)
	}
	return old, nil
}

// forget removes what the last file declared and this one does not: rules first, since they name the others.
func forget(ctx context.Context, s keeper, old ids, d directory.Content) error {
	now := idsOf(d)
	tables := []struct {
		kind   directory.Kind
		delete func(context.Context, string) error
	}{
		{directory.KindRule, s.Rules().Delete}, {directory.KindApp, s.Apps().Delete}, {directory.KindTrunk, s.Trunks().Delete},
		{directory.KindNumber, s.Numbers().Delete}, {directory.KindKey, s.Keys().Delete},
		{directory.KindEndpoint, s.Endpoints().Delete},
	}
	var errs []error
	for _, t := range tables {
		for _, id := range old[t.kind] {
			if slices.Contains(now[t.kind], id) {
				continue
			}
			if err := t.delete(ctx, id); err != nil && !errors.Is(err, directory.ErrNotFound) {
				errs = append(errs, fmt.Errorf("remove %s %s, which is no longer declared: %w", t.kind, id, err))
			}
		}
	}
	return errors.Join(errs...)
}

// remember writes down what this file declared.
func remember(ctx context.Context, s keeper, d directory.Content) error {
	body, err := json.Marshal(idsOf(d))
	if err != nil {
		return err
	}
	doc := directory.Document{ID: declaredID, Account: d.Accounts[0].ID, Body: body, Updated: time.Now().UTC()}
	t := s.Vendor(declaredKind)
	if err := t.Update(ctx, doc); !errors.Is(err, directory.ErrNotFound) {
		return err
	}
	doc.Created = doc.Updated
	return t.Create(ctx, doc)
}
