package logbook_test

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/dialect/logbook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, cfg logbook.Config) *logbook.Book {
	t.Helper()
	b, err := logbook.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Each group has its files, one a day, and no name of a group leads out of the folder.
func TestFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	b := open(t, logbook.Config{Dir: dir})
	b.Write("/aws/One/a", noon, []byte(`{"n":1}`))
	b.Write("/aws/One/a", noon.Add(time.Minute), []byte(`{"n":2}`))
	b.Write("/aws/One/a", noon.Add(12*time.Hour), []byte(`{"n":3}`))
	b.Write("/aws/One/../../../../b c", noon, []byte(`{"n":4}`))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b.Write("/aws/One/a", noon, []byte(`{"n":5}`)) // nobody writes any more
	if b.Lost() != 1 {
		t.Errorf("%d lines are lost", b.Lost())
	}
	b = open(t, logbook.Config{Dir: dir})
	b.Write("/aws/One/a", noon, []byte(`{"n":6}`))
	b.Close()
	got := map[string]string{}
	filepath.WalkDir(filepath.Dir(dir), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			text, _ := os.ReadFile(path)
			name, _ := filepath.Rel(dir, path)
			got[name] = string(text)
		}
		return nil
	})
	for file, want := range map[string]string{
		"aws/One/a/2026-11-23.log":               "{\"n\":1}\n{\"n\":2}\n{\"n\":6}\n",
		"aws/One/a/2026-11-24.log":               "{\"n\":3}\n",
		"aws/One/__/__/__/__/b_c/2026-11-23.log": "{\"n\":4}\n",
	} {
		if got[file] != want {
			t.Errorf("%s holds %q, want %q", file, got[file], want)
		}
		delete(got, file)
	}
	if len(got) > 0 {
		t.Errorf("more files: %v", got)
	}
}

// A line that was cut in two, by a disk that was full, spoils no other.
func TestCutLine(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "g", "2026-11-23.log")
	if err := os.Mkdir(filepath.Dir(file), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("{\"n\":1}\n{\"n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := open(t, logbook.Config{Dir: dir})
	b.Write("g", noon, []byte(`{"n":3}`))
	b.Close()
	if got, err := os.ReadFile(file); string(got) != "{\"n\":1}\n{\"n\n{\"n\":3}\n" {
		t.Errorf("%q, %v", got, err)
	}
}

// On a writer each line says its group.
func TestWriter(t *testing.T) {
	var to bytes.Buffer
	b := open(t, logbook.Config{To: &to})
	b.Write("/aws/One/a", noon, []byte(`{"n":1}`))
	b.Close()
	if got := to.String(); got != `{"log_group":"/aws/One/a","message":{"n":1}}`+"\n" {
		t.Errorf("%q", got)
	}
}

// What cost lines is told with their number, however much later.
func TestWhyLinesAreLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		to := &failing{}
		b := open(t, logbook.Config{To: to, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		for range 2 { // the first is told at once, the second waits for its minute
			b.Write("g", noon, []byte(`{}`))
			synctest.Wait()
		}
		time.Sleep(2 * time.Minute) // of the bubble
		to.mended.Store(true)
		b.Write("g", noon, []byte(`{}`))
		b.Close()
		if n := strings.Count(log.String(), "disk full"); n != 2 || b.Lost() != 2 {
			t.Errorf("told %d times of %d lines: %s", n, b.Lost(), log.String())
		}
	})
}

// failing is a writer that fails until it is mended.
type failing struct{ mended atomic.Bool }

func (f *failing) Write(b []byte) (int, error) {
	if f.mended.Load() {
		return len(b), nil
	}
	return 0, errors.New("disk full")
}

// gate is a writer that waits.
type gate struct{ begun, open chan struct{} }

func (g gate) Write(b []byte) (int, error) {
	g.begun <- struct{}{}
	<-g.open
	return 0, errors.New("disk full")
}

// A writer that stalls or fails holds nobody up: what has no room is lost, counted, and told in the log.
func TestStall(t *testing.T) {
	var log bytes.Buffer
	g := gate{make(chan struct{}, 100), make(chan struct{})}
	b := open(t, logbook.Config{To: g, Most: 100, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	b.Write("g", noon, []byte(`{}`))
	<-g.begun
	for range 50 {
		b.Write("g", noon, []byte(`{"n":1}`))
	}
	if got := b.Lost(); got != 50-100/8 {
		t.Errorf("%d lines are lost", got)
	}
	close(g.open)
	b.Close()
	if b.Lost() != 51 || !strings.Contains(log.String(), "lines of customers' logs are lost") || !strings.Contains(log.String(), "disk full") {
		t.Errorf("%d lines are lost; the log says %q", b.Lost(), log.String())
	}
	if _, err := logbook.Open(logbook.Config{Dir: "/dev/null/logs"}); err == nil {
		t.Error("a folder that can't be is taken")
	}
	if _, err := logbook.Open(logbook.Config{}); err == nil {
		t.Error("a book without a place is taken")
	}
}
