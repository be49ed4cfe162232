package chime

import (
	"strings"
	"time"

	"github.com/switchhook/switchhook/call"
)

// Bounds of SendDigits: how many, and how long each is held, in milliseconds.
const (
	maxSent          = 50
	minTone, maxTone = 50, 24_000
)

func startSendDigits(d *driver, a *action) (step, *fault) {
	send, f := readSendDigits(a)
	if f != nil {
		return nil, f
	}
	t, err := d.do(send)
	if err != nil {
		return nil, refused(err)
	}
	return operating{t.Op, systemFault}, nil
}

// readSendDigits reads what is to be pressed.
func readSendDigits(a *action) (call.SendDigits, *fault) {
	send := call.SendDigits{Leg: a.leg.id, Tone: 250 * time.Millisecond}
	for key, value := range members(a.params) {
		switch key {
		case "Digits":
			send.Digits, _ = text(value)
		case "ToneDurationInMilliseconds":
			if isUnset(value) {
				continue
			}
			ms, ok := bounded(value, minTone, maxTone)
			if !ok {
				return send, invalid("ToneDuration parameter value is invalid.")
			}
			send.Tone = time.Duration(ms) * time.Millisecond
		}
	}
	if n := len(send.Digits); n < 1 || n > maxSent || strings.Trim(send.Digits, allKeys+",") != "" {
		return send, invalid("Digits parameter value is invalid.")
	}
	return send, nil
}
