package sip_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/message"
)

func TestInboundCall(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		inv := alice.invite("c1", "User-to-User: 00c8ff;encoding=hex", "X-Id: 7", "Subject: hi", "X-Amzn-Trick: 1")
		alice.send(inv)
		a := r.attempt()
		wantHeaders := header.List{{Name: "User-to-User", Value: "00c8ff;encoding=hex"}, {Name: "X-Id", Value: "7"}, {Name: "Subject", Value: "hi"}}
		if d := cmp.Diff(wantHeaders, a.Headers); d != "" {
			t.Errorf("headers (-want +got):\n%s", d)
		}
		got := call.Attempt{Account: a.Account, Trunk: a.Trunk, From: a.From, To: a.To, Host: a.Host, Source: a.Source}
		if d := cmp.Diff(call.Attempt{Account: "000000000001", Trunk: "alice", From: "+12065550199", To: "+12065550100",
			Host: "192.0.2.1", Source: aliceAt}, got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); d != "" {
			t.Errorf("attempt (-want +got):\n%s", d)
		}
		if len(a.Ledger) != 4 || a.Ledger[3].Action != header.Dropped || a.Ledger[3].Writer != call.WriterPlatform || a.Ledger[0].Writer != call.WriterPeer {
			t.Errorf("ledger: %+v", a.Ledger)
		}
		a.leg.Ring(0, header.List{{Name: "X-Ring", Value: "1"}})
		ring := alice.receive("180")
		if ring.ToTag == "" || ring.Get("X-Ring") != "1" || ring.Get("Contact") == "" {
			t.Errorf("180: %+v", ring)
		}
		a.leg.Answer(header.List{{Name: "User-to-User", Value: "00aa;encoding=hex"}})
		ok := alice.receive("200")
		if ok.ToTag != ring.ToTag || ok.Get("User-to-User") != "00aa;encoding=hex" || !strings.Contains(string(ok.Body), "RTP/AVP 0") {
			t.Errorf("200: %+v\n%s", ok, ok.Body)
		}
		a.events.none(100 * time.Millisecond)
		alice.ack(inv, ok)
		want[call.Answered](a.events)
		if got := r.last.remote.RTP; got != netip.MustParseAddrPort("198.51.100.1:4000") || r.last.remote.Codec != media.PCMU {
			t.Errorf("remote media: %+v", r.last.remote)
		}
		bye := alice.request("BYE", "c1", 2, ok.ToTag)
		bye.Add("Reason", "Q.850;cause=31")
		bye.Add("X-Last", "word")
		alice.send(bye)
		alice.receive("200")
		end := want[call.LegEnded](a.events)
		if end.Cause.Q850 != 31 || end.Cause.By != call.ByPeer || end.Cause.Label != call.LabelNormal {
			t.Errorf("cause: %+v", end.Cause)
		}
		if v, _ := end.Headers.Get("X-Last"); v != "word" {
			t.Errorf("headers of BYE: %v", end.Headers)
		}
		if _, ok := a.events.entry("BYE", "X-Last"); !ok {
			t.Error("the ledger says nothing of BYE's header")
		}
	})
}

func TestHangupOfAnsweredLeg(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		a, _, _ := r.callIn(alice)
		a.leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal, Q850: 16}, header.List{{Name: "User-to-User", Value: "00bb;encoding=hex"}})
		bye := alice.receive("BYE")
		if got := bye.Get("Reason"); got != `Q.850;cause=16;text="Normal call clearing"` {
			t.Errorf("Reason: %s", got)
		}
		if bye.Get("User-to-User") != "00bb;encoding=hex" || bye.URI != "sip:alice@198.51.100.1:5060" {
			t.Errorf("BYE: %+v", bye)
		}
		alice.answer(bye, 200, "", "", "User-to-User: 00cc;encoding=hex")
		end := want[call.LegEnded](a.events)
		if v, _ := end.Headers.Get("User-to-User"); v != "00cc;encoding=hex" || end.Cause.By != call.ByApp {
			t.Errorf("end: %+v", end)
		}
	})
}

