package acceptance_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/header"
)

// carried is the context that a call brings, whoever it is transferred to.
func carried() []string {
	return []string{"User-to-User: 00FA080001247C5E46F6E6;encoding=hex", "Diversion: <sip:+12065550188@pbx.example>;reason=no-answer;counter=1", "X-Account-Id: 4711+a@b"}
}

// transferring is a server with two trunks: that of caller and callee, and that of a desk, which is called only.
type transferring struct {
	*server
	callee, desk int // ports
}

func newTransferring(t *testing.T, trunk string) transferring {
	t.Helper()
	return newTransferringTo(t, trunk, freePort(t), freePort(t))
}

func newTransferringTo(t *testing.T, trunk string, callee, desk int) transferring {
	t.Helper()
	x := transferring{callee: callee, desk: desk}
	f := startFunction(t, bridge("+14155550199"))
	yaml := config{peers: []string{peerAt(x.callee)}, trunk: trunk, functions: []string{f.URL}}.yaml()
	declared := fmt.Sprintf("  - {id: desk, trusted: true, outOnly: true, host: desk.example, peers: [%s]}\napps:", peerAt(x.desk))
	x.server = start(t, strings.Replace(yaml, "apps:", declared, 1), "--trace")
	return x
}

func (x transferring) call(t *testing.T, text string, args ...string) *sipp {
	t.Helper()
	return startSIPp(t, text, x.SIP, freePort(t), append([]string{"-s", "+12065550100"}, args...)...)
}

// arrived wants an INVITE to bear the context.
func arrived(t *testing.T, invite string, want ...string) {
	t.Helper()
	for _, f := range append(carried(), want...) {
		name, value, _ := strings.Cut(f, ": ")
		if diff := cmp.Diff([]string{value}, rows(invite, name)); diff != "" {
			t.Errorf("%s at the target (-want +got):\n%s", name, diff)
		}
	}
	if len(rows(invite, "Replaces")) > 0 || strings.Contains(strings.SplitN(invite, "\n", 2)[0], "?") {
		t.Errorf("what belongs to REFER alone came along:\n%s", invite)
	}
}

// told awaits a NOTIFY and answers it.
func told() string { return take("NOTIFY") + onLast("200 OK") }

// slow is a callee that rings for a while, so that each step of a transfer is told.
func slow() string {
	return scenario(onInvite(), onAnswer("180 Ringing"), wait(500), onAnswer("200 OK"), take("ACK"), take("BYE"), onLast("200 OK"))
}

// C59: the callee transfers the caller by REFER. The target is called with the call's context and what Refer-To brings; the
// callee is told of each step, and hangs up; the function knows of no change.
func TestTransferByTheCallee(t *testing.T) {
	t.Parallel()
	x := newTransferring(t, "")
	desk := startSIPp(t, slow(), "", x.desk)
	callee := startSIPp(t, scenario(onInvite(), onAnswer("200 OK"), take("ACK"), wait(200),
		onRequest("REFER", 1, "Refer-To: <sip:600@desk.example?X-Why=a%2Cb&Diversion=%3Csip:600@desk.example%3E%3Breason%3Ddeflection>", "X-Own: 1", "Referred-By: <sip:callee@[local_ip]>"),
		take("202"), told(), told(), told(), onRequest("BYE", 2), take("200")), "", x.callee)
	caller := x.call(t, callerFor(2500, carried()...))
	callee.wait(t)
	caller.wait(t)
	desk.wait(t)
	x.idle(t)
	invite := first(t, desk.received(t), "INVITE")
	arrived(t, strings.Replace(invite, "Diversion: <sip:600@desk.example>;reason=deflection\r\n", "", 1), "X-Why: a,b", "X-Own: 1")
	if d := rows(invite, "Diversion"); len(d) != 2 || !strings.HasPrefix(d[0], "<sip:600@") {
		t.Errorf("Diversion rows: %q", d)
	}
	notes := all(callee.received(t), "NOTIFY")
	for i, want := range []string{"SIP/2.0 100", "SIP/2.0 180", "SIP/2.0 200"} {
		if !strings.Contains(notes[i], want) || row(t, notes[i], "Event") != "refer" {
			t.Errorf("NOTIFY %d does not tell %q:\n%s", i, want, notes[i])
		}
	}
	f := x.server.call(t, x.calls(t, 1)[0].ID)
	if len(f.Record.Legs) != 3 {
		t.Errorf("%d legs", len(f.Record.Legs))
	}
	why := map[string]string{}
	for _, e := range f.Ledger {
		if e.Message == "REFER" || e.Message == "transfer" {
			why[e.Name] += string(e.Action) + " " + e.Detail + "; "
		}
	}
	if !strings.Contains(why["X-Own"], "source=refer-header") || !strings.Contains(why["X-Account-Id"], "the call's context goes along") {
		t.Errorf("the ledger says %v", why)
	}
}

