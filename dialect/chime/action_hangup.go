package chime

import "github.com/switchhook/switchhook/call"

// hangingUp is a Hangup under way: the leg's end is awaited.
type hangingUp struct{ leg *leg }

func startHangup(d *driver, a *action) (step, *fault) {
	code := 0
	for key, value := range members(a.params) {
		if key != "SipResponseCode" || isUnset(value) {
			continue
		}
		n, ok := whole(value)
		if !ok || n != 0 && n != 480 && n != 486 {
			return nil, invalid("The SipResponseCode parameter is invalid.")
		}
		code = n
	}
	d.hangUp(a.leg, hangupCause(a.leg, code), code)
	if a.leg.place != nil {
		return instant{}, nil // nobody's answer is to be waited for
	}
	return hangingUp{a.leg}, nil
}

// hangupCause says how a leg ends by its function's wish: SIP status and label of the code, 480 for a caller who is not
// answered and got no code.
func hangupCause(l *leg, code int) call.Cause {
	c := call.Cause{By: call.ByApp, Label: call.LabelNormal}
	if l.answered {
		return c
	}
	switch c.SIP = code; {
	case code == 486:
		c.Label = call.LabelBusy
	case !l.inbound:
		c.Label = call.LabelCancelled
	default:
		c.SIP, c.Label = 480, call.LabelDeclined
	}
	return c
}

func (s hangingUp) hear(_ *driver, ev call.Event) outcome {
	ended, ok := ev.(call.LegEnded)
	return outcome{over: ok && ended.Leg == s.leg.id}
}

func (hangingUp) stop(*driver) {} // there is no way back
