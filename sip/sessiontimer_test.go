package sip_test

import (
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/sip/message"
)

const allowsUpdate = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE"

// after waits for what comes next and checks when it does.
func (p *phone) after(wait time.Duration, what string) *message.Message {
	p.t.Helper()
	start := time.Now()
	m := p.receiveIn(what, time.Hour)
	if late := time.Since(start) - wait; late < 0 || late > 50*time.Millisecond {
		p.t.Errorf("%s after %v, want %v", what, time.Since(start), wait)
	}
	return m
}

// C43: the peer lets us refresh: by UPDATE, or by re-INVITE with the same description where it knows none; at half the time.
func TestC43WeRefresh(t *testing.T) {
	for _, tt := range []struct{ allow, method, se string }{
		{allowsUpdate, "UPDATE", "600;refresher=uac"}, {"Allow: INVITE, ACK, BYE", "INVITE", "600"},
	} {
		inTime(t, func(t *testing.T) {
			r := newRig(t)
			bob := r.phone(bobAt)
			leg, e, inv := r.callOut(bob, tt.allow, "Session-Expires: "+tt.se, "Require: timer")
			if inv.Get("Session-Expires") != "1800" || !inv.Supports("timer") || inv.Headers.Has("Min-SE") {
				t.Errorf("INVITE: %+v", inv)
			}
			version, _ := versionOf(inv.Body)
			for range 3 {
				m := bob.after(300*time.Second, tt.method)
				if m.Get("Session-Expires") != "600;refresher=uac" || !m.Supports("timer") {
					t.Errorf("refresh: %+v", m)
				}
				body := ""
				if tt.method == "INVITE" {
					if again, direction := versionOf(m.Body); again != version || direction != "sendrecv" {
						t.Errorf("refresh: %s\nafter %s", m.Body, inv.Body)
					}
					body = answer
				}
				bob.answer(m, 200, "", body, "Session-Expires: 600;refresher=uac")
				if tt.method == "INVITE" {
					bob.receive("ACK")
				}
			}
			e.none(0)
			leg.Hangup(call.Cause{}, nil)
			bob.answer(bob.receive("BYE"), 200, "", "")
		})
	}
}

// C43: a refresh of ours toward a caller repeats our answer as it was, also while the caller holds us.
func TestC43RefreshRepeats(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		inv := alice.invite("c1", "Supported: timer", "Session-Expires: 200;refresher=uas")
		alice.send(inv)
		a := r.attempt()
		a.leg.Answer(nil)
		ok := alice.receive("200")
		alice.ack(inv, ok)
		want[call.Answered](a.events)
		re := alice.after(100*time.Second, "INVITE")
		if string(re.Body) != string(ok.Body) {
			t.Errorf("refresh: %s\nafter %s", re.Body, ok.Body)
		}
		alice.answer(re, 200, "", offer, "Session-Expires: 200;refresher=uac")
		alice.receive("ACK")
		hold := alice.request("INVITE", "c1", 2, ok.ToTag)
		hold.Add("Supported", "timer")
		hold.Add("Session-Expires", "200;refresher=uas")
		hold.Add("Content-Type", "application/sdp")
		hold.Body = crlf(offer + "a=sendonly\n")
		alice.send(hold)
		held := alice.receive("200")
		alice.ack(hold, held)
		want[call.Held](a.events)
		re = alice.after(100*time.Second, "INVITE")
		if string(re.Body) != string(held.Body) {
			t.Errorf("refresh: %s\nafter %s", re.Body, held.Body)
		}
		alice.answer(re, 200, "", offer+"a=sendonly\n", "Session-Expires: 200;refresher=uac")
		alice.receive("ACK")
		a.events.none(time.Second)
	})
}

// C43: the peer refreshes; when it does not, BYE goes out 32 s, or a third, before the session's end.
func TestC43TheyRefresh(t *testing.T) {
	for _, tt := range []struct {
		se  string
		bye time.Duration
	}{{"600;refresher=uas", 568 * time.Second}, {"90 ; refresher=UAS", 60 * time.Second}} {
		inTime(t, func(t *testing.T) {
			r := newRig(t)
			bob := r.phone(bobAt)
			_, e, inv := r.callOut(bob, "Session-Expires: "+tt.se, "Require: timer")
			pass(50 * time.Second)
			up := bob.within(inv, "bob", "UPDATE", 1, "")
			up.Add("Session-Expires", strings.Replace(strings.ToLower(tt.se), "uas", "uac", 1))
			up.Add("Supported", "timer")
			bob.send(up)
			ok := bob.receive("200")
			if got := ok.Get("Session-Expires"); !strings.HasSuffix(got, ";refresher=uac") || ok.Get("Require") != "timer" {
				t.Errorf("200: %+v", ok)
			}
			bye := bob.after(tt.bye, "BYE")
			bob.answer(bye, 200, "", "")
			e.ended(call.LabelProtocol)
		})
	}
}

