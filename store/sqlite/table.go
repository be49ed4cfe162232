package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/switchhook/switchhook/directory"
)

// valid is what every kept value can say of itself.
type valid interface{ Validate() error }

// table is a directory.Table of one kind.
type table[T valid] struct {
	s    *Store
	kind directory.Kind
	row  func(T) row
	// into gives the kind's part of what the snapshot is made of; nil for what calls do not need.
	into func(*content) map[string]T
}

// row is what stands beside a value's JSON.
type row struct {
	id, account string
	taken       string // what no other of the kind may have; empty when there is none
}

// Accounts keeps the accounts.
func (s *Store) Accounts() directory.Table[directory.Account] { return accounts(s) }

// Keys keeps the keys, by their Ref.
func (s *Store) Keys() directory.Table[directory.Key] { return keys(s) }

// Apps keeps the applications.
func (s *Store) Apps() directory.Table[directory.App] { return apps(s) }

// Numbers keeps the numbers.
func (s *Store) Numbers() directory.Table[directory.Number] { return numbers(s) }

// Trunks keeps the trunks; no two have one host.
func (s *Store) Trunks() directory.Table[directory.Trunk] { return trunks(s) }

// Rules keeps the rules; no two have one trigger.
func (s *Store) Rules() directory.Table[directory.Rule] { return rules(s) }

// Endpoints keeps the endpoints.
func (s *Store) Endpoints() directory.Table[directory.Endpoint] { return endpoints(s) }

// Vendor keeps a vendor's own things of one kind.
func (s *Store) Vendor(kind string) directory.Table[directory.Document] {
	return table[directory.Document]{s, directory.Kind("vendor:" + kind),
		func(d directory.Document) row { return row{id: d.ID, account: d.Account} }, nil}
}

func accounts(s *Store) table[directory.Account] {
	return table[directory.Account]{s, directory.KindAccount,
		func(a directory.Account) row { return row{id: a.ID, account: a.ID} },
		func(c *content) map[string]directory.Account { return c.accounts }}
}

func keys(s *Store) table[directory.Key] {
	return table[directory.Key]{s, directory.KindKey,
		func(k directory.Key) row { return row{id: k.Ref(), account: k.Account} },
		func(c *content) map[string]directory.Key { return c.keys }}
}

func apps(s *Store) table[directory.App] {
	return table[directory.App]{s, directory.KindApp,
		func(a directory.App) row { return row{id: a.ID, account: a.Account} },
		func(c *content) map[string]directory.App { return c.apps }}
}

func numbers(s *Store) table[directory.Number] {
	return table[directory.Number]{s, directory.KindNumber,
		func(n directory.Number) row { return row{id: n.E164, account: n.Account} },
		func(c *content) map[string]directory.Number { return c.numbers }}
}

func trunks(s *Store) table[directory.Trunk] {
	return table[directory.Trunk]{s, directory.KindTrunk,
		func(t directory.Trunk) row { return row{id: t.ID, account: t.Account, taken: t.Host} },
		func(c *content) map[string]directory.Trunk { return c.trunks }}
}

func rules(s *Store) table[directory.Rule] {
	return table[directory.Rule]{s, directory.KindRule,
		func(r directory.Rule) row {
			return row{id: r.ID, account: r.Account, taken: string(r.Kind) + " " + r.Value}
		},
		func(c *content) map[string]directory.Rule { return c.rules }}
}

func endpoints(s *Store) table[directory.Endpoint] {
	return table[directory.Endpoint]{s, directory.KindEndpoint,
		func(e directory.Endpoint) row { return row{id: e.User, account: e.Account} },
		func(c *content) map[string]directory.Endpoint { return c.phones }}
}

// Get gives one.
func (t table[T]) Get(ctx context.Context, id string) (T, error) {
	var v T
	var body []byte
	err := t.s.read.QueryRowContext(ctx, `SELECT body FROM directory WHERE kind = ? AND id = ?`, t.kind, id).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		err = directory.ErrNotFound
	}
	if err == nil {
		err = json.Unmarshal(body, &v)
	}
	if err != nil {
		return v, fmt.Errorf("get %s %q: %w", t.kind, id, explain(err))
	}
	return v, nil
}

