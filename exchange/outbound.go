package exchange

import (
	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/route"
)

// Outbound gives a dialer that finds the trunk or endpoint of each outbound leg and lets next place it there. A leg for
// which there is none ends with label no-route. What the dialects greet (dialect.Concierge) stays in the house.
func Outbound(dir func() *directory.Snapshot, dialects map[string]dialect.Dialect, next engine.Dialer) engine.Dialer {
	return outbound{placer{dir, dialects}, next}
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
	placer
	next engine.Dialer
}

func (o outbound) Dial(id call.LegID, d call.Dial, r call.Report) engine.Leg {
	if d.Takes != "" { // it leaves this house no more than the leg whose place it takes
		return o.next.Dial(id, d, r)
	}
	d, refuse := o.placed(d)
	if refuse != nil {
		r(call.LegEnded{Leg: id, Cause: *refuse})
		return nil
	}
	return o.next.Dial(id, d, r)
}

// Route finds the trunk or endpoint of a dial, or why there is none.
func Route(dir func() *directory.Snapshot) func(call.Dial) (call.Dial, *call.Cause) {
	return placer{dir, nil}.placed
}

// placer finds where a leg goes.
type placer struct {
	dir      func() *directory.Snapshot
	dialects map[string]dialect.Dialect
}

func (p placer) placed(d call.Dial) (call.Dial, *call.Cause) {
	s := p.dir()
	if d.Named != "" {
		var refuse *call.Cause
		if d, refuse = route.Named(s, d); refuse != nil {
			return d, refuse
		}
	}
	if d.Endpoint != "" {
		d.Trunk = ""
		return d, route.Endpoint(s, d)
	}
	if home, refuse := route.Home(s, d, p.greets(d)); home != "" || refuse != nil {
		d.Trunk = home
		return d, refuse
	}
	trunk, refuse := route.Out(s, d)
	if refuse == nil {
		d.Trunk = trunk.ID
	}
	return d, refuse
}

// greets tells whether a dialect would take a call to the number that is dialled.
func (p placer) greets(d call.Dial) bool {
	if d.Trunk != "" {
		return false
	}
	host, _ := greet(p.dialects, call.Attempt{Account: d.Account, From: d.From, To: route.Number(d.To), Headers: d.Headers})
	return host != nil
}
