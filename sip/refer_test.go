package sip_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/message"
)

// refer makes Alice's REFER inside the dialog of her call.
func (p *phone) refer(seq int, toTag, referTo string, rows ...string) *message.Message {
	m := p.request("REFER", "c1", seq, toTag)
	if referTo != "" {
		m.Add("Refer-To", referTo)
	}
	for _, row := range rows {
		n, v, _ := strings.Cut(row, ": ")
		m.Add(n, v)
	}
	return m
}

// told wants a NOTIFY that tells of this status, and answers it.
func (p *phone) told(event, state, status string) {
	p.t.Helper()
	m := p.receive("NOTIFY")
	if m.Get("Event") != event || !strings.HasPrefix(m.Get("Subscription-State"), state) ||
		!strings.HasPrefix(string(m.Body), "SIP/2.0 "+status) || m.ContentType() != "message/sipfrag" || m.Get("Contact") == "" {
		p.t.Errorf("NOTIFY with Event %q, Subscription-State %q, %q of type %q", m.Get("Event"), m.Get("Subscription-State"), m.Body, m.ContentType())
	}
	p.answer(m, 200, "", "")
}

// C59: a REFER is accepted, the call is asked, and the far end is told how it goes. Refer-To wins over the REFER's own
// rows, and the ledger tells where each came from.
func TestC59Refer(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		a, _, ok := r.callIn(alice)
		alice.send(alice.refer(2, ok.ToTag, "<sip:+12065550177@192.0.2.9:5070;user=phone?User-to-User=00bb%3Bencoding%3Dhex&X-Id=a%2Bb&From=evil&P-Asserted-Identity=%3Csip:x@y%3E>",
			"X-Own: 7", "User-to-User: 00cc;encoding=hex", "Referred-By: <sip:alice@198.51.100.1>"))
		if accepted := alice.receive("202"); accepted.Get("Contact") == "" {
			t.Error("202 without Contact")
		}
		ask := want[call.Asked](a.events)
		wanted := header.List{{Name: "User-to-User", Value: "00bb;encoding=hex"}, {Name: "X-Id", Value: "a+b"}, {Name: "X-Own", Value: "7"}}
		if d := ask.Dial; d.To != "+12065550177" || d.Named != "192.0.2.9" || d.URI != "sip:+12065550177@192.0.2.9:5070;user=phone" ||
			len(d.Headers) != 3 || d.Headers[0] != wanted[0] || d.Headers[1] != wanted[1] || d.Headers[2] != wanted[2] {
			t.Errorf("asked for %+v", d)
		}
		alice.told("refer", "active", "100 Trying")
		a.leg.Notify(180)
		alice.told("refer", "active", "180 Ringing")
		alice.send(alice.refer(3, ok.ToTag, "<sip:1@192.0.2.9>"))
		alice.receive("491")
		a.leg.Notify(200)
		alice.told("refer", "terminated", "200 OK")
		alice.send(alice.refer(4, ok.ToTag, "<tel:+1-206-555-0178>"))
		alice.receive("202")
		if d := want[call.Asked](a.events).Dial; d.To != "+12065550178" || d.Named != "tel" {
			t.Errorf("asked for %+v", d)
		}
		alice.told("refer;id=4", "active", "100")
		a.leg.Notify(486)
		alice.told("refer;id=4", "terminated", "486 Busy Here")
		alice.send(alice.refer(5, ok.ToTag, "<sip:carol@192.0.2.1>"))
		alice.receive("202")
		if d := want[call.Asked](a.events).Dial; d.To != "carol" || d.Named != "switchhook" {
			t.Errorf("asked for %+v", d)
		}
		alice.told("refer;id=5", "active", "100")
		a.leg.Notify(486)
		alice.told("refer;id=5", "terminated", "486 Busy Here")
		for name, want := range map[string]header.Action{"X-Own": header.Kept, "From": header.Dropped, "P-Asserted-Identity": header.Dropped} {
			if en, ok := a.events.entry("REFER", name); !ok || en.Action != want {
				t.Errorf("ledger of %s: %+v", name, en)
			}
		}
		a.leg.Hangup(call.Cause{}, nil)
		alice.answer(alice.receive("BYE"), 200, "", "")
	})
}