func TestRefusalOfInboundLeg(t *testing.T) {
	for _, tt := range []struct {
		cause call.Cause
		want  string
	}{
		{call.Cause{SIP: 486, Label: call.LabelBusy}, "486"},
		{call.Cause{Label: call.LabelAppFailed}, "480"},
		{call.Cause{SIP: 200}, "480"},
		{call.Cause{SIP: 603, Q850: 21}, "603"},
	} {
		t.Run(tt.want, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t)
				alice := r.phone(aliceAt)
				inv := alice.invite("c1")
				alice.send(inv)
				a := r.attempt()
				a.leg.Hangup(tt.cause, header.List{{Name: "X-Why", Value: "so"}})
				final := alice.receive(tt.want)
				if final.Get("X-Why") != "so" || final.Get("Reason") == "" {
					t.Errorf("final: %+v", final)
				}
				ack := alice.request("ACK", "c1", 1, final.ToTag)
				ack.Set("Via", inv.Get("Via"))
				alice.send(ack)
				if end := want[call.LegEnded](a.events); end.Cause.Label != tt.cause.Label || fmt.Sprint(end.Cause.SIP) == "0" {
					t.Errorf("cause: %+v", end.Cause)
				}
			})
		})
	}
}

// C09: no ACK comes: the 200 is repeated until 64*T1, then BYE.
func TestC09AnswerWithoutAck(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		alice.send(alice.invite("c1"))
		a := r.attempt()
		a.leg.Answer(nil)
		start := time.Now()
		var at []int64 // milliseconds
		for {
			m := <-alice.got
			if m.Status == 100 {
				continue
			}
			if m.Method == "BYE" {
				if got := m.Get("Reason"); got != "Q.850;cause=102" {
					t.Errorf("Reason: %s", got)
				}
				alice.answer(m, 200, "", "")
				break
			}
			at = append(at, time.Since(start).Round(100*time.Millisecond).Milliseconds())
		}
		if d := cmp.Diff([]int64{0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500}, at); d != "" {
			t.Errorf("200s (-want +got):\n%s", d)
		}
		a.events.ended(call.LabelProtocol)
	})
}

// C11: 100 at once, whatever the application does.
func TestC11TryingAtOnce(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		start := time.Now()
		alice.send(alice.invite("c1"))
		alice.receive("100")
		if d := time.Since(start); d > 200*time.Millisecond {
			t.Errorf("100 after %v", d)
		}
		r.attempt().leg.Hangup(call.Cause{SIP: 486}, nil)
		alice.receive("486")
	})
}

// C13: CSeq may skip, never go back.
func TestC13SequenceNumbers(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		_, _, ok := r.callIn(alice)
		for _, tt := range []struct {
			seq  int
			want string
		}{{10, "200"}, {12, "200"}, {11, "500"}, {13, "200"}} {
			alice.send(alice.request("OPTIONS", "c1", tt.seq, ok.ToTag))
			alice.receive(tt.want)
		}
	})
}

// C14: what belongs to no dialog gets 481, a stray ACK nothing.
func TestC14UnknownDialog(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		a, _, _ := r.callIn(alice)
		for _, method := range []string{"BYE", "INFO", "UPDATE", "OPTIONS", "INVITE"} {
			alice.send(alice.request(method, "c1", 5, "wrong"))
			refusal := alice.receive("481")
			if method == "INVITE" {
				ack := alice.request("ACK", "c1", 5, "wrong")
				ack.Set("Via", refusal.Get("Via"))
				alice.send(ack)
			}
			alice.send(alice.request(method, "other", 5, "wrong"))
			alice.receive("481")
		}
		alice.send(alice.request("ACK", "c1", 5, "wrong"))
		alice.send(alice.request("BYE", "c2", 1, ""))
		alice.receive("481")
		a.events.none(time.Second)
	})
}

// C14: an ACK of another dialog, or of another INVITE, acknowledges nothing.
func TestC14StrayAck(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		inv := alice.invite("c1")
		alice.send(inv)
		a := r.attempt()
		a.leg.Answer(nil)
		ok := alice.receive("200")
		alice.send(alice.request("ACK", "c1", 1, "wrong"))
		alice.send(alice.request("ACK", "c1", 2, ok.ToTag))
		alice.receive("200") // again
		a.events.none(100 * time.Millisecond)
		alice.ack(inv, ok)
		want[call.Answered](a.events)
		alice.quiet(10 * time.Second)
	})
}