// C59: the caller transfers the callee, leaves at once, and that is no end for the callee.
func TestTransferByTheCaller(t *testing.T) {
	t.Parallel()
	x := newTransferring(t, "")
	desk := startSIPp(t, scenario(onInvite(), wait(1000), onAnswer("200 OK"), take("ACK"), wait(500), onRequest("BYE", 1), take("200")), "", x.desk)
	callee := startSIPp(t, callee(), "", x.callee)
	caller := x.call(t, scenario(invite(carried()...), progress(), answered(), ack(), wait(200),
		inDialog("REFER", 2, "Refer-To: <sip:600@desk.example>"), take("202"), told(), bye(3), take("200")))
	caller.wait(t)
	desk.wait(t)
	callee.wait(t)
	x.idle(t)
	arrived(t, first(t, desk.received(t), "INVITE"))
}

// A target that is busy, or may not be dialled, gives the call back: the callee is told and goes on.
func TestTransferThatFailsGivesTheCallBack(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ to, told string }{
		"busy":             {"sip:600@desk.example", "SIP/2.0 486"},
		"S21 foreign host": {"sip:600@evil.example", "SIP/2.0 404"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newTransferring(t, "")
			if name == "busy" {
				startSIPp(t, scenario(onInvite(), wait(300), onAnswer("486 Busy Here"), take("ACK")), "", x.desk)
			}
			callee := startSIPp(t, scenario(onInvite(), onAnswer("200 OK"), take("ACK"), wait(200),
				onRequest("REFER", 1, "Refer-To: <"+tc.to+">"), take("202"), told(), told(), take("BYE"), onLast("200 OK")), "", x.callee)
			caller := x.call(t, callerFor(2000, carried()...))
			caller.wait(t)
			callee.wait(t)
			x.idle(t)
			if notes := all(callee.received(t), "NOTIFY"); !strings.Contains(notes[1], tc.told) {
				t.Errorf("told\n%s", notes[1])
			}
		})
	}
}

// attend has somebody with two calls here transfer the one's callee to the other's (REFER with Replaces). Its legs end.
func (x transferring) attend(t *testing.T) {
	t.Helper()
	second := x.call(t, scenario(invite(), progress(), answered(), ack(), take("BYE"), onLast("200 OK")))
	var consult string
	eventually(t, "the second call", func() bool {
		if _, err := os.Stat(second.file("messages.log")); err != nil {
			return false
		}
		for _, m := range second.trace(t) {
			if !m.sent && strings.HasPrefix(m.text, "SIP/2.0 200") {
				consult = m.text
			}
		}
		return consult != ""
	})
	value := fmt.Sprintf("%s;to-tag=%s;from-tag=%s", row(t, consult, "Call-ID"), param(row(t, consult, "To"), "tag"), param(row(t, consult, "From"), "tag"))
	to, err := header.Embed(header.List{{Name: "Replaces", Value: value}})
	if err != nil {
		t.Fatal(err)
	}
	first := x.call(t, scenario(invite(carried()...), progress(), answered(), ack(), wait(200),
		inDialog("REFER", 2, "Refer-To: <sip:+12065550100@"+x.SIP+"?"+to+">"), take("202"), told(), told(), bye(3), take("200")))
	first.wait(t)
	second.wait(t)
	if notes := all(first.received(t), "NOTIFY"); !strings.Contains(notes[1], "SIP/2.0 200") {
		t.Errorf("told\n%s", notes[1])
	}
}

// C60: both callees hear of nothing, and nobody is called anew; the end of one call is the other's.
func TestC60AttendedTransfer(t *testing.T) {
	t.Parallel()
	x := newTransferring(t, "")
	callees := startSIPp(t, callee(), "", x.callee, "-m", "2")
	x.attend(t)
	var live struct{ Calls []struct{ ID string } }
	x.get(t, "/api/live", &live)
	if len(live.Calls) != 2 {
		t.Fatalf("%d calls stand; want both, tied", len(live.Calls))
	}
	if r := run(t, nil, "hangup", "--api", "http://"+x.HTTP, "--key", "admin", "--secret", "admin-secret", live.Calls[0].ID); r.code != 0 {
		t.Errorf("hangup: %s%s", r.out, r.err)
	}
	callees.wait(t)
	x.idle(t)
	if n := len(all(callees.received(t), "INVITE")); n != 2 {
		t.Errorf("%d INVITEs to the callees; want 2", n)
	}
}

