package sip_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transport"
)

// invite makes an endpoint's INVITE.
func (l *line) callTo(uri, callID string, rows ...string) *message.Message {
	m := l.make("INVITE", uri, callID, rows...)
	m.Set("Contact", "<sip:"+l.user+"@"+l.at.String()+">")
	m.Add("Content-Type", "application/sdp")
	m.Body = crlf(offer)
	return m
}

// acknowledge sends the ACK of a refusal.
func (l *line) acknowledge(inv, refusal *message.Message) {
	l.t.Helper()
	m := message.NewRequest("ACK", inv.URI)
	for _, name := range []string{"Via", "From", "Call-ID"} {
		m.Add(name, inv.Get(name))
	}
	m.Add("To", refusal.Get("To"))
	m.Add("CSeq", fmt.Sprintf("%d ACK", inv.CSeq.Number))
	l.send(m)
}

func TestEndpointCalls(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t))
		carol := r.line(phoneAt, "carol", "carol's")
		inv := carol.callTo("sip:+12065550100@example.com", "c1", "X-Customer: 7", "P-Asserted-Identity: <sip:president@example.com>")
		carol.send(inv)
		refusal := carol.receive("401")
		carol.acknowledge(inv, refusal)
		carol.send(carol.prove(inv, refusal))
		a := r.attempt()
		if a.Endpoint != "carol" || a.Account != "000000000001" || a.Trunk != "" || a.From != "carol" || a.To != "+12065550100" {
			t.Errorf("attempt %+v", a.Attempt)
		}
		if a.Headers.Has("P-Asserted-Identity") || a.Headers.Has("Authorization") || !a.Headers.Has("X-Customer") {
			t.Errorf("context %v: an endpoint is not trusted", a.Headers)
		}
		a.leg.Answer(nil)
		ok := carol.receive("200")

		carol.ack(inv, ok) // of the challenged INVITE: it acknowledges nothing
		again := carol.request("ACK", "c1", carol.seq, ok.ToTag)
		again.Set("From", inv.Get("From"))
		carol.send(again)
		want[call.Answered](a.events)

		own := carol.request("BYE", "c1", carol.seq+1, ok.ToTag)
		own.Set("From", inv.Get("From"))
		carol.send(own)
		carol.receive("200")
		a.events.ended(call.LabelNormal)
	})
}

// standing brings a call to carol to the answer and gives what a request of hers in its dialog looks like.
func (r *rig) standing(carol *line) (leg *sip.Leg, e *events, inside func(p *phone, method string, seq int) *message.Message) {
	r.t.Helper()
	carol.register(200, "r1", "Contact: <sip:carol@198.51.100.77>")
	leg, e = r.dial(call.Dial{Endpoint: "carol", From: "+12065550100"})
	inv := carol.receive("INVITE")
	carol.answer(inv, 200, "c", answer)
	carol.receive("ACK")
	want[call.Answered](e)
	return leg, e, func(p *phone, method string, seq int) *message.Message {
		m := p.request(method, inv.CallID, seq, "")
		m.Set("From", inv.Get("To")+";tag=c")
		m.Set("To", inv.Get("From"))
		return m
	}
}

