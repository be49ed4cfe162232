package sip_test

import (
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/message"
)

// callOut brings an outbound leg to the answer.
func (r *rig) callOut(bob *phone, rows ...string) (*sip.Leg, *events, *message.Message) {
	r.t.Helper()
	leg, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
	inv := bob.receive("INVITE")
	bob.answer(inv, 200, "bob", answer, rows...)
	bob.receive("ACK")
	want[call.Answered](e)
	return leg, e, inv
}

// way gives a description of Bob's with another direction and version.
func way(direction, version string) string {
	return strings.Replace(answer, "o=- 2 2", "o=- 2 "+version, 1) + "a=" + direction + "\n"
}

// versionOf gives the version and the direction of a description.
func versionOf(body []byte) (version, direction string) {
	for line := range strings.Lines(string(body)) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "o="):
			version = strings.Fields(line)[2]
		case line == "a=sendrecv", line == "a=sendonly", line == "a=recvonly", line == "a=inactive":
			direction = line[2:]
		}
	}
	return version, direction
}

// C35: we put the far end on hold and take it off: sendonly and sendrecv, each with the next version.
func TestC35Hold(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		leg, e, inv := r.callOut(bob)
		first, _ := versionOf(inv.Body)
		leg.Hold(true)
		re := bob.receive("INVITE")
		version, direction := versionOf(re.Body)
		if direction != "sendonly" || re.Supports("100rel") || version != first[:len(first)-1]+"2" || re.CSeq.Number != 2 || re.Get("Contact") == "" || re.ToTag != "bob" {
			t.Errorf("hold: %+v\n%s", re, re.Body)
		}
		bob.answer(re, 200, "", way("recvonly", "3"))
		if ack := bob.receive("ACK"); ack.CSeq.Number != 2 {
			t.Errorf("ACK: %+v", ack)
		}
		pass(time.Millisecond)
		if r.remote().Direction != media.SendOnly {
			t.Errorf("remote: %+v", r.remote())
		}
		leg.Hold(true) // it is so already
		bob.quiet(time.Second)
		leg.Hold(false)
		leg.Hold(true)
		leg.Hold(false)
		re = bob.receive("INVITE")
		if version, direction = versionOf(re.Body); direction != "sendrecv" || version != first[:len(first)-1]+"3" {
			t.Errorf("resumed: %s", re.Body)
		}
		bob.answer(re, 200, "", way("sendrecv", "4"))
		bob.receive("ACK")
		bob.quiet(5 * time.Second)
		e.none(0)
		if r.remote().Direction != media.SendRecv {
			t.Errorf("remote: %+v", r.remote())
		}
	})
}

// C35: the far end holds us, in each of the three ways, and resumes.
func TestC35HeldByFarEnd(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		a, _, ok := r.callIn(alice)
		before, _ := versionOf(ok.Body)
		seq := 2
		for _, hold := range []string{
			offer + "a=sendonly\n", offer + "a=inactive\n", strings.Replace(offer, "c=IN IP4 198.51.100.1", "c=IN IP4 0.0.0.0", 1),
		} {
			for _, on := range []bool{true, false} {
				re := alice.request("INVITE", "c1", seq, ok.ToTag)
				re.Add("Content-Type", "application/sdp")
				re.Body = crlf(offer)
				if on {
					re.Body = crlf(hold)
				}
				alice.send(re)
				m := alice.receive("200")
				version, direction := versionOf(m.Body)
				if version == before || (direction == "sendrecv") == on {
					t.Errorf("answer to %s\n%s (version %s before)", re.Body, m.Body, before)
				}
				before = version
				alice.ack(re, m)
				if ev := want[call.Held](a.events); ev.On != on || ev.Leg != a.id {
					t.Errorf("held: %+v, want %v", ev, on)
				}
				seq++
			}
		}
	})
}