// C16: the leg dialled for another has one hop less; none left is 483.
func TestC16MaxForwards(t *testing.T) {
	for _, tt := range []struct{ in, out string }{{"0", ""}, {"1", "0"}, {"70", "69"}, {"", "69"}} {
		t.Run("in "+tt.in, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t)
				alice, bob := r.phone(aliceAt), r.phone(bobAt)
				inv := alice.invite("c1")
				inv.Del("Max-Forwards")
				if tt.in != "" {
					inv.Add("Max-Forwards", tt.in)
				}
				alice.send(inv)
				if tt.out == "" {
					alice.receive("483")
					return
				}
				a := r.attempt()
				leg, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2", For: a.id})
				if got := bob.receive("INVITE").Get("Max-Forwards"); got != tt.out {
					t.Errorf("Max-Forwards %s, want %s", got, tt.out)
				}
				leg.Hangup(call.Cause{}, nil)
				want[call.LegEnded](e)
			})
		})
	}
}

// C18: what can't be served is refused as RFC 3261 section 8.2 says.
func TestC18Refusals(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		change     func(alice *phone) *message.Message
		row, value string
	}{
		{"unknown method", "501", func(p *phone) *message.Message { return p.request("NEWMETHOD", "c1", 1, "") }, "Allow", "INVITE"},
		{"method of others", "405", func(p *phone) *message.Message { return p.request("REGISTER", "c1", 1, "") }, "Allow", "INVITE"},
		{"scheme", "416", func(p *phone) *message.Message {
			m := p.invite("c1")
			m.URI = "nobodyKnowsThisScheme:totallyopaquecontent"
			return m
		}, "", ""},
		{"extension", "420", func(p *phone) *message.Message { return p.invite("c1", "Require: sec-agree, uui, other") }, "Unsupported", "sec-agree, other"},
		{"content", "415", func(p *phone) *message.Message {
			m := p.invite("c1")
			m.Set("Content-Type", "application/unknown")
			return m
		}, "Accept", "application/sdp"},
		{"encoding", "415", func(p *phone) *message.Message { m := p.invite("c1"); m.Add("Content-Encoding", "gzip"); return m }, "Accept", "application/sdp"},
		{"accept", "406", func(p *phone) *message.Message { return p.invite("c1", "Accept: text/nobodyKnowsThis") }, "", ""},
		{"codec", "488", func(p *phone) *message.Message {
			m := p.invite("c1")
			m.Body = crlf(strings.Replace(offer, "RTP/AVP 0 8 101", "RTP/AVP 18", 1))
			return m
		}, "", ""},
		{"family of media", "488", func(p *phone) *message.Message {
			m := p.invite("c1")
			m.Body = crlf(strings.Replace(offer, "c=IN IP4 198.51.100.1", "c=IN IP6 2001:db8::1", 1))
			return m
		}, "Warning", "300 "},
		{"no dialog", "481", func(p *phone) *message.Message { return p.request("BYE", "c1", 1, "") }, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, func(c *sip.Config, _ *directory.Content) { c.Reaches = netip.Addr.Is4 })
				alice := r.phone(aliceAt)
				alice.send(tt.change(alice))
				m := alice.receive(tt.want)
				if tt.row != "" && !strings.HasPrefix(m.Get(tt.row), tt.value) {
					t.Errorf("%s: %q, want %q", tt.row, m.Get(tt.row), tt.value)
				}
			})
		})
	}
}

