package clip

import "time"

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
