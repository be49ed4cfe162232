package sip_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/message"
)

// A trunk that calls more often than it may is refused, and others call and are called as before.
func TestTrunkRate(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, func(cfg *sip.Config, _ *directory.Content) { cfg.Limits.TrunkRate = 2 })
		alice, bob := r.phone(aliceAt), r.phone(bobAt)
		refused := func(p *phone, inv *message.Message, status string) *message.Message {
			t.Helper()
			final := p.receive(status)
			ack := p.request("ACK", inv.CallID, 1, final.ToTag)
			ack.Set("Via", inv.Get("Via"))
			p.send(ack)
			return final
		}
		let := func(p *phone, callID string) {
			t.Helper()
			inv := p.invite(callID)
			p.send(inv)
			a := r.attempt()
			a.leg.Hangup(call.Cause{SIP: 486}, nil)
			refused(p, inv, "486")
			want[call.LegEnded](a.events)
		}
		let(alice, "a1")
		let(alice, "a2")
		inv := alice.invite("a3")
		alice.send(inv)
		if m := refused(alice, inv, "503"); m.Get("Retry-After") != "5" {
			t.Errorf("503: %+v", m)
		}
		let(bob, "b1")
		_, e := r.dial(call.Dial{Trunk: "alice", To: "1"})
		e.ended(call.LabelLimit) // calls in and out count together
		_, e = r.dial(call.Dial{Trunk: "bob", To: "1"})
		bob.answer(bob.receive("INVITE"), 486, "bob", "")
		e.ended(call.LabelBusy)
		bob.receive("ACK")
		pass(time.Second)
		let(alice, "a4")
	})
}

// A trunk whose peer has a name takes calls from where the name leads.
func TestNamedSource(t *testing.T) {
	inTime(t, func(t *testing.T) {
		var down atomic.Bool
		r := newRig(t, func(cfg *sip.Config, c *directory.Content) {
			c.Trunks = []directory.Trunk{{ID: "name", In: header.Trusted(), Peers: []directory.Peer{{Host: "GW.example"}}}}
			cfg.Lookup = func(context.Context, string) ([]netip.Addr, error) {
				if down.Load() {
					return nil, context.DeadlineExceeded
				}
				return []netip.Addr{netip.MustParseAddr("::ffff:198.51.100.1")}, nil
			}
		})
		alice, stranger := r.phone(aliceAt), r.phone(bobAt)
		for i := range 3 {
			pass(40 * time.Second)
			down.Store(i > 0) // what was known still counts
			alice.send(alice.invite(fmt.Sprint("c", i)))
			a := r.attempt()
			if a.Trunk != "name" {
				t.Errorf("trunk %q", a.Trunk)
			}
			a.leg.Hangup(call.Cause{SIP: 486}, nil)
			want[call.LegEnded](a.events)
		}
		stranger.send(stranger.invite("s"))
		stranger.receive("403")
	})
}

// A trunk that calls only go out by takes none from a peer that has a name either.
func TestOutOnlyNamedSource(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, func(cfg *sip.Config, c *directory.Content) {
			c.Trunks = []directory.Trunk{{ID: "out", Host: "out.example", OutOnly: true, Peers: []directory.Peer{{Host: "gw.example"}}}}
			cfg.Lookup = bobsName
		})
		bob := r.phone(bobAt)
		pass(5 * time.Second)
		for i, uri := range []string{"sip:1@192.0.2.1", "sip:1@out.example"} {
			inv := bob.invite(fmt.Sprint("c", i))
			inv.URI = uri
			bob.send(inv)
			bob.receive("403")
		}
	})
}

// Of several trunks with a peer of one name, the Request-URI's host decides; without it always the first by ID.
func TestSharedNamedSource(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, func(cfg *sip.Config, c *directory.Content) {
			c.Trunks = nil
			for _, id := range []string{"c", "a", "b"} {
				c.Trunks = append(c.Trunks, directory.Trunk{ID: id, Host: id + ".example", In: header.Trusted(), Peers: []directory.Peer{{Host: "gw.example"}}})
			}
			cfg.Lookup = bobsName
		})
		bob := r.phone(bobAt)
		for i := range 20 { // who is known by name is learned anew each second
			pass(1100 * time.Millisecond)
			for host, trunk := range map[string]string{"b.example": "b", "c.example": "c", "192.0.2.1": "a"} {
				inv := bob.invite(fmt.Sprint(host, i))
				inv.URI = "sip:+12065550100@" + host
				bob.send(inv)
				a := r.attempt()
				if a.Trunk != trunk {
					t.Fatalf("a call to %s came by trunk %q", host, a.Trunk)
				}
				a.leg.Hangup(call.Cause{SIP: 486}, nil)
				a.events.refused(486)
			}
		}
	})
}

// A customer who makes a trunk for the address, or the name, of another account's carrier takes none of its calls.
func TestNamedSourceOfOthers(t *testing.T) {
	const house, stranger = "111122223333", "444455556666"
	for name, theirs := range map[string]directory.Trunk{
		"address": {Allow: []netip.Prefix{netip.PrefixFrom(bobAt.Addr(), 32)}},
		"name":    {Peers: []directory.Peer{{Host: "gw.example"}}},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, func(cfg *sip.Config, c *directory.Content) {
					theirs.ID, theirs.Account, theirs.In, theirs.Vendor = "a", stranger, header.Trusted(), json.RawMessage(`{}`)
					c.Trunks = []directory.Trunk{theirs, {ID: "carrier", Account: house, In: header.Trusted(), Peers: []directory.Peer{{Host: "gw.example"}}}}
					cfg.Lookup = bobsName
				})
				bob := r.phone(bobAt)
				pass(5 * time.Second)
				bob.send(bob.invite("c"))
				a := r.attempt()
				if a.Trunk != "carrier" {
					t.Errorf("it came by trunk %q", a.Trunk)
				}
				a.leg.Hangup(call.Cause{SIP: 486}, nil)
				a.events.refused(486)
			})
		})
	}
}

func bobsName(context.Context, string) ([]netip.Addr, error) { return []netip.Addr{bobAt.Addr()}, nil }