// C36: a re-INVITE without offer gets all that we can; C37: a bad answer to it changes nothing.
func TestC36OfferlessReinvite(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		a, _, ok := r.callIn(alice)
		for i, body := range []string{strings.Replace(answer, "audio 6000", "audio 6600", 1), "", "v=1\n"} {
			re := alice.request("INVITE", "c1", 2+i, ok.ToTag)
			alice.send(re)
			m := alice.receive("200")
			if !strings.Contains(string(m.Body), "RTP/AVP 0 8 101") {
				t.Errorf("offer: %s", m.Body)
			}
			ack := alice.request("ACK", "c1", 2+i, ok.ToTag)
			if body != "" {
				ack.Add("Content-Type", "application/sdp")
				ack.Body = crlf(body)
			}
			alice.send(ack)
			a.events.none(time.Second)
			if got := r.remote().RTP.Port(); got != 6600 {
				t.Errorf("media of port %d", got)
			}
		}
	})
}

// C37: a re-INVITE of ours that is refused changes nothing; what differs from it has another version.
func TestC37HoldRefused(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		leg, e, _ := r.callOut(bob)
		var versions []string
		for _, status := range []int{488, 200, 603} {
			leg.Hold(status != 603)
			re := bob.receive("INVITE")
			version, _ := versionOf(re.Body)
			versions = append(versions, version)
			if status == 200 {
				bob.answer(re, 200, "", way("recvonly", "3"))
			} else {
				bob.answer(re, status, "", "")
			}
			bob.receive("ACK")
			bob.quiet(5 * time.Second)
		}
		if versions[0] != versions[1] || versions[1] == versions[2] { // the same, and something else
			t.Errorf("versions %v", versions)
		}
		if r.remote().Direction != media.SendOnly {
			t.Errorf("remote: %+v", r.remote())
		}
		e.none(0)
	})
}

// C39: both sides change the session at once: 491 to theirs; ours is sent again after 2.1 to 4 s by who made the Call-ID, 0 to 2 s
// by the other.
func TestC39Glare(t *testing.T) {
	check := func(t *testing.T, p *phone, leg *sip.Leg, theirs *message.Message, from, to time.Duration) {
		t.Helper()
		leg.Hold(true)
		ours := p.receive("INVITE")
		p.send(theirs)
		refusal := p.receive("491")
		ack := message.NewRequest("ACK", theirs.URI)
		ack.Headers = append(ack.Headers, theirs.Headers[:4]...)
		ack.Set("Via", theirs.Get("Via"))
		ack.Set("To", refusal.Get("To"))
		ack.Set("CSeq", strings.Replace(theirs.Get("CSeq"), "INVITE", "ACK", 1))
		ack.Set("Call-ID", theirs.CallID)
		p.send(ack)
		p.answer(ours, 491, "", "")
		p.receive("ACK")
		start := time.Now()
		again := p.receive("INVITE")
		if wait := time.Since(start); wait < from || wait > to+20*time.Millisecond {
			t.Errorf("again after %v, want %v to %v", wait, from, to)
		}
		if _, direction := versionOf(again.Body); direction != "sendonly" || again.CSeq.Number <= ours.CSeq.Number {
			t.Errorf("again: %+v\n%s", again, again.Body)
		}
		p.answer(again, 200, "", way("recvonly", "9"))
		p.receive("ACK")
	}
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		leg, _, inv := r.callOut(bob)
		check(t, bob, leg, bob.within(inv, "bob", "INVITE", 1, way("sendrecv", "3")), 2100*time.Millisecond, 4*time.Second)
	})
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		a, _, ok := r.callIn(alice)
		re := alice.request("INVITE", "c1", 2, ok.ToTag)
		re.Add("Content-Type", "application/sdp")
		re.Body = crlf(offer)
		check(t, alice, a.leg, re, 0, 2*time.Second)
	})
}

