package acceptance_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// story is one server with a bridging function, one SIPp that calls and one that is called.
type story struct {
	f          *function
	s          *server
	calleePort int
}

// newStory starts the server; answers are the function's, those of [bridge] without.
func newStory(t *testing.T, answers ...func(event) string) story {
	t.Helper()
	st := story{calleePort: freePort(t)}
	st.f = startFunction(t, append(answers, bridge("+14155550199"))[0])
	st.s = start(t, configFor(st.calleePort, st.f.URL))
	return st
}

// call calls by a scenario.
func (st story) call(t *testing.T, scenario string, args ...string) *sipp {
	t.Helper()
	return startSIPp(t, scenario, st.s.SIP, freePort(t), append([]string{"-s", "+12065550100"}, args...)...)
}

// run plays both scenarios to their ends, and waits until the server is idle.
func (st story) run(t *testing.T, caller, callee string) (from, to *sipp) {
	t.Helper()
	to = startSIPp(t, callee, "", st.calleePort)
	from = st.call(t, caller)
	from.wait(t)
	to.wait(t)
	st.s.idle(t)
	return from, to
}

// times gives when messages that begin so were received, since the first of them.
func (s *sipp) times(t *testing.T, prefix string) []time.Duration {
	t.Helper()
	var began time.Time
	var out []time.Duration
	for _, m := range s.trace(t) {
		if m.sent || !strings.HasPrefix(m.text, prefix) {
			continue
		}
		if began.IsZero() {
			began = m.at
		}
		out = append(out, m.at.Sub(began))
	}
	return out
}

// C09: without ACK the 200 is repeated for 32 s; then BYE.
func TestC09AnswerWithoutAck(t *testing.T) {
	t.Parallel()
	st, from, to := points(t)["c09-answer-without-ack"].play(t)
	wantTimes(t, "200 OK", from.times(t, "SIP/2.0 200"), 0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500)
	if got := row(t, first(t, from.received(t), "BYE"), "Reason"); !strings.HasPrefix(got, "Q.850;cause=") {
		t.Errorf("BYE with Reason %q", got)
	}
	if n := len(all(to.received(t), "BYE")); n != 1 {
		t.Errorf("the callee was hung up %d times", n)
	}
	if c := st.s.calls(t, 1)[0]; c.Cause.Label != "protocol" && c.Legs[0].Cause.Label != "protocol" {
		t.Errorf("the record says %s and %s", c.Cause, c.Legs[0].Cause)
	}
}

// C11: 100 comes at once, however slow the function; and that of the callee is not relayed.
func TestC11Trying(t *testing.T) {
	t.Parallel()
	bridging := bridge("+14155550199")
	st := newStory(t, func(ev event) string {
		if ev.InvocationEventType == "NEW_INBOUND_CALL" {
			time.Sleep(1500 * time.Millisecond) // a slow function is what is tested
		}
		return bridging(ev)
	})
	from, _ := st.run(t, callerFor(50), scenario(onInvite(), onAnswer("100 Callee is trying"), onAnswer("180 Ringing"), onAnswer("200 OK"),
		take("ACK"), take("BYE"), onLast("200 OK")))
	trace := from.trace(t)
	if !strings.HasPrefix(trace[1].text, "SIP/2.0 100") || trace[1].at.Sub(trace[0].at) > 200*time.Millisecond {
		t.Errorf("after %v came\n%s", trace[1].at.Sub(trace[0].at), trace[1].text)
	}
	if trying := all(from.received(t), "SIP/2.0 100"); len(trying) != 1 || strings.Contains(trying[0], "Callee is trying") {
		t.Errorf("the caller received %q", trying)
	}
}

// C13: CSeq may skip, never go back; its method must be the request's.
func TestC13SequenceNumbers(t *testing.T) {
	t.Parallel()
	st := newStory(t)
	st.run(t, scenario(invite(), progress(), answered(), ack(),
		inDialog("OPTIONS", 12), take("200"), inDialog("OPTIONS", 11), take("500"), bye(20), take("200")), callee())
	w := newWire(t, "127.0.0.1:0")
	w.send(st.s.addr(), ask("OPTIONS", "sip:"+st.s.SIP, w.at, "mismatch", "", "CSeq: 1 INFO"))
	w.receive("SIP/2.0 400")
}

