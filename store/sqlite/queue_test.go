package sqlite_test

import (
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/store/sqlite"
)

// large gives a record with a log of 4 KB and, without it, 4 KB.
func large(i int) call.Finished {
	f := small(fmt.Sprintf("large-%04d", i))
	f.Record.Cause.Text = strings.Repeat("t", 4<<10)
	f.Log[0].Body = strings.Repeat("b", 4<<10)
	return f
}

// Far ends choose how much a call leaves: the queue is bounded in bytes as well as in records.
func TestQueueIsBoundedInBytes(t *testing.T) {
	const most = 160 << 10
	path := database(t)
	s := open(t, path, sqlite.Options{QueueBytes: most, LockWait: time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	db, err := sql.Open("sqlite", path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	hold, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Rollback()
	const n = 100
	for i := range n {
		s.Keep(large(i))
	}
	st := s.Stats()
	// Half of it holds whole records, the other half some without their log.
	whole, bare := most/2/(8<<10)-1, most/2/(4<<10)-1
	if st.QueuedBytes > most || st.QueuedBytes < most*9/10 || st.Queued+int(st.Dropped) != n {
		t.Errorf("while nothing can be written: %+v", st)
	}
	if with := st.Queued - int(st.LogsDropped); with < whole-1 || with > whole+1 || int(st.LogsDropped) < bare-2 || int(st.LogsDropped) > bare+2 {
		t.Errorf("%d with a log and %d without, want about %d and %d", with, st.LogsDropped, whole, bare)
	}
	if err := hold.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := s.Stats(); after.QueuedBytes != 0 || after.Queued != 0 || int(after.Written) != st.Queued {
		t.Errorf("when it is free again: %+v", after)
	}
	s.Keep(large(n))
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f, err := s.Record(t.Context(), large(n).Record.ID); err != nil || len(f.Log) != 1 {
		t.Errorf("and then: log %v, error %v", f.Log, err)
	}
}