// C37: a re-INVITE that is refused changes nothing of the session's time either.
func TestC37RefusedRefresh(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		_, e, inv := r.callOut(bob, "Session-Expires: 600;refresher=uas", "Require: timer")
		re := bob.within(inv, "bob", "INVITE", 1, strings.Replace(answer, "RTP/AVP 0 101", "RTP/AVP 18", 1))
		re.Add("Session-Expires", "3600;refresher=uac")
		re.Add("Supported", "timer")
		bob.send(re)
		refused := bob.receive("488")
		ack := bob.within(inv, "bob", "ACK", 1, "")
		ack.Set("Via", re.Get("Via"))
		ack.Set("To", refused.Get("To"))
		bob.send(ack)
		bye := bob.after(568*time.Second, "BYE")
		bob.answer(bye, 200, "", "")
		e.ended(call.LabelProtocol)
	})
}

// C43: what our 2xx says to a caller.
func TestC43Answer(t *testing.T) {
	for _, tt := range []struct {
		name, rows, want, require string
		o                         directory.Signalling
	}{
		{"no session timer", "", "", "", directory.Signalling{}},
		{"supported", "Supported: timer", "1800;refresher=uac", "timer", directory.Signalling{}},
		{"our time", "Supported: timer", "120;refresher=uac", "timer", directory.Signalling{Session: 2 * time.Minute}},
		{"theirs is longer", "Supported: timer|Session-Expires: 3600", "1800;refresher=uac", "timer", directory.Signalling{}},
		{"theirs is shorter", "Supported: timer|x: 100", "100;refresher=uac", "timer", directory.Signalling{}},
		{"they want us to", "Supported: timer|Session-Expires: 300;refresher=uas", "300;refresher=uas", "timer", directory.Signalling{}},
		{"a proxy wants it", "Session-Expires: 300", "300;refresher=uas", "", directory.Signalling{}},
		{"least", "Supported: timer|Session-Expires: 3600|Min-SE: 2000", "2000;refresher=uac", "timer", directory.Signalling{}},
		{"never", "Supported: timer|Session-Expires: 300", "", "", directory.Signalling{Timer: directory.Never}},
		{"nonsense", "Supported: timer|Session-Expires: soon", "1800;refresher=uac", "timer", directory.Signalling{}},
	} {
		inTime(t, func(t *testing.T) {
			r := newRig(t, with("alice", tt.o))
			alice := r.phone(aliceAt)
			var rows []string
			if tt.rows != "" {
				rows = strings.Split(tt.rows, "|")
			}
			inv := alice.invite("c1", rows...)
			alice.send(inv)
			a := r.attempt()
			a.leg.Answer(nil)
			ok := alice.receive("200")
			if ok.Get("Session-Expires") != tt.want || ok.Get("Require") != tt.require {
				t.Errorf("%s: %q, require %q", tt.name, ok.Get("Session-Expires"), ok.Get("Require"))
			}
			alice.ack(inv, ok)
			want[call.Answered](a.events)
		})
	}
}

// C43: too short a time is refused with 422; what requires what the trunk never does, or lacks what it always needs.
func TestC43Refused(t *testing.T) {
	for _, tt := range []struct {
		row, status, name, value string
		choice                   directory.Choice
	}{
		{"Session-Expires: 60", "422", "Min-SE", "90", directory.Default},
		{"Require: timer", "420", "Unsupported", "timer", directory.Never},
		{"Supported: 100rel", "421", "Require", "timer", directory.Always},
	} {
		inTime(t, func(t *testing.T) {
			r := newRig(t, with("alice", directory.Signalling{Timer: tt.choice}))
			alice := r.phone(aliceAt)
			inv := alice.invite("c1", tt.row)
			if tt.status == "422" {
				inv.Add("Supported", "timer")
			}
			alice.send(inv)
			if m := alice.receive(tt.status); m.Get(tt.name) != tt.value {
				t.Errorf("%+v", m)
			}
		})
	}
}