// C14: what belongs to no dialog is refused with 481; a stray ACK is passed over.
func TestC14UnknownDialog(t *testing.T) {
	t.Parallel()
	st := newStory(t)
	for _, method := range []string{"BYE", "INFO", "UPDATE", "INVITE"} {
		request := strings.Replace(outside(method, toServer), "[remote_port]>\n", "[remote_port]>;tag=nobody\n", 1)
		steps := []string{request, may("100"), take("481")}
		if method == "INVITE" {
			steps = append(steps, ackRefusal())
		}
		st.call(t, scenario(steps...)).wait(t)
	}
	stray := message{line: "ACK " + toServer + " SIP/2.0", head: callerHead(freshVia, "ACK", 1, ";tag=nobody"), rows: []string{hops}, once: true}.String()
	st.call(t, scenario(stray, wait(300), outside("OPTIONS", toServer), take("200"))).wait(t)
	st.run(t, caller(), callee())
}

// C16: the leg dialled for another has one hop less; one that has none left is refused; who says nothing has 70.
func TestC16MaxForwards(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, out string }{{"Max-Forwards: 70", "69"}, {"Max-Forwards: 1", "0"}, {noHops, "69"}} {
		t.Run(tt.in, func(t *testing.T) {
			t.Parallel()
			_, to := newStory(t).run(t, caller(tt.in), callee())
			if got := row(t, first(t, to.received(t), "INVITE"), "Max-Forwards"); got != tt.out {
				t.Errorf("Max-Forwards: %s, want %s", got, tt.out)
			}
		})
	}
	t.Run("none left", func(t *testing.T) {
		t.Parallel()
		newStory(t).call(t, refused(483, "Max-Forwards: 0")).wait(t)
	})
}

// C18: what can't be served is refused as RFC 3261 section 8.2 says, with what the caller needs to know.
func TestC18Refusals(t *testing.T) {
	t.Parallel()
	st := newStory(t)
	version := strings.Replace(outside("OPTIONS", toServer), " SIP/2.0\n", " SIP/7.0\n", 1)
	for _, tt := range []struct {
		name, request, status, row, want string
	}{
		{"unknown option", outside("OPTIONS", toServer, "Require: nothingSupportsThis, nothingSupportsThisEither"), "420", "Unsupported", "nothingSupportsThis, nothingSupportsThisEither"},
		{"sec-agree is not there", invite("Require: sec-agree"), "420", "Unsupported", "sec-agree"},
		{"method that is not served", outside("REGISTER", toServer), "405", "Allow", "INVITE"},
		{"unknown method", outside("NEWMETHOD", toServer), "501", "Allow", "INVITE"},
		{"unknown content", inviteWith("<unknown/>\n", "Content-Type: application/unknownformat"), "415", "Accept", "application/sdp"},
		{"content encoding", inviteWith(offer, "Content-Encoding: gzip"), "415", "", ""},
		{"no answer in SDP", invite("Accept: text/plain"), "406", "", ""},
		{"unknown scheme", outside("OPTIONS", "nobodyKnowsThisScheme:totallyopaquecontent"), "416", "", ""},
		{"unknown version", version, "505", "", ""},
		{"no common codec", inviteWith(strings.Replace(offer, "RTP/AVP 0 101", "RTP/AVP 18", 1)), "488", "Warning", "304"},
		{"SDP that is none", inviteWith("v=0\nthis is none\n"), "488", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			steps := []string{tt.request, may("100"), take(tt.status)}
			if strings.Contains(tt.request, "\nINVITE ") {
				steps = append(steps, ackRefusal())
			}
			c := st.call(t, scenario(steps...))
			c.wait(t)
			if got := row(t, first(t, c.received(t), "SIP/2.0 "+tt.status), tt.row); tt.row != "" && !strings.Contains(got, tt.want) {
				t.Errorf("%s: %q lacks %q", tt.row, got, tt.want)
			}
		})
	}
	t.Cleanup(func() {
		if n := len(st.f.seen("NEW_INBOUND_CALL")); n != 0 {
			t.Errorf("the function was asked about %d of them", n)
		}
	})
}

