package chime

import (
	"net/http"
	"sync"
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

// pace bounds how often each account asks for one operation.
type pace struct {
	mu    sync.Mutex
	state map[string]allowance // by account: there are as many as the operator declared
}

// allowance is what an account may ask for at once, as of a time.
type allowance struct {
	left float64
	at   time.Time
}

// take lets one request through, or says that it is one too many. perSecond 0 is no bound; a second's worth may come at once.
func (p *pace) take(account string, perSecond float64, now time.Time) error {
	if perSecond <= 0 {
		return nil
	}
	most := max(perSecond, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	a, known := p.state[account]
	if !known {
		a = allowance{most, now}
	}
	if since := now.Sub(a.at); since > 0 { // a clock that was set back gives nothing
		a.left = min(most, a.left+since.Seconds()*perSecond)
	}
	a.at = now
	ok := a.left >= 1
	if ok {
		a.left--
	}
	if p.state == nil {
		p.state = map[string]allowance{}
	}
	p.state[account] = a
	if !ok {
		return throttled(perSecond)
	}
	return nil
}

func throttled(perSecond float64) *apiError {
	e := badRequest("Service received too many requests: this account may make %g of this operation a second", perSecond)
	e.Status, e.Type, e.Code = http.StatusTooManyRequests, "ThrottledClientException", "Throttled"
	return e
}
