package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
)

// place is where the database is. The system lets a file be deleted, or another be put in its place, while it is open:
// what is written then goes to a file that has no name, without an error, and ends with the process.
type place struct {
	path string
	file os.FileInfo // as opened
	told bool
}

func newPlace(path string) (place, error) {
	info, err := os.Stat(path)
	return place{path: path, file: info}, err
}

// check gives an error when the file that was opened is no longer there. That it can't be looked at says nothing.
func (p *place) check() error {
	now, err := os.Stat(p.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s is not there", errGone, p.path)
	case err == nil && !os.SameFile(p.file, now):
		return fmt.Errorf("%w: %s is not the file that was opened", errGone, p.path)
	}
	return nil
}

var errGone = errors.New("the database was deleted or exchanged while running, and what was written since is lost with it")

// report tells, once until it is put right, that the file is gone. The log may be the one place where that is seen: calls
// go on, and no write fails.
func (p *place) report(log *slog.Logger) {
	err := p.check()
	if err != nil && !p.told {
		log.Error("call records and changes are lost from now on: put the data folder right and restart", "error", err)
	}
	p.told = err != nil
}
