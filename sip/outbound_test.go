package sip_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transport"
)

func TestOutboundCall(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		rows := header.List{
			{Name: "X-Second", Value: "b"}, {Name: "User-to-User", Value: "00c8;encoding=hex"}, {Name: "x-first", Value: "a"},
			{Name: "P-Secret", Value: "no"}, {Name: "Via", Value: "evil"},
		}
		leg, e := r.dial(call.Dial{Trunk: "bob", To: "+12065550111", From: "+12065550100", Display: `A "quoted" name`, Headers: rows})
		inv := bob.receive("INVITE")
		if inv.URI != "sip:+12065550111@203.0.113.1" || inv.Get("To") != "<sip:+12065550111@203.0.113.1>" {
			t.Errorf("to %s, %s", inv.URI, inv.Get("To"))
		}
		if got := inv.Get("From"); !strings.HasPrefix(got, `"A \"quoted\" name" <sip:+12065550100@192.0.2.1:5060>;tag=`) {
			t.Errorf("From: %s", got)
		}
		var got []string
		for _, f := range inv.Headers {
			if strings.HasPrefix(strings.ToLower(f.Name), "x-") || f.Name == "User-to-User" || f.Name == "P-Secret" {
				got = append(got, f.Name+"="+f.Value)
			}
		}
		if d := cmp.Diff([]string{"X-Second=b", "User-to-User=00c8;encoding=hex", "x-first=a"}, got); d != "" {
			t.Errorf("context (-want +got):\n%s", d)
		}
		if inv.Headers.Count("Via") != 1 {
			t.Errorf("Via rows: %v", inv.Headers)
		}
		if en, ok := e.entry("INVITE", "User-to-User"); !ok || en.Action != header.Kept || en.Writer != call.WriterApp || en.Direction != call.Out {
			t.Errorf("ledger: %+v", en)
		}
		if en, _ := e.entry("INVITE", "P-Secret"); en.Action != header.Dropped {
			t.Errorf("ledger: %+v", en)
		}
		bob.answer(inv, 180, "bob", "", "X-Ring: 1")
		if v, _ := want[call.Ringing](e).Headers.Get("X-Ring"); v != "1" {
			t.Error("no X-Ring with the ringing")
		}
		bob.answer(inv, 183, "bob", answer, "X-Early: 1")
		want[call.Progress](e)
		if leg.Media() == nil || r.last.remote.RTP.Port() != 6000 {
			t.Errorf("early media: %+v", r.last.remote)
		}
		bob.answer(inv, 200, "bob", answer, "User-to-User: 00dd;encoding=hex")
		ack := bob.receive("ACK")
		if ack.URI != "sip:bob@203.0.113.1:5060" || ack.CSeq.Number != inv.CSeq.Number {
			t.Errorf("ACK: %+v", ack)
		}
		if v, _ := want[call.Answered](e).Headers.Get("User-to-User"); v != "00dd;encoding=hex" {
			t.Error("no User-to-User with the answer")
		}
		leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal, Q850: 16}, nil)
		bye := bob.receive("BYE")
		bob.answer(bye, 200, "", "", "X-Bye: 1")
		if end := want[call.LegEnded](e); !end.Headers.Has("X-Bye") || end.Media.Codec != "PCMU" {
			t.Errorf("end: %+v", end)
		}
	})
}

func TestFromAndToAreEscaped(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		leg, e := r.dial(call.Dial{Trunk: "bob", To: "a b@c>\r\nX: y", From: "<x>", Display: "ä"})
		inv := bob.receive("INVITE")
		if inv.URI != "sip:a%20b%40c%3E%0D%0AX%3A%20y@203.0.113.1" || !strings.HasPrefix(inv.Get("From"), `"ä" <sip:%3Cx%3E@192`) {
			t.Errorf("%s\n%s", inv.URI, inv.Get("From"))
		}
		leg.Hangup(call.Cause{}, nil)
		bob.answer(inv, 487, "bob", "")
		bob.receive("ACK")
		want[call.LegEnded](e)
		_, e = r.dial(call.Dial{Trunk: "bob", To: "1", Display: "a\r\nX: y"})
		e.ended(call.LabelInternal)
		bob.quiet(time.Second)
	})
}