// C39, C38: UPDATE with an offer while ours waits is 491, one without is fine; while theirs waits for its answer it is 500
// with Retry-After; and a 500 with Retry-After makes us wait.
func TestC39Update(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		leg, _, inv := r.callOut(bob)
		leg.Hold(true)
		ours := bob.receive("INVITE")
		bob.send(bob.within(inv, "bob", "UPDATE", 1, way("sendrecv", "3")))
		bob.receive("491")
		bob.send(bob.within(inv, "bob", "UPDATE", 2, ""))
		bob.receive("200")
		bob.answer(ours, 500, "", "", "Retry-After: 3 (busy)")
		bob.receive("ACK")
		start := time.Now()
		again := bob.receive("INVITE")
		if wait := time.Since(start); wait < 3*time.Second || wait > 3100*time.Millisecond {
			t.Errorf("again after %v", wait)
		}
		bob.answer(again, 200, "", way("recvonly", "9"))
		bob.receive("ACK")
	})
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		inv := alice.invite("c1", "Supported: 100rel")
		alice.send(inv)
		a := r.attempt()
		a.leg.Ring(0, nil)
		ring := alice.receive("180")
		update := func(seq int) *message.Message {
			m := alice.request("UPDATE", "c1", seq, ring.ToTag)
			m.Add("Content-Type", "application/sdp")
			m.Body = crlf(strings.Replace(offer, "audio 4000", "audio 4040", 1))
			return m
		}
		alice.prack(inv, ring, 2, "")
		alice.receive("200")
		alice.send(update(3)) // its INVITE's offer has no answer
		if m := alice.receive("500"); m.Get("Retry-After") == "" {
			t.Errorf("500: %+v", m)
		}
		a.leg.Early(nil)
		alice.prack(inv, alice.receive("183"), 4, "")
		alice.receive("200")
		alice.send(update(5)) // C38: in the early dialog, after the answer
		if m := alice.receive("200"); len(m.Body) == 0 || r.remote().RTP.Port() != 4040 {
			t.Errorf("200: %+v; remote %+v", m, r.remote())
		}
		a.leg.Answer(nil)
		ok := alice.receive("200")
		alice.ack(inv, ok)
		want[call.Answered](a.events)
	})
}

// C38: the callee's UPDATE in the early dialog: not before its answer came reliably.
func TestC38EarlyUpdateFromCallee(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		bob.answer(inv, 183, "bob", answer)
		want[call.Progress](e)
		bob.send(bob.within(inv, "bob", "UPDATE", 1, port(answer, "6010")))
		bob.receive("491")
		bob.answer(inv, 183, "bob", answer, "Require: 100rel", "RSeq: 1")
		bob.answer(bob.receive("PRACK"), 200, "", "")
		bob.send(bob.within(inv, "bob", "UPDATE", 2, port(answer, "6010")))
		bob.receive("200")
		if r.remote().RTP.Port() != 6010 {
			t.Errorf("remote: %+v", r.remote())
		}
		bob.answer(inv, 200, "bob", "")
		bob.receive("ACK")
		want[call.Answered](e)
		if r.remote().RTP.Port() != 6010 {
			t.Errorf("remote after the answer: %+v", r.remote())
		}
	})
}

// C40: a change that is wanted while the far end's own waits for its ACK comes after it.
func TestC40ChangesQueue(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		a, _, ok := r.callIn(alice)
		re := alice.request("INVITE", "c1", 2, ok.ToTag)
		re.Add("Content-Type", "application/sdp")
		re.Body = crlf(offer)
		alice.send(re)
		m := alice.receive("200")
		a.leg.Hold(true)
		pass(300 * time.Millisecond)
		alice.ack(re, m)
		again := alice.receive("INVITE")
		if _, direction := versionOf(again.Body); direction != "sendonly" {
			t.Errorf("hold: %s", again.Body)
		}
		alice.answer(again, 200, "", strings.Replace(offer, "0 8 101", "8 101", 1)+"a=recvonly\n")
		alice.receive("ACK")
		pass(time.Millisecond)
		if r.remote().Codec != media.PCMA { // C41: with another codec
			t.Errorf("remote: %+v", r.remote())
		}
	})
}

// C40: what is wanted otherwise while our change is out follows it.
func TestC40ChangedMind(t *testing.T) {
	for _, status := range []int{200, 488} {
		inTime(t, func(t *testing.T) {
			r := newRig(t)
			bob := r.phone(bobAt)
			leg, _, _ := r.callOut(bob)
			leg.Hold(true)
			bob.answer(bob.receive("INVITE"), 200, "", way("recvonly", "3"))
			bob.receive("ACK")
			leg.Hold(false)
			re := bob.receive("INVITE")
			leg.Hold(true)
			leg.Hold(false)
			leg.Hold(true)
			bob.answer(re, status, "", map[int]string{200: way("sendrecv", "4")}[status])
			bob.receive("ACK")
			if status == 200 {
				re = bob.receive("INVITE")
				if _, direction := versionOf(re.Body); direction != "sendonly" {
					t.Errorf("wanted last: hold; said %s", re.Body)
				}
				bob.answer(re, 200, "", way("recvonly", "5"))
				bob.receive("ACK")
			}
			pass(time.Second)
			bob.quiet(time.Second)
			if r.remote().Direction != media.SendOnly {
				t.Errorf("remote: %+v", r.remote())
			}
		})
	}
}

