package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
)

// encoded is one finished call as it is written. The JSON of ledger and log is empty when there is none.
type encoded struct {
	r                   *call.Record
	record, ledger, log string
}

// insert writes a batch in one transaction and gives how many were not there before.
func (r *recorder) insert(list []call.Finished) (fresh int, err error) {
	batch := r.encode(list) // before the transaction, which keeps other writers waiting
	tx, err := r.db.Begin()
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	record, err := tx.Prepare(`INSERT INTO record (id, account, start, label, record, ledger, log)
		VALUES (?, ?, ?, ?, ?, nullif(?, ''), nullif(?, '')) ON CONFLICT DO NOTHING`)
	if err != nil {
		return 0, err
	}
	defer record.Close()
	number, err := tx.Prepare(`INSERT INTO record_number (number, start, n) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`)
	if err != nil {
		return 0, err
	}
	defer number.Close()
	for _, e := range batch {
		runtime.Gosched() // on one core nothing must wait for a whole batch, calls least of all
		start := e.r.Start.UnixMicro()
		res, err := record.Exec(string(e.r.ID), e.r.Account, start, string(e.r.Cause.Label), e.record, e.ledger, e.log)
		if err != nil {
			return 0, err
		}
		if rows, err := res.RowsAffected(); err != nil || rows == 0 {
			continue // written already: the commit before the retry was heard, its answer was not
		}
		row, err := res.LastInsertId()
		if err != nil {
			return 0, err
		}
		fresh++
		for _, n := range numbersOf(e.r) {
			if _, err := number.Exec(n, start, row); err != nil {
				return 0, err
			}
		}
	}
	return fresh, tx.Commit()
}

// encode leaves out, and reports, what has no JSON (a share that is not a number, say): it must not hold up the others.
func (r *recorder) encode(list []call.Finished) []encoded {
	batch := make([]encoded, 0, len(list))
	var buf []byte
	for i := range list {
		runtime.Gosched()
		f := &list[i]
		record, err := text(&f.Record)
		if err != nil {
			r.log.Error("call record lost: it has no JSON", "call", f.Record.ID, "error", err)
			continue
		}
		e := encoded{r: &f.Record, record: record}
		buf = appendLedger(buf[:0], f.Ledger)
		e.ledger = string(buf)
		buf = appendLog(buf[:0], f.Log)
		e.log = string(buf)
		batch = append(batch, e)
	}
	return batch
}

// numbersOf gives the numbers of a call and its legs, each once.
func numbersOf(r *call.Record) []string {
	list := make([]string, 0, 4)
	add := func(n string) {
		for _, have := range list {
			if have == n {
				return
			}
		}
		if n != "" {
			list = append(list, n)
		}
	}
	add(r.From)
	add(r.To)
	for i := range r.Legs {
		add(r.Legs[i].From)
		add(r.Legs[i].To)
	}
	return list
}

// Records gives a page of the records that the filter chooses, the newest first. Page.After is the ID of the last
// record of the page before; that a record was deleted meanwhile ends the list. A search for text reads every record
// that the rest of the filter leaves, so bound it by time or by ctx. Every call that was kept before is considered,
// but for those that can't be written at present: what is there can be read even if the disk is full.
func (s *Store) Records(ctx context.Context, f call.Filter, p directory.Page) ([]call.Record, error) {
	if _, err := s.record.settle(ctx); err != nil {
		return nil, fmt.Errorf("list call records: %w", err)
	}
	query, args := recordQuery(f, p)
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list call records: %w", explain(err))
	}
	list, err := decodeAll[call.Record](rows)
	if err != nil {
		return nil, fmt.Errorf("list call records: %w", explain(err))
	}
	return list, nil
}

func recordQuery(f call.Filter, p directory.Page) (string, []any) {
	from, by := "record r", "r"
	where, args := []string{}, []any{}
	and := func(cond string, arg ...any) {
		where = append(where, cond)
		args = append(args, arg...)
	}
	if f.Number != "" {
		from, by = "record_number m JOIN record r ON r.n = m.n", "m"
		and("m.number = ?", f.Number)
	}
	if f.Account != "" {
		and("r.account = ?", f.Account)
	}
	if !f.Since.IsZero() {
		and(by+".start >= ?", f.Since.UnixMicro())
	}
	if !f.Until.IsZero() {
		and(by+".start < ?", f.Until.UnixMicro())
	}
	if f.Label != "" {
		and("r.label = ?", string(f.Label))
	}
	if p.After != "" {
		and("("+by+".start, "+by+".n) < (SELECT start, n FROM record WHERE id = ?)", p.After)
	}
	// LIKE on the JSON's text finds candidates fast; reading the JSON sorts out those where another part matched.
	if f.Header != "" {
		and(`r.ledger LIKE ? ESCAPE '!' AND EXISTS (SELECT 1 FROM json_each(r.ledger)
			WHERE value ->> 'name' LIKE ? ESCAPE '!' OR value ->> 'newName' LIKE ? ESCAPE '!')`,
			"%"+inJSON(f.Header)+"%", literal(f.Header), literal(f.Header))
	}
	if f.Text != "" {
		const tree = ` LIKE ? ESCAPE '!' AND EXISTS (SELECT 1 FROM json_tree(%s) WHERE type = 'text' AND value LIKE ? ESCAPE '!')`
		quick, exact := "%"+inJSON(f.Text)+"%", "%"+literal(f.Text)+"%"
		and("(r.record"+fmt.Sprintf(tree, "r.record")+" OR r.ledger"+fmt.Sprintf(tree, "r.ledger")+")", quick, exact, quick, exact)
	}
	if len(where) == 0 {
		and("true")
	}
	return "SELECT r.record FROM " + from + " WHERE " + strings.Join(where, " AND ") +
		" ORDER BY " + by + ".start DESC, " + by + ".n DESC LIMIT ?", append(args, limit(p))
}

// literal gives a pattern for LIKE that matches s alone.
func literal(s string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(s)
}

// inJSON gives a pattern for s as it stands inside a JSON string.
func inJSON(s string) string {
	quoted, _ := text(s) // a string always has JSON
	return literal(quoted[1 : len(quoted)-1])
}

// Record gives all that one call left; directory.ErrNotFound when there is none, or not yet.
func (s *Store) Record(ctx context.Context, id call.ID) (call.Finished, error) {
	failing, err := s.record.settle(ctx)
	if err != nil {
		return call.Finished{}, fmt.Errorf("get call record %s: %w", id, err)
	}
	var f call.Finished
	var record, ledger, log []byte
	err = s.read.QueryRowContext(ctx, `SELECT record, ledger, log FROM record WHERE id = ?`, string(id)).Scan(&record, &ledger, &log)
	switch {
	case errors.Is(err, sql.ErrNoRows) && failing != nil:
		err = fmt.Errorf("it may be among those that can't be written: %w", failing)
	case errors.Is(err, sql.ErrNoRows):
		err = directory.ErrNotFound
	}
	for _, part := range []struct {
		body []byte
		into any
	}{{record, &f.Record}, {ledger, &f.Ledger}, {log, &f.Log}} {
		if err == nil && part.body != nil {
			err = json.Unmarshal(part.body, part.into)
		}
	}
	if err != nil {
		return call.Finished{}, fmt.Errorf("get call record %s: %w", id, explain(err))
	}
	return f, nil
}