// What is asked wrongly, or by who may not ask, is refused; nothing of it reaches the call. S09: line ends in decoded
// headers of a URI. S24: a target that is no SIP address.
func TestReferRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		to     []string
		status string
		accept directory.Choice
	}{
		"none":             {nil, "400", ""},
		"two rows":         {[]string{"<sip:1@192.0.2.9>", "<sip:2@192.0.2.9>"}, "400", ""},
		"two in one":       {[]string{"<sip:1@192.0.2.9>, <sip:2@192.0.2.9>"}, "400", ""},
		"S24 http":         {[]string{"<http://127.0.0.1/>"}, "403", ""},
		"S09 line end":     {[]string{"<sip:1@192.0.2.9?User-to-User=00%0D%0AP-Asserted-Identity%3A%20x>"}, "400", ""},
		"another method":   {[]string{"<sip:1@192.0.2.9;method=BYE>"}, "400", ""},
		"a body":           {[]string{"<sip:1@192.0.2.9?body=x>"}, "400", ""},
		"two Replaces":     {[]string{"<sip:1@192.0.2.9?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc&Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>"}, "400", ""},
		"half a dialog":    {[]string{"<sip:1@192.0.2.9?Replaces=a%3Bto-tag%3Db>"}, "400", ""},
		"trunk says never": {[]string{"<sip:1@192.0.2.9>"}, "403", directory.Never},
		"unreadable":       {[]string{"sip:"}, "400", ""},
		"not trusted":      {[]string{"<sip:1@192.0.2.9>"}, "403", ""},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, func(_ *sip.Config, c *directory.Content) {
					c.Trunks[0].Transfer.Accept, c.Trunks[0].In.Trusted = tc.accept, name != "not trusted"
				})
				alice := r.phone(aliceAt)
				a, _, ok := r.callIn(alice)
				m := alice.refer(2, ok.ToTag, "")
				for _, to := range tc.to {
					m.Add("Refer-To", to)
				}
				alice.send(m)
				alice.receive(tc.status)
				a.events.none(time.Second)
				a.leg.Hangup(call.Cause{}, nil)
				alice.answer(alice.receive("BYE"), 200, "", "")
			})
		})
	}
}

// A trunk that is not trusted may transfer its calls where the operator says so.
func TestReferOfUntrusted(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, func(_ *sip.Config, c *directory.Content) {
			c.Trunks[0].Transfer.Accept, c.Trunks[0].In.Trusted = directory.Always, false
		})
		alice := r.phone(aliceAt)
		a, _, ok := r.callIn(alice)
		alice.send(alice.refer(2, ok.ToTag, "<sip:1@192.0.2.9>"))
		alice.receive("202")
		want[call.Asked](a.events)
		alice.told("refer", "active", "100")
		a.leg.Hangup(call.Cause{}, nil)
		alice.answer(alice.receive("BYE"), 200, "", "")
	})
}

// S06: REFER and NOTIFY outside of dialogs.
func TestS06ReferOutsideDialogs(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		m := alice.refer(1, "", "<sip:1@192.0.2.9>")
		alice.send(m)
		alice.receive("481")
		n := alice.request("NOTIFY", "n1", 1, "")
		n.Add("Event", "refer")
		n.Add("Subscription-State", "active")
		alice.send(n)
		alice.receive("481")
	})
}

// C61: who wants no subscription gets none.
func TestC61NoSubscription(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		a, _, ok := r.callIn(alice)
		alice.send(alice.refer(2, ok.ToTag, "<sip:1@192.0.2.9>", "Refer-Sub: false", "Require: norefersub"))
		if m := alice.receive("202"); m.Get("Refer-Sub") != "false" {
			t.Errorf("Refer-Sub: %q", m.Get("Refer-Sub"))
		}
		want[call.Asked](a.events)
		a.leg.Notify(200)
		alice.quiet(time.Second)
		alice.send(alice.refer(3, ok.ToTag, "<sip:1@192.0.2.9>", "Refer-Sub: false")) // the one before is over
		alice.receive("202")
		want[call.Asked](a.events)
		a.leg.Hangup(call.Cause{}, nil)
		alice.answer(alice.receive("BYE"), 200, "", "")
	})
}

// callBob brings an outbound leg to the answer.
func (r *rig) callBob(bob *phone, trunk string) (*sip.Leg, *events, *message.Message) {
	r.t.Helper()
	leg, e := r.dial(call.Dial{Trunk: trunk, To: "+12065550111", From: "+12065550112"})
	inv := bob.receive("INVITE")
	bob.answer(inv, 200, "bob", answer)
	bob.receive("ACK")
	want[call.Answered](e)
	return leg, e, inv
}