// C33: CANCEL before the answer ends the leg, after it nothing; one that matches nothing is 481.
func TestC33Cancel(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		inv := alice.invite("c1")
		alice.send(inv)
		a := r.attempt()
		cancel := alice.request("CANCEL", "c1", 1, "")
		cancel.Set("Via", inv.Get("Via"))
		cancel.Add("Reason", `SIP;cause=200;text="Call completed elsewhere"`)
		alice.send(cancel)
		for range 2 {
			m := <-alice.got
			for m.Status == 100 {
				m = <-alice.got
			}
			if n := name(m) + " " + m.CSeq.Method; n != "200 CANCEL" && n != "487 INVITE" {
				t.Errorf("got %s", n)
			}
		}
		end := want[call.LegEnded](a.events)
		if end.Cause.Label != call.LabelCancelled || end.Cause.SIP != 487 || !end.Headers.Has("Reason") {
			t.Errorf("end: %+v", end)
		}

		inv = alice.invite("c2")
		alice.send(inv)
		a = r.attempt()
		a.leg.Answer(nil)
		ok := alice.receive("200")
		cancel = alice.request("CANCEL", "c2", 1, "")
		cancel.Set("Via", inv.Get("Via"))
		alice.send(cancel)
		alice.receive("200")
		alice.ack(inv, ok)
		want[call.Answered](a.events)

		alice.send(alice.request("CANCEL", "c3", 1, ""))
		alice.receive("481")
	})
}

// C34: BYE of a caller that was not answered yet; BYE and BYE crossing.
func TestC34EarlyAndCrossingBye(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		alice.send(alice.invite("c1"))
		a := r.attempt()
		a.leg.Ring(0, nil)
		ring := alice.receive("180")
		alice.send(alice.request("BYE", "c1", 2, ring.ToTag))
		alice.receive("200")
		alice.receive("487")
		a.events.ended(call.LabelCancelled)
	})
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		a, _, ok := r.callIn(alice)
		a.leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
		alice.send(alice.request("BYE", "c1", 2, ok.ToTag))
		bye := alice.receive("BYE")
		alice.receive("200")
		alice.answer(bye, 481, "", "")
		if end := want[call.LegEnded](a.events); end.Cause.By != call.ByApp {
			t.Errorf("cause: %+v", end.Cause)
		}
	})
	inTime(t, func(t *testing.T) { // whose own BYE was answered need not answer ours
		r := newRig(t)
		alice := r.phone(aliceAt)
		a, _, ok := r.callIn(alice)
		a.leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
		alice.receive("BYE")
		alice.send(alice.request("BYE", "c1", 2, ok.ToTag))
		alice.receive("200")
		before := time.Now()
		a.events.ended(call.LabelNormal)
		if d := time.Since(before); d > time.Second {
			t.Errorf("the leg stood for %v more", d)
		}
	})
}

// C51: a caller behind NAT names an address that leads nowhere from here: it is called where it calls from.
func TestC51ContactBehindNAT(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		inv := alice.invite("c1", "Contact: <sip:alice@192.168.7.7:5070>")
		alice.send(inv)
		a := r.attempt()
		a.leg.Answer(nil)
		alice.ack(inv, alice.receive("200"))
		want[call.Answered](a.events)
		a.leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
		bye := alice.receive("BYE")
		if bye.URI != "sip:alice@192.168.7.7:5070" {
			t.Errorf("BYE to %s", bye.URI)
		}
		alice.answer(bye, 200, "", "")
		a.events.ended(call.LabelNormal)
	})
}

// C68: SDP among other parts.
func TestC68Multipart(t *testing.T) {
	parts := func(disposition string) string {
		return "preamble\n--b1\nContent-Type: application/isup;version=x\n" + disposition + "\n01020304\n--b1\nContent-Type: application/sdp\n\n" +
			offer + "\n--b1--\n"
	}
	for _, tt := range []struct{ name, kind, body, want string }{
		{"unknown part", "multipart/mixed;boundary=b1", parts(""), "200"},
		{"optional part", `multipart/mixed; boundary="b1"`, parts("Content-Disposition: signal;handling=optional\n"), "200"},
		{"required part", "multipart/mixed;boundary=b1", parts("Content-Disposition: signal;handling=required\n"), "415"},
		{"empty part", "multipart/mixed;boundary=b1", "--b1\n\n--b1\nContent-Type: application/sdp\n\n" + offer + "\n--b1--", "200"},
		{"no boundary", "multipart/mixed", parts(""), "415"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t)
				alice := r.phone(aliceAt)
				inv := alice.invite("c1")
				inv.Set("Content-Type", tt.kind)
				inv.Body = crlf(tt.body)
				alice.send(inv)
				if tt.want != "200" {
					alice.receive(tt.want)
					return
				}
				a := r.attempt()
				a.leg.Answer(nil)
				ok := alice.receive("200")
				alice.ack(inv, ok)
				want[call.Answered](a.events)
				if r.last.remote.RTP.Port() != 4000 {
					t.Errorf("remote: %+v", r.last.remote)
				}
			})
		})
	}
}

