package sqlite

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/switchhook/switchhook/call"
)

// A batch is written in short transactions, each to be read when it is written: on one core calls wait while SQLite computes.
// What comes meanwhile waits for the next batch, or a steady stream would be written record by record.
func TestBatchIsWrittenInSlices(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "switchhook.db"), Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := &recorder{db: s.write, log: s.log, limit: 8192, most: 1 << 20, wake: make(chan struct{}, 1), done: make(chan struct{})}
	keep := func() { r.keep(call.Finished{Record: call.Record{ID: call.NewID(1)}}) }
	for range 3*sliceSize + 1 {
		keep()
	}
	<-r.wake
	for i, want := range []int{sliceSize, 2 * sliceSize, 3 * sliceSize, 3*sliceSize + 1, 3*sliceSize + 3} {
		if i == 2 {
			keep()
			keep()
		}
		if i == 4 {
			<-r.wake // or nobody would write them
		}
		if more := r.batch(); more != (i < 3) {
			t.Errorf("slice %d: go on: %t", i, more)
		}
		var have int
		if err := s.read.QueryRow(`SELECT count(*) FROM record`).Scan(&have); err != nil || have != want {
			t.Errorf("slice %d: %d records, %v; want %d", i, have, err, want)
		}
	}
}
