package sip_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip"
)

// routed lets telephones forward as the program does: to endpoints of their account, and to numbers by Bob's trunk.
func routed(cfg *sip.Config, _ *directory.Content) {
	cfg.Endpoints.Route = func(d call.Dial) (call.Dial, *call.Cause) {
		if d.Named != "example.com" || d.Account != owner {
			return d, &call.Cause{SIP: 404, Text: "asked on the account " + d.Account + " for " + d.Named}
		}
		if e, ok := cfg.Directory().Endpoint(d.To); ok && e.Account == d.Account {
			d.Endpoint = e.User
			return d, nil
		}
		if !directory.IsE164(d.To) {
			return d, &call.Cause{SIP: 404, Text: "neither a number nor an endpoint"}
		}
		d.Trunk = "bob"
		return d, nil
	}
}

// C58, S21: a telephone that forwards its calls to a number is followed by the trunk that takes it, on its own account and with
// its own rights, with a Diversion that names it, as the trunk wants that told; to nobody else.
func TestC58EndpointForwardsToNumber(t *testing.T) {
	const number = "+12065550177"
	for name, c := range map[string]struct {
		contact string
		change  func(*directory.Content)
		told    string // of who forwarded, on the trunk; rows joined
		why     string // the number is not called
	}{
		"to a number":          {contact: "<sip:" + number + "@example.com>", told: "Diversion: <sip:carol@192.0.2.1>;reason=deflection;counter=1"},
		"to a tel URI":         {contact: "<tel:+1-206-555-0177>", told: "Diversion: <sip:carol@192.0.2.1>;reason=deflection;counter=1"},
		"to an escaped number": {contact: "<sip:%2b1206555%30177@192.0.2.1>", told: "Diversion: <sip:carol@192.0.2.1>;reason=deflection;counter=1"},
		"to a trunk that wants it told otherwise": {contact: "<sip:" + number + "@example.com>",
			change: func(c *directory.Content) { c.Trunks[1].Out.Diversion = header.FormHistory },
			told:   "History-Info: <sip:carol@192.0.2.1>;index=1, <sip:" + number + "@203.0.113.1;cause=480>;index=1.1;mp=1"},
		"to what its prefixes forbid": {contact: "<sip:%2B1206%35550177@example.com>", why: "endpoint carol: limits.prefixes has !+1206",
			change: func(c *directory.Content) { c.Endpoints[0].Options.Limits.Prefixes = []string{"+", "!+1206"} }},
		"to what its account's forbid": {contact: "<sip:" + number + "@example.com>", why: "account " + owner + ": no prefix of limits.prefixes has",
			change: func(c *directory.Content) {
				c.Accounts = []directory.Account{{ID: owner, Limits: directory.Limits{Prefixes: []string{"+44"}}}}
			}},
		"where it may have nobody called": {contact: "<sip:" + number + "@example.com>", why: "transfer.accept",
			change: func(c *directory.Content) { c.Endpoints[0].Options.Transfer.Accept = directory.Never }},
		"to what is no number":       {contact: "<sip:operator@example.com>", why: "neither a number nor an endpoint"},
		"to a number somewhere else": {contact: "<sip:" + number + "@198.51.100.99>", why: "neither the telephone nor one of ours"},
		"by a header of its own":     {contact: "<sip:" + number + "@example.com?Route=%3Csip:198.51.100.99%3E>", told: "Diversion: <sip:carol@192.0.2.1>;reason=deflection;counter=1"},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, withEndpoints(t), routed, func(_ *sip.Config, content *directory.Content) {
					content.Trunks[1].Account = "000000000009" // everybody's
					if c.change != nil {
						c.change(content)
					}
				})
				bob, desk := r.phone(bobAt), r.line(phoneAt, "carol", "carol's")
				desk.register(200, "r1", "Contact: <sip:carol@198.51.100.77>")
				leg, e := r.dial(call.Dial{Endpoint: "carol", From: "+12065550100", Headers: header.List{{Name: "X-Id", Value: "7"}}})
				desk.forward(c.contact)
				if c.why != "" {
					e.refused(302)
					if !e.told(c.why) {
						t.Errorf("the log does not tell %q: %+v", c.why, e.log)
					}
					bob.quiet(time.Second)
					return
				}
				inv := bob.receive("INVITE")
				var told []string
				for _, name := range []string{"Diversion", "History-Info", "Route", "X-Id"} {
					if rows := slices.Collect(inv.Headers.Values(name)); len(rows) > 0 {
						told = append(told, name+": "+strings.Join(rows, ", "))
					}
				}
				if d := cmp.Diff([]string{c.told, "X-Id: 7"}, told); inv.URI != "sip:"+number+"@203.0.113.1" || d != "" {
					t.Errorf("INVITE to %s (-want +got):\n%s", inv.URI, d)
				}
				if calls, _ := r.s.Loads("account", owner); calls != 0 {
					t.Errorf("%d calls of an account without limits are counted", calls)
				}
				bob.answer(inv, 200, "b", answer)
				bob.receive("ACK")
				want[call.Answered](e)
				leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
				bob.answer(bob.receive("BYE"), 200, "", "")
				e.ended(call.LabelNormal)
			})
		})
	}
}