// C70: BYE overtakes the ACK; the ACK comes after.
func TestC70ByeBeforeAck(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		inv := alice.invite("c1")
		alice.send(inv)
		a := r.attempt()
		a.leg.Answer(nil)
		ok := alice.receive("200")
		alice.send(alice.request("BYE", "c1", 2, ok.ToTag))
		alice.receive("200")
		alice.ack(inv, ok)
		a.events.ended(call.LabelNormal)
		alice.quiet(40 * time.Second)
	})
}

// C70: hang-up before the ACK: BYE waits for it (RFC 3261 section 15).
func TestC70HangupBeforeAck(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		inv := alice.invite("c1")
		alice.send(inv)
		a := r.attempt()
		a.leg.Answer(nil)
		ok := alice.receive("200")
		a.leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
		alice.quiet(400 * time.Millisecond)
		alice.ack(inv, ok)
		want[call.Answered](a.events)
		alice.answer(alice.receive("BYE"), 200, "", "")
		want[call.LegEnded](a.events)
	})
}

func TestReinvite(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		_, _, ok := r.callIn(alice)
		re := alice.request("INVITE", "c1", 2, ok.ToTag)
		re.Set("Contact", "<sip:moved@198.51.100.1:5062>")
		re.Add("Content-Type", "application/sdp")
		re.Body = crlf(strings.ReplaceAll(strings.Replace(offer, "o=- 1 1", "o=- 1 2", 1), "audio 4000", "audio 4444"))
		alice.send(re)
		answer := alice.receive("200")
		second := alice.request("INVITE", "c1", 3, ok.ToTag) // before the ACK
		alice.send(second)
		refusal := alice.receive("491")
		ack := alice.request("ACK", "c1", 3, ok.ToTag)
		ack.Set("Via", refusal.Get("Via"))
		alice.send(ack)
		alice.ack(re, answer)
		alice.quiet(2 * time.Second)
		if r.last.remote.RTP.Port() != 4444 {
			t.Errorf("remote: %+v", r.last.remote)
		}
		// C21: what we send now goes to the new Contact.
		moved := r.phone(netip.MustParseAddrPort("198.51.100.1:5062"))
		alice.send(alice.request("BYE", "c1", 1, ok.ToTag))
		alice.receive("500")
		go r.s.Close()
		if bye := moved.receive("BYE"); bye.URI != "sip:moved@198.51.100.1:5062" {
			t.Errorf("BYE to %s", bye.URI)
		} else {
			moved.answer(bye, 200, "", "")
		}
	})
}

// A re-INVITE that comes before the ACK is refused, and disturbs nothing (RFC 5407 section 3.1).
func TestC70ReinviteBeforeAck(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		inv := alice.invite("c1")
		alice.send(inv)
		a := r.attempt()
		a.leg.Ring(0, nil)
		ring := alice.receive("180")
		again := func(seq int, want string) {
			alice.send(alice.request("INVITE", "c1", seq, ring.ToTag))
			refusal := alice.receive(want)
			ack := alice.request("ACK", "c1", seq, ring.ToTag)
			ack.Set("Via", refusal.Get("Via"))
			alice.send(ack)
		}
		again(2, "500")
		a.leg.Answer(nil)
		ok := alice.receive("200")
		again(3, "491")
		alice.receive("200") // still repeated
		alice.ack(inv, ok)
		want[call.Answered](a.events)
		alice.quiet(40 * time.Second)
	})
}

