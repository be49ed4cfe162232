package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func database(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "data", "switchhook.db")
}

func open(t *testing.T, path string, o sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// wantError checks that Open fails, names the file, and says what to do.
func wantError(t *testing.T, path string, words ...string) {
	t.Helper()
	s, err := sqlite.Open(path, sqlite.Options{LockWait: 50 * time.Millisecond})
	if err == nil {
		s.Close()
		t.Fatal("opened")
	}
	for _, w := range append(words, path) {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

func TestFileIsWhereItWasAskedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data folder%20?#", "switchhook.db") // what a URL would take for something else
	open(t, path, sqlite.Options{})
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	path := database(t)
	first := open(t, path, sqlite.Options{})
	wantError(t, path, "another switchhook has it open")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path, sqlite.Options{})
}

func TestLockedByAnotherProgram(t *testing.T) {
	path := database(t)
	if err := open(t, path, sqlite.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	wantError(t, path, "another program holds a lock")
}

func TestDamagedFile(t *testing.T) {
	path := database(t)
	if err := open(t, path, sqlite.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	overwrite := func(b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overwrite([]byte(strings.Repeat("This is a letter, not a database. ", 100)))
	wantError(t, path, "no SQLite database")
	overwrite(append(append([]byte{}, whole[:100]...), bytes.Repeat([]byte{0xff}, len(whole)-100)...))
	wantError(t, path, "damaged")
}

func TestFileOfANewerVersion(t *testing.T) {
	path := database(t)
	if err := open(t, path, sqlite.Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	wantError(t, path, "newer version")
}

// Secrets stand in the file: it is its owner's alone.
func TestFileIsItsOwners(t *testing.T) {
	path := database(t)
	s := open(t, path, sqlite.Options{})
	s.Keep(small("a"))
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{path, path + "-wal", path + "-shm", path + ".lock"} {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %s", filepath.Base(file), info.Mode())
		}
	}
}

func TestPathThatCannotBe(t *testing.T) {
	wantError(t, filepath.Join(t.TempDir()), "can't be opened")
}

// logs is a program's log that may be read while it is written.
type logs struct {
	wrote chan struct{} // a line came since the last look

	mu sync.Mutex
	b  bytes.Buffer
}

func newLogs() *logs { return &logs{wrote: make(chan struct{}, 1)} }

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.wrote <- struct{}{}:
	default:
	}
	return l.b.Write(b)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func small(id string) call.Finished {
	return call.Finished{Record: call.Record{ID: call.ID(id), Start: time.Now()}, Log: []call.Log{{Text: "a line"}}}
}

// While another program holds the file, nothing is written: the queue fills, drops logs first, then records, and says
// so. When the file is free again, all that was queued is written.
func TestQueueIsBoundedAndSaysSo(t *testing.T) {
	path, told := database(t), newLogs()
	s := open(t, path, sqlite.Options{Queue: 100, LockWait: time.Millisecond, Log: slog.New(slog.NewTextHandler(told, nil))})
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
	for i := range 130 {
		s.Keep(small(string(rune('a'+i/26)) + string(rune('a'+i%26))))
	}
	if st := s.Stats(); st.Queued != 100 || st.Dropped != 30 || st.LogsDropped != 50 || st.Written != 0 {
		t.Errorf("while nothing can be written: %+v", st)
	}
	for !strings.Contains(told.String(), "can't be written") || !strings.Contains(told.String(), "lost") {
		<-told.wrote
	}
	if got := records(t, s); len(got) != 0 { // and nobody waits for the disk
		t.Errorf("%d records are listed that are not written", len(got))
	}
	if _, err := s.Record(t.Context(), "aa"); err == nil || errors.Is(err, directory.ErrNotFound) || !strings.Contains(err.Error(), "can't be written") {
		t.Errorf("a record that waits to be written: %v", err)
	}
	if err := hold.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if st := s.Stats(); st.Queued != 0 || st.Written != 100 {
		t.Errorf("when it is free again: %+v", st)
	}
	with, without := 0, 0
	for _, r := range records(t, s) {
		f, err := s.Record(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Log) > 0 {
			with++
		} else {
			without++
		}
	}
	if with != 50 || without != 50 {
		t.Errorf("%d records with a log and %d without, want 50 of each", with, without)
	}
	for _, w := range []string{"call records can't be written", "call logs left out"} {
		if !strings.Contains(told.String(), w) {
			t.Errorf("the program's log does not say %q:\n%s", w, told)
		}
	}
}

func records(t *testing.T, s *sqlite.Store) []call.Record {
	t.Helper()
	list, err := s.Records(t.Context(), call.Filter{}, directory.Page{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestARecordWithoutJSONDoesNotHoldUpOthers(t *testing.T) {
	told := newLogs()
	s := open(t, database(t), sqlite.Options{Log: slog.New(slog.NewTextHandler(told, nil))})
	bad := small("bad")
	bad.Record.Legs = []call.LegRecord{{Media: call.MediaStats{RemoteLoss: math.NaN()}}}
	s.Keep(bad)
	s.Keep(small("good"))
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := records(t, s); len(got) != 1 || got[0].ID != "good" {
		t.Errorf("records are %v, want the good one", got)
	}
	if !strings.Contains(told.String(), "bad") {
		t.Errorf("the program's log does not name the bad one: %s", told)
	}
}

func TestCloseSaysWhatIsLost(t *testing.T) {
	path := database(t)
	s := open(t, path, sqlite.Options{LockWait: time.Millisecond, Log: slog.New(slog.DiscardHandler)})
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
	s.Keep(small("a"))
	s.Keep(small("b"))
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), "2 call records") {
		t.Errorf("close gives %v, want it to say that 2 records are lost", err)
	}
	s.Keep(small("late")) // no panic, no goroutine
	if err := s.Flush(context.Background()); err == nil {
		t.Error("flush of a closed store that lost records gives no error")
	}
}
