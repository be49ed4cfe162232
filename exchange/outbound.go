package exchange

import (
	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/route"
)

// Outbound gives a dialer that finds the trunk of each outbound leg and lets next place it there. A leg for which there
// is none ends with label no-route.
func Outbound(dir func() *directory.Snapshot, next engine.Dialer) engine.Dialer {
	return outbound{dir, next}
}

type outbound struct {
	dir  func() *directory.Snapshot
	next engine.Dialer
}

func (o outbound) Dial(id call.LegID, d call.Dial, r call.Report) engine.Leg {
	trunk, refuse := route.Out(o.dir(), d)
	if refuse != nil {
		r(call.LegEnded{Leg: id, Cause: *refuse})
		return nil
	}
	d.Trunk = trunk.ID
	return o.next.Dial(id, d, r)
}
