package sip_test

import (
	"context"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/sip"
)

// faults fails a test in whose server something broke, or counts how often.
type faults struct {
	slog.Handler
	t     *testing.T
	count *atomic.Int64
}

func newFaults(t *testing.T) faults { return faults{Handler: slog.DiscardHandler, t: t} }

func (f faults) Enabled(context.Context, slog.Level) bool { return true }

func (f faults) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		switch {
		case a.Key != "fault":
			return true
		case f.count != nil:
			f.count.Add(1)
		default:
			f.t.Errorf("%s: %v", r.Message, a.Value)
		}
		return false
	})
	return nil
}

// brokenSession breaks when it is told of the far end.
type brokenSession struct{ sip.Session }

func (brokenSession) SetRemote(media.Remote) error { panic("media broke") }

// A fault of ours ends the leg or the request that it came with, and touches no other.
func TestFaultEndsWhatItCameWith(t *testing.T) {
	inTime(t, func(t *testing.T) {
		var caught atomic.Int64
		var refuse, spoil atomic.Bool
		r := newRig(t, func(c *sip.Config, _ *directory.Content) {
			c.Log = slog.New(faults{Handler: slog.DiscardHandler, t: t, count: &caught})
			open, receive := c.Media, c.Receive
			c.Media = func(toward netip.Addr) (sip.Session, error) {
				s, err := open(toward)
				if spoil.Load() {
					s = brokenSession{s}
				}
				return s, err
			}
			c.Receive = func(at call.Attempt, open sip.Open) {
				if refuse.Load() {
					panic("the layer above broke")
				}
				receive(at, open)
			}
		})
		alice := r.phone(aliceAt)
		refused := func(callID string) {
			t.Helper()
			inv := alice.invite(callID)
			alice.send(inv)
			if !refuse.Load() {
				a := r.attempt()
				a.leg.Answer(nil)
				if end := want[call.LegEnded](a.events); end.Cause.Label != call.LabelInternal || end.Cause.SIP != 500 {
					t.Errorf("cause: %+v", end.Cause)
				}
			}
			ack := alice.request("ACK", callID, 1, alice.receive("500").ToTag)
			ack.Set("Via", inv.Get("Via"))
			alice.send(ack)
		}
		spoil.Store(true)
		refused("c-media")
		spoil.Store(false)
		refuse.Store(true)
		refused("c-receive")
		refuse.Store(false)
		a, _, _ := r.callIn(alice)
		a.leg.Hangup(call.Cause{}, nil)
		alice.answer(alice.receive("BYE"), 200, "", "")
		want[call.LegEnded](a.events)
		if caught.Load() != 2 {
			t.Errorf("%d faults were told, want 2", caught.Load())
		}
	})
}