// inside makes a request of a phone that was called, with rows.
func (p *phone) inside(inv *message.Message, method string, seq int, rows ...string) *message.Message {
	m := p.request(method, inv.CallID, seq, "")
	m.Set("From", inv.Get("To")+";tag=bob")
	m.Set("To", inv.Get("From"))
	for _, row := range rows {
		n, v, _ := strings.Cut(row, ": ")
		m.Add(n, v)
	}
	return m
}

// notify tells of a status of the target.
func (p *phone) notify(inv *message.Message, seq int, event, state, frag string) {
	m := p.inside(inv, "NOTIFY", seq, "Event: "+event, "Subscription-State: "+state)
	if frag != "" {
		m.Add("Content-Type", "message/sipfrag;version=2.0")
		m.Body = []byte(frag + "\r\n")
	}
	p.send(m)
}

// Our REFER bears the context as its trunk says, and what NOTIFY tells is what becomes of the transfer.
func TestReferOut(t *testing.T) {
	rows := header.List{{Name: "User-to-User", Value: "00bb;encoding=hex"}, {Name: "X-Id", Value: "a+b@c"},
		{Name: "Diversion", Value: "<sip:d@x>;reason=no-answer"}, {Name: "P-Asserted-Identity", Value: "<sip:x@y>"}}
	embedded := "?User-to-User=00bb%3Bencoding%3Dhex&X-Id=a%2Bb%40c"
	for _, strategy := range []string{"header", "refer-to", "both"} {
		t.Run(strategy, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, func(_ *sip.Config, c *directory.Content) { c.Trunks[1].Transfer.Strategy = strategy })
				bob := r.phone(bobAt)
				leg, e, inv := r.callBob(bob, "bob")
				leg.Refer(call.Refer{To: "+12065550177"}, rows)
				m := bob.receive("REFER")
				to := m.Get("Refer-To")
				inside, beside := strings.Contains(to, "User-to-User=00bb%3Bencoding%3Dhex") && strings.Contains(to, "X-Id=a%2Bb%40c") && strings.Contains(to, "Diversion=%3C"), m.Get("X-Id") == "a+b@c" && m.Get("User-to-User") == "00bb;encoding=hex"
				if inside != (strategy != "header") || beside != (strategy != "refer-to") || !strings.HasPrefix(to, "<sip:+12065550177@203.0.113.1") ||
					m.Get("Referred-By") == "" || m.Headers.Has("P-Asserted-Identity") {
					t.Errorf("Refer-To %s (want %s), rows %v", to, embedded, m.Headers)
				}
				bob.notify(inv, 1, "refer", "active", "SIP/2.0 100 Trying") // before the 202
				bob.receive("200")
				bob.answer(m, 202, "", "")
				bob.notify(inv, 2, "refer;id=999", "active", "SIP/2.0 200 OK")
				bob.receive("481")
				bob.notify(inv, 3, "refer", "terminated;reason=noresource", "SIP/2.0 200 OK")
				bob.receive("200")
				if got := want[call.Referred](e); got.Anchor || got.Cause.Label != call.LabelNormal {
					t.Errorf("told %+v", got)
				}
				if en, ok := e.entry("REFER", "P-Asserted-Identity"); !ok {
					t.Errorf("ledger: %+v", en)
				}
				leg.Hangup(call.Cause{}, nil)
				bob.answer(bob.receive("BYE"), 200, "", "")
			})
		})
	}
}

