package exchange

import (
	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/route"
)

// Outbound gives a dialer that finds the trunk or endpoint of each outbound leg and lets next place it there. A leg for
// which there is none ends with label no-route.
func Outbound(dir func() *directory.Snapshot, next engine.Dialer) engine.Dialer {
	return outbound{dir, next}
}

// Adopt lets next hand over a leg, where it has such.
func (o outbound) Adopt(token uint64, id call.LegID, r call.Report) engine.Leg {
	if a, ok := o.next.(engine.Adopter); ok {
		return a.Adopt(token, id, r)
	}
	r(call.LegEnded{Leg: id, Cause: call.Cause{SIP: 480, By: call.ByPlatform, Label: call.LabelRejected}})
	return nil
}

type outbound struct {
	dir  func() *directory.Snapshot
	next engine.Dialer
}

func (o outbound) Dial(id call.LegID, d call.Dial, r call.Report) engine.Leg {
	if d.Takes != "" { // it leaves this house no more than the leg whose place it takes
		return o.next.Dial(id, d, r)
	}
	var refuse *call.Cause
	if d.Named != "" {
		if d, refuse = route.Named(o.dir(), d); refuse != nil {
			r(call.LegEnded{Leg: id, Cause: *refuse})
			return nil
		}
	}
	if d.Endpoint != "" {
		d.Trunk = ""
		refuse = route.Endpoint(o.dir(), d)
	} else {
		var trunk *directory.Trunk
		if trunk, refuse = route.Out(o.dir(), d); refuse == nil {
			d.Trunk = trunk.ID
		}
	}
	if refuse != nil {
		r(call.LegEnded{Leg: id, Cause: *refuse})
		return nil
	}
	return o.next.Dial(id, d, r)
}
