package sip_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/message"
)

// samples gives the header rows of a table of what peers send.
func samples(t *testing.T, file string) header.List {
	t.Helper()
	data, err := os.ReadFile("../header/testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var out header.List
	for i, line := range strings.Split(string(data), "\n") {
		cells := strings.Split(line, "\t")
		if i == 0 || len(cells) < 2 || cells[0] == "Refer-To" || cells[0] == "Contact" || !header.IsToken(cells[0]) || header.CheckWire(cells[0], cells[1]) != nil {
			continue
		}
		out = append(out, header.Field{Name: cells[0], Value: cells[1]})
	}
	if len(out) < 5 {
		t.Fatalf("%d samples in %s", len(out), file)
	}
	return out
}

// keepAll makes the trunks carry whatever a test sends.
func keepAll(cfg *sip.Config, c *directory.Content) {
	for i := range c.Trunks {
		all := header.Policy{Trusted: true, Rules: []header.Rule{{Match: "*", Do: header.Keep}}}
		c.Trunks[i].In, c.Trunks[i].Out = all, all
	}
	cfg.Trace = true
}

// C64: every User-to-User and Diversion value passes both legs unchanged, in INVITE, 180, 200, BYE, the answer to BYE,
// CANCEL and refusals.
func TestC64ValuesPassUnchanged(t *testing.T) {
	for _, f := range append(samples(t, "samples-uui.tsv"), samples(t, "samples-diversion.tsv")...) {
		t.Run(f.Value[:min(40, len(f.Value))], func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, keepAll)
				alice, bob := r.phone(aliceAt), r.phone(bobAt)
				row := f.Name + ": " + f.Value
				same := func(where string, rows header.List) {
					t.Helper()
					if got, _ := rows.Get(f.Name); got != f.Value {
						t.Errorf("%s: %q, want %q", where, got, f.Value)
					}
				}
				inv := alice.invite("c1")
				inv.Add(f.Name, f.Value)
				alice.send(inv)
				a := r.attempt()
				same("attempt", a.Headers)
				leg, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2", For: a.id, Headers: a.Headers})
				out := bob.receive("INVITE")
				same("INVITE", out.Headers)
				bob.answer(out, 180, "bob", "", row)
				ringing := want[call.Ringing](e)
				same("ringing", ringing.Headers)
				a.leg.Ring(0, ringing.Headers)
				same("180", alice.receive("180").Headers)
				bob.answer(out, 200, "bob", answer, row)
				bob.receive("ACK")
				answered := want[call.Answered](e)
				same("answered", answered.Headers)
				a.leg.Answer(answered.Headers)
				ok := alice.receive("200")
				same("200", ok.Headers)
				alice.ack(inv, ok)
				want[call.Answered](a.events)
				bye := alice.request("BYE", "c1", 2, ok.ToTag)
				bye.Add(f.Name, f.Value)
				alice.send(bye)
				alice.receive("200")
				end := want[call.LegEnded](a.events)
				same("end", end.Headers)
				leg.Hangup(end.Cause, end.Headers)
				bye = bob.receive("BYE")
				same("BYE", bye.Headers)
				bob.answer(bye, 200, "", "", row)
				same("answer to BYE", want[call.LegEnded](e).Headers)

				inv = alice.invite("c2")
				alice.send(inv)
				a = r.attempt()
				_, e = r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
				out = bob.receive("INVITE")
				bob.answer(out, 486, "bob", "", row)
				end = want[call.LegEnded](e)
				same("refusal", end.Headers)
				a.leg.Hangup(end.Cause, end.Headers)
				same("486", alice.receive("486").Headers)
				ended := want[call.LegEnded](a.events)
				if ended.Cause.SIP != 486 {
					t.Errorf("cause: %+v", ended.Cause)
				}
			})
		})
	}
}

// What the policy drops stays out of every message, both ways, and the ledger tells.
func TestPolicyOfEachMessage(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, func(_ *sip.Config, c *directory.Content) {
			c.Trunks[0].In, c.Trunks[0].Out = header.Untrusted("X-In"), header.Untrusted("X-Out")
		})
		alice := r.phone(aliceAt)
		inv := alice.invite("c1", "X-In: 1", "X-Out: 1", "Diversion: <sip:a@b>", "P-Asserted-Identity: <sip:a@b>", "X-Ünfit: 1")
		inv.Del("X-Ünfit")
		alice.send(inv)
		a := r.attempt()
		if d := cmp.Diff(header.List{{Name: "X-In", Value: "1"}}, a.Headers); d != "" {
			t.Errorf("attempt (-want +got):\n%s", d)
		}
		rows := header.List{{Name: "X-In", Value: "2"}, {Name: "X-Out", Value: "2"}, {Name: "Contact", Value: "<sip:evil@x>"}, {Name: "X-Out", Value: "a\r\nEvil: b"}}
		a.leg.Ring(0, rows)
		ring := alice.receive("180")
		if ring.Headers.Has("X-In") || ring.Headers.Count("X-Out") != 1 || ring.Headers.Count("Contact") != 1 || ring.Headers.Has("Evil") {
			t.Errorf("180: %+v", ring)
		}
		a.leg.Answer(rows)
		ok := alice.receive("200")
		if ok.Headers.Has("X-In") || ok.Get("X-Out") != "2" {
			t.Errorf("200: %+v", ok)
		}
		alice.ack(inv, ok)
		want[call.Answered](a.events)
		bye := alice.request("BYE", "c1", 2, ok.ToTag)
		bye.Add("X-Out", "3")
		bye.Add("X-In", "3")
		alice.send(bye)
		alice.receive("200")
		if d := cmp.Diff(header.List{{Name: "X-In", Value: "3"}}, want[call.LegEnded](a.events).Headers); d != "" {
			t.Errorf("end (-want +got):\n%s", d)
		}
		for _, msg := range []string{"180", "200", "BYE"} {
			en, ok := a.events.entry(msg, map[bool]string{true: "X-Out", false: "X-In"}[msg == "BYE"])
			if !ok || en.Action != header.Dropped || en.Writer != call.WriterRule || en.At.IsZero() || en.Leg != a.id {
				t.Errorf("%s: %+v", msg, en)
			}
		}
	})
}