// What is refused, or was never wanted, is carried out here; what was accepted and failed is not tried again.
func TestReferOutFails(t *testing.T) {
	for name, tc := range map[string]struct {
		strategy string
		act      func(bob *phone, inv, m *message.Message)
		anchor   bool
		status   int
	}{
		"anchored":    {"anchored", nil, true, 0},
		"not allowed": {"refer-to", func(bob *phone, _, m *message.Message) { bob.answer(m, 405, "", "") }, true, 0},
		"declined":    {"refer-to", func(bob *phone, _, m *message.Message) { bob.answer(m, 603, "", "") }, true, 0},
		"silent":      {"refer-to", func(*phone, *message.Message, *message.Message) { pass(40 * time.Second) }, true, 0},
		"never told":  {"refer-to", func(bob *phone, _, m *message.Message) { bob.answer(m, 202, "", ""); pass(40 * time.Second) }, false, 408},
		"told to be busy": {"refer-to", func(bob *phone, inv, m *message.Message) {
			bob.answer(m, 202, "", "")
			bob.notify(inv, 1, "refer", "terminated", "SIP/2.0 486 Busy Here")
			bob.receive("200")
		}, false, 486},
		"told why by a gateway": {"refer-to", func(bob *phone, inv, m *message.Message) {
			bob.answer(m, 202, "", "")
			bob.notify(inv, 1, "refer", "terminated", "SIP/2.0 480 Temporarily Unavailable\r\nReason: Q.850;cause=27\r\nX-Inside: 1")
			bob.receive("200")
		}, false, 480},
		"ended without a word": {"refer-to", func(bob *phone, inv, m *message.Message) {
			bob.answer(m, 202, "", "")
			bob.notify(inv, 1, "refer", "terminated", "")
			bob.receive("200")
		}, false, 480},
		"no subscription": {"refer-to", func(bob *phone, _, m *message.Message) { bob.answer(m, 202, "", "", "Refer-Sub: false") }, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, func(_ *sip.Config, c *directory.Content) { c.Trunks[1].Transfer.Strategy = tc.strategy })
				bob := r.phone(bobAt)
				leg, e, inv := r.callBob(bob, "bob")
				leg.Refer(call.Refer{To: "+12065550177"}, nil)
				if tc.act != nil {
					tc.act(bob, inv, bob.receive("REFER"))
				}
				got := want[call.Referred](e)
				if got.Anchor != tc.anchor || !tc.anchor && got.Cause.SIP != tc.status {
					t.Errorf("told %+v", got)
				}
				if name == "told why by a gateway" && got.Cause.Q850 != 27 {
					t.Errorf("told %+v", got)
				}
				for len(bob.got) > 0 {
					<-bob.got // repetitions
				}
				leg.Hangup(call.Cause{}, nil)
				bob.answer(bob.receive("BYE"), 200, "", "")
			})
		})
	}
}

// S34: nobody is told what was not asked for.
func TestS34UnsolicitedNotify(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		leg, e, inv := r.callBob(bob, "bob")
		bob.notify(inv, 1, "refer", "terminated", "SIP/2.0 200 OK")
		bob.receive("481")
		bob.notify(inv, 2, "presence", "active", "SIP/2.0 200 OK")
		bob.receive("489")
		e.none(time.Second)
		leg.Hangup(call.Cause{}, nil)
		bob.answer(bob.receive("BYE"), 200, "", "")
	})
}

// What goes along of the call's context to the target of a transfer is the trunk's to say, and the ledger tells of each row.
func TestCarry(t *testing.T) {
	had := header.List{{Name: "X-Id", Value: "1"}, {Name: "User-to-User", Value: "00aa;encoding=hex"}, {Name: "X-Kept", Value: "2"}}
	fresh := header.List{{Name: "User-to-User", Value: "00bb;encoding=hex"}, {Name: "X-Id", Value: "9"}}
	for name, tc := range map[string]struct {
		mode  string
		fresh header.List
		want  header.List
		kept  header.Action
	}{
		"inherit":             {"", fresh, header.List{had[2], fresh[0], fresh[1]}, header.Kept},
		"inherit alone":       {"inherit", nil, had, header.Kept},
		"replace":             {"replace", fresh, fresh, header.Dropped},
		"replace by nothing":  {"replace", nil, had, header.Kept},
		"none":                {"none", fresh, fresh, header.Dropped},
		"none, and none else": {"none", nil, header.List{}, header.Dropped},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, func(_ *sip.Config, c *directory.Content) { c.Trunks[0].Transfer.Context = tc.mode })
				alice := r.phone(aliceAt)
				a, _, _ := r.callIn(alice)
				if diff := cmp.Diff(tc.want, a.leg.Carry(had, tc.fresh)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				pass(time.Second)
				if en, ok := a.events.entry("transfer", "X-Kept"); !ok || en.Action != tc.kept || en.Reason != sip.BecauseTransfer {
					t.Errorf("ledger: %+v", en)
				}
				a.leg.Hangup(call.Cause{}, nil)
				alice.answer(alice.receive("BYE"), 200, "", "")
			})
		})
	}
}
