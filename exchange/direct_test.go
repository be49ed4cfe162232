package exchange_test

import (
	"testing"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/header"
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

// A call that comes by a trunk whose peers may dial others goes on to the carrier, as the number that is shown for its account; what
// says otherwise stays behind, and the ledger tells so.
func TestTrunkToTrunk(t *testing.T) {
	h := newHouse(nil)
	h.content.Numbers = []directory.Number{{E164: "+12065550103", Account: account}}
	h.content.Trunks = append(h.content.Trunks, directory.Trunk{ID: "pbx", Account: account, Transit: directory.Transit{Prefixes: []string{"+1"}, Caller: "+12065550103"}})
	h.current.Store(directory.NewSnapshot(h.content))
	var caller *fakeLeg
	id := header.Field{Name: "P-Asserted-Identity", Value: "<sip:+12065550142@pbx.example>"}
	h.Receive(call.Attempt{Account: account, Trunk: "pbx", From: "+12065550142", To: "+14155550199", Headers: header.List{id, {Name: "X-Case", Value: "7"}}},
		func(_ call.LegID, r call.Report) engine.Leg {
			caller = newLeg(r)
			return caller
		})
	if trunk := <-h.trunks; trunk != "carrier" {
		t.Errorf("the callee was dialled by trunk %q", trunk)
	}
	d := h.dialled.Load()
	if d.From != "+12065550103" || d.To != "+14155550199" || d.Via != "pbx" || d.For == "" || len(d.Headers) != 1 || d.Headers[0].Name != "X-Case" {
		t.Errorf("dialled %+v", d)
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
	if l := h.last.Load().Ledger; len(l) != 1 || l[0].Field != id || l[0].Action != header.Dropped {
		t.Errorf("ledger %+v", l)
	}
	h.drained(t)
}