// What a peer says of itself is in the ledger once a leg for each value, whatever message bears it, and goes no further.
func TestPeersOwnWords(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, keepAll)
		alice, bob := r.phone(aliceAt), r.phone(bobAt)
		inv := alice.invite("c1", "User-Agent: SBC 7.1", "Date: Mon, 23 Nov 2026 05:30:00 GMT")
		alice.send(inv)
		a := r.attempt()
		if len(a.Headers) != 0 {
			t.Errorf("headers: %v", a.Headers)
		}
		if d := cmp.Diff([]string{"INVITE User-Agent: SBC 7.1", "INVITE Date: Mon, 23 Nov 2026 05:30:00 GMT"}, neverCrossed(a.Ledger)); d != "" {
			t.Errorf("ledger of the attempt (-want +got):\n%s", d)
		}
		info := alice.request("UPDATE", "c1", 2, alice.ringing(a).ToTag)
		info.Add("User-Agent", "SBC 7.1")
		info.Add("Warning", `399 sbc "late"`)
		alice.send(info)
		alice.receive("200")

		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2", Headers: header.List{{Name: "User-Agent", Value: "app"}}})
		out := bob.receive("INVITE")
		if got := out.Headers.Count("User-Agent"); got != 1 || out.Get("User-Agent") != "Switchhook" {
			t.Errorf("User-Agent of INVITE: %v", out.Headers)
		}
		bob.answer(out, 100, "", "", "Server: phone 1", "X-Odd: 1")
		bob.answer(out, 180, "bob", "", "Server: phone 1")
		want[call.Ringing](e)
		bob.answer(out, 486, "bob", "", "Server: phone 1", `Warning: 399 bob "in a meeting"`, "Retry-After: 60")
		bob.receive("ACK")
		e.ended(call.LabelBusy)
		a.leg.Hangup(call.Cause{SIP: 486}, nil)
		alice.receive("486")
		want[call.LegEnded](a.events)
		if d := cmp.Diff([]string{`UPDATE Warning: 399 sbc "late"`}, neverCrossed(a.events.ledger)); d != "" {
			t.Errorf("ledger of the caller's leg (-want +got):\n%s", d)
		}
		wantCallee := []string{"INVITE User-Agent: app", "100 Server: phone 1", `486 Warning: 399 bob "in a meeting"`, "486 Retry-After: 60"}
		if d := cmp.Diff(wantCallee, neverCrossed(e.ledger)); d != "" {
			t.Errorf("ledger of the callee's leg (-want +got):\n%s", d)
		}
		if _, ok := e.entry("100", "X-Odd"); !ok {
			t.Error("the ledger says nothing of what 100 bears")
		}
	})
}

// ringing rings the caller's leg and gives the 180.
func (p *phone) ringing(a attempt) *message.Message {
	p.t.Helper()
	a.leg.Ring(0, nil)
	return p.receive("180")
}

// neverCrossed gives the ledger's lines of what went no further, as "message name: value".
func neverCrossed(ledger []call.Entry) []string {
	var out []string
	for _, en := range ledger {
		if en.Reason == header.BecauseNeverCrosses && en.Action == header.Dropped && en.Writer == call.WriterPlatform {
			out = append(out, en.Message+" "+en.Name+": "+en.Value)
		}
	}
	return out
}

func TestTrace(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, keepAll)
		alice := r.phone(aliceAt)
		a, _, ok := r.callIn(alice)
		bye := alice.request("BYE", "c1", 2, ok.ToTag)
		bye.Add("X-Last", "word")
		alice.send(bye)
		alice.receive("200")
		want[call.LegEnded](a.events)
		var got []string
		for _, l := range a.events.log {
			if l.Leg != a.id || l.At.IsZero() || l.Kind != call.LogMessage {
				t.Errorf("entry: %+v", l)
			}
			line := string(l.Direction) + " " + l.Text
			for _, f := range l.Headers {
				line += " " + f.Name + ": " + f.Value
			}
			got = append(got, line)
		}
		if d := cmp.Diff([]string{
			"in INVITE sip:+12065550100@192.0.2.1",
			"out 200 OK Server: Switchhook",
			"in ACK sip:+12065550100@192.0.2.1",
			"in BYE sip:+12065550100@192.0.2.1 X-Last: word",
			"out 200 OK",
		}, got); d != "" {
			t.Errorf("log (-want +got):\n%s", d)
		}
	})
}