func TestRefusedDial(t *testing.T) {
	for _, tt := range []struct {
		status int
		rows   []string
		want   call.Cause
	}{
		{486, nil, call.Cause{SIP: 486, Q850: 17, By: call.ByPeer, Label: call.LabelBusy, Text: "Busy Here"}},
		{404, []string{"Reason: Q.850;cause=22"}, call.Cause{SIP: 404, Q850: 22, By: call.ByPeer, Label: call.LabelNotFound, Text: "Not Found"}},
		{603, nil, call.Cause{SIP: 603, Q850: 21, By: call.ByPeer, Label: call.LabelDeclined, Text: "Decline"}},
		{499, nil, call.Cause{SIP: 499, Q850: 31, By: call.ByPeer, Label: call.LabelRejected}},
		{503, nil, call.Cause{SIP: 503, Q850: 41, By: call.ByPeer, Label: call.LabelUnreachable, Text: "Service Unavailable"}},
	} {
		inTime(t, func(t *testing.T) {
			r := newRig(t)
			bob := r.phone(bobAt)
			_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
			inv := bob.receive("INVITE")
			bob.answer(inv, tt.status, "bob", "", append(tt.rows, "X-Why: so")...)
			bob.receive("ACK")
			end := want[call.LegEnded](e)
			end.Cause.Text = strings.TrimSpace(end.Cause.Text)
			if tt.status == 499 {
				end.Cause.Text = ""
			}
			if d := cmp.Diff(tt.want, end.Cause); d != "" {
				t.Errorf("%d (-want +got):\n%s", tt.status, d)
			}
			if !end.Headers.Has("X-Why") {
				t.Error("no headers of the refusal")
			}
		})
	}
}

// C07: a silent peer gets seven INVITEs in 32 s; then the leg ends with 408.
func TestC07SilentPeer(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		start := time.Now()
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		end := want[call.LegEnded](e)
		if end.Cause.SIP != 408 || end.Cause.Label != call.LabelUnreachable || time.Since(start).Round(time.Second) != 32*time.Second {
			t.Errorf("%+v after %v", end.Cause, time.Since(start))
		}
		if n := len(bob.got); n != 7 {
			t.Errorf("%d INVITEs", n)
		}
	})
}

// C10, C30: repeated and forked 200s are all acknowledged, the losers get BYE.
func TestC10C30ManyAnswers(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob, fork := r.phone(bobAt), r.phone(bob2At)
		leg, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		bob.answer(inv, 180, "bob", "")
		want[call.Ringing](e)
		fork.answer(inv, 180, "fork", "")
		want[call.Ringing](e)
		bob.answer(inv, 200, "bob", answer)
		bob.receive("ACK")
		want[call.Answered](e)
		fork.answer(inv, 200, "fork", answer)
		if ack := fork.receive("ACK"); ack.ToTag != "fork" {
			t.Errorf("ACK to %s", ack.ToTag)
		}
		bye := fork.receive("BYE")
		if bye.ToTag != "fork" || bye.CSeq.Number <= inv.CSeq.Number {
			t.Errorf("BYE: %+v", bye)
		}
		fork.answer(bye, 200, "", "")
		fork.answer(inv, 200, "fork", answer)
		fork.receive("ACK")
		bob.answer(inv, 200, "bob", answer)
		bob.receive("ACK")
		bob.quiet(40 * time.Second)
		bob.answer(inv, 200, "bob", answer) // the transaction is gone now
		bob.receive("ACK")
		leg.Hangup(call.Cause{By: call.ByApp}, nil)
		bob.answer(bob.receive("BYE"), 200, "", "")
		want[call.LegEnded](e)
		fork.quiet(time.Second)
	})
}