// Nobody else goes on in an endpoint's place, though he knows its Call-ID and tags, and has a password of his own.
func TestS32DialogOfAnEndpoint(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t))
		carol, thief := r.line(phoneAt, "carol", "carol's"), r.line(phone2At, "dave", "dave's")
		leg, e, inside := r.standing(carol)
		for i, method := range []string{"BYE", "INVITE", "UPDATE", "INFO"} {
			m := inside(thief.phone, method, 90+2*i)
			thief.send(m)
			refusal := thief.receive("401")
			if method == "INVITE" {
				thief.acknowledge(m, refusal)
			}
			thief.seq = 90 + 2*i
			again := thief.prove(m, refusal)
			thief.send(again)
			refusal = thief.receive("481")
			if method == "INVITE" {
				thief.acknowledge(again, refusal)
			}
		}
		e.none(time.Second)
		leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
		carol.answer(carol.receive("BYE"), 200, "", "")
		e.ended(call.LabelNormal)

		mine := carol.callTo("sip:+12065550100@example.com", "s32") // and in the call that it began
		carol.send(mine)
		refusal := carol.receive("401")
		carol.acknowledge(mine, refusal)
		carol.send(carol.prove(mine, refusal))
		a := r.attempt()
		a.leg.Answer(nil)
		ok := carol.receive("200")
		ack := carol.request("ACK", "s32", carol.seq, ok.ToTag)
		ack.Set("From", mine.Get("From"))
		carol.send(ack)
		want[call.Answered](a.events)
		for i, method := range []string{"BYE", "INVITE", "UPDATE", "INFO"} {
			m := thief.request(method, "s32", 90+i, ok.ToTag)
			m.Set("From", mine.Get("From"))
			thief.send(m)
			thief.receive("401")
		}
		a.events.none(time.Second)
		a.leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
		carol.answer(carol.receive("BYE"), 200, "", "")
		a.events.ended(call.LabelNormal)
	})
}

// A telephone that comes back by another address, as on mobile networks, goes on with its call once it has proven again
// who it is; its old address may no longer.
func TestEndpointMoves(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t))
		carol, moved := r.line(phoneAt, "carol", "carol's"), r.line(phone2At, "carol", "carol's")
		_, e, inside := r.standing(carol)
		inv := inside(moved.phone, "INVITE", 5)
		inv.Set("Contact", "<sip:carol@198.51.100.78>")
		inv.Add("Content-Type", "application/sdp")
		inv.Body = crlf(offer)
		moved.send(inv)
		refusal := moved.receive("401")
		moved.acknowledge(inv, refusal)
		moved.seq = 5
		again := moved.prove(inv, refusal)
		moved.send(again)
		moved.receive("200")
		ack := inside(moved.phone, "ACK", 6)
		moved.send(ack)
		if at := r.remote().RTP; at != netip.MustParseAddrPort("198.51.100.1:4000") {
			t.Errorf("media goes to %v", at)
		}
		if !e.told("goes on from 198.51.100.78:5060") {
			t.Errorf("the log does not tell: %+v", e.log)
		}
		carol.send(inside(carol.phone, "BYE", 7))
		carol.receive("401")
		moved.send(inside(moved.phone, "BYE", 8))
		moved.receive("200")
		e.ended(call.LabelNormal)
	})
}

func TestS06EndpointMethods(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t))
		carol := r.line(phoneAt, "carol", "carol's")
		for _, method := range []string{"MESSAGE", "SUBSCRIBE", "PUBLISH"} {
			carol.send(carol.make(method, "sip:dave@example.com", "m"+method, "Event: dialog"))
			carol.receive("405")
		}
		stranger := carol.callTo("sip:dave@example.com", "s1", "From: <sip:carol@elsewhere.example>;tag=x")
		carol.send(stranger)
		carol.receive("403")
		spoof := carol.callTo("sip:dave@example.com", "s2", "From: <sip:dave@example.com>;tag=x")
		carol.send(spoof)
		carol.send(carol.prove(spoof, carol.receive("401")))
		carol.receive("403")
		for method, status := range map[string]string{"OPTIONS": "200", "BYE": "481", "INFO": "481", "REFER": "481"} {
			m := carol.make(method, "sip:example.com", "o"+method, "Refer-To: <sip:dave@example.com>")
			carol.send(m)
			carol.send(carol.prove(m, carol.receive("401")))
			carol.receive(status)
		}
		carol.send(carol.callTo("sips:dave@example.com", "s3")) // over UDP
		carol.receive("416")
	})
}

