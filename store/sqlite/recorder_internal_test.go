package sqlite

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
)

// Records are pruned by age: a machine's clock that is set forward while the program runs must not make young ones old.
func TestAgeIsToldByOwnClock(t *testing.T) {
	began := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	const year = 365 * 24 * time.Hour
	for name, c := range map[string]struct {
		since time.Duration
		clock time.Time
		want  time.Time
	}{
		"goes on":             {time.Hour, began.Add(time.Hour), began.Add(time.Hour)},
		"set forward":         {time.Hour, began.Add(10 * year), began.Add(time.Hour)},
		"set back":            {time.Hour, began.Add(-10 * year), began.Add(-10 * year)},
		"runs for years":      {2 * year, began.Add(2 * year), began.Add(2 * year)},
		"set forward, longer": {2 * year, began.Add(12 * year), began.Add(2 * year)},
	} {
		if got := due(began, c.since, c.clock); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// A connection that is opened after the file was deleted must not make an empty one: it would hide that the file is gone,
// and be read as if there had been no calls.
func TestNoConnectionMakesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "switchhook.db")
	s, err := Open(path, Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := errors.Join(os.RemoveAll(filepath.Dir(path)), os.Mkdir(filepath.Dir(path), 0o750)); err != nil {
		t.Fatal(err)
	}
	had, err := s.read.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer had.Close()
	if more, err := s.read.Conn(t.Context()); err == nil {
		more.Close()
		t.Error("one more connection is opened")
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file: %v", err)
	}
}

// A batch is made JSON at one time, so it has a bound in bytes too; one that is larger goes alone.
func TestBatchIsBoundedInBytes(t *testing.T) {
	of := func(bytes int) call.Finished {
		return call.Finished{Log: []call.Log{{Body: strings.Repeat("b", bytes)}}}
	}
	for name, c := range map[string]struct {
		list []call.Finished
		n    int
	}{
		"small":       {[]call.Finished{of(1), of(1), of(1)}, 3},
		"two fit":     {[]call.Finished{of(batchMost * 2 / 5), of(batchMost * 2 / 5), of(batchMost * 2 / 5)}, 2},
		"large first": {[]call.Finished{of(batchMost + 1), of(1)}, 1},
		"large next":  {[]call.Finished{of(1), of(batchMost + 1)}, 1},
	} {
		n, size := fit(c.list)
		want := 0
		for i := range c.n {
			want += c.list[i].Size()
		}
		if n != c.n || size != want {
			t.Errorf("%s: %d records of %d bytes, want %d of %d", name, n, size, c.n, want)
		}
	}
}
