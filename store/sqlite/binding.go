package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/switchhook/switchhook/directory"
)

// Bindings gives where endpoints are registered, and forgets those of endpoints that are so no more.
func (s *Store) Bindings(ctx context.Context, now time.Time) ([]directory.Binding, error) {
	err := s.change(ctx, func(tx *sql.Tx) (func(*content), error) {
		_, err := tx.ExecContext(ctx, `DELETE FROM binding WHERE expires <= ?`, now.UnixMicro())
		return nil, explain(err)
	})
	if err != nil {
		return nil, fmt.Errorf("forget bindings: %w", err)
	}
	rows, err := s.read.QueryContext(ctx, `SELECT body FROM binding WHERE expires > ? ORDER BY user`, now.UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("read bindings: %w", explain(err))
	}
	lists, err := decodeAll[[]directory.Binding](rows)
	if err != nil {
		return nil, fmt.Errorf("read bindings: %w", explain(err))
	}
	var out []directory.Binding
	for _, l := range lists {
		out = append(out, l...)
	}
	return out, nil
}

// KeepBindings writes, in one transaction, where each of these endpoints is registered now, by its user name: none for an
// empty list.
func (s *Store) KeepBindings(ctx context.Context, changed map[string][]directory.Binding) error {
	err := s.change(ctx, func(tx *sql.Tx) (func(*content), error) {
		for user, list := range changed {
			if err := keepBindings(ctx, tx, user, list); err != nil {
				return nil, explain(err)
			}
		}
		return nil, nil
	})
	if err != nil {
		return fmt.Errorf("keep bindings: %w", err)
	}
	return nil
}

func keepBindings(ctx context.Context, tx *sql.Tx, user string, list []directory.Binding) error {
	if len(list) == 0 {
		_, err := tx.ExecContext(ctx, `DELETE FROM binding WHERE user = ?`, user)
		return err
	}
	var last time.Time
	for _, b := range list {
		if b.Expires.After(last) {
			last = b.Expires
		}
	}
	body, err := text(list)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO binding (user, expires, body) VALUES (?1, ?2, ?3)
		ON CONFLICT (user) DO UPDATE SET expires = ?2, body = ?3`, user, last.UnixMicro(), body)
	return err
}