// C12: a 200 without To-tag makes a dialog whose remote tag is null; each leg has a Call-ID and tags of its own.
func TestC12Tags(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice, bob := r.phone(aliceAt), r.phone(bobAt)
		a, _, ok := r.callIn(alice)
		leg, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2", For: a.id})
		inv := bob.receive("INVITE")
		if inv.CallID == "c1" || inv.FromTag == "alice" || inv.FromTag == ok.ToTag || len(inv.FromTag) < 20 {
			t.Errorf("Call-ID %s tag %s", inv.CallID, inv.FromTag)
		}
		bob.answer(inv, 200, "", answer)
		if ack := bob.receive("ACK"); ack.ToTag != "" {
			t.Errorf("ACK to tag %q", ack.ToTag)
		}
		want[call.Answered](e)
		leg.Hangup(call.Cause{By: call.ByApp}, nil)
		bye := bob.receive("BYE")
		if bye.ToTag != "" {
			t.Errorf("BYE to tag %q", bye.ToTag)
		}
		bob.answer(bye, 200, "", "")
		want[call.LegEnded](e)
	})
}

// C19: Record-Route makes the route set, in reverse; the request goes to its first router.
func TestC19RouteSet(t *testing.T) {
	for _, tt := range []struct {
		name, first, uri string
		routes           []string
	}{
		{"loose", "<sip:203.0.113.2;lr;r2=on>", "sip:bob@10.9.9.9:5060", []string{"<sip:203.0.113.2;lr;r2=on>", "<sip:p1.example.com;lr>;x=y"}},
		{"strict", "<sip:203.0.113.2>", "sip:203.0.113.2", []string{"<sip:p1.example.com;lr>;x=y", "<sip:bob@10.9.9.9:5060>"}},
	} {
		inTime(t, func(t *testing.T) {
			r := newRig(t)
			bob, proxy := r.phone(bobAt), r.phone(bob2At)
			leg, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
			inv := bob.receive("INVITE")
			m := message.NewResponse(inv, 200, "")
			m.Tag("bob")
			m.Add("Record-Route", "<sip:p1.example.com;lr>;x=y, "+tt.first)
			m.Add("Contact", "<sip:bob@10.9.9.9:5060>")
			m.Add("Content-Type", "application/sdp")
			m.Body = crlf(answer)
			bob.reply(inv, m)
			for _, what := range []string{"ACK", "BYE"} {
				req := proxy.receive(what)
				if d := cmp.Diff(tt.routes, req.Routes("Route")); d != "" || req.URI != tt.uri {
					t.Errorf("%s %s %s (-want +got):\n%s", tt.name, what, req.URI, d)
				}
				if what == "ACK" {
					want[call.Answered](e)
					leg.Hangup(call.Cause{}, nil)
				} else {
					proxy.answer(req, 200, "", "")
				}
			}
			want[call.LegEnded](e)
		})
	}
}

// C19: a caller behind more proxies than we keep is refused: our requests would pass them by.
func TestC19TooManyRoutes(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		for n, want := range map[int]string{20: "486", 21: "400"} {
			inv := alice.invite(fmt.Sprint("r", n), "Record-Route: <sip:p;lr>"+strings.Repeat(", <sip:p;lr>", n-1))
			alice.send(inv)
			if n == 20 {
				r.attempt().leg.Hangup(call.Cause{SIP: 486}, nil)
			}
			alice.receive(want)
		}
	})
}

