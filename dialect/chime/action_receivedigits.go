package chime

import (
	"regexp"
	"slices"
	"time"

	"github.com/switchhook/switchhook/call"
)

// listener is a ReceiveDigits that is armed: it goes on beside the list, until another takes its place or its leg ends.
// It looks at what was pressed a while after the last key, and forgets it a while after the first.
type listener struct {
	leg            *leg
	action         *action
	pattern        *regexp.Regexp
	between, flush time.Duration
	keys           []byte
	look, forget   *timer
}

func startReceiveDigits(d *driver, a *action) (step, *fault) {
	s := &listener{leg: a.leg, action: a}
	for key, value := range members(a.params) {
		ok := true
		switch key {
		case "InputDigitsRegex":
			s.pattern, ok = readPattern(value)
		case "InBetweenDigitsDurationInMilliseconds":
			s.between, ok = milliseconds(value)
		case "FlushDigitsDurationInMilliseconds":
			s.flush, ok = milliseconds(value)
		}
		if !ok {
			return nil, badParameter(key)
		}
	}
	switch {
	case s.pattern == nil:
		return nil, badParameter("InputDigitsRegex")
	case s.between == 0:
		return nil, badParameter("InBetweenDigitsDurationInMilliseconds")
	case s.flush <= s.between:
		return nil, badParameter("FlushDigitsDurationInMilliseconds")
	}
	d.watchers = slices.DeleteFunc(d.watchers, func(w watcher) bool {
		old, ok := w.(*listener)
		ok = ok && old.leg == s.leg
		if ok {
			old.clear(d)
		}
		return ok
	})
	d.watchers = append(d.watchers, s)
	return instant(receivedFirst("")), nil
}

// receivedFirst is the result of a ReceiveDigits: the vendor shows it before Type.
func receivedFirst(keys string) result {
	return result{before: append(appendString([]byte(`"ReceivedDigits":`), keys), ',')}
}

func (s *listener) hear(d *driver, ev call.Event) (over bool) {
	switch ev := ev.(type) {
	case call.Digit:
		if ev.Leg == s.leg.id {
			s.press(d, ev.Digit)
		}
	case call.LegEnded:
		if ev.Leg == s.leg.id {
			s.clear(d)
			return true
		}
	}
	return false
}

func (s *listener) press(d *driver, key byte) {
	if len(s.keys) < maxDigits {
		s.keys = append(s.keys, key)
	}
	if len(s.keys) == 1 {
		s.forget = d.after(s.flush, func() { s.judge(d, true) })
	}
	d.stop(s.look)
	s.look = d.after(s.between, func() { s.judge(d, false) })
}

// judge tells the function what was pressed, if that is what it waits for.
func (s *listener) judge(d *driver, forget bool) {
	matches := s.pattern.Match(s.keys)
	if matches && len(d.notices) < maxPending {
		d.push(&notice{event: digitsReceived, leg: s.leg, action: s.action, result: receivedFirst(string(s.keys))})
	}
	if matches || forget {
		s.clear(d)
	}
}

// clear forgets what was pressed.
func (s *listener) clear(d *driver) {
	s.keys = nil
	d.stop(s.look)
	d.stop(s.forget)
}
