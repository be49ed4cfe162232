package acceptance_test

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/test/need"
)

// patient bridges as [bridge] does and lets the callee ring for two minutes.
func patient(ev event) string {
	return strings.Replace(bridge("+14155550199")(ev), `"CallTimeoutSeconds":30`, `"CallTimeoutSeconds":120`, 1)
}

// ends is the end of each callee that is hung up.
func ends() string { return take("BYE") + onLast("200 OK") }

// C07: a silent peer gets seven INVITEs in 32 s; then the function hears of it, and the caller gets what it says.
func TestC07SilentPeer(t *testing.T) {
	t.Parallel()
	st := newStory(t, patient)
	far := newWire(t, fmt.Sprintf("127.0.0.1:%d", st.calleePort))
	from := st.call(t, readScenario(t, "c07-silent-peer-uac"))
	began := time.Time{}
	var at []time.Duration
	for range 7 {
		m := far.receiveStamped("INVITE")
		if began.IsZero() {
			began = m.came
		}
		at = append(at, m.came.Sub(began))
		if len(at) > 4 {
			time.Sleep(7 * time.Second) // less than the next interval, more than receive is ready to wait
		}
	}
	wantTimes(t, "INVITE", at, 0, 500, 1500, 3500, 7500, 15500, 31500)
	from.wait(t)
	if failed := st.f.seen("ACTION_FAILED"); len(failed) != 1 || failed[0].ActionData.ErrorType != "CallNotAnswered" {
		t.Errorf("the function heard %+v", failed)
	}
	if c := st.s.calls(t, 1)[0]; c.Legs[1].Cause.SIP != 408 || c.Legs[1].Cause.Label != "unreachable" {
		t.Errorf("the record says %s", c.Legs[1].Cause)
	}
	far.quiet(100 * time.Millisecond)
}

// C10: a 200 that is repeated is acknowledged again.
func TestC10RepeatedAnswer(t *testing.T) {
	t.Parallel()
	_, to := newStory(t).run(t, callerFor(900), scenario(onInvite(), onAnswer("200 OK"), take("ACK"),
		wait(200), message{line: "SIP/2.0 200 OK", head: answerHead(";" + tagged), rows: withContact(nil), body: offer, once: true}.String(), take("ACK"), ends()))
	if n := len(all(to.received(t), "ACK")); n != 2 {
		t.Errorf("%d ACKs, want 2", n)
	}
}

// C12: each leg has a Call-ID and tags of its own; a callee without a tag is one whose tag is empty.
func TestC12Tags(t *testing.T) {
	t.Parallel()
	from, to := newStory(t).run(t, caller(), scenario(onInvite(), onAnswerAs("200 OK", "", offer), take("ACK"), ends()))
	in, out := from.trace(t)[0].text, first(t, to.received(t), "INVITE")
	for _, name := range []string{"Call-ID", "From"} {
		if got := row(t, out, name); got == row(t, in, name) || param(in, "tag") == param(got, "tag") {
			t.Errorf("%s of the caller goes to the callee: %s", name, got)
		}
	}
	if answerTag := param(rowOf(first(t, from.received(t), "SIP/2.0 200"), "To"), "tag"); answerTag == "" || answerTag == param(rowOf(out, "From"), "tag") {
		t.Errorf("tag of the answer to the caller: %q", answerTag)
	}
	for _, method := range []string{"ACK", "BYE"} {
		if got := row(t, first(t, to.received(t), method), "To"); strings.Contains(got, "tag=") {
			t.Errorf("%s to a callee without tag: %s", method, got)
		}
	}
}

// C19: the routes that the answer recorded are taken, in reverse, whole, and their first is where requests go.
func TestC19RouteSet(t *testing.T) {
	t.Parallel()
	st := newStory(t)
	first1 := fmt.Sprintf("<sip:127.0.0.1:%d;lr;r2=on>", st.calleePort)
	_, to := st.run(t, caller(), scenario(onInvite(), onAnswer("200 OK", "Record-Route: <sip:p1.example.com;lr;ftag=x>;y=1, "+first1,
		"Contact: <sip:callee@192.0.2.1:5070>"), take("ACK"), ends()))
	for _, method := range []string{"ACK", "BYE"} {
		m := first(t, to.received(t), method)
		if got, want := strings.Join(rows(m, "Route"), ", "), first1+", <sip:p1.example.com;lr;ftag=x>;y=1"; got != want {
			t.Errorf("%s by way of %s, want %s", method, got, want)
		}
		if !strings.HasPrefix(m, method+" sip:callee@192.0.2.1:5070 SIP/2.0") {
			t.Errorf("%s", m)
		}
	}
}