// That we gave up calling stands in the log of the call, and in what is kept of a trunk's messages.
func TestTraceOfCancel(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, keepAll)
		bob := r.phone(bobAt)
		leg, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelCancelled}, header.List{{Name: "X-Why", Value: "late"}})
		bob.answer(inv, 180, "bob", "")
		bob.answer(bob.receive("CANCEL"), 200, "bob", "")
		bob.answer(inv, 487, "bob", "")
		want[call.LegEnded](e)
		var got []string
		for _, l := range e.log {
			got = append(got, string(l.Direction)+" "+l.Text)
		}
		if !slices.ContainsFunc(got, func(l string) bool { return strings.HasPrefix(l, "out CANCEL sip:1@") }) {
			t.Errorf("the log has no CANCEL: %q", got)
		}
	})
}

// A call keeps nothing of the INVITE's text: what it reports stands alone. Shown by the values staying right when the
// next message comes.
func TestExplain(t *testing.T) {
	trunk := trunks().Trunks[2]
	trunk.Out = header.Untrusted("X-*")
	d := call.Dial{To: "+12065550111", From: "+12065550100", Headers: header.List{
		{Name: "X-Id", Value: "7"}, {Name: "User-to-User", Value: "00aa"}, {Name: "Reason", Value: "Q.850;cause=16"}}}
	e, err := sip.Explain(d, &trunk, serverAt)
	if err != nil {
		t.Fatal(err)
	}
	m, err := message.Parse([]byte(e.Text))
	if err != nil {
		t.Fatalf("%v\n%s", err, e.Text)
	}
	if m.URI != "sip:+12065550111@203.0.113.1" || m.Get("X-Id") != "7" || m.Headers.Has("User-to-User") || e.Peer.Host != "203.0.113.1" || e.Network != "udp" {
		t.Errorf("%s", e.Text)
	}
	if len(e.Changes) != 3 || e.Changes[1].Action != header.Dropped {
		t.Errorf("changes: %+v", e.Changes)
	}
	// The INVITE that goes out is the same, but for what differs each time.
	inTime(t, func(t *testing.T) {
		r := newRig(t, func(_ *sip.Config, c *directory.Content) { c.Trunks[2] = trunk })
		bob := r.phone(bobAt)
		d.Trunk = "two"
		_, events := r.dial(d)
		inv := bob.receive("INVITE")
		mask := func(m *message.Message) []string {
			var out []string
			for _, f := range m.Headers {
				switch f.Name {
				case "Via", "From", "Call-ID", "CSeq", "Content-Length":
					out = append(out, f.Name)
				default:
					out = append(out, f.Name+": "+f.Value)
				}
			}
			return out
		}
		if d := cmp.Diff(mask(m), mask(inv)); d != "" {
			t.Errorf("explained, sent (-want +got):\n%s", d)
		}
		bob.answer(inv, 486, "x", "")
		bob.receive("ACK")
		want[call.LegEnded](events)
	})
	d.Headers = d.Headers.With("X-Long", strings.Repeat("x", 1300))
	if e, err = sip.Explain(d, &trunk, serverAt); err != nil || e.Network != "tcp" || !strings.Contains(e.Text, "transport=tcp") {
		t.Errorf("%v, %s", err, e.Network)
	}
	trunk.Peers = nil
	if _, err = sip.Explain(d, &trunk, serverAt); err == nil {
		t.Error("no error without peers")
	}
}

// S22: a Diversion of a trunk or endpoint that is not trusted never reaches the application, whatever rule names it, and
// the ledger tells.
func TestS22Diversion(t *testing.T) {
	const row = "Diversion: <sip:+12065550188@example.com>;reason=unconditional"
	untrusted := func(_ *sip.Config, c *directory.Content) { c.Trunks[0].In = header.Untrusted("*", "Diversion") }
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t), untrusted)
		alice, carol := r.phone(aliceAt), r.line(phoneAt, "carol", "carol's")
		alice.send(alice.invite("c1", row))
		first := r.attempt()
		inv := carol.callTo("sip:+12065550100@example.com", "c2", row)
		carol.send(inv)
		refusal := carol.receive("401")
		carol.acknowledge(inv, refusal)
		carol.send(carol.prove(inv, refusal))
		for _, a := range []attempt{first, r.attempt()} {
			told := slices.IndexFunc(a.Ledger, func(e call.Entry) bool { return e.Name == "Diversion" })
			if a.Headers.Has("Diversion") || told < 0 || a.Ledger[told].Action != header.Dropped || a.Ledger[told].Reason != "untrusted" {
				t.Errorf("%+v\n%+v", a.Headers, a.Ledger)
			}
			a.leg.Hangup(call.Cause{SIP: 480}, nil)
		}
	})
}
