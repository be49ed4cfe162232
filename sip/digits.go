package sip

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/sip/message"
)

var errNoKeys = errors.New("the far end takes no keys")

// SendDigits presses keys at the far end as its trunk says (directory.Audio.Keys): as telephone events, by INFO, or as tones.
// "," and "w" pause half a second, "W" a second. done is called once.
func (l *Leg) SendDigits(keys string, tone, gap time.Duration, done func(error)) (stop func()) {
	mode := l.trunk.trunk.Audio.Keys
	if mode != "info" {
		session := l.Media()
		if session == nil {
			done(call.ErrState)
			return func() {}
		}
		return session.SendDigits(keys, tone, gap, mode == "inband", done)
	}
	p := &pressing{l: l, keys: keys, tone: tone, gap: gap}
	p.done = func(err error) { p.once.Do(func() { done(err) }) }
	l.post(p.next)
	return func() { p.stopped.Store(true) }
}

// pressing is keys on their way by INFO, one after the other.
type pressing struct {
	l         *Leg
	keys      string
	tone, gap time.Duration
	done      func(error)
	once      sync.Once
	stopped   atomic.Bool
}

// next presses the next key, and goes on when it is answered and its time is over.
func (p *pressing) next() {
	l := p.l
	switch {
	case p.stopped.Load():
		p.done(call.ErrStopped)
		return
	case !l.standing():
		p.done(call.ErrLegEnded)
		return
	case p.keys == "":
		p.done(nil)
		return
	}
	key := p.keys[:1]
	p.keys = p.keys[1:]
	switch key {
	case ",", "w":
		l.after(500*time.Millisecond, p.next)
		return
	case "W":
		l.after(time.Second, p.next)
		return
	}
	m := l.dialog.Request("INFO")
	m.Add("User-Agent", l.s.cfg.Product)
	m.Add("Content-Type", dtmfRelay)
	m.Body = fmt.Appendf(nil, "Signal=%s\r\nDuration=%d\r\n", strings.ToUpper(key), p.tone.Milliseconds())
	err := l.ask(m, func(resp *message.Message, err error) {
		switch {
		case err != nil:
			p.done(fmt.Errorf("INFO: %w", err))
			l.lost()
		case resp.Status == 408, resp.Status == 481:
			p.done(fmt.Errorf("INFO was refused with %d", resp.Status))
			l.lost()
		case resp.Status >= 300:
			p.done(fmt.Errorf("%w: INFO was refused with %d", errNoKeys, resp.Status))
		default:
			l.after(p.tone+p.gap, p.next)
		}
	})
	if err != nil {
		p.done(fmt.Errorf("INFO: %w", err))
	}
}