// C43: 422 to our INVITE: it goes out again with the time asked for, once for each that is longer.
func TestC43LongerAsked(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, with("bob", directory.Signalling{Session: 90 * time.Second}))
		bob := r.phone(bobAt)
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		if inv.Get("Session-Expires") != "90" {
			t.Errorf("INVITE: %+v", inv)
		}
		bob.answer(inv, 422, "bob", "", "Min-SE: 300")
		bob.receive("ACK")
		again := bob.receive("INVITE")
		if again.Get("Session-Expires") != "300" || again.Get("Min-SE") != "300" || again.CSeq.Number != 2 || again.CallID != inv.CallID || again.ToTag != "" {
			t.Errorf("INVITE: %+v", again)
		}
		bob.answer(again, 422, "bob", "", "Min-SE: 300")
		bob.receive("ACK")
		e.refused(422)
	})
	inTime(t, func(t *testing.T) { // and to a refresh
		r := newRig(t)
		bob := r.phone(bobAt)
		_, _, _ = r.callOut(bob, allowsUpdate, "Session-Expires: 200;refresher=uac")
		up := bob.after(100*time.Second, "UPDATE")
		bob.answer(up, 422, "", "", "Min-SE: 400")
		up = bob.after(0, "UPDATE")
		if up.Get("Session-Expires") != "400;refresher=uac" || up.Get("Min-SE") != "400" {
			t.Errorf("UPDATE: %+v", up)
		}
		bob.answer(up, 200, "", "", "Session-Expires: 400;refresher=uac")
		bob.after(200*time.Second, "UPDATE")
	})
}

// C43: a refresh that gets no answer, or 481, ends the leg; one that is refused is tried again, then the session ends.
func TestC43RefreshFails(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		_, e, _ := r.callOut(bob, allowsUpdate, "Session-Expires: 600;refresher=uac")
		bob.answer(bob.after(300*time.Second, "UPDATE"), 481, "", "")
		bob.answer(bob.receive("BYE"), 200, "", "")
		e.ended(call.LabelProtocol)
	})
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		_, e, _ := r.callOut(bob, allowsUpdate, "Session-Expires: 600;refresher=uac")
		start := time.Now()
		bob.answer(bob.after(300*time.Second, "UPDATE"), 405, "", "")
		tries := 0
		for {
			m := <-bob.got
			if m.Method == "BYE" {
				bob.answer(m, 200, "", "")
				break
			}
			if m.Method == "INVITE" {
				tries++
				bob.answer(m, 488, "", "")
			}
		}
		if end := time.Since(start); tries < 3 || end < 568*time.Second || end > 569*time.Second {
			t.Errorf("%d tries, BYE after %v", tries, end)
		}
		e.ended(call.LabelProtocol)
	})
}

// A 2xx without Session-Expires turns the timer off, and with it there is none from the beginning.
func TestC43TurnedOff(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		_, e, _ := r.callOut(bob, allowsUpdate, "Session-Expires: 100;refresher=uac")
		bob.answer(bob.after(50*time.Second, "UPDATE"), 200, "", "")
		bob.quiet(9 * time.Minute)
		e.none(0)
	})
}

// A far end that is gone, where no session timer tells: it is asked whether it is there, and the leg ends if it is not.
func TestVanishedPeer(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		_, e, _ := r.callOut(bob)
		bob.answer(bob.after(10*time.Minute, "OPTIONS"), 200, "", "")
		pass(5 * time.Minute)
		r.speak()
		bob.answer(bob.after(12*time.Minute+30*time.Second, "OPTIONS"), 404, "", "") // at least it knows the dialog
		bob.answer(bob.after(10*time.Minute, "OPTIONS"), 481, "", "")
		bob.answer(bob.receive("BYE"), 481, "", "")
		end := want[call.LegEnded](e)
		if end.Cause.Label != call.LabelProtocol || end.Cause.Text != "no media" {
			t.Errorf("cause: %+v", end.Cause)
		}
	})
}

// Where the trunk says how long a far end may be silent, it is not asked; one that is not to be heard may be silent for ever.
func TestSilence(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, with("bob", directory.Signalling{Silence: time.Minute}))
		bob := r.phone(bobAt)
		leg, e, _ := r.callOut(bob)
		pass(50 * time.Second)
		r.speak()
		leg.Hold(true)
		bob.answer(bob.receive("INVITE"), 200, "", way("recvonly", "3"))
		bob.receive("ACK")
		bob.quiet(30 * time.Minute)
		leg.Hold(false)
		bob.answer(bob.receive("INVITE"), 200, "", way("sendrecv", "4"))
		bob.receive("ACK")
		start := time.Now()
		bob.answer(bob.receive("BYE"), 200, "", "")
		if late := time.Since(start); late < 45*time.Second || late > 76*time.Second {
			t.Errorf("BYE after %v", late)
		}
		e.ended(call.LabelProtocol)
	})
	inTime(t, func(t *testing.T) { // a session of 24 years is none
		r := newRig(t)
		bob := r.phone(bobAt)
		_, _, _ = r.callOut(bob, "Session-Expires: 777777777;refresher=uas")
		bob.answer(bob.after(10*time.Minute, "OPTIONS"), 200, "", "")
	})
	inTime(t, func(t *testing.T) {
		r := newRig(t, with("bob", directory.Signalling{Silence: -1}))
		bob := r.phone(bobAt)
		_, e, _ := r.callOut(bob)
		bob.quiet(24 * time.Hour)
		e.none(0)
	})
}