// C21: after a re-INVITE requests go to its Contact.
func TestC21TargetRefresh(t *testing.T) {
	t.Parallel()
	st := newStory(t)
	moved := newWire(t, "127.0.0.1:0")
	to := startSIPp(t, scenario(onInvite(), onAnswer("200 OK"), take("ACK"), wait(100),
		onRequestWith(offer, "INVITE", 1, fmt.Sprintf("Contact: <sip:moved@%s>", moved.at)), may("100"), answered(), onRequest("ACK", 1)), "", st.calleePort)
	from := st.call(t, callerFor(800))
	to.wait(t)
	gone := moved.receive("BYE sip:moved@")
	moved.send(st.s.addr(), reply(gone, "200 OK", "", ""))
	from.wait(t)
}

// C23: no more than 1300 bytes go over UDP, and nothing much shorter goes over TCP.
func TestC23LongInvite(t *testing.T) {
	t.Parallel()
	far := newWire(t, fmt.Sprintf("127.0.0.1:%d", freePort(t))) // free for TCP too
	l, err := net.Listen("tcp", far.at.String())
	if err != nil {
		t.Fatal(err)
	}
	streamed := make(chan string, 100)
	accept(t, l, func(c net.Conn) { refuseAll(c, streamed) })
	s := start(t, configFor(far.port(), startFunction(t, bridge("+14155550199")).URL))
	near := newWire(t, "127.0.0.1:0")
	place := func(n, fill int) (size int, udp bool) {
		inv := ask("INVITE", "sip:+12065550100@"+s.SIP, near.at, fmt.Sprint("long", n), plainOffer, "X-Fill: "+strings.Repeat("x", fill))
		near.send(s.addr(), inv)
		defer func() { near.send(s.addr(), ackOf(inv, near.receive("SIP/2.0 480"))) }()
		for {
			select {
			case m := <-streamed:
				return len(m), false
			case d := <-far.got:
				if m := d.text; strings.HasPrefix(m, "INVITE") {
					far.send(s.addr(), reply(m, "486 Busy Here", "far", ""))
					return len(m), true
				}
			}
		}
	}
	bare, _ := place(0, 1)
	sent := map[bool]int{}
	for i := range 24 { // the numbers in an INVITE differ in length from call to call
		size, udp := place(i+1, 1300-bare-60+4*i)
		sent[udp]++
		if udp && size > 1300 {
			t.Errorf("%d bytes went by UDP", size)
		}
		if !udp && size < 1260 { // how long its Via will be is guessed, with a margin
			t.Errorf("%d bytes went by TCP", size)
		}
	}
	if sent[true] < 5 || sent[false] < 5 {
		t.Errorf("by UDP %d, by TCP %d: the limit was not tested from both sides", sent[true], sent[false])
	}
}

// refuseAll answers each INVITE of a connection with 486 and tells of it.
func refuseAll(c net.Conn, got chan<- string) {
	var pending string
	buf := make([]byte, 65536)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		for pending += string(buf[:n]); ; {
			head, _, whole := strings.Cut(pending, "\r\n\r\n")
			length, _ := strconv.Atoi(rowOf(head, "Content-Length"))
			size := len(head) + 4 + length
			if !whole || len(pending) < size {
				break
			}
			m := pending[:size]
			pending = pending[size:]
			if strings.HasPrefix(m, "INVITE") {
				io.WriteString(c, reply(m, "486 Busy Here", "far", ""))
				got <- m
			}
		}
	}
}

// C23: where nobody listens on TCP, a long INVITE goes over UDP all the same; where somebody does, all of the call goes there.
func TestC23LongCall(t *testing.T) {
	t.Parallel()
	for listens, want := range map[string]string{"t1": "TCP", "u1": "UDP"} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			st := newStory(t)
			fill := strings.Repeat("x", 1500)
			to := startSIPp(t, callee(), "", st.calleePort, "-t", listens)
			st.call(t, caller("X-Fill: "+fill)).wait(t)
			to.wait(t)
			for _, m := range to.received(t) {
				if via := row(t, m, "Via"); !strings.HasPrefix(via, "SIP/2.0/"+want+" ") {
					t.Errorf("%s by %s", m[:6], via)
				}
			}
			if got := row(t, first(t, to.received(t), "INVITE"), "X-Fill"); got != fill {
				t.Errorf("X-Fill has %d bytes, want %d", len(got), len(fill))
			}
		})
	}
}

