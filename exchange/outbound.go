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

type outbound struct {
	dir  func() *directory.Snapshot
	next engine.Dialer
}

func (o outbound) Dial(id call.LegID, d call.Dial, r call.Report) engine.Leg {
	var refuse *call.Cause
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
