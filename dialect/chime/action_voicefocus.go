package chime

import (
	"encoding/json"
	"strings"

	"github.com/switchhook/switchhook/call"
)

// startVoiceFocus takes the wish for noise to be suppressed, and does nothing about it: no well-kept library serves. The call's
// log says so.
func startVoiceFocus(d *driver, a *action) (step, *fault) {
	on, f := readVoiceFocus(a.params)
	if f != nil {
		return nil, f
	}
	if !d.app.dialect.focus.allow(d.account, d.app.dialect.cfg.Quotas.VoiceFocus, d.now()) {
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