// C41: streams come, are refused in their place, and go.
func TestC41Streams(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		_, _, ok := r.callIn(alice)
		for i, tt := range []struct{ more, want string }{
			{"m=video 4100 RTP/AVP 96\na=rtpmap:96 H264/90000\n", "m=video 0 RTP/AVP 96"},
			{"m=video 0 RTP/AVP 96\nm=audio 4200 RTP/AVP 0\n", "m=audio 0 RTP/AVP 0"},
		} {
			re := alice.request("INVITE", "c1", 2+i, ok.ToTag)
			re.Add("Content-Type", "application/sdp")
			re.Body = crlf(offer + tt.more)
			alice.send(re)
			m := alice.receive("200")
			if !strings.Contains(string(m.Body), tt.want) || strings.Count(string(m.Body), "m=") != 1+strings.Count(tt.more, "m=") {
				t.Errorf("answer: %s", m.Body)
			}
			alice.ack(re, m)
		}
		if r.remote().RTP.Port() != 4000 {
			t.Errorf("remote: %+v", r.remote())
		}
	})
}

// C21, C39: the 2xx to our re-INVITE moves the target; 481, 408 and silence end the leg.
func TestReinviteWithoutDialog(t *testing.T) {
	for _, status := range []int{481, 408, 0} {
		inTime(t, func(t *testing.T) {
			r := newRig(t)
			bob, moved := r.phone(bobAt), r.phone(bob2At)
			leg, e, _ := r.callOut(bob)
			leg.Hold(true)
			re := bob.receive("INVITE")
			m := message.NewResponse(re, 200, "")
			m.Add("Contact", "<sip:bob@203.0.113.2>")
			m.Add("Content-Type", "application/sdp")
			m.Body = crlf(way("recvonly", "3"))
			bob.reply(re, m)
			if ack := moved.receive("ACK"); ack.URI != "sip:bob@203.0.113.2" {
				t.Errorf("ACK: %+v", ack)
			}
			bob.reply(re, m) // repeated: acknowledged again, and nothing else
			moved.receive("ACK")
			leg.Hold(false)
			re = moved.receive("INVITE")
			for status == 0 && re.Method == "INVITE" { // silent until Timer B
				re = <-moved.got
			}
			if status != 0 {
				moved.answer(re, status, "", "")
				moved.receive("ACK")
				re = moved.receive("BYE")
			}
			if re.Method != "BYE" || !strings.Contains(re.Get("Reason"), "cause=102") {
				t.Errorf("%s: %+v", re.Method, re)
			}
			moved.answer(re, 200, "", "")
			e.ended(call.LabelProtocol)
		})
	}
}

// C21: so does the 2xx to our UPDATE.
func TestC21OwnUpdate(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, with("bob", directory.Signalling{Update: directory.Always}))
		bob, moved := r.phone(bobAt), r.phone(bob2At)
		leg, e, _ := r.callOut(bob)
		leg.Hold(true)
		up := bob.receive("UPDATE")
		m := message.NewResponse(up, 200, "")
		m.Add("Contact", "<sip:bob@203.0.113.2>")
		m.Add("Content-Type", "application/sdp")
		m.Body = crlf(way("recvonly", "3"))
		bob.reply(up, m)
		pass(time.Millisecond)
		leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
		bye := moved.receive("BYE")
		if bye.URI != "sip:bob@203.0.113.2" {
			t.Errorf("BYE to %s", bye.URI)
		}
		moved.answer(bye, 200, "", "")
		e.ended(call.LabelNormal)
	})
}

// C34: BYE while our re-INVITE is out; its late 2xx is acknowledged all the same.
func TestC34ByeCrossesReinvite(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		leg, e, inv := r.callOut(bob)
		leg.Hold(true)
		re := bob.receive("INVITE")
		bob.send(bob.within(inv, "bob", "BYE", 1, ""))
		bob.receive("200")
		want[call.LegEnded](e)
		bob.answer(re, 200, "", way("recvonly", "3"))
		bob.receive("ACK")
		bob.quiet(40 * time.Second)
	})
}

