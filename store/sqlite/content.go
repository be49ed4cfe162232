package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/switchhook/switchhook/directory"
)

// content is what the snapshot is made of, by the ID in its table. What stands in it is never changed in place.
type content struct {
	accounts map[string]directory.Account
	keys     map[string]directory.Key
	apps     map[string]directory.App
	numbers  map[string]directory.Number
	trunks   map[string]directory.Trunk
	rules    map[string]directory.Rule
	phones   map[string]directory.Endpoint
}

func newContent() content {
	return content{
		map[string]directory.Account{}, map[string]directory.Key{}, map[string]directory.App{},
		map[string]directory.Number{}, map[string]directory.Trunk{}, map[string]directory.Rule{}, map[string]directory.Endpoint{},
	}
}

// Snapshot gives the directory as it is now.
func (s *Store) Snapshot() *directory.Snapshot { return s.snapshot.Load() }

func (s *Store) publish() {
	s.snapshot.Store(directory.NewSnapshot(directory.Content{
		Accounts: values(s.content.accounts), Keys: values(s.content.keys), Apps: values(s.content.apps),
		Numbers: values(s.content.numbers), Trunks: values(s.content.trunks), Rules: values(s.content.rules),
		Endpoints: values(s.content.phones),
	}))
}

// values gives a map's values in order of their keys: where a snapshot takes the first that fits, it is always the same.
func values[T any](m map[string]T) []T {
	list := make([]T, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		list = append(list, m[k])
	}
	return list
}

// load reads the whole directory into memory.
func (s *Store) load(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows, err := s.read.QueryContext(ctx, `SELECT kind, id, body FROM directory WHERE kind NOT LIKE 'vendor:%'`)
	if err != nil {
		return fmt.Errorf("read directory: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var kind directory.Kind
		var id string
		var body []byte
		if err := rows.Scan(&kind, &id, &body); err != nil {
			return fmt.Errorf("read directory: %w", err)
		}
		if err := s.content.decode(kind, id, body); err != nil {
			return fmt.Errorf("read %s %q: %w", kind, id, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read directory: %w", err)
	}
	s.publish()
	return nil
}

func (c *content) decode(kind directory.Kind, id string, body []byte) error {
	switch kind {
	case directory.KindAccount:
		return decodeInto(c.accounts, id, body)
	case directory.KindKey:
		return decodeInto(c.keys, id, body)
	case directory.KindApp:
		return decodeInto(c.apps, id, body)
	case directory.KindNumber:
		return decodeInto(c.numbers, id, body)
	case directory.KindTrunk:
		return decodeInto(c.trunks, id, body)
	case directory.KindRule:
		return decodeInto(c.rules, id, body)
	case directory.KindEndpoint:
		return decodeInto(c.phones, id, body)
	}
	return fmt.Errorf("%q is no kind that this version knows", kind)
}

func decodeInto[T any](m map[string]T, id string, body []byte) error {
	var v T
	err := json.Unmarshal(body, &v)
	m[id] = v
	return err
}

// change runs one write: the transaction, then, when it is committed, what it means for the snapshot.
func (s *Store) change(ctx context.Context, f func(*sql.Tx) (func(*content), error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return explain(err)
	}
	defer tx.Rollback() // after Commit it does nothing
	apply, err := f(tx)
	if err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return explain(err)
	}
	if apply != nil {
		apply(&s.content)
		s.publish()
	}
	return nil
}

// Put creates or replaces everything given, all of it or, on an error, nothing: how a file of settings is taken over.
// What is not given stays.
func (s *Store) Put(ctx context.Context, c directory.Content) error {
	return s.change(ctx, func(tx *sql.Tx) (func(*content), error) {
		var all []func(*content)
		err := errors.Join(
			putAll(ctx, tx, accounts(s), c.Accounts, &all),
			putAll(ctx, tx, keys(s), c.Keys, &all),
			putAll(ctx, tx, apps(s), c.Apps, &all),
			putAll(ctx, tx, numbers(s), c.Numbers, &all),
			putAll(ctx, tx, trunks(s), c.Trunks, &all),
			putAll(ctx, tx, rules(s), c.Rules, &all),
			putAll(ctx, tx, endpoints(s), c.Endpoints, &all),
		)
		if err != nil {
			return nil, err
		}
		return func(to *content) {
			for _, apply := range all {
				apply(to)
			}
		}, nil
	})
}

func putAll[T valid](ctx context.Context, tx *sql.Tx, t table[T], list []T, all *[]func(*content)) error {
	for _, v := range list {
		apply, err := t.write(ctx, tx, upsert, v)
		if err != nil {
			return fmt.Errorf("put %s %q: %w", t.kind, t.row(v).id, err)
		}
		*all = append(*all, apply)
	}
	return nil
}