// C30: of a call that was forked each answer is acknowledged, and all but the first are hung up.
func TestC30Forked(t *testing.T) {
	t.Parallel()
	fork := func(status, tag string) string {
		body := ""
		if status[0] == '2' {
			body = offer
		}
		return message{line: "SIP/2.0 " + status, head: answerHead(";tag=" + tag), rows: withContact(nil), body: body, once: true}.String()
	}
	from, to := newStory(t).run(t, callerFor(600), scenario(onInvite(), fork("180 Ringing", "one"), fork("180 Ringing", "two"), fork("183 Session Progress", "three"),
		fork("200 OK", "one"), take("ACK"), fork("200 OK", "two"), take("ACK"), take("BYE"), onLast("200 OK"), ends()))
	if tag := param(row(t, all(to.received(t), "BYE")[0], "To"), "tag"); tag != "two" {
		t.Errorf("hung up first: %q, want the loser", tag)
	}
	if tag := param(row(t, all(to.received(t), "BYE")[1], "To"), "tag"); tag != "one" {
		t.Errorf("hung up last: %q", tag)
	}
	if n := len(all(from.received(t), "SIP/2.0 200")); n != 2 { // to INVITE and to BYE
		t.Errorf("the caller received %d of 200", n)
	}
}

// C32: CANCEL waits for the first response; a 200 that crosses it is acknowledged and hung up.
func TestC32Cancel(t *testing.T) {
	t.Parallel()
	gaveUp := func(after string) string {
		return scenario(invite(), take("100"), after, wait(200), cancel(), take("200"), take("487"), ackRefusal())
	}
	t.Run("before any response", func(t *testing.T) {
		t.Parallel()
		_, to := newStory(t).run(t, gaveUp(""), scenario(onInvite(), wait(700), onAnswer("180 Ringing"), take("CANCEL"), onLast("200 OK"),
			onAnswer("487 Request Terminated"), take("ACK")))
		trace := to.trace(t)
		for i, m := range trace {
			if strings.HasPrefix(m.text, "CANCEL") {
				if !strings.HasPrefix(trace[i-1].text, "SIP/2.0 180") {
					t.Errorf("CANCEL came after\n%s", trace[i-1].text)
				}
				if reason := row(t, m.text, "Reason"); !strings.HasPrefix(reason, "Q.850;cause=16") {
					t.Errorf("CANCEL with Reason %q", reason)
				}
				break
			}
		}
	})
	t.Run("crossed by the answer", func(t *testing.T) {
		t.Parallel()
		newStory(t).run(t, gaveUp(take("180")), scenario(onInvite(), onAnswer("180 Ringing"), take("CANCEL"),
			message{line: "SIP/2.0 200 OK", head: answerHead(";" + tagged), rows: withContact(nil), body: offer, once: true}.String(), take("ACK"), ends()))
	})
}

// C42: what 183 answered the 200 answers again, to the byte, whatever the callee's own 200 says.
func TestC42OneAnswer(t *testing.T) {
	t.Parallel()
	_, from, _ := points(t)["c42-one-answer"].play(t)
	body := func(prefix string) string {
		_, b, _ := strings.Cut(crlf(first(t, from.received(t), prefix)), "\r\n\r\n")
		return strings.TrimSpace(b)
	}
	early, final := body("SIP/2.0 183"), body("SIP/2.0 200")
	if early == "" || early != final {
		t.Errorf("183 answers\n%s\nand 200\n%s", early, final)
	}
}

// C58: a callee that redirects is followed to the contacts on its trunk, the best first, with the headers of their URIs and
// the Diversion that it gave; what is not on the trunk is never called.
func TestC58Redirected(t *testing.T) {
	t.Parallel()
	st := newStory(t)
	second, foreign := freePort(t), newWire(t, "127.0.9.9:0")
	uui := "00c0ffee;encoding=hex"
	to := startSIPp(t, scenario(onInvite(), onAnswer("302 Moved Temporarily",
		fmt.Sprintf("Contact: <sip:toll@%s>;q=1.0, <sip:second@127.0.0.1:%d?User-to-User=00c0ffee%%3Bencoding%%3Dhex&P-Asserted-Identity=%%3Csip%%3Aevil%%40x%%3E>;q=0.5", foreign.at, second),
		"Diversion: <sip:first@example.com>;reason=user-busy"), take("ACK")), "", st.calleePort)
	moved := startSIPp(t, callee(), "", second)
	from := st.call(t, caller("Diversion: <sip:older@example.com>;reason=unconditional", "User-to-User: 00aa;encoding=hex"))
	for _, s := range []*sipp{to, moved, from} {
		s.wait(t)
	}
	inv := first(t, moved.received(t), "INVITE")
	if !strings.HasPrefix(inv, fmt.Sprintf("INVITE sip:second@127.0.0.1:%d SIP/2.0", second)) {
		t.Errorf("the second callee received\n%s", inv)
	}
	if got := rows(inv, "User-to-User"); len(got) != 1 || got[0] != uui {
		t.Errorf("User-to-User: %q, want that of the contact", got)
	}
	if got, want := strings.Join(rows(inv, "Diversion"), ", "), "<sip:first@example.com>;reason=user-busy, <sip:older@example.com>;reason=unconditional"; got != want {
		t.Errorf("Diversion: %s, want %s", got, want)
	}
	if strings.Contains(inv, "evil") {
		t.Errorf("an identity came in by a contact:\n%s", inv)
	}
	foreign.quiet(100 * time.Millisecond)
}

