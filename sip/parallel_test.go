package sip_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/message"
)

// C31: three targets ring at once. When one answers the others are told that it was elsewhere (RFC 3326), so that they
// count no missed call; each leg ends once, and a loser's 200 that comes all the same is acknowledged and ended.
func TestC31AnsweredElsewhere(t *testing.T) {
	inTime(t, func(t *testing.T) {
		at := []netip.AddrPort{bobAt, bob2At, netip.MustParseAddrPort("203.0.113.3:5060")}
		names := []string{"first", "second", "third"}
		r := newRig(t, func(_ *sip.Config, c *directory.Content) {
			for i, name := range names {
				c.Trunks = append(c.Trunks, directory.Trunk{ID: name, In: header.Trusted(), Out: header.Trusted(),
					Peers: []directory.Peer{{Host: at[i].Addr().String()}}})
			}
		})
		type target struct {
			*phone
			leg *sip.Leg
			*events
		}
		var targets []target
		for i, name := range names {
			p := r.phone(at[i])
			leg, e := r.dial(call.Dial{Trunk: name, To: "1", From: "2"})
			targets = append(targets, target{p, leg, e})
		}
		winner, loser, late := targets[0], targets[1], targets[2]
		invites := make(map[*phone]*message.Message)
		for _, to := range targets {
			inv := to.receive("INVITE")
			invites[to.phone] = inv
			to.answer(inv, 180, "tag", "")
			want[call.Ringing](to.events)
		}
		winner.answer(invites[winner.phone], 200, "tag", answer)
		winner.receive("ACK")
		want[call.Answered](winner.events)
		elsewhere := call.Cause{By: call.ByPlatform, Label: call.LabelElsewhere}
		for _, to := range []target{loser, late} {
			to.leg.Hangup(elsewhere, nil)
			to.leg.Hangup(elsewhere, nil)
			cancel := to.receive("CANCEL")
			if got := cancel.Get("Reason"); got != `SIP;cause=200;text="Call completed elsewhere"` || cancel.Headers.Count("Reason") != 1 {
				t.Errorf("%v: Reason: %s", to.at, got)
			}
			if en, ok := to.entry("CANCEL", "Reason"); !ok || en.Action != header.Added || en.Reason != sip.BecauseCause {
				t.Errorf("%v: ledger: %+v", to.at, en)
			}
			to.answer(cancel, 200, "tag", "")
		}
		loser.answer(invites[loser.phone], 487, "tag", "")
		loser.receive("ACK")
		loser.ended(call.LabelElsewhere)
		late.answer(invites[late.phone], 200, "tag", answer)
		late.receive("ACK")
		bye := late.receive("BYE")
		late.answer(bye, 200, "", "")
		late.ended(call.LabelElsewhere)
		late.answer(invites[late.phone], 200, "tag", answer) // its ACK was lost
		late.receive("ACK")
		for _, to := range targets {
			to.quiet(40 * time.Second)
			to.none(time.Second)
		}
		winner.leg.Hangup(call.Cause{By: call.ByApp}, nil)
		winner.answer(winner.receive("BYE"), 200, "", "")
		want[call.LegEnded](winner.events)
	})
}