// C21: UPDATE moves the remote target too; without an offer it is answered without one.
func TestC21Update(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		a, _, ok := r.callIn(alice)
		for i, body := range []string{"", strings.Replace(offer, "audio 4000", "audio 4002", 1)} {
			up := alice.request("UPDATE", "c1", 2+i, ok.ToTag)
			up.Set("Contact", fmt.Sprintf("<sip:moved%d@198.51.100.1:5062>", i))
			if body != "" {
				up.Add("Content-Type", "application/sdp")
				up.Body = crlf(body)
			}
			alice.send(up)
			answer := alice.receive("200")
			if (len(answer.Body) > 0) != (body != "") || answer.Get("Contact") == "" {
				t.Errorf("answer: %+v", answer)
			}
		}
		if r.last.remote.RTP.Port() != 4002 {
			t.Errorf("remote: %+v", r.last.remote)
		}
		up := alice.request("UPDATE", "c1", 5, ok.ToTag)
		up.Set("Contact", "<sip:nowhere@198.51.100.1:5062>")
		up.Add("Content-Type", "application/sdp")
		up.Body = crlf(strings.Replace(offer, "RTP/AVP 0 8 101", "RTP/AVP 18", 1))
		alice.send(up)
		alice.receive("488")
		moved := r.phone(netip.MustParseAddrPort("198.51.100.1:5062"))
		a.leg.Hangup(call.Cause{}, nil)
		if bye := moved.receive("BYE"); bye.URI != "sip:moved1@198.51.100.1:5062" {
			t.Errorf("BYE to %s", bye.URI)
		} else {
			moved.answer(bye, 200, "", "")
		}
		want[call.LegEnded](a.events)
	})
}

func TestInfo(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		a, _, ok := r.callIn(alice)
		for i, tt := range []struct {
			kind, body, want string
			digit            byte
			held             time.Duration
		}{
			{"application/dtmf-relay", "Signal=5\nDuration=160\n", "200", '5', 160 * time.Millisecond},
			{"application/dtmf-relay", "Signal= #\n", "200", '#', 100 * time.Millisecond},
			{"application/dtmf", "11", "200", '#', 100 * time.Millisecond},
			{"application/dtmf", "x", "415", 0, 0},
			{"application/json", "{}", "415", 0, 0},
		} {
			m := alice.request("INFO", "c1", 2+i, ok.ToTag)
			m.Add("Content-Type", tt.kind)
			m.Body = crlf(tt.body)
			alice.send(m)
			alice.receive(tt.want)
			if tt.digit != 0 {
				if d := want[call.Digit](a.events); d.Digit != tt.digit || d.For != tt.held {
					t.Errorf("digit %c for %v", d.Digit, d.For)
				}
			}
		}
	})
}

func TestUnknownSource(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, func(_ *sip.Config, c *directory.Content) {
			c.Trunks[1].Host = "bob.example.com"
			c.Trunks[1].Allow = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/30")}
		})
		stranger := r.phone(netip.MustParseAddrPort("192.0.2.99:5060"))
		stranger.send(stranger.invite("c1"))
		stranger.receive("403")
		stranger.send(stranger.request("OPTIONS", "c2", 1, ""))
		stranger.receive("403")
		named := stranger.invite("c3")
		named.URI = "sip:+12065550100@bob.example.com"
		stranger.send(named)
		stranger.receive("403")
		alice := r.phone(aliceAt)
		named = alice.invite("c4")
		named.URI = "sip:+12065550100@BOB.example.com;x=y"
		alice.send(named)
		if a := r.attempt(); a.Trunk != "bob" || a.Host != "bob.example.com" {
			t.Errorf("trunk %q host %q", a.Trunk, a.Host)
		}
	})
}