// C65: Diversion and History-Info pass in order, row for row, to the function and to the callee, as they came.
func TestC65Order(t *testing.T) {
	t.Parallel()
	f := startFunction(t, bridge("+14155550199"))
	calleePort := freePort(t)
	s := start(t, configFor(calleePort, f.URL))
	to := startSIPp(t, callee(), "", calleePort)
	in := []string{
		`"a, b" <sip:+12065550111@example.com>;reason=user-busy;counter=2`, `<tel:+12065550112>;reason=unconditional;privacy="full"`,
		`<sip:+12065550113@example.com;user=phone>;reason=USER-BUSY;screen=no;x="y;z"`,
	}
	startSIPp(t, caller("Diversion: "+in[0]+", "+in[1], "Diversion: "+in[2]), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
	to.wait(t)
	want := strings.Join(in, ", ")
	if got := f.seen("NEW_INBOUND_CALL")[0].CallDetails.Participants[0].SipHeaders["Diversion"]; got != want {
		t.Errorf("the function saw\n%s, want\n%s", got, want)
	}
	if got := strings.Join(rows(first(t, to.received(t), "INVITE"), "Diversion"), ", "); got != want {
		t.Errorf("the callee saw\n%s, want\n%s", got, want)
	}
}

// C65: a trunk that speaks the other form gets it (RFC 7544), in its own order.
func TestC65Mapped(t *testing.T) {
	t.Parallel()
	f := startFunction(t, bridge("+14155550199"))
	calleePort := freePort(t)
	s := start(t, config{peers: []string{peerAt(calleePort)}, functions: []string{f.URL},
		trunk: `out: {trusted: true, diversion: history-info, rules: [{match: Diversion, do: keep}, {match: History-Info, do: keep}]}`}.yaml())
	to := startSIPp(t, callee(), "", calleePort)
	startSIPp(t, caller("Diversion: <sip:carol@example.com>;reason=user-busy, <sip:bob@example.com>;reason=unconditional"), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
	to.wait(t)
	inv := first(t, to.received(t), "INVITE")
	if len(rows(inv, "Diversion")) != 0 {
		t.Errorf("both forms went out:\n%s", inv)
	}
	want := []string{"<sip:bob@example.com>;index=1", "<sip:carol@example.com;cause=302>;index=1.1;mp=1", fmt.Sprintf("<sip:+14155550199@127.0.0.1:%d;cause=486>;index=1.1.1;mp=1.1", calleePort)}
	if got := strings.Join(rows(inv, "History-Info"), ", "); got != strings.Join(want, ", ") {
		t.Errorf("History-Info:\n%s, want\n%s", got, strings.Join(want, ", "))
	}
}

// C70: the callee's BYE overtakes its 200.
func TestC70ByeBeforeAnswer(t *testing.T) {
	t.Parallel()
	far := newWire(t, "127.0.0.1:0")
	s := start(t, configFor(far.port(), startFunction(t, bridge("+14155550199")).URL))
	near := newWire(t, "127.0.0.1:0")
	inv := ask("INVITE", "sip:+12065550100@"+s.SIP, near.at, "overtaken", plainOffer)
	near.send(s.addr(), inv)
	out := far.receive("INVITE")
	far.send(s.addr(), reply(out, "180 Ringing", "far", "", fmt.Sprintf("Contact: <sip:far@%s>", far.at)))
	far.send(s.addr(), ask("BYE", "sip:"+s.SIP, far.at, rowOf(out, "Call-ID"), "", "From: "+rowOf(out, "To")+";tag=far", "To: "+rowOf(out, "From")))
	far.receive("SIP/2.0 200")
	far.send(s.addr(), reply(out, "200 OK", "far", plainOffer, fmt.Sprintf("Contact: <sip:far@%s>", far.at)))
	far.receive("ACK")
	near.send(s.addr(), ackOf(inv, near.receive("SIP/2.0 200")))
	gone := near.receive("BYE")
	near.send(s.addr(), reply(gone, "200 OK", "", ""))
	s.idle(t)
}

// C17: a call that comes back to us again and again ends when its hops are used up, and all of it with it.
func TestC17Loop(t *testing.T) {
	t.Parallel()
	for _, hops := range []int{5, 70} {
		t.Run(strconv.Itoa(hops), func(t *testing.T) {
			t.Parallel()
			own := freePort(t)
			f := startFunction(t, bridge("+12065550100"))
			s := start(t, configFor(own, f.URL), "--sip", fmt.Sprintf("127.0.0.1:%d", own))
			startSIPp(t, refused(480, fmt.Sprintf("Max-Forwards: %d", hops)), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
			s.idle(t)
			if n := len(f.seen("NEW_INBOUND_CALL")); n != hops {
				t.Errorf("the call came %d times, want %d", n, hops)
			}
			worst := 0
			for _, c := range s.calls(t, hops) {
				for _, leg := range c.Legs {
					if leg.Cause.SIP == 483 {
						worst++
					}
				}
			}
			if worst == 0 {
				t.Error("no leg was refused with 483")
			}
		})
	}
}

// needIPv6 says that a test needs an IPv6 loopback.
func needIPv6(t *testing.T) {
	t.Helper()
	c, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		need.Missing(t, "this machine has no IPv6: "+err.Error())
	}
	c.Close()
}

// C67: a caller who has IPv4 alone and a callee who has IPv6 alone are connected; each is told addresses of its own family.
func TestC67TwoFamilies(t *testing.T) {
	t.Parallel()
	needIPv6(t)
	c, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	far, ok := c.LocalAddr().(*net.UDPAddr)
	if !ok {
		t.Fatal("no UDP address")
	}
	own := freePort(t)
	f := startFunction(t, bridge("+14155550199"))
	yaml := config{peers: []string{fmt.Sprintf("{host: \"::1\", port: %d}", far.Port)}, trunk: "allow: [127.0.0.1, \"::1\"]", functions: []string{f.URL},
		more: fmt.Sprintf("sip: {listen: [\"udp://127.0.0.1:%d\", \"udp://[::1]:%d\"]}\n", own, own)}.yaml()
	s := start(t, yaml, "--sip", "")
	near := newWire(t, "127.0.0.1:0")
	inv := ask("INVITE", "sip:+12065550100@"+s.SIP, near.at, "families", plainOffer)
	near.send(s.addr(), inv)
	buf := make([]byte, 65536)
	exchange := func(want string, answer func(m string) string) string {
		for {
			if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				t.Fatalf("no %s: %v", want, err)
			}
			if m := string(buf[:n]); strings.HasPrefix(m, want) {
				if answer != nil {
					if _, err := c.WriteTo([]byte(answer(m)), from); err != nil {
						t.Fatal(err)
					}
				}
				return m
			}
		}
	}
	out := exchange("INVITE", func(m string) string {
		body := strings.ReplaceAll(plainOffer, "IP4 127.0.0.1", "IP6 ::1")
		return reply(m, "200 OK", "far", body, fmt.Sprintf("Contact: <sip:far@[::1]:%d>", far.Port))
	})
	exchange("ACK", nil)
	answer := near.receive("SIP/2.0 200")
	near.send(s.addr(), ackOf(inv, answer))
	if !strings.HasPrefix(out, fmt.Sprintf("INVITE sip:+14155550199@[::1]:%d SIP/2.0", far.Port)) || !strings.Contains(rowOf(out, "Via"), "[::1]:") ||
		!strings.Contains(rowOf(out, "Contact"), "<sip:[::1]:") || !strings.Contains(out, "c=IN IP6 ::1") {
		t.Errorf("the callee received\n%s", out)
	}
	if !strings.Contains(answer, "c=IN IP4 127.0.0.1") || strings.Contains(answer, "::1") {
		t.Errorf("the caller received\n%s", answer)
	}
	near.send(s.addr(), ask("BYE", "sip:"+s.SIP, near.at, "families", "", "CSeq: 2 BYE", "To: "+rowOf(answer, "To")))
	near.receive("SIP/2.0 200")
	exchange("BYE", func(m string) string { return reply(m, "200 OK", "", "") })
	s.idle(t)
}
