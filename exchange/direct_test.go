package exchange_test

import (
	"testing"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/engine"
)

// An endpoint that calls another of its account by name is joined with it, without an application; one of another account is
// not there.
func TestEndpointCallsEndpoint(t *testing.T) {
	h := newHouse(nil)
	h.content.Endpoints = []directory.Endpoint{{User: "ann", Account: account}, {User: "bob", Account: account}, {User: "eve", Account: "444455556666"}}
	h.current.Store(directory.NewSnapshot(h.content))
	receive := func(to string) (l *fakeLeg) {
		h.Receive(call.Attempt{Account: account, Endpoint: "ann", From: "ann", To: to}, func(_ call.LegID, r call.Report) engine.Leg {
			l = newLeg(r)
			return l
		})
		return l
	}
	caller := receive("bob")
	if trunk := <-h.trunks; trunk != "" {
		t.Errorf("the callee was dialled by trunk %q", trunk)
	}
	for told := range caller.told {
		if told == "answer" {
			break
		}
	}
	caller.end(call.Cause{Q850: 16, By: call.ByPeer, Label: call.LabelNormal})
	if r := h.record(t); len(r.Legs) != 2 || r.Account != account || r.Cause.Label != call.LabelNormal || r.App != "" {
		t.Errorf("record %+v", r)
	}
	receive("eve")
	if r := h.record(t); len(r.Legs) != 1 || r.Cause.SIP != 404 {
		t.Errorf("S36: a call to another account's endpoint: %+v", r)
	}
	h.drained(t)
}
