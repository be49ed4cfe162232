package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
)

// Store is what the suite tests.
type Store interface {
	directory.Store
	// Put creates or replaces everything given, or nothing.
	Put(ctx context.Context, c directory.Content) error
	// Keep queues what a call leaves; it never blocks.
	Keep(f call.Finished)
	// Flush waits until what was kept before can be read.
	Flush(ctx context.Context) error
	Record(ctx context.Context, id call.ID) (call.Finished, error)
	Records(ctx context.Context, f call.Filter, p directory.Page) ([]call.Record, error)
	// Bindings gives where endpoints are registered that have not expired.
	Bindings(ctx context.Context, now time.Time) ([]directory.Binding, error)
	// KeepBindings writes where each of these endpoints is registered now.
	KeepBindings(ctx context.Context, changed map[string][]directory.Binding) error
	// Close writes what is queued.
	Close() error
}

// Options are what the suite asks of a store beyond its defaults.
type Options struct {
	KeepAge     time.Duration
	KeepRecords int
}

// Run runs the suite. Open opens the store that is kept at a place (a folder of its own): a second time, after Close,
// it finds what was kept there.
func Run(t *testing.T, open func(place string, o Options) (Store, error)) {
	at := func(t *testing.T, place string, o Options) Store {
		t.Helper()
		s, err := open(place, o)
		if err != nil {
			t.Fatalf("open store: %v", err)
		}
		t.Cleanup(func() { _ = s.Close() }) // the suite's subject may be closed already
		return s
	}
	fresh := func(t *testing.T) Store { return at(t, t.TempDir(), Options{}) }

	t.Run("tables", func(t *testing.T) { testTables(t, fresh(t)) })
	t.Run("pages", func(t *testing.T) { testPages(t, fresh(t)) })
	t.Run("conflicts", func(t *testing.T) { testConflicts(t, fresh(t)) })
	t.Run("invalid values", func(t *testing.T) { testInvalid(t, fresh(t)) })
	t.Run("values are copies", func(t *testing.T) { testCopies(t, fresh(t)) })
	t.Run("vendor documents", func(t *testing.T) { testDocuments(t, fresh(t)) })
	t.Run("snapshot is fresh", func(t *testing.T) { testSnapshot(t, fresh(t)) })
	t.Run("put is all or nothing", func(t *testing.T) { testPut(t, fresh(t)) })
	t.Run("concurrent writers", func(t *testing.T) { testWriters(t, fresh(t)) })
	t.Run("directory is kept", func(t *testing.T) {
		place := t.TempDir()
		first := at(t, place, Options{})
		fill(t, first)
		want := dump(t, first)
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		same(t, "after opening again", dump(t, at(t, place, Options{})), want)
	})
	t.Run("bindings are kept", func(t *testing.T) {
		place := t.TempDir()
		testBindings(t, func() Store { return at(t, place, Options{}) })
	})
	t.Run("record in whole", func(t *testing.T) { testRecord(t, fresh(t)) })
	t.Run("records by filter", func(t *testing.T) { testFilters(t, fresh(t)) })
	t.Run("records in pages", func(t *testing.T) { testRecordPages(t, fresh(t)) })
	t.Run("close writes what is queued", func(t *testing.T) {
		place := t.TempDir()
		first := at(t, place, Options{})
		const n = 1000
		for i := range n {
			first.Keep(finished(i))
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		if got := len(ids(t, at(t, place, Options{}), call.Filter{}, directory.Page{Limit: 2 * n})); got != n {
			t.Errorf("%d records after opening again, want %d", got, n)
		}
	})
	t.Run("records are kept by number and age", func(t *testing.T) {
		place := t.TempDir()
		first := at(t, place, Options{})
		for i := range 1200 {
			first.Keep(finished(i))
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		few := at(t, place, Options{KeepRecords: 7})
		waitFor(t, func() bool { return len(ids(t, few, call.Filter{}, directory.Page{Limit: 8})) == 7 })
		same(t, "what is left", ids(t, few, call.Filter{}, directory.Page{Limit: 1})[0], finished(1199).Record.ID)
		if got := ids(t, few, call.Filter{Number: finished(1).Record.From}, directory.Page{}); len(got) != 0 {
			t.Errorf("deleted records are found by number: %v", got)
		}
		if err := few.Close(); err != nil {
			t.Fatal(err)
		}
		none := at(t, place, Options{KeepAge: time.Hour})
		waitFor(t, func() bool { return len(ids(t, none, call.Filter{}, directory.Page{})) == 0 })
	})
}

// waitFor waits for what the store does by itself, in its own time.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("not after 10 s")
		}
	}
}