// C23: a request over 1300 bytes goes over TCP, and over UDP if there is no TCP.
func TestC23LongInvite(t *testing.T) {
	long := header.List{{Name: "X-Long", Value: strings.Repeat("x", 900)}}
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		leg, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2", Headers: long})
		inv := bob.receive("INVITE")
		if inv.Via.Transport != "TCP" || bob.over(inv) != transport.TCP || !strings.Contains(inv.Get("Contact"), "transport=tcp") {
			t.Errorf("Via %+v over %s", inv.Via, bob.over(inv))
		}
		leg.Hangup(call.Cause{}, nil)
		bob.answer(inv, 487, "bob", "")
		want[call.LegEnded](e)
	})
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt, true)
		for _, why := range []string{"TCP failed (", "TCP failed at this peer a while ago"} { // and is not tried again so soon
			_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2", Headers: long})
			inv := bob.receive("INVITE")
			if inv.Via.Transport != "UDP" || strings.Contains(inv.Get("Contact"), "transport=tcp") {
				t.Errorf("Via %+v", inv.Via)
			}
			bob.answer(inv, 486, "bob", "")
			bob.receive("ACK")
			want[call.LegEnded](e)
			if told := e.because(sip.BecauseOversize); len(told) == 0 || !strings.Contains(told[len(told)-1].Detail, why) {
				t.Errorf("the ledger does not say %q: %+v", why, told)
			}
		}
	})
	inTime(t, func(t *testing.T) { // a byte less than too long
		r := newRig(t)
		bob := r.phone(bobAt)
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		if inv.Via.Transport != "UDP" {
			t.Errorf("Via %+v", inv.Via)
		}
		bob.answer(inv, 486, "bob", "")
		want[call.LegEnded](e)
	})
}

// C32: CANCEL waits for the first response; a 200 that crosses it is acknowledged and ended.
func TestC32Cancel(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		leg, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelCancelled}, header.List{{Name: "Reason", Value: `SIP;cause=200;text="Call completed elsewhere"`}})
		bob.quiet(300 * time.Millisecond)
		bob.answer(inv, 180, "bob", "")
		cancel := bob.receive("CANCEL")
		if cancel.Get("Reason") != `SIP;cause=200;text="Call completed elsewhere"` || cancel.Headers.Count("Reason") != 1 || cancel.Via.Branch != inv.Via.Branch {
			t.Errorf("CANCEL: %+v", cancel)
		}
		bob.answer(cancel, 200, "bob", "")
		bob.answer(inv, 487, "bob", "")
		bob.receive("ACK")
		if end := want[call.LegEnded](e); end.Cause.Label != call.LabelCancelled || end.Cause.By != call.ByApp {
			t.Errorf("cause: %+v", end.Cause)
		}
	})
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		leg, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		bob.answer(inv, 180, "bob", "")
		want[call.Ringing](e)
		leg.Hangup(call.Cause{By: call.ByApp}, nil)
		cancel := bob.receive("CANCEL")
		bob.answer(inv, 200, "bob", answer)
		bob.answer(cancel, 481, "bob", "")
		bob.receive("ACK")
		bob.answer(bob.receive("BYE"), 200, "", "")
		want[call.LegEnded](e)
	})
	inTime(t, func(t *testing.T) { // the peer never answers: the leg ends, and a late 200 is still ended
		r := newRig(t)
		bob := r.phone(bobAt)
		leg, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		bob.answer(inv, 180, "bob", "")
		want[call.Ringing](e)
		start := time.Now()
		leg.Hangup(call.Cause{By: call.ByApp}, nil)
		bob.answer(bob.receive("CANCEL"), 200, "bob", "")
		want[call.LegEnded](e)
		if d := time.Since(start).Round(time.Second); d != 5*time.Second {
			t.Errorf("ended after %v", d)
		}
		pass(10 * time.Second)
		bob.answer(inv, 200, "bob", answer)
		bob.receive("ACK")
		bob.answer(bob.receive("BYE"), 200, "", "")
	})
}

