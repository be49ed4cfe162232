package courier

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// maxLine bounds what is read of a line of the spool: nothing longer is ever written.
const maxLine = 2 * most

// readSpool gives what a courier before could not bring: a parcel a line. The file stays until this one is closed: what is brought
// twice says the same.
func readSpool(file string, log *slog.Logger) ([]Parcel, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what could not be delivered: %w", err)
	}
	var left []Parcel
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		var p Parcel
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			log.Error("what could not be delivered can't be read", "file", file, "line", n, "error", err)
			continue
		}
		left = append(left, p)
	}
	if err := lines.Err(); err != nil {
		log.Error("what could not be delivered can't be read", "file", file, "error", err)
	}
	return left, nil
}

// writeSpool keeps what is left, in place of what was; without anything there is no file.
func writeSpool(file string, left []Parcel, log *slog.Logger) error {
	if file == "" {
		return nil
	}
	if len(left) == 0 {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what was delivered: %w", err)
		}
		return nil
	}
	var text bytes.Buffer
	to := json.NewEncoder(&text)
	for _, p := range left {
		if err := to.Encode(p); err != nil {
			return fmt.Errorf("keep what could not be delivered: %w", err)
		}
	}
	fresh := file + ".new"
	err := os.MkdirAll(filepath.Dir(file), 0o750)
	if err == nil {
		err = os.WriteFile(fresh, text.Bytes(), 0o600)
	}
	if err == nil {
		err = os.Rename(fresh, file)
	}
	if err != nil {
		return fmt.Errorf("keep what could not be delivered: %w", err)
	}
	log.Warn("what could not be delivered is kept for the next start", "file", file, "parcels", len(left))
	return nil
}