// Trunks that want UPDATE, or none.
func TestUpdateChoice(t *testing.T) {
	for choice, method := range map[directory.Choice]string{directory.Always: "UPDATE", directory.Never: "INVITE", directory.Default: "INVITE"} {
		inTime(t, func(t *testing.T) {
			r := newRig(t, with("bob", directory.Signalling{Update: choice}))
			bob := r.phone(bobAt)
			leg, _, _ := r.callOut(bob, "Allow: INVITE, ACK, BYE, CANCEL, UPDATE")
			leg.Hold(true)
			m := bob.receive(method)
			if _, direction := versionOf(m.Body); direction != "sendonly" || m.Get("Contact") == "" {
				t.Errorf("hold: %+v\n%s", m, m.Body)
			}
			bob.answer(m, 200, "", way("recvonly", "3"))
			if method == "INVITE" {
				bob.receive("ACK")
			}
			pass(time.Millisecond)
			if r.remote().Direction != media.SendOnly {
				t.Errorf("remote: %+v", r.remote())
			}
		})
	}
}

// A peer that refuses UPDATE, whatever its trunk says, is asked by re-INVITE, now and from then on.
func TestUpdateRefused(t *testing.T) {
	for _, status := range []int{405, 501} {
		inTime(t, func(t *testing.T) {
			r := newRig(t, with("bob", directory.Signalling{Update: directory.Always}))
			bob := r.phone(bobAt)
			leg, _, _ := r.callOut(bob)
			leg.Hold(true)
			bob.answer(bob.receive("UPDATE"), status, "", "")
			re := bob.receive("INVITE")
			if _, direction := versionOf(re.Body); direction != "sendonly" {
				t.Errorf("hold:\n%s", re.Body)
			}
			bob.answer(re, 200, "", way("recvonly", "3"))
			bob.receive("ACK")
			leg.Hold(false)
			bob.answer(bob.receive("INVITE"), 200, "", way("sendrecv", "4"))
			bob.receive("ACK")
			if r.remote().Direction != media.SendRecv {
				t.Errorf("remote: %+v", r.remote())
			}
		})
	}
}

// A provisional response to our re-INVITE that is reliable, though we don't offer that, is confirmed, and the description
// in it counts where the 200 brings none.
func TestC27ReliableToReinvite(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		leg, _, _ := r.callOut(bob)
		leg.Hold(true)
		re := bob.receive("INVITE")
		for range 2 { // the second is a copy
			bob.answer(re, 183, "", way("recvonly", "3"), "Require: 100rel", "RSeq: 77")
		}
		prack := bob.receive("PRACK")
		if prack.Get("RAck") != "77 2 INVITE" || prack.ToTag != "bob" {
			t.Errorf("PRACK: %+v", prack)
		}
		bob.answer(prack, 200, "", "")
		bob.quiet(time.Second)
		bob.answer(re, 200, "", "")
		bob.receive("ACK")
		if r.remote().Direction != media.SendOnly {
			t.Errorf("remote: %+v", r.remote())
		}
	})
}

// C40: an UPDATE of ours with an offer waits for the answer to our last one, too.
func TestC40UpdateWaitsForAnswer(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, with("alice", directory.Signalling{Update: directory.Always}))
		alice := r.phone(aliceAt)
		a, _, ok := r.callIn(alice)
		re := alice.request("INVITE", "c1", 2, ok.ToTag)
		alice.send(re)
		alice.receive("200") // with our offer
		a.leg.Hold(true)
		alice.quiet(400 * time.Millisecond)
		ack := alice.request("ACK", "c1", 2, ok.ToTag)
		ack.Add("Content-Type", "application/sdp")
		ack.Body = crlf(answer)
		alice.send(ack)
		up := alice.receive("UPDATE")
		if _, direction := versionOf(up.Body); direction != "sendonly" {
			t.Errorf("UPDATE: %s", up.Body)
		}
		alice.answer(up, 200, "", way("recvonly", "3"))
		if got := r.remote().Direction; got != media.SendOnly {
			t.Errorf("direction %v", got)
		}
	})
}
