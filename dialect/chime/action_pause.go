package chime

import (
	"time"

	"github.com/switchhook/switchhook/call"
)

// Bounds of Pause, in milliseconds.
const minPause, maxPause = 100, 30_000

// pausing is a Pause under way.
type pausing struct {
	leg *leg
	end *timer
}

func startPause(d *driver, a *action) (step, *fault) {
	ms := 0
	for key, value := range members(a.params) {
		if key == "DurationInMilliseconds" {
			ms, _ = whole(value)
		}
	}
	if ms < minPause || ms > maxPause {
		return nil, invalid("The Duration parameter is invalid.")
	}
	d.pickUp(a.leg, nil)
	end := d.after(time.Duration(ms)*time.Millisecond, func() { d.finish(outcome{over: true}) })
	return pausing{a.leg, end}, nil
}

func (s pausing) hear(d *driver, ev call.Event) outcome {
	ended, ok := ev.(call.LegEnded)
	gone := ok && ended.Leg == s.leg.id
	if gone {
		s.stop(d)
	}
	return outcome{over: gone, lost: gone}
}

func (s pausing) stop(d *driver) { d.stop(s.end) }