// C65: rows of Diversion and History-Info keep their order and bytes, in and out.
func TestC65Order(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice, bob := r.phone(aliceAt), r.phone(bobAt)
		inv := alice.invite("c1")
		rows := header.List{
			{Name: "Diversion", Value: `"num"<sip:+1@a>;reason=USER-BUSY;counter=1, <tel:+2>; reason=unknown`},
			{Name: "History-Info", Value: "<sip:\x95>;index=1"},
			{Name: "diversion", Value: "<sip:+3@c>;reason=no-answer"},
			{Name: "History-Info", Value: "<sip:b@b?Reason=SIP%3Bcause%3D302>;index=1.1;mp=1"},
		}
		for _, f := range rows {
			inv.Add(f.Name, f.Value)
		}
		alice.send(inv)
		a := r.attempt()
		if d := cmp.Diff(rows, a.Headers); d != "" {
			t.Errorf("in (-want +got):\n%s", d)
		}
		leg, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2", Headers: a.Headers})
		out := bob.receive("INVITE")
		var got header.List
		for _, f := range out.Headers {
			if header.SameName(f.Name, "Diversion") || header.SameName(f.Name, "History-Info") {
				got = append(got, f)
			}
		}
		if d := cmp.Diff(rows, got); d != "" {
			t.Errorf("out (-want +got):\n%s", d)
		}
		leg.Hangup(call.Cause{}, nil)
		want[call.LegEnded](e)
	})
}

// C70: BYE overtakes the 200.
func TestC70ByeBeforeAnswer(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		bye := bob.request("BYE", inv.CallID, 1, inv.FromTag)
		bye.Set("From", "<sip:1@203.0.113.1>;tag=bob")
		bob.send(bye)
		bob.receive("200")
		bob.answer(inv, 200, "bob", answer)
		bob.receive("ACK")
		want[call.Answered](e)
		e.ended(call.LabelNormal)
	})
}

func TestNoCommonCodec(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		bob.answer(inv, 200, "bob", strings.Replace(answer, "RTP/AVP 0 101", "RTP/AVP 18", 1))
		bob.receive("ACK")
		bob.answer(bob.receive("BYE"), 200, "", "")
		e.ended(call.LabelMedia)
	})
}

func TestCodecIsCarriedOver(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice, bob := r.phone(aliceAt), r.phone(bobAt)
		inv := alice.invite("c1")
		inv.Body = crlf(strings.Replace(offer, "RTP/AVP 0 8 101", "RTP/AVP 8 101", 1))
		alice.send(inv)
		a := r.attempt()
		a.leg.Answer(nil)
		alice.ack(inv, alice.receive("200"))
		want[call.Answered](a.events)
		if r.last.remote.Codec != media.PCMA {
			t.Errorf("codec %v", r.last.remote.Codec)
		}
		leg, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2", For: a.id})
		if out := bob.receive("INVITE"); !strings.Contains(string(out.Body), "RTP/AVP 8 0 101") {
			t.Errorf("offer:\n%s", out.Body)
		}
		leg.Hangup(call.Cause{}, nil)
		want[call.LegEnded](e)
	})
}

func TestFailover(t *testing.T) {
	inTime(t, func(t *testing.T) { // 503, at once
		r := newRig(t)
		bob, bob2 := r.phone(bobAt), r.phone(bob2At)
		leg, e := r.dial(call.Dial{Trunk: "two", To: "1", From: "2"})
		first := bob.receive("INVITE")
		bob.answer(first, 503, "bob", "")
		second := bob2.receive("INVITE")
		if second.CallID != first.CallID || second.CSeq.Number <= first.CSeq.Number || second.URI != "sip:1@203.0.113.2" {
			t.Errorf("second: %+v", second)
		}
		bob2.answer(second, 200, "bob2", answer)
		bob2.receive("ACK")
		want[call.Answered](e)
		leg.Hangup(call.Cause{}, nil)
		bob2.answer(bob2.receive("BYE"), 200, "", "")
		want[call.LegEnded](e)
	})
	inTime(t, func(t *testing.T) { // silence: after 5 s; a late 200 of the first is ended
		r := newRig(t)
		bob, bob2 := r.phone(bobAt), r.phone(bob2At)
		start := time.Now()
		_, e := r.dial(call.Dial{Trunk: "two", To: "1", From: "2"})
		first := bob.receive("INVITE")
		second := bob2.receive("INVITE")
		if d := time.Since(start).Round(time.Second); d != 5*time.Second {
			t.Errorf("second after %v", d)
		}
		bob2.answer(second, 180, "bob2", "")
		want[call.Ringing](e)
		for len(bob.got) > 0 {
			<-bob.got
		}
		bob.answer(first, 200, "bob", answer)
		for m := range bob.got {
			if m.Method == "ACK" {
				break
			}
		}
		bob.answer(bob.receive("BYE"), 200, "", "")
		bob2.answer(second, 486, "bob2", "")
		bob2.receive("ACK")
		e.refused(486)
	})
	inTime(t, func(t *testing.T) { // busy is an answer
		r := newRig(t)
		bob, bob2 := r.phone(bobAt), r.phone(bob2At)
		_, e := r.dial(call.Dial{Trunk: "two", To: "1", From: "2"})
		bob.answer(bob.receive("INVITE"), 486, "bob", "")
		want[call.LegEnded](e)
		bob2.quiet(10 * time.Second)
	})
}

