package clip

import (
	"context"
	"io"
	"os"
	"time"
)

// MaxShelf and MaxObject are where files are no longer kept, and no longer played.
const (
	MaxShelf  = maxShelf
	MaxObject = maxObject
)

// SetPatience sets how long a store may give no byte.
func (b *Buckets) SetPatience(d time.Duration) { b.patience = d }

// Held gives the bytes of the complete sounds and the number of all.
func (s *Shelf) Held() (int64, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held, len(s.sounds)
}

// SetPatience sets how long a bucket may take nothing.
func (r *Recorder) SetPatience(d time.Duration) { r.patience = d }

// NoEncoder makes it a recorder of a machine without one.
func (r *Recorder) NoEncoder() { r.encoder = nil }

// Record begins to record into a file.
func Record(w Wanted, f *os.File) *Recording { return record(w, f) }

// Content gives what is stored.
func (b *Buckets) Content(bucket, key string) ([]byte, error) {
	s, err := b.find(bucket, key)
	if err != nil {
		return nil, err
	}
	r, err := s.open(context.Background(), key, 0)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