func TestS31InviteReplay(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t))
		carol := r.line(phoneAt, "carol", "carol's")
		reg := carol.make("REGISTER", "sip:example.com", "r1")
		carol.send(reg)
		proof := carol.prove(reg, carol.receive("401")).Get("Authorization")
		for name, uri := range map[string]string{"uri": "sip:example.com", "target": "sip:+12065550100@example.com"} {
			inv := carol.callTo(uri, "i"+name)
			inv.Add("Authorization", proof)
			carol.send(inv)
			carol.receive("401")
		}
	})
}

func TestDialEndpoint(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t))
		_, e := r.dial(call.Dial{Endpoint: "carol", From: "+12065550100"})
		if end := want[call.LegEnded](e); end.Cause.SIP != 480 || end.Cause.Label != call.LabelUnreachable {
			t.Errorf("one that is not registered: %+v", end.Cause)
		}
		desk, mobile := r.line(phoneAt, "carol", "carol's"), r.line(phone2At, "carol", "carol's")
		desk.register(200, "r1", "Contact: <sip:carol@10.0.0.7:5062>", "Path: <sip:p1.example.com;lr>") // behind NAT and a proxy
		mobile.register(200, "r2", "Contact: <sip:carol@198.51.100.78>")
		leg, e := r.dial(call.Dial{Endpoint: "carol", From: "+12065550100", Headers: nil})
		one, two := desk.receive("INVITE"), mobile.receive("INVITE")
		if one.URI != "sip:carol@10.0.0.7:5062" || one.Get("Route") != "<sip:p1.example.com;lr>" || two.URI != "sip:carol@198.51.100.78" {
			t.Errorf("INVITEs to %s by %q and to %s", one.URI, one.Get("Route"), two.URI)
		}
		desk.answer(one, 180, "d", "")
		want[call.Ringing](e)
		mobile.answer(two, 180, "m", "")
		want[call.Ringing](e)
		mobile.answer(two, 200, "m", answer)
		cancel := desk.receive("CANCEL")
		if reason := cancel.Get("Reason"); reason != `SIP;cause=200;text="Call completed elsewhere"` {
			t.Errorf("the loser hears %q", reason)
		}
		desk.answer(cancel, 200, "d", "")
		desk.answer(one, 487, "d", "")
		desk.receive("ACK")
		mobile.receive("ACK")
		want[call.Answered](e)
		leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
		mobile.answer(mobile.receive("BYE"), 200, "", "")
		e.ended(call.LabelNormal)
		desk.quiet(time.Second)
		if r.s.Dialogs() != 0 {
			t.Errorf("%d dialogs are left", r.s.Dialogs())
		}
	})
}

// Both answer at once: one has the call, the other is thanked and hung up.
func TestC31BothAnswer(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t))
		desk, mobile := r.line(phoneAt, "carol", "carol's"), r.line(phone2At, "carol", "carol's")
		desk.register(200, "r1", "Contact: <sip:carol@198.51.100.77>")
		mobile.register(200, "r2", "Contact: <sip:carol@198.51.100.78>")
		_, e := r.dial(call.Dial{Endpoint: "carol"})
		one, two := desk.receive("INVITE"), mobile.receive("INVITE")
		desk.answer(one, 200, "d", answer, "Contact: <sip:carol@198.51.100.77>")
		desk.receive("ACK")
		want[call.Answered](e)
		mobile.answer(two, 200, "m", answer)
		mobile.receive("ACK")
		mobile.answer(mobile.receive("BYE"), 200, "", "")
		bye := desk.request("BYE", one.CallID, 1, "")
		bye.Set("From", one.Get("To")+";tag=d")
		bye.Set("To", one.Get("From"))
		desk.send(bye)
		desk.receive("200")
		e.ended(call.LabelNormal)
	})
}

