package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"

	"github.com/switchhook/switchhook/directory"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options are what one may set; the zero value is fit for use.
type Options struct {
	// Log is told what was dropped, pruned or could not be written; slog.Default() when nil.
	Log *slog.Logger
	// KeepAge is how long a record is kept after its call began; 0 means for ever.
	KeepAge time.Duration
	// KeepRecords is how many records are kept, the newest; 0 means all.
	KeepRecords int
	// Queue is how many finished calls may wait to be written; 0 means 65536: a disk may stand still for half a minute and longer at
	// a thousand calls a second, where their size leaves them room.
	Queue int
	// QueueBytes is about what these may take in memory, as call.Finished.Size has it; 0 means 256 MiB.
	QueueBytes int
	// LockWait is how long Open and a write wait for another program's lock on the file; 0 means 5 s.
	LockWait time.Duration
}

// Store is a directory.Store and keeps call records. Safe for concurrent use.
type Store struct {
	log    *slog.Logger
	lock   *os.File // held while open: one process at a time
	write  *sql.DB  // one connection
	read   *sql.DB
	record *recorder

	mu       sync.Mutex // one write at a time; guards content
	content  content
	snapshot atomic.Pointer[directory.Snapshot]
}

var _ directory.Store = (*Store)(nil)

// Open opens the database file, creating it and its folder when they are missing, and brings its tables up to date. It
// fails when another process has the file, or when it is damaged or not a database.
func Open(path string, o Options) (*Store, error) {
	s, err := open(path, o)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, explain(err))
	}
	return s, nil
}

// writer are the settings of the writing connection: 32 MB for the pages that records change, and so little log before they
// move to their places that calls, which on one core wait for that, hardly hear of it.
var writer = []string{"cache_size(-32768)", "wal_autocheckpoint(400)"}

func open(path string, o Options) (_ *Store, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	s := &Store{log: cmp.Or(o.Log, slog.Default()), content: newContent()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.closeFiles())
		}
	}()
	if s.lock, err = lockFile(path + ".lock"); err != nil {
		return nil, err
	}
	create(path)
	wait := cmp.Or(o.LockWait, 5*time.Second)
	if s.write, err = connect(path, wait, 1, writer...); err != nil {
		return nil, err
	}
	if err := migrate(s.write); err != nil {
		return nil, err
	}
	at, err := newPlace(path)
	if err != nil {
		return nil, err
	}
	if s.read, err = connect(path, wait, max(4, runtime.NumCPU())); err != nil {
		return nil, err
	}
	if err := s.load(context.Background()); err != nil {
		return nil, err
	}
	s.record, err = newRecorder(s.write, at, s.log, o)
	return s, err
}

// create makes a file that is not there yet, for nobody else to read: secrets stand in it. What SQLite puts beside it gets
// the same permissions. When it can't be made, SQLite says so next.
func create(path string) {
	if f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err == nil {
		f.Close()
	}
}

// connect opens a pool; the settings stand in the DSN because they belong to each connection. None creates the file: a
// connection that is opened later, after the file was deleted, would make an empty one in its place.
func connect(path string, wait time.Duration, conns int, more ...string) (*sql.DB, error) {
	q := url.Values{"mode": {"rw"}, "_txlock": {"immediate"}, "_pragma": append(more,
		fmt.Sprintf("busy_timeout(%d)", wait.Milliseconds()),
		"journal_mode(WAL)", "synchronous(NORMAL)", "foreign_keys(1)", "journal_size_limit(67108864)",
	)}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, db.Ping()
}

func migrate(db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	have, want, err := p.GetVersions(context.Background())
	if err != nil {
		return err
	}
	if have > want {
		return fmt.Errorf("the file is of a newer version of this program (tables of version %d, known are %d): run that one", have, want)
	}
	if _, err := p.Up(context.Background()); err != nil {
		return fmt.Errorf("bring tables up to date: %w", err)
	}
	return nil
}

// Close writes the records that are queued and closes the file. Its error tells how many could not be written, and that
// the file was deleted, moved or exchanged while it was open, so that what was written is not where Open would find it.
func (s *Store) Close() error {
	err := s.record.close()
	return errors.Join(err, s.closeFiles())
}

func (s *Store) closeFiles() error {
	var errs []error
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close()) // lets the lock go
	}
	return errors.Join(errs...)
}

// SQLite's result codes (https://www.sqlite.org/rescode.html) that an operator can do something about.
const (
	codeBusy     = 5
	codeReadOnly = 8
	codeIO       = 10
	codeCorrupt  = 11
	codeFull     = 13
	codeCantOpen = 14
	codeNotADB   = 26
)

// explain puts what an operator can do before SQLite's own words.
func explain(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	var what string
	switch e.Code() & 0xff {
	case codeBusy:
		what = "another program holds a lock on the file: end it and try again"
	case codeReadOnly:
		what = "the file or its folder may not be written"
	case codeIO:
		what = "the disk failed"
	case codeCorrupt:
		what = "the file is damaged: put a backup in its place, or move it away to begin with an empty one"
	case codeFull:
		what = "the disk is full"
	case codeCantOpen:
		what = "the file can't be opened: look at its path and permissions"
	case codeNotADB:
		what = "the file is no SQLite database: name another, or move it away to begin with an empty one"
	default:
		return err
	}
	return fmt.Errorf("%s (%w)", what, err)
}

func isUnique(err error) bool {
	const primaryKey, unique = 1555, 2067 // SQLITE_CONSTRAINT_PRIMARYKEY, _UNIQUE
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code() == primaryKey || e.Code() == unique)
}
