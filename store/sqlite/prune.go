package sqlite

import (
	"time"

	"github.com/switchhook/switchhook/call"
)

const pruneSize = 64 // records deleted in one transaction

// retention is how long records are kept, and how many.
type retention struct {
	age    time.Duration // 0: for ever
	newest int           // 0: all
	began  time.Time     // when the store was opened
	count  int           // records in the table, where newest is set
}

// prune deletes some of the oldest records and tells whether there may be more.
func (r *recorder) prune() (more bool) {
	n, err := r.deleteOld(due(r.retain.began, time.Since(r.retain.began), time.Now()))
	if err != nil {
		r.log.Error("old call records can't be deleted", "error", explain(err))
		return false
	}
	r.retain.count -= n
	r.mu.Lock()
	r.stats.Pruned += uint64(n)
	r.mu.Unlock()
	return n == pruneSize
}

// due gives the time by which the age of records is told: the machine's clock, but no later than what it was when the store
// was opened and the time that has passed since. A clock that is set forward meanwhile must not make young records old;
// until the next start they are kept too long rather than not long enough.
func due(began time.Time, since time.Duration, clock time.Time) time.Time {
	if own := began.Round(0).Add(since); own.Before(clock.Round(0)) { // Round leaves the monotonic clock out
		return own
	}
	return clock
}

// deleteOld deletes up to pruneSize records that are older at the time than is kept, or more than are kept, in one
// transaction.
func (r *recorder) deleteOld(at time.Time) (int, error) {
	before, surplus := int64(0), 0
	if r.retain.age > 0 {
		before = at.Add(-r.retain.age).UnixMicro()
	}
	if r.retain.newest > 0 {
		surplus = min(max(0, r.retain.count-r.retain.newest), pruneSize)
	}
	if before == 0 && surplus == 0 {
		return 0, nil
	}
	tx, err := r.db.Begin()
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	rows, err := tx.Query(`SELECT json_object('Row', n, 'Record', json(record)) FROM
		(SELECT n, record, start, row_number() OVER (ORDER BY start, n) AS place FROM record ORDER BY start, n LIMIT ?)
		WHERE start < ? OR place <= ?`, pruneSize, before, surplus)
	if err != nil {
		return 0, err
	}
	old, err := decodeAll[struct {
		Row    int64
		Record call.Record
	}](rows)
	if err != nil {
		return 0, err
	}
	record, err := tx.Prepare(`DELETE FROM record WHERE n = ?`)
	if err != nil {
		return 0, err
	}
	defer record.Close()
	number, err := tx.Prepare(`DELETE FROM record_number WHERE number = ? AND start = ? AND n = ?`)
	if err != nil {
		return 0, err
	}
	defer number.Close()
	for i := range old {
		if _, err := record.Exec(old[i].Row); err != nil {
			return 0, err
		}
		for _, n := range numbersOf(&old[i].Record) {
			if _, err := number.Exec(n, old[i].Record.Start.UnixMicro(), old[i].Row); err != nil {
				return 0, err
			}
		}
	}
	return len(old), tx.Commit()
}
