package sqlite_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/store/sqlite"
)

// A write to a file that was deleted gives no error: the store must look, and say so once and when it is closed.
func TestFileThatIsGoneIsTold(t *testing.T) {
	for name, away := range map[string]func(t *testing.T, path string) error{
		"folder deleted": func(_ *testing.T, path string) error { return os.RemoveAll(filepath.Dir(path)) },
		"folder moved":   func(_ *testing.T, path string) error { return os.Rename(filepath.Dir(path), filepath.Dir(path)+".old") },
		"file exchanged": func(t *testing.T, path string) error {
			other := filepath.Join(t.TempDir(), "backup.db")
			if err := open(t, other, sqlite.Options{}).Close(); err != nil {
				return err
			}
			return os.Rename(other, path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path, told := database(t), newLogs()
			s := open(t, path, sqlite.Options{Log: slog.New(slog.NewTextHandler(told, nil))})
			s.Keep(small("a"))
			if err := s.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := away(t, path); err != nil {
				t.Fatal(err)
			}
			for _, id := range []string{"b", "c", "d"} {
				s.Keep(small(id))
				if err := s.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			err := s.Close()
			if err == nil || !strings.Contains(err.Error(), "deleted or exchanged while running") || !strings.Contains(err.Error(), path) {
				t.Errorf("close gives %v", err)
			}
			if n := strings.Count(told.String(), "level=ERROR"); n != 1 || !strings.Contains(told.String(), "deleted or exchanged while running") {
				t.Errorf("told %d times:\n%s", n, told)
			}
		})
	}
}

// A folder that was deleted is made anew by who starts next. What that one keeps is safe from the one before, which closes
// later and must not clear away what it takes for its own.
func TestFolderMadeAnewBelongsToWhoMadeIt(t *testing.T) {
	path := database(t)
	first := open(t, path, sqlite.Options{Log: slog.New(slog.DiscardHandler)})
	first.Keep(small("first"))
	if err := first.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	second := open(t, path, sqlite.Options{})
	second.Keep(small("second"))
	if err := second.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err == nil {
		t.Error("the first closes without an error")
	}
	if _, err := os.Stat(path + "-wal"); err != nil {
		t.Error(err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if got := records(t, open(t, path, sqlite.Options{})); len(got) != 1 || got[0].ID != "second" {
		t.Errorf("after both: %v", got)
	}
}