// List gives a page of an account's.
func (t table[T]) List(ctx context.Context, account string, p directory.Page) ([]T, error) {
	rows, err := t.s.read.QueryContext(ctx, `SELECT body FROM directory
		WHERE kind = ? AND account = ? AND id > ? ORDER BY id LIMIT ?`, t.kind, account, p.After, limit(p))
	if err != nil {
		return nil, fmt.Errorf("list %s of account %q: %w", t.kind, account, explain(err))
	}
	list, err := decodeAll[T](rows)
	if err != nil {
		return nil, fmt.Errorf("list %s of account %q: %w", t.kind, account, explain(err))
	}
	return list, nil
}

func limit(p directory.Page) int {
	if p.Limit <= 0 {
		return 100
	}
	return p.Limit
}

// decodeAll reads rows of one JSON column and closes them.
func decodeAll[T any](rows *sql.Rows) ([]T, error) {
	defer rows.Close()
	var list []T
	for rows.Next() {
		var body sql.RawBytes
		if err := rows.Scan(&body); err != nil {
			return nil, err
		}
		var v T
		if err := json.Unmarshal(body, &v); err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// Create keeps a new one.
func (t table[T]) Create(ctx context.Context, v T) error { return t.put(ctx, "create", insert, v) }

// Update replaces one.
func (t table[T]) Update(ctx context.Context, v T) error { return t.put(ctx, "update", replace, v) }

// The statements that write one row, with the same arguments in the same places.
const (
	insert  = `INSERT INTO directory (kind, id, account, taken, body) VALUES (?1, ?2, ?3, ?4, ?5)`
	replace = `UPDATE directory SET account = ?3, taken = ?4, body = ?5 WHERE kind = ?1 AND id = ?2`
	upsert  = insert + ` ON CONFLICT (kind, id) DO UPDATE SET account = ?3, taken = ?4, body = ?5`
	remove  = `DELETE FROM directory WHERE kind = ? AND id = ?`
)

func (t table[T]) put(ctx context.Context, what, stmt string, v T) error {
	err := t.s.change(ctx, func(tx *sql.Tx) (func(*content), error) { return t.write(ctx, tx, stmt, v) })
	if err != nil {
		return fmt.Errorf("%s %s %q: %w", what, t.kind, t.row(v).id, err)
	}
	return nil
}

// write writes one row and gives what to do to the content once it is committed.
func (t table[T]) write(ctx context.Context, tx *sql.Tx, stmt string, v T) (func(*content), error) {
	if err := v.Validate(); err != nil {
		return nil, err
	}
	body, err := text(v)
	if err != nil {
		return nil, err
	}
	var kept T // what is read back: shares no memory with what was given
	if err := json.Unmarshal([]byte(body), &kept); err != nil {
		return nil, err
	}
	r := t.row(v)
	res, err := tx.ExecContext(ctx, stmt, t.kind, r.id, r.account, sql.NullString{String: r.taken, Valid: r.taken != ""}, body)
	if isUnique(err) {
		return nil, fmt.Errorf("%w (%w)", directory.ErrConflict, err)
	}
	if err := changedOne(res, err); err != nil {
		return nil, err
	}
	return t.apply(func(m map[string]T) { m[r.id] = kept }), nil
}

// Delete removes one.
func (t table[T]) Delete(ctx context.Context, id string) error {
	err := t.s.change(ctx, func(tx *sql.Tx) (func(*content), error) {
		res, err := tx.ExecContext(ctx, remove, t.kind, id)
		return t.apply(func(m map[string]T) { delete(m, id) }), changedOne(res, err)
	})
	if err != nil {
		return fmt.Errorf("delete %s %q: %w", t.kind, id, err)
	}
	return nil
}

// text gives a value's JSON as it is kept: "<sip:…>" stays readable and can be searched for.
func text(v any) (string, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// apply gives a change of the content's part for this kind; nil when calls do not need the kind.
func (t table[T]) apply(f func(map[string]T)) func(*content) {
	if t.into == nil {
		return nil
	}
	return func(c *content) { f(t.into(c)) }
}

func changedOne(res sql.Result, err error) error {
	if err != nil {
		return explain(err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return directory.ErrNotFound
}
