package chime

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// pace bounds how often accounts do something. A second's worth may come at once.
type pace struct {
	mu sync.Mutex
	by map[string]*rate.Limiter // by account: there are as many as the operator declared
}

// allow tells whether an account may now; perSecond is its quota, 0 bounds nothing.
func (p *pace) allow(account string, perSecond float64, now time.Time) bool {
	if perSecond <= 0 {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.by == nil {
		p.by = map[string]*rate.Limiter{}
	}
	l := p.by[account]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond)))
		p.by[account] = l
	}
	return l.AllowN(now, 1)
}