// C60: those who were transferred to each other talk, though each is in a call of its own.
func TestC60AttendedPartiesTalk(t *testing.T) {
	t.Parallel()
	p := newPerson(t, 600) // is called twice: each line hears what the other hums
	x := newTransferringTo(t, "", p.port(), freePort(t))
	x.attend(t)
	one, two := <-p.answers, <-p.answers
	hears(t, "one of the callees", &p.ear, 600)
	one.Hangup(0, nil)
	two.Hangup(0, nil)
	x.idle(t)
}

// Who is transferred talks with the target, and no longer with the party before.
func TestTransferredPartiesTalk(t *testing.T) {
	t.Parallel()
	caller, callee, desk := newPerson(t, 440), newPerson(t, 600), newPerson(t, 700)
	x := newTransferringTo(t, "", callee.port(), desk.port())
	line := caller.calls(t, x.server)
	hears(t, "the caller", &caller.ear, 600)
	x.transfer(t, "600", "--trunk", "desk")
	hears(t, "the caller", &caller.ear, 700)
	hears(t, "the target", &desk.ear, 440)
	over(t, <-callee.answers)
	line.Hangup(0, nil)
	x.idle(t)
}

// port gives the port of a person's phone.
func (p *person) port() int { return int(p.Addr().Port()) }

// Our own transfer by each strategy: what the far end is told with REFER is what it must call the target with.
func TestTransferByOperator(t *testing.T) {
	t.Parallel()
	done := callee()
	for _, strategy := range []string{"header", "refer-to", "both"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			x := newTransferring(t, "transfer: {strategy: "+strategy+"}")
			callee := startSIPp(t, callee(), "", x.callee)
			caller := x.call(t, scenario(invite(carried()...), progress(), answered(), ack(), take("REFER"), onLast("202 Accepted", "Contact: <sip:caller@[local_ip]:[local_port]>"),
				message{line: "NOTIFY [next_url] SIP/2.0", head: callerHead(freshVia, "NOTIFY", 2, peerTag), body: "SIP/2.0 200 OK\n", rows: []string{hops, "Event: refer",
					"Subscription-State: terminated;reason=noresource", "Content-Type: message/sipfrag;version=2.0"}}.String(),
				take("200"), take("BYE"), onLast("200 OK")))
			out := x.transfer(t, toTarget...)
			if !strings.Contains(out, "itself") {
				t.Errorf("the command said %q", out)
			}
			caller.wait(t)
			callee.wait(t)
			x.idle(t)
			refer := first(t, caller.received(t), "REFER")
			target := startSIPp(t, done, "", x.desk)
			startSIPp(t, callerFor(50, obeyed(t, refer, strategy)...), fmt.Sprintf("127.0.0.1:%d", x.desk), freePort(t), "-s", "+14155550177").wait(t)
			target.wait(t)
			arrived(t, first(t, target.received(t), "INVITE"), "X-New: a;b")
		})
	}
}

// obeyed gives the rows that a far end calls the target with: those of Refer-To's URI (RFC 3261 section 19.1.1), or, where the
// strategy is that, those of the REFER.
func obeyed(t *testing.T, refer, strategy string) []string {
	t.Helper()
	a, err := header.ParseNameAddr(row(t, refer, "Refer-To"))
	if err != nil {
		t.Fatal(err)
	}
	u, err := header.ParseURI(a.URI)
	if err != nil {
		t.Fatal(err)
	}
	inside, err := u.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	if (len(inside) == 0) != (strategy == "header") || (len(rows(refer, "X-New")) == 0) != (strategy == "refer-to") || u.User != "+14155550177" {
		t.Errorf("strategy %s gave\n%s", strategy, refer)
	}
	var out []string
	if strategy == "header" {
		for _, name := range []string{"User-to-User", "Diversion", "X-Account-Id", "X-New"} {
			out = append(out, name+": "+row(t, refer, name))
		}
	}
	for _, f := range inside {
		out = append(out, f.Name+": "+f.Value)
	}
	return out
}

// toTarget is what most transfers ask for.
var toTarget = []string{"+14155550177", "--header", "X-New: a;b"}

