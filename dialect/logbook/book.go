package logbook

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what a book needs: Dir or To.
type Config struct {
	Dir    string       // the folder below which the groups' files are; it is made where it is not there
	To     io.Writer    // where all lines go, each with its group, without a Dir
	Most   int          // bytes that may wait to be written; 0 means 16 MiB
	Logger *slog.Logger // told of lines that are lost, once a minute
}

const (
	most      = 16 << 20
	tellEvery = time.Minute
)

// Book takes lines. Safe for concurrent use.
type Book struct {
	cfg  Config
	wake chan struct{} // room for one
	done chan struct{} // closed when run has ended
	lost atomic.Int64

	mu      sync.Mutex
	waiting []entry // guarded by mu
	bytes   int     // of what waits; guarded by mu
	closed  bool    // guarded by mu

	told   time.Time // when the log was told of lines lost; run's
	untold int64     // since; run's
	why    error     // the last fault that cost some of these; run's
}

type entry struct {
	group string
	at    time.Time
	line  []byte
}

// Open opens a book. An error names the folder that can't be used.
func Open(cfg Config) (*Book, error) {
	cfg.Most = cmp.Or(cfg.Most, most)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Dir == "" && cfg.To == nil {
		return nil, errors.New("a logbook needs a folder or a writer")
	}
	if cfg.Dir != "" {
		if err := os.MkdirAll(cfg.Dir, 0o750); err != nil {
			return nil, fmt.Errorf("folder of logs: %w", err)
		}
	}
	b := &Book{cfg: cfg, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go b.run()
	return b, nil
}

// Write takes one line, a JSON object without a line break, for a group such as "/aws/Some/id". It never blocks: a line that has no
// room is lost and counted. The line must not be changed afterwards.
func (b *Book) Write(group string, at time.Time, line []byte) {
	b.mu.Lock()
	size := len(group) + len(line)
	if b.closed || b.bytes+size > b.cfg.Most {
		b.lost.Add(1)
	} else {
		b.waiting = append(b.waiting, entry{group, at, line})
		b.bytes += size
	}
	b.mu.Unlock()
	b.rouse()
}

// Lost gives how many lines were lost since the book was opened.
func (b *Book) Lost() int64 { return b.lost.Load() }

// Close writes what waits and ends the book.
func (b *Book) Close() error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.rouse()
	<-b.done
	return nil
}

func (b *Book) rouse() {
	select {
	case b.wake <- struct{}{}:
	default: // it is on its way
	}
}

func (b *Book) run() {
	defer close(b.done)
	lost := int64(0)
	for {
		b.mu.Lock()
		batch, closed := b.waiting, b.closed
		b.waiting, b.bytes = nil, 0
		b.mu.Unlock()
		err := b.put(batch)
		now := b.Lost()
		b.tell(now-lost, err)
		if lost = now; closed {
			return
		}
		<-b.wake
	}
}

// put writes a batch; an error is the last of those that cost lines.
func (b *Book) put(batch []entry) (err error) {
	if b.cfg.Dir == "" {
		for _, e := range batch {
			if _, wrong := b.cfg.To.Write(withGroup(e)); wrong != nil {
				b.lost.Add(1)
				err = wrong
			}
		}
		return err
	}
	files := map[string][]entry{}
	for _, e := range batch {
		file := filepath.Join(b.cfg.Dir, folder(e.group), e.at.UTC().Format(time.DateOnly)+".log")
		files[file] = append(files[file], e)
	}
	for file, entries := range files {
		if wrong := add(file, entries); wrong != nil {
			b.lost.Add(int64(len(entries)))
			err = wrong
		}
	}
	return err
}

// add appends lines to a file. It is opened anew for each batch: it may be moved away or deleted at any time.
func add(file string, entries []entry) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o640) //nolint:gosec // its group is for who collects logs
	if err != nil {
		return err
	}
	var text []byte
	if isCut(f) {
		text = append(text, '\n')
	}
	for _, e := range entries {
		text = append(append(text, e.line...), '\n')
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// isCut tells whether a file's last line has no end: the disk was full, or the program killed, in the middle of it.
func isCut(f *os.File) bool {
	st, err := f.Stat()
	if err != nil || st.Size() == 0 {
		return false
	}
	var last [1]byte
	_, err = f.ReadAt(last[:], st.Size()-1)
	return err == nil && last[0] != '\n'
}

// tell tells the log of lines lost, no more often than tellEvery.
func (b *Book) tell(lost int64, why error) {
	if why != nil {
		b.why = why
	}
	if b.untold += lost; b.untold == 0 || !b.told.IsZero() && time.Since(b.told) < tellEvery {
		return
	}
	if b.why == nil {
		b.why = errors.New("what was to be written was too much")
	}
	b.cfg.Logger.Error("lines of customers' logs are lost", "lines", b.untold, "error", b.why)
	b.told, b.untold, b.why = time.Now(), 0, nil
}

// withGroup gives a line that says which group it belongs to.
func withGroup(e entry) []byte {
	group, _ := json.Marshal(e.group) // a string always has JSON
	return slices.Concat([]byte(`{"log_group":`), group, []byte(`,"message":`), e.line, []byte("}\n"))
}

// folder gives the folder of a group: its segments, with "_" for what may not stand in a file's name everywhere.
func folder(group string) string {
	var out []string
	for s := range strings.SplitSeq(group, "/") {
		s = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
				return r
			}
			return '_'
		}, s)
		if s == "" {
			continue
		}
		if strings.Trim(s, ".") == "" { // it would lead elsewhere
			s = strings.Repeat("_", len(s))
		}
		out = append(out, s[:min(len(s), 200)])
	}
	return filepath.Join(out...)
}
