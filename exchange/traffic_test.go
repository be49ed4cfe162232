package exchange_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/exchange"
)

// What trunks carry is counted while it goes on, by direction; what trunks that exist no more have carried is forgotten.
func TestTraffic(t *testing.T) {
	answered := make(chan struct{})
	h := newHouse(drivers{"1": func(ctx context.Context, c dialect.Call) error {
		s := dialect.Script{Call: c, On: func(call.Event) error { return nil }}
		if _, err := s.Run(ctx, call.Dial{To: "+14155550100", For: c.Origin().Leg}); err != nil {
			return err
		}
		if _, err := c.Do(ctx, call.Answer{Leg: c.Origin().Leg}); err != nil {
			return err
		}
		close(answered)
		return listen(ctx, c)
	}, "3": func(context.Context, dialect.Call) error { return dialect.ErrBusy }})
	receive := func(rule string) (l *fakeLeg) {
		h.Receive(call.Attempt{Trunk: "pbx", Host: rule}, func(_ call.LegID, r call.Report) engine.Leg {
			l = newLeg(r)
			return l
		})
		return l
	}
	h.content.Trunks = append(h.content.Trunks, directory.Trunk{ID: "pbx"})
	h.current.Store(directory.NewSnapshot(h.content))
	caller := receive("1")
	<-answered
	check := func(want map[string]dialect.Traffic) {
		t.Helper()
		if diff := cmp.Diff(want, h.traffic.Trunks()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	check(map[string]dialect.Traffic{
		"pbx":     {In: dialect.Flow{Attempts: 1, Answered: 1, Active: 1}, Codes: [7]uint64{2: 1}},
		"carrier": {Out: dialect.Flow{Attempts: 1, Answered: 1, Active: 1}, Codes: [7]uint64{2: 1}},
	})
	caller.end(call.Cause{By: call.ByPeer, Label: call.LabelNormal})
	h.record(t)
	receive("none")
	h.record(t)
	receive("3")
	h.record(t)
	check(map[string]dialect.Traffic{
		"pbx":     {In: dialect.Flow{Attempts: 3, Answered: 1, Failures: 2}, Codes: [7]uint64{2: 1, 4: 2}},
		"carrier": {Out: dialect.Flow{Attempts: 1, Answered: 1}, Codes: [7]uint64{2: 1}},
	})
	h.content.Trunks = h.content.Trunks[:1]
	h.current.Store(directory.NewSnapshot(h.content))
	check(map[string]dialect.Traffic{"carrier": {Out: dialect.Flow{Attempts: 1, Answered: 1}, Codes: [7]uint64{2: 1}}})
	h.drained(t)
}

// A call counts once among those that rang, however often its far end says so.
func TestTrafficRings(t *testing.T) {
	content := directory.Content{Trunks: []directory.Trunk{{ID: "pbx"}}}
	traffic := exchange.NewTraffic(func() *directory.Snapshot { return directory.NewSnapshot(content) })
	var far fakeEdge
	traffic.Dialer(&far).Dial("leg", call.Dial{Trunk: "pbx"}, func(call.Event) {})
	for _, ev := range []call.Event{call.Ringing{Leg: "leg", Status: 180}, call.Ringing{Leg: "leg", Status: 181}, call.Progress{Leg: "leg"}, call.Answered{Leg: "leg"}} {
		far.report(ev)
	}
	want := map[string]dialect.Traffic{"pbx": {Out: dialect.Flow{Attempts: 1, Answered: 1, Active: 1}, Codes: [7]uint64{1: 1, 2: 1}}}
	if diff := cmp.Diff(want, traffic.Trunks()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// fakeEdge is a dialer whose legs say what a test wants.
type fakeEdge struct{ report call.Report }

func (f *fakeEdge) Dial(_ call.LegID, _ call.Dial, report call.Report) engine.Leg {
	f.report = report
	return nil
}
