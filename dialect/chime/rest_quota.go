package chime

import (
	"time"

	"github.com/switchhook/switchhook/directory"
)

// quota tells whether an account may have more things of a table beside those that count; most 0 is no bound. It is asked inside of
// [control.change], with the write that it is about.
func quota[T any](r *request, most, more int, what string, table directory.Table[T], id func(T) string, counts func(T) bool) error {
	if most <= 0 {
		return nil
	}
	n := more
	err := each(r, table, r.account, "", id, func(v T) bool {
		if counts(v) {
			n++
		}
		return n <= most
	})
	if err == nil && n > most {
		err = limitExceeded("%s: this account may have %d", what, most)
	}
	return err
}

// mayHaveNumbers tells whether an account may have more numbers.
func (c *control) mayHaveNumbers(r *request, more int) error {
	return quota(r, c.cfg.Quotas.PhoneNumbers, more, "Phone numbers", c.cfg.Store.Numbers(), numberID, func(directory.Number) bool { return true })
}

// keepPace tells whether an account may ask for one more of an operation now.
func keepPace(p *pace, r *request, perSecond float64, now time.Time) error {
	if !p.allow(r.account, perSecond, now) {
		return throttled("Service received too many requests: this account may make %g of this operation a second", perSecond)
	}
	return nil
}