// transfer has the program transfer the caller of the one call that stands.
func (x transferring) transfer(t *testing.T, args ...string) string {
	t.Helper()
	var id string
	eventually(t, "a call of two answered legs", func() bool {
		var live struct{ Calls []struct{ ID string } }
		x.get(t, "/api/live", &live)
		if len(live.Calls) != 1 {
			return false
		}
		id = live.Calls[0].ID
		var one struct {
			Legs []struct{ Answered string }
		}
		x.get(t, "/api/live/"+id, &one)
		return len(one.Legs) == 2 && one.Legs[0].Answered != "" && one.Legs[1].Answered != ""
	})
	r := run(t, nil, append([]string{"transfer", "--api", "http://" + x.HTTP, "--key", "admin", "--secret", "admin-secret", id, "1"}, args...)...)
	if r.code != 0 {
		t.Fatalf("transfer: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	return r.out
}

// Where the trunk wants no REFER, or the far end refuses it, a leg of ours takes the callee's place, with the same context.
func TestTransferAnchored(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ trunk, refuse string }{
		"by the trunk":             {"transfer: {strategy: anchored}", ""},
		"refused with 405":         {"transfer: {strategy: refer-to}", "405 Method Not Allowed"},
		"refused with 603":         {"transfer: {strategy: both}", "603 Decline"},
		"not told of the strategy": {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newTransferring(t, tc.trunk)
			callees := startSIPp(t, callee(), "", x.callee, "-m", "2")
			steps := []string{invite(carried()...), progress(), answered(), ack()}
			if tc.refuse != "" {
				steps = append(steps, take("REFER"), onLast(tc.refuse))
			}
			caller := x.call(t, scenario(append(steps, wait(2000), bye(2), take("200"))...))
			if out := x.transfer(t, toTarget...); !strings.Contains(out, "leg") {
				t.Errorf("the command said %q", out)
			}
			caller.wait(t)
			callees.wait(t)
			x.idle(t)
			invites := all(callees.received(t), "INVITE sip:+14155550177")
			if len(invites) != 1 {
				t.Fatalf("%d INVITEs to the target", len(invites))
			}
			arrived(t, invites[0], "X-New: a;b")
			if tc.refuse != "" && !strings.Contains(logged(x.server.call(t, x.calls(t, 1)[0].ID), "note"), "carried out here") {
				t.Error("the log does not tell of the refusal")
			}
		})
	}
}

// S39: a far end with two calls here ties them by an attended transfer, and the other one, whose two calls they were too, does
// the same. Nobody is left in either call, and they end.
func TestS39TransferredInACircle(t *testing.T) {
	t.Parallel()
	near, far := newWire(t, "127.0.0.1:0"), newWire(t, "127.0.0.1:0")
	x := newTransferringTo(t, "", far.port(), freePort(t))
	var begun, offered, oks, reached [2]string
	for i := range begun {
		begun[i] = ask("INVITE", "sip:+12065550100@"+x.SIP, near.at, fmt.Sprint("circle", i), plainOffer)
		near.send(x.addr(), begun[i])
		offered[i] = far.receive("INVITE")
		far.send(x.addr(), reply(offered[i], "200 OK", fmt.Sprint("far", i), plainOffer, fmt.Sprintf("Contact: <sip:far@%s>", far.at)))
		reached[i] = far.receive("ACK")
		oks[i] = near.receive("SIP/2.0 200")
		near.send(x.addr(), ackOf(begun[i], oks[i]))
	}
	attend := func(w *wire, from, to, callID, other, ours, theirs string) {
		t.Helper()
		target, err := header.Embed(header.List{{Name: "Replaces", Value: fmt.Sprintf("%s;to-tag=%s;from-tag=%s", other, param(theirs, "tag"), param(ours, "tag"))}})
		if err != nil {
			t.Fatal(err)
		}
		w.send(x.addr(), ask("REFER", "sip:"+x.SIP, w.at, "refer"+callID, "", "From: "+from, "To: "+to, "Call-ID: "+callID, "CSeq: 7 REFER",
			"Refer-To: <sip:+12065550100@"+x.SIP+"?"+target+">"))
		w.receive("SIP/2.0 202")
		for byes := 0; byes < 2; {
			m := w.receive("")
			if method, _, _ := strings.Cut(m, " "); method == "NOTIFY" || method == "BYE" {
				w.send(x.addr(), reply(m, "200 OK", "", ""))
				if method == "BYE" {
					byes++
				}
			}
		}
	}
	attend(near, rowOf(begun[0], "From"), rowOf(oks[0], "To"), "circle0", "circle1", rowOf(begun[1], "From"), rowOf(oks[1], "To"))
	attend(far, rowOf(reached[0], "To"), rowOf(reached[0], "From"), rowOf(reached[0], "Call-ID"), rowOf(reached[1], "Call-ID"), rowOf(reached[1], "To"), rowOf(reached[1], "From"))
	x.idle(t)
}