func TestKeepalive(t *testing.T) {
	inTime(t, func(t *testing.T) {
		changed := make(chan bool, 10)
		r := newRig(t, func(cfg *sip.Config, c *directory.Content) {
			c.Trunks[2].Keepalive = 10 * time.Second
			cfg.Changed = func(trunk string, p directory.Peer, up bool) {
				if trunk != "two" || p.Host != bobAt.Addr().String() {
					t.Errorf("changed: %s %+v", trunk, p)
				}
				changed <- up
			}
		})
		bob, bob2 := r.phone(bobAt), r.phone(bob2At)
		stop := make(chan struct{})
		defer close(stop)
		go func() { // the second gateway answers pings
			for {
				select {
				case m := <-bob2.got:
					switch m.Method {
					case "OPTIONS":
						bob2.answer(m, 200, "x", "")
					case "INVITE":
						bob2.answer(m, 486, "x", "")
					}
				case <-stop:
					return
				}
			}
		}()
		for range 3 {
			bob.answer(bob.receive("OPTIONS"), 503, "x", "")
		}
		if <-changed {
			t.Error("up")
		}
		_, e := r.dial(call.Dial{Trunk: "two", To: "1", From: "2"})
		e.refused(486)
		bob.answer(bob.receive("OPTIONS"), 404, "x", "")
		if !<-changed {
			t.Error("down")
		}
		_, e = r.dial(call.Dial{Trunk: "two", To: "1", From: "2"})
		bob.answer(bob.receive("INVITE"), 404, "x", "")
		bob.receive("ACK")
		want[call.LegEnded](e)
	})
}

// C44: an answer to a ping that comes late still tells that the peer is there.
func TestC44LatePing(t *testing.T) {
	inTime(t, func(t *testing.T) {
		changed := make(chan bool, 10)
		r := newRig(t, func(cfg *sip.Config, c *directory.Content) {
			c.Trunks[1].Keepalive = 40 * time.Second
			cfg.Changed = func(_ string, _ directory.Peer, up bool) { changed <- up }
		})
		bob := r.phone(bobAt)
		for range 4 { // three that were no answer in a row, and it were down
			ping := bob.receive("OPTIONS")
			pass(15 * time.Second)
			for len(bob.got) > 0 { // repetitions
				<-bob.got
			}
			bob.answer(ping, 200, "x", "")
			pass(20 * time.Second)
		}
		if len(changed) > 0 {
			t.Errorf("up: %v", <-changed)
		}
	})
}