// C33: CANCEL ends a call that rings, does nothing to one that is answered, and is refused where there is none.
func TestC33Cancel(t *testing.T) {
	t.Parallel()
	t.Run("while it rings", func(t *testing.T) {
		t.Parallel()
		st := newStory(t)
		st.run(t, scenario(invite(), may("100"), take("180"), wait(100), cancel(), take("200"), take("487"), ackRefusal()),
			scenario(onInvite(), onAnswer("180 Ringing"), take("CANCEL"), onLast("200 OK"), onAnswer("487 Request Terminated"), take("ACK")))
		if c := st.s.calls(t, 1)[0]; c.Legs[0].Cause.Label != "cancelled" || c.Legs[0].Cause.SIP != 487 {
			t.Errorf("the record says %s", c.Legs[0].Cause)
		}
	})
	t.Run("after the answer", func(t *testing.T) {
		t.Parallel()
		newStory(t).run(t, scenario(invite(), progress(), answered(), ack(), wait(50), cancel(), take("200"), wait(200), bye(2), take("200")), callee())
	})
	t.Run("of nothing", func(t *testing.T) {
		t.Parallel()
		nothing := message{line: "CANCEL " + toServer + " SIP/2.0", head: callerHead(freshVia, "CANCEL", 1, ""), rows: []string{hops}}.String()
		newStory(t).call(t, scenario(nothing, take("481"))).wait(t)
	})
}

// C34: the caller may hang up with BYE before the answer; both may hang up at once.
func TestC34EarlyAndCrossingBye(t *testing.T) {
	t.Parallel()
	t.Run("early", func(t *testing.T) {
		t.Parallel()
		early := strings.Replace(strings.Replace(bye(2), "[next_url]", toServer, 1), "[routes]\n", "", 1)
		st := newStory(t)
		from, _ := st.run(t, scenario(invite(), may("100"), take("180"), early, take("200"), take("487"), ackRefusal()),
			scenario(onInvite(), onAnswer("180 Ringing"), take("CANCEL"), onLast("200 OK"), onAnswer("487 Request Terminated"), take("ACK")))
		if len(all(from.received(t), "SIP/2.0 487")) == 0 {
			t.Error("no 487 to the INVITE")
		}
	})
	t.Run("crossing", func(t *testing.T) {
		t.Parallel()
		far := newWire(t, "127.0.0.1:0")
		s := start(t, configFor(far.port(), startFunction(t, bridge("+14155550199")).URL))
		near := newWire(t, "127.0.0.1:0")
		inv := ask("INVITE", "sip:+12065550100@"+s.SIP, near.at, "crossing", plainOffer)
		near.send(s.addr(), inv)
		out := far.receive("INVITE")
		far.send(s.addr(), reply(out, "200 OK", "far", plainOffer, fmt.Sprintf("Contact: <sip:far@%s>", far.at)))
		far.receive("ACK")
		ok := near.receive("SIP/2.0 200")
		near.send(s.addr(), ackOf(inv, ok))
		far.send(s.addr(), ask("BYE", "sip:"+s.SIP, far.at, rowOf(out, "Call-ID"), "", "From: "+rowOf(out, "To")+";tag=far", "To: "+rowOf(out, "From")))
		far.receive("SIP/2.0 200")
		theirs := near.receive("BYE") // and its answer is late
		near.send(s.addr(), ask("BYE", "sip:"+s.SIP, near.at, "crossing", "", "CSeq: 2 BYE", "To: "+rowOf(ok, "To")))
		near.receive("SIP/2.0 200")
		near.send(s.addr(), reply(theirs, "200 OK", "", ""))
		s.idle(t)
	})
}

// multipart is SDP among other parts.
func multipart(kind, otherPart string) string {
	return fmt.Sprintf("--edge\nContent-Type: application/x-other\n%s\nsomething else\n--edge\nContent-Type: %s\n\n%s--edge--\n", otherPart, kind, offer)
}

// C68: SDP among other parts is found; a part that must be understood and is not refuses the call.
func TestC68Multipart(t *testing.T) {
	t.Parallel()
	const kind = "Content-Type: multipart/mixed;boundary=edge"
	st := newStory(t)
	whole := scenario(inviteWith(multipart("application/sdp", "Content-Disposition: render;handling=optional\n"), kind), progress(), answered(), ack(), wait(50), bye(2), take("200"))
	_, to := st.run(t, whole, callee())
	if got := row(t, first(t, to.received(t), "INVITE"), "Content-Type"); got != "application/sdp" {
		t.Errorf("the callee's INVITE has %s", got)
	}
	st.call(t, scenario(inviteWith(multipart("application/sdp", "Content-Disposition: render;handling=required\n"), kind), may("100"), take("415"), ackRefusal())).wait(t)
}

// C70: BYE overtakes ACK, or the ACK comes late: the call ends, and nothing is left.
func TestC70Overtaken(t *testing.T) {
	t.Parallel()
	newStory(t).run(t, scenario(invite(), progress(), answered(), bye(2), take("200"), wait(100), ack(), wait(200)), callee())
	newStory(t).run(t, scenario(invite(), progress(), answered(), wait(900), ack(), bye(2), take("200")), callee())
}
