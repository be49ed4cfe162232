package sip_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/sip"
)

// The messages of the legs of a trunk that is asked for are copied whole, in both directions, retransmissions aside; of others none is.
func TestCopy(t *testing.T) {
	inTime(t, func(t *testing.T) {
		var mu sync.Mutex
		var copied []string
		var whole string
		r := newRig(t, func(cfg *sip.Config, _ *directory.Content) {
			cfg.Copy = func(trunk *directory.Trunk) func(time.Time, string, []byte) {
				if trunk.ID != "alice" {
					return nil
				}
				return func(at time.Time, callID string, message []byte) {
					mu.Lock()
					defer mu.Unlock()
					first, _, _ := strings.Cut(string(message), "\r\n")
					if copied = append(copied, callID+" "+first); whole == "" {
						whole = string(message)
					}
					if at.IsZero() {
						t.Error("a message has no time")
					}
				}
			}
		})
		alice, bob := r.phone(aliceAt), r.phone(bobAt)
		inv := alice.invite("c1", "X-Account: 4711")
		alice.send(inv)
		alice.send(inv)
		a := r.attempt()
		leg, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2", For: a.id})
		out := bob.receive("INVITE")
		bob.answer(out, 200, "bob", answer)
		bob.receive("ACK")
		want[call.Answered](e)
		a.leg.Answer(nil)
		ok := alice.receive("200")
		alice.ack(inv, ok)
		want[call.Answered](a.events)
		a.leg.Hangup(call.Cause{}, nil)
		bye := alice.receive("BYE")
		alice.answer(bye, 200, "", "")
		want[call.LegEnded](a.events)
		leg.Hangup(call.Cause{}, nil)
		mu.Lock()
		defer mu.Unlock()
		var short []string
		for _, line := range copied {
			words := strings.Fields(line)
			short = append(short, strings.Join(words[:min(3, len(words))], " "))
		}
		uri := strings.Fields(bye.Method + " " + bye.URI)[1]
		if diff := cmp.Diff([]string{"c1 INVITE " + inv.URI, "c1 SIP/2.0 200", "c1 ACK " + strings.Fields(short[min(2, len(short)-1)])[2], "c1 BYE " + uri, "c1 SIP/2.0 200"}, short); diff != "" {
			t.Errorf("-want +got:\n%s\nall: %q", diff, copied)
		}
		for _, part := range []string{"\r\nX-Account: 4711\r\n", "\r\n\r\nv=0\r\n", "Via: "} {
			if !strings.Contains(whole, part) {
				t.Errorf("the INVITE lacks %q: %q", part, whole)
			}
		}
	})
}