func TestDialWithoutHope(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, func(cfg *sip.Config, c *directory.Content) {
			c.Trunks = append(c.Trunks, directory.Trunk{ID: "empty"}, directory.Trunk{ID: "name", Peers: []directory.Peer{{Host: "nowhere.example"}}})
			cfg.Limits.TrunkRate = 2
		})
		for _, tt := range []struct {
			trunk string
			want  call.Label
		}{{"", call.LabelNoRoute}, {"none", call.LabelNoRoute}, {"empty", call.LabelUnreachable}, {"name", call.LabelUnreachable},
			{"empty", call.LabelUnreachable}, {"empty", call.LabelLimit}} {
			leg, e := r.dial(call.Dial{Trunk: tt.trunk, To: "1", From: "2"})
			if end := want[call.LegEnded](e); end.Cause.Label != tt.want || end.Cause.By != call.ByPlatform {
				t.Errorf("%s: %+v", tt.trunk, end.Cause)
			}
			if d := leg.Describe(); d.Direction != call.Out || d.To != "1" {
				t.Errorf("record: %+v", d)
			}
		}
	})
}

func TestHostNames(t *testing.T) {
	inTime(t, func(t *testing.T) {
		var asked atomic.Int32
		r := newRig(t, func(cfg *sip.Config, c *directory.Content) {
			c.Trunks = append(c.Trunks, directory.Trunk{ID: "name", Peers: []directory.Peer{{Host: "GW.example", Port: 5060}}})
			cfg.Lookup = func(_ context.Context, host string) ([]netip.Addr, error) {
				asked.Add(1)
				if host != "gw.example" {
					t.Errorf("asked for %s", host)
				}
				time.Sleep(time.Second) // a slow name server, in the bubble's time
				return []netip.Addr{bobAt.Addr(), bob2At.Addr()}, nil
			}
		})
		bob, bob2 := r.phone(bobAt), r.phone(bob2At)
		for range 2 {
			_, e := r.dial(call.Dial{Trunk: "name", To: "1", From: "2"})
			inv := bob.receive("INVITE")
			if inv.URI != "sip:1@GW.example:5060" {
				t.Errorf("URI %s", inv.URI)
			}
			bob.answer(inv, 503, "x", "")
			bob.receive("ACK")
			bob2.answer(bob2.receive("INVITE"), 486, "x", "")
			bob2.receive("ACK")
			want[call.LegEnded](e)
			_, e = r.dial(call.Dial{Trunk: "name", To: "1", From: "2"}) // the address that answered 503 rests
			bob2.answer(bob2.receive("INVITE"), 486, "x", "")
			bob2.receive("ACK")
			want[call.LegEnded](e)
			time.Sleep(31 * time.Second) // in the bubble's time
		}
		if n := asked.Load(); n > 4 { // once every 30 s, for calls and for who may call
			t.Errorf("asked %d times", n)
		}
	})
}

// C22: a Contact that is a name of several servers leads on to the one that the call is with.
func TestC22StaysWithItsServer(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, func(cfg *sip.Config, _ *directory.Content) {
			cfg.Lookup = func(context.Context, string) ([]netip.Addr, error) {
				return []netip.Addr{bob2At.Addr(), bobAt.Addr()}, nil
			}
		})
		bob, other := r.phone(bobAt), r.phone(bob2At)
		leg, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		ok := message.NewResponse(inv, 200, "")
		ok.Tag("bob")
		ok.Add("Contact", "<sip:bob@farm.example.com:5060>")
		ok.Add("Content-Type", "application/sdp")
		ok.Body = crlf(answer)
		bob.reply(inv, ok)
		bob.receive("ACK")
		want[call.Answered](e)
		leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
		bob.answer(bob.receive("BYE"), 200, "", "")
		e.ended(call.LabelNormal)
		other.quiet(time.Second)
	})
}

func TestDialTimeout(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		start := time.Now()
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2", Timeout: 20 * time.Second})
		inv := bob.receive("INVITE")
		bob.answer(inv, 180, "bob", "")
		want[call.Ringing](e)
		bob.answer(bob.receive("CANCEL"), 200, "bob", "")
		bob.answer(inv, 487, "bob", "")
		if end := want[call.LegEnded](e); end.Cause.Label != call.LabelNoAnswer || time.Since(start).Round(time.Second) != 20*time.Second {
			t.Errorf("%+v after %v", end.Cause, time.Since(start))
		}
	})
}