func TestDialEndpointRefused(t *testing.T) {
	for name, c := range map[string]struct{ desk, mobile, want int }{
		"busy and silent": {486, 480, 486}, "silent and busy": {480, 486, 486}, "declined by one ends all": {603, 0, 603}, "not here": {404, 503, 404},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, withEndpoints(t))
				desk, mobile := r.line(phoneAt, "carol", "carol's"), r.line(phone2At, "carol", "carol's")
				desk.register(200, "r1", "Contact: <sip:carol@198.51.100.77>")
				mobile.register(200, "r2", "Contact: <sip:carol@198.51.100.78>")
				_, e := r.dial(call.Dial{Endpoint: "carol"})
				one, two := desk.receive("INVITE"), mobile.receive("INVITE")
				mobile.answer(two, 180, "m", "")
				want[call.Ringing](e)
				desk.answer(one, c.desk, "d", "")
				desk.receive("ACK")
				if c.mobile == 0 {
					mobile.answer(mobile.receive("CANCEL"), 200, "m", "")
					mobile.answer(two, 487, "m", "")
				} else {
					mobile.answer(two, c.mobile, "m", "")
				}
				mobile.receive("ACK")
				e.refused(c.want)
			})
		})
	}
}

func TestDialEndpointGivenUp(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t))
		desk := r.line(phoneAt, "carol", "carol's")
		desk.register(200, "r1", "Contact: <sip:carol@198.51.100.77>")
		_, e := r.dial(call.Dial{Endpoint: "carol", Timeout: 20 * time.Second})
		inv := desk.receive("INVITE")
		desk.answer(inv, 180, "d", "")
		want[call.Ringing](e)
		cancel := desk.receive("CANCEL")
		if !strings.Contains(cancel.Get("Reason"), "cause=19") {
			t.Errorf("CANCEL says %q", cancel.Get("Reason"))
		}
		desk.answer(cancel, 200, "d", "")
		desk.answer(inv, 487, "d", "")
		e.ended(call.LabelNoAnswer)
	})
}

// A telephone that registered over TCP is called back on its connection, whatever its Contact says.
func TestDialEndpointOnItsConnection(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t))
		desk := r.line(netip.MustParseAddrPort("198.51.100.77:5060"), "carol", "carol's")
		desk.network = transport.TCP
		desk.register(200, "r1", "Contact: <sip:carol@10.0.0.7:9;transport=tcp>")
		before := desk.sockets.Flows()
		_, e := r.dial(call.Dial{Endpoint: "carol"})
		inv := desk.receive("INVITE")
		if desk.over(inv) != transport.TCP || desk.sockets.Flows() != before {
			t.Errorf("the INVITE came by %s, flows %d, before %d", desk.over(inv), desk.sockets.Flows(), before)
		}
		desk.answer(inv, 486, "d", "")
		desk.receive("ACK")
		e.refused(486)
	})
}

// Behind NAT a telephone is called at the port that its REGISTER came from; one that says no rport, where its Contact
// says, but never at another's address.
func TestDialEndpointAtItsPort(t *testing.T) {
	for name, c := range map[string]struct {
		plain   bool
		contact string
		at      string
	}{
		"its own port is another one": {false, "198.51.100.77:6666", "198.51.100.77:5060"},
		"it listens elsewhere":        {true, "198.51.100.77:6666", "198.51.100.77:6666"},
		"it names a third party":      {true, "198.51.100.78:5060", "198.51.100.77:5060"},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, withEndpoints(t))
				desk := r.line(phoneAt, "carol", "carol's")
				desk.plain = c.plain
				desk.register(200, "r1", "Contact: <sip:carol@"+c.contact+">")
				at := desk.phone
				if c.at != phoneAt.String() {
					at = r.phone(netip.MustParseAddrPort(c.at))
				}
				_, e := r.dial(call.Dial{Endpoint: "carol"})
				inv := at.receive("INVITE")
				at.answer(inv, 486, "d", "")
				at.receive("ACK")
				e.refused(486)
			})
		})
	}
}
