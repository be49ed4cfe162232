package chime

import (
	"encoding/json"
	"strings"
	"sync"

	"golang.org/x/time/rate"

	"github.com/switchhook/switchhook/call"
)

// startVoiceFocus takes the wish for noise to be suppressed, and does nothing about it: no well-kept library serves. The call's
// log says so.
func startVoiceFocus(d *driver, a *action) (step, *fault) {
	on, f := readVoiceFocus(a.params)
	if f != nil {
		return nil, f
	}
	if !d.app.dialect.focus.allow(d.account, d.app.dialect.cfg.Quotas.VoiceFocus) {
		return nil, &fault{kind: throttledAction, message: "Failed to run action. The maximum number of actions per second has been reached."}
	}
	what := "off"
	if on {
		what = "on"
	}
	log := call.Log{At: d.now(), Leg: a.leg.id, Kind: call.LogNote, Text: "VoiceFocus " + what + ": taken note of; noise is not suppressed here"}
	_, _ = d.do(call.Note{Log: log}) // a call that is over keeps no more log
	return instant{}, nil
}

// readVoiceFocus reads Enable: a boolean, or the text of one as some handlers write it.
func readVoiceFocus(raw json.RawMessage) (on bool, f *fault) {
	var enable json.RawMessage
	for key, value := range members(raw) {
		if key == "Enable" {
			enable = value
		}
	}
	s, ok := text(enable)
	if !ok {
		s = string(enable)
	}
	switch strings.ToLower(s) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	case "", "null":
		return false, &fault{kind: "MissingRequiredActionParameter", message: "Missing a required action parameter."}
	}
	return false, invalid("Enable parameter value is invalid.")
}

// pace bounds how often accounts do something.
type pace struct {
	mu sync.Mutex
	by map[string]*rate.Limiter // by account
}

// allow tells whether an account may now; perSecond is its quota, 0 bounds nothing.
func (p *pace) allow(account string, perSecond float64) bool {
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
	return l.Allow()
}