func TestOptionsAndDrain(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		alice.send(alice.request("OPTIONS", "o1", 1, ""))
		ok := alice.receive("200")
		if ok.Get("Allow") == "" || ok.Get("Accept") == "" || !ok.Headers.Has("Supported") {
			t.Errorf("200: %+v", ok)
		}
		a, _, okay := r.callIn(alice)
		drained := make(chan error)
		go func() { drained <- r.s.Drain(t.Context()) }()
		pass(time.Second)
		alice.send(alice.request("OPTIONS", "o2", 1, ""))
		alice.receive("503")
		alice.send(alice.invite("c9"))
		alice.receive("503")
		alice.send(alice.request("BYE", "c1", 2, okay.ToTag))
		alice.receive("200")
		want[call.LegEnded](a.events)
		if err := <-drained; err != nil {
			t.Error(err)
		}
	})
}

func TestUnansweredInTime(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		alice.send(alice.invite("c1"))
		a := r.attempt()
		start := time.Now()
		a.leg.Ring(0, nil)
		for range 3 { // one each minute, so that no proxy gives up
			alice.receive("180")
		}
		alice.receive("480")
		if d := time.Since(start).Round(time.Second); d != 180*time.Second {
			t.Errorf("refused after %v", d)
		}
		a.events.ended(call.LabelNoAnswer)
	})
}

// C24: an INVITE without offer: ours is in the 200, the answer in the ACK.
func TestC24DelayedOffer(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		for i, withAnswer := range []bool{true, false} {
			inv := alice.request("INVITE", fmt.Sprint("c", i), 1, "")
			alice.send(inv)
			a := r.attempt()
			a.leg.Answer(nil)
			ok := alice.receive("200")
			if !strings.Contains(string(ok.Body), "RTP/AVP 0 8 101") {
				t.Errorf("offer: %s", ok.Body)
			}
			ack := alice.request("ACK", inv.CallID, 1, ok.ToTag)
			if withAnswer {
				ack.Add("Content-Type", "application/sdp")
				ack.Body = crlf(answer)
			}
			alice.send(ack)
			if !withAnswer {
				alice.answer(alice.receive("BYE"), 200, "", "")
				a.events.ended(call.LabelMedia)
				continue
			}
			want[call.Answered](a.events)
			if r.last.remote.RTP.Port() != 6000 {
				t.Errorf("remote: %+v", r.last.remote)
			}
		}
	})
}

// What happens before a call takes the attempt is reported to it when it does.
func TestOpenedLate(t *testing.T) {
	inTime(t, func(t *testing.T) {
		opens := make(chan sip.Open, 1)
		r := newRig(t, func(cfg *sip.Config, _ *directory.Content) {
			cfg.Receive = func(_ call.Attempt, open sip.Open) { opens <- open }
		})
		alice := r.phone(aliceAt)
		inv := alice.invite("c1")
		alice.send(inv)
		cancel := alice.request("CANCEL", "c1", 1, "")
		cancel.Set("Via", inv.Get("Via"))
		cancel.Add("Reason", "SIP;cause=200")
		alice.send(cancel)
		pass(time.Second)
		e := newEvents(t)
		leg := (<-opens)("late", e.report)
		leg.Answer(nil)
		if end := want[call.LegEnded](e); end.Leg != "late" || end.Cause.Label != call.LabelCancelled {
			t.Errorf("end: %+v", end)
		}
		if en, ok := e.entry("CANCEL", "Reason"); !ok || en.Leg != "late" {
			t.Errorf("ledger: %+v", en)
		}
		if d := leg.Describe(); d.SIPCallID != "c1" || d.Direction != call.In || d.Trunk != "alice" {
			t.Errorf("record: %+v", d)
		}
	})
}

// What a service may have of its own in the Request-URI reaches who decides about the call; what is SIP's does not.
func TestParametersOfTheRequestURI(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		inv := alice.invite("c1")
		inv.URI = "sip:+12065550100@192.0.2.1;transport=udp;X-joinToken=a%3D;x-chime-meeting-id=7;user=phone;X-flag"
		alice.send(inv)
		a := r.attempt()
		if d := cmp.Diff(header.Params{{Name: "X-joinToken", Value: "a%3D"}, {Name: "x-chime-meeting-id", Value: "7"}, {Name: "X-flag"}}, a.Params); d != "" {
			t.Errorf("parameters (-want +got):\n%s", d)
		}
		a.leg.Hangup(call.Cause{SIP: 486}, nil)
		alice.receive("486")
	})
}
