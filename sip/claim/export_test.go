package claim

import "time"

// Bounds that tests fill.
const (
	MaxValues = maxValues
	MaxBytes  = maxBytes
)

// At gives a desk with a clock of its own.
func At(now func() time.Time) *Desk {
	d := New()
	d.now = now
	return d
}

// Held gives how many bytes and values are kept.
func (d *Desk) Held() (bytes, values int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.all.bytes, len(d.values)
}

// Accounts gives how many accounts have a share.
func (d *Desk) Accounts() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.shares)
}