// C58: what a telephone names goes by the trunk or endpoint that it names, one after the other; each counts where it is called,
// and a limit there refuses it. What the trunk's peer names stays on the trunk.
func TestC58EndpointForwardsInTurn(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t), routed, func(_ *sip.Config, c *directory.Content) {
			c.Trunks[1].Limits.Calls = 1
			c.Accounts = []directory.Account{{ID: owner, Limits: directory.Limits{Calls: 2}}}
		})
		bob := r.phone(bobAt)
		desk, other := r.line(phoneAt, "carol", "carol's"), r.line(phone2At, "dave", "dave's")
		desk.register(200, "r1", "Contact: <sip:carol@198.51.100.77>")
		other.register(200, "r2", "Contact: <sip:dave@198.51.100.78>")
		leg, e := r.dial(call.Dial{Endpoint: "carol", Account: owner, Headers: header.List{{Name: "Diversion", Value: "<sip:x@y>"}, {Name: "X-Id", Value: "7"}}})
		desk.forward("<sip:dave@example.com>;q=0.1, <sip:+12065550177@example.com>;q=0.9, <sip:carol2@198.51.100.77>;q=0.05")
		inv := bob.receive("INVITE")
		if on, in := count(r, "trunk", "bob"), count(r, "endpoint", "carol"); on != 1 || in != 0 || count(r, "account", owner) != 1 {
			t.Errorf("%d calls on the trunk, %d at the telephone", on, in)
		}
		bob.redirect(inv, 302, "Contact: <sip:dave@example.com>, <sip:+12065550178@203.0.113.1>")
		inv = bob.receive("INVITE")
		if inv.URI != "sip:+12065550178@203.0.113.1" {
			t.Errorf("bob is called as %s", inv.URI)
		}
		bob.answer(inv, 486, "b", "")
		bob.receive("ACK")
		inv = other.receive("INVITE")
		if on, in := count(r, "trunk", "bob"), count(r, "endpoint", "dave"); on != 0 || in != 1 || inv.Get("Diversion") != "" || inv.Get("X-Id") != "7" {
			t.Errorf("%d calls on the trunk, %d at the telephone, which an INVITE says %+v", on, in, inv.Headers)
		}
		other.answer(inv, 480, "d", "")
		other.receive("ACK")
		inv = desk.receive("INVITE") // the first telephone, by its own rights again
		if in := count(r, "endpoint", "carol"); in != 1 || inv.URI != "sip:carol2@198.51.100.77" {
			t.Errorf("%d calls at the telephone, to %s", in, inv.URI)
		}
		desk.answer(inv, 200, "c", answer)
		desk.receive("ACK")
		want[call.Answered](e)

		r.dial(call.Dial{Trunk: "bob", To: "1", Account: "000000000007"})
		bob.receive("INVITE")
		_, e2 := r.dial(call.Dial{Endpoint: "dave", Account: owner})
		other.forward("<sip:+12065550177@example.com>")
		e2.ended(call.LabelLimit)
		if count(r, "account", owner) != 1 || count(r, "endpoint", "dave") != 0 {
			t.Error("a call that was refused counts")
		}
		leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
		desk.answer(desk.receive("BYE"), 200, "", "")
		e.ended(call.LabelNormal)
	})
}

func count(r *rig, kind, id string) int {
	calls, _ := r.s.Loads(kind, id)
	return calls
}
