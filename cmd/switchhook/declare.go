package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
)

// declared is what the file declares, in the directory's terms.
type declared struct {
	account directory.Account
	keys    []directory.Key
	numbers []directory.Number
	trunks  []directory.Trunk
	apps    []directory.App
	rules   []directory.Rule
}

// defaultAccount owns what names no other.
const defaultAccount = "111122223333"

// declarations turns the file's sections into the directory's terms.
func (c config) declarations() (declared, error) {
	account := cmp.Or(c.Account, defaultAccount)
	d := declared{account: directory.Account{ID: account}, keys: c.Keys}
	var errs []error
	for i := range d.keys {
		d.keys[i].Account = cmp.Or(d.keys[i].Account, account)
	}
	for _, n := range c.Numbers {
		d.numbers = append(d.numbers, directory.Number{E164: n, Account: account})
	}
	for _, n := range c.Stock {
		d.numbers = append(d.numbers, directory.Number{E164: n})
	}
	for _, t := range c.Trunks {
		d.trunks = append(d.trunks, t.trunk(account))
	}
	for _, a := range c.Apps {
		d.apps = append(d.apps, directory.App{ID: a.ID, Account: account, Name: cmp.Or(a.Name, a.ID), Dialect: a.Dialect, Settings: a.Settings})
	}
	for i, r := range c.Rules {
		rule, err := r.rule(account)
		if err != nil {
			errs = append(errs, fmt.Errorf("rules[%d]: %w", i, err))
		}
		d.rules = append(d.rules, rule)
	}
	return d, errors.Join(errs...)
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
	for i, app := range r.Apps {
		out.Targets = append(out.Targets, directory.Target{App: app, Priority: i + 1})
	}
	return out, nil
}

// stamp sets the times that the directory keeps.
func stamp[T any](v *T, created, updated time.Time) {
	rv := reflect.ValueOf(v).Elem()
	if f := rv.FieldByName("Created"); f.IsValid() {
		f.Set(reflect.ValueOf(created))
		rv.FieldByName("Updated").Set(reflect.ValueOf(updated))
	}
}

// put creates or replaces one thing.
func put[T any](ctx context.Context, t directory.Table[T], what, id string, v T) error {
	now := time.Now().UTC()
	old, err := t.Get(ctx, id)
	switch {
	case errors.Is(err, directory.ErrNotFound):
		stamp(&v, now, now)
		err = t.Create(ctx, v)
	case err == nil:
		created := now
		if f := reflect.ValueOf(old).FieldByName("Created"); f.IsValid() {
			created, _ = f.Interface().(time.Time)
		}
		stamp(&v, created, now)
		err = t.Update(ctx, v)
	}
	if err != nil {
		return fmt.Errorf("declare %s %s: %w", what, id, err)
	}
	return nil
}

// declare brings the store to what the file says, and removes what an earlier file declared and this one does not.
// Things made through the vendors' APIs are left alone.
func declare(ctx context.Context, s directory.Store, d declared, dialects map[string]dialect.Dialect) error {
	for _, a := range d.apps {
		dia, ok := dialects[a.Dialect]
		if !ok {
			return fmt.Errorf("app %s: there is no dialect %q", a.ID, a.Dialect)
		}
		if _, err := dia.App(a.ID, a.Settings); err != nil {
			return fmt.Errorf("app %s: %w", a.ID, err)
		}
	}
	before, err := s.Vendor("declared").Get(ctx, "file")
	if err != nil && !errors.Is(err, directory.ErrNotFound) {
		return fmt.Errorf("read what was declared before: %w", err)
	}
	var old, now map[string][]string
	if len(before.Body) > 0 {
		if err := json.Unmarshal(before.Body, &old); err != nil {
			return fmt.Errorf("read what was declared before: %w", err)
		}
	}
	now = map[string][]string{}
	errs := []error{
		put(ctx, s.Accounts(), "account", d.account.ID, d.account),
		// Rules go first and come last: they name what the others are.
		forget(ctx, s.Rules(), old["rule"], d.rules, func(r directory.Rule) string { return r.ID }),
		forget(ctx, s.Apps(), old["app"], d.apps, func(a directory.App) string { return a.ID }),
		forget(ctx, s.Trunks(), old["trunk"], d.trunks, func(t directory.Trunk) string { return t.ID }),
		forget(ctx, s.Numbers(), old["number"], d.numbers, func(n directory.Number) string { return n.E164 }),
		forget(ctx, s.Keys(), old["key"], d.keys, directory.Key.Ref),
		keepAll(ctx, s.Keys(), "key", now, d.keys, directory.Key.Ref),
		keepAll(ctx, s.Numbers(), "number", now, d.numbers, func(n directory.Number) string { return n.E164 }),
		keepAll(ctx, s.Trunks(), "trunk", now, d.trunks, func(t directory.Trunk) string { return t.ID }),
		keepAll(ctx, s.Apps(), "app", now, d.apps, func(a directory.App) string { return a.ID }),
		keepAll(ctx, s.Rules(), "rule", now, d.rules, func(r directory.Rule) string { return r.ID }),
	}
	body, err := json.Marshal(now)
	errs = append(errs, err, put(ctx, s.Vendor("declared"), "list", "file", directory.Document{ID: "file", Account: d.account.ID, Body: body}))
	return errors.Join(errs...)
}

// forget removes what was declared before and is not any more.
func forget[T any](ctx context.Context, t directory.Table[T], old []string, now []T, id func(T) string) error {
	var errs []error
	for _, gone := range old {
		if slices.ContainsFunc(now, func(v T) bool { return id(v) == gone }) {
			continue
		}
		if err := t.Delete(ctx, gone); err != nil && !errors.Is(err, directory.ErrNotFound) {
			errs = append(errs, fmt.Errorf("remove %s, which is no longer declared: %w", gone, err))
		}
	}
	return errors.Join(errs...)
}

// keepAll puts all of one kind and notes their ids.
func keepAll[T any](ctx context.Context, t directory.Table[T], kind string, now map[string][]string, all []T, id func(T) string) error {
	var errs []error
	for _, v := range all {
		now[kind] = append(now[kind], id(v))
		errs = append(errs, put(ctx, t, kind, id(v), v))
	}
	return errors.Join(errs...)
}
