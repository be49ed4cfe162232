package sip_test

import (
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/transport"
	"github.com/switchhook/switchhook/sip/transport/testca"
)

// A number of our own is dialled at ourselves: its leg comes in with the context that the account may see, and answers, rings
// and hang-ups go through.
func TestHouse(t *testing.T) {
	for name, c := range map[string]struct {
		trunk, account string
		rows           header.List
	}{
		"inside an account": {directory.House, "000000000001", header.List{{Name: "X-Case", Value: "7"}, {Name: "My-Own", Value: "a"}}},
		"between accounts":  {directory.HouseApart, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				_, e := r.dial(call.Dial{To: "+12065550101", From: "+12065550100", Trunk: c.trunk, Account: "000000000001",
					Headers: header.List{{Name: "X-Case", Value: "7"}, {Name: "My-Own", Value: "a"}}})
				at := r.attempt()
				if at.Trunk != c.trunk || at.Account != c.account || at.To != "+12065550101" || at.From != "+12065550100" || at.Host != "" {
					t.Errorf("attempt %+v", at.Attempt)
				}
				if diff := cmp.Diff(c.rows, at.Headers, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("context (-want +got):\n%s", diff)
				}
				at.leg.Ring(0, nil)
				want[call.Ringing](e)
				at.leg.Answer(nil)
				want[call.Answered](e)
				at.leg.Hangup(call.Cause{Q850: 16, By: call.ByApp, Label: call.LabelNormal}, nil)
				want[call.LegEnded](e)
			})
		})
	}
}

// A stranger who learned the host is none of us: he has no leg that is being dialled, and does not call from where we are.
func TestHouseIsOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		_, e := r.dial(call.Dial{To: "+12065550101", Trunk: directory.House, Account: "000000000001"})
		at := r.attempt()
		host := sip.HouseHost(r.s)
		for _, from := range []netip.AddrPort{aliceAt, netip.MustParseAddrPort("192.0.2.1:5070")} { // a stranger, and one of our machine
			p := r.phone(from)
			inv := p.invite("mine" + from.String())
			inv.URI = "sip:+12065550101@" + host
			p.send(inv)
			p.receive("403")
		}
		at.leg.Hangup(call.Cause{SIP: 486}, nil)
		e.refused(486)
	})
}

// Numbers of our own that dial each other in a circle come to an end.
func TestHouseCircle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		all := []*events{}
		d := call.Dial{To: "+12065550101", Trunk: directory.HouseApart, Account: "000000000001"}
		for round := range 6 {
			_, e := r.dial(d)
			if round == 5 {
				e.refused(482)
				break
			}
			all = append(all, e)
			d.For = r.attempt().id
		}
		r.s.Close()
		for _, e := range all {
			want[call.LegEnded](e)
		}
	})
}

// The way home needs no network in particular.
func TestHouseOverEachNetwork(t *testing.T) {
	for _, network := range []string{transport.UDP, transport.TCP, transport.TLS} {
		t.Run(network, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := secureRig(t, testca.New(t), func(cfg *sip.Config, _ *directory.Content) {
					at := serverAt
					if network == transport.TLS {
						at = over5061(at)
					}
					cfg.Transport.Listen = []transport.Listen{{Network: network, Addr: at, Advertise: netip.MustParseAddrPort("203.0.113.99:5060")}}
				})
				leg, e := r.dial(call.Dial{To: "+12065550101", From: "+12065550100", Trunk: directory.House, Account: "000000000001"})
				at := r.attempt()
				if at.Source.Addr() != serverAt.Addr() {
					t.Errorf("it came from %v", at.Source)
				}
				at.leg.Answer(nil)
				want[call.Answered](e)
				want[call.Answered](at.events)
				leg.Hangup(call.Cause{Q850: 16, By: call.ByApp, Label: call.LabelNormal}, nil)
				at.events.ended(call.LabelNormal)
				want[call.LegEnded](e)
			})
		})
	}
}
