package acceptance_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/far"
	"github.com/switchhook/switchhook/media"
)

// The tests of this file are named by the attacks of docs/security.md. All of it is bounded, and stays on this machine.

// victims are two who talk to each other while somebody attacks.
type victims struct {
	caller, callee *person
	line           *far.Line
	f              *function
	s              *server
}

// newVictims sets a call up. The trunk allows 127.0.0.1 alone.
func newVictims(t *testing.T) *victims {
	t.Helper()
	v := &victims{caller: newPerson(t, 440), callee: newPerson(t, 1000)}
	v.f = startFunction(t, bridge("+14155550199"))
	v.s = start(t, configFor(int(v.callee.Addr().Port()), v.f.URL))
	v.line = v.caller.calls(t, v.s)
	hears(t, "the caller", &v.caller.ear, 1000)
	hears(t, "the callee", &v.callee.ear, 440)
	return v
}

// unharmed ends the call and fails unless it went on all the time: no packet lost, and the function asked about no other;
// refused calls have left a record.
func (v *victims) unharmed(t *testing.T, refused int) {
	t.Helper()
	before := v.callee.ear.Sound()
	eventually(t, "the call going on", func() bool { return v.callee.ear.Sound() > before+200*time.Millisecond })
	hears(t, "the caller", &v.caller.ear, 1000)
	hears(t, "the callee", &v.callee.ear, 440)
	v.line.Hangup(0, nil)
	over(t, v.line)
	alive(t, v.s)
	v.s.idle(t)
	for _, c := range v.s.calls(t, 1+refused) {
		for i, leg := range c.Legs {
			if leg.Media.Lost != 0 {
				t.Errorf("leg %d lost %d of %d packets", i, leg.Media.Lost, leg.Media.PacketsIn)
			}
		}
	}
	if n := len(v.f.seen("NEW_INBOUND_CALL")); n != 1 {
		t.Errorf("the function was asked about %d calls", n)
	}
}

// memory gives what the server's Go runtime has taken from the system in MB, by its own metrics. It never shrinks, so a peak shows
// too; resident memory would count what the race detector keeps of each word.
func (s *server) memory(t *testing.T) int {
	t.Helper()
	_, text := s.fetch(t, "/metrics")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, "go_memstats_sys_bytes "); ok {
			bytes, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return int(bytes / (1 << 20))
		}
	}
	t.Fatal("no go_memstats_sys_bytes among the metrics")
	return 0
}

// S01: scanners from unknown places cost nothing: they are refused, nobody is asked, a call that stands does not notice.
func TestS01Scanners(t *testing.T) {
	t.Parallel()
	v := newVictims(t)
	before := v.s.memory(t)
	for i, agent := range []string{"friendly-scanner", "sipvicious", "sipcli/v1.8", "sip-scan", "pplsip", "VaxSIPUserAgent/3.1"} {
		scanner := newWire(t, fmt.Sprintf("127.0.66.%d:0", i+1))
		for n := range 400 {
			method, uri := []string{"OPTIONS", "INVITE", "REGISTER", "ACK", "BYE"}[n%5], fmt.Sprintf("sip:%d@%s", 100+n, v.s.SIP)
			body := ""
			if method == "INVITE" {
				body = plainOffer
			}
			m := ask(method, uri, scanner.at, fmt.Sprintf("scan%d-%d", i, n), body, "User-Agent: "+agent)
			switch n % 7 {
			case 1:
				m = strings.Replace(m, "From: <sip:+12065550142@", `From: "sip911"<b0119:532@`, 1)
			case 2:
				m = strings.Replace(m, "Contact: <", "Contact: <sip:>;sip:;1001@<", 1)
			case 3:
				m = m[:len(m)/2]
			}
			scanner.send(v.s.addr(), m)
			if n%50 == 0 {
				time.Sleep(5 * time.Millisecond) // a flood is another test
			}
		}
		for len(scanner.got) > 0 {
			if m := (<-scanner.got).text; !strings.HasPrefix(m, "SIP/2.0 4") && !strings.HasPrefix(m, "SIP/2.0 100") {
				t.Errorf("a scanner got\n%s", m)
			}
		}
	}
	if after := v.s.memory(t); after > before+64 {
		t.Errorf("memory grew from %d to %d MB", before, after)
	}
	v.unharmed(t, 0)
}

// S02: a request without a header that each must have is refused with 400, a response is as if it had not come.
func TestS02MissingHeaders(t *testing.T) {
	t.Parallel()
	callee, near := newWire(t, "127.0.0.1:0"), newWire(t, "127.0.0.1:0")
	f := startFunction(t, bridge("+14155550199"))
	s := start(t, configFor(callee.port(), f.URL))
	for _, method := range []string{"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE", "PRACK", "NOTIFY", "MESSAGE", "REGISTER", "REFER", "SUBSCRIBE"} {
		for _, gone := range []string{"Via", "From", "To", "Call-ID", "CSeq", "Contact", "Max-Forwards"} {
			if method == "INVITE" && gone == "Max-Forwards" { // which RFC 2543 had not
				continue
			}
			m := ask(method, "sip:+12065550100@"+s.SIP, near.at, "gone"+method+gone, "", gone+":")
			near.send(s.addr(), m)
			answers, _ := overTCP(t, s, 5*time.Millisecond, m)
			switch {
			case gone == "Via" || method == "ACK":
				if answers != "" {
					t.Errorf("%s without %s is answered:\n%s", method, gone, answers)
				}
			case gone != "Contact" && gone != "Max-Forwards" || method == "INVITE":
				answer := near.receive("SIP/2.0 ")
				for !strings.Contains(answer, "gone"+method+gone) { // but a late answer to the request before
					answer = near.receive("SIP/2.0 ")
				}
				if !strings.HasPrefix(answer, "SIP/2.0 400") {
					t.Errorf("%s without %s is answered with\n%s", method, gone, answer)
				}
				continue
			}
			alive(t, s)
			for len(near.got) > 0 {
				m := (<-near.got).text
				if !strings.Contains(m, "gone"+method+gone) {
					continue // a late answer to the request before
				}
				if gone == "Via" || method == "ACK" {
					t.Errorf("%s without %s is answered with\n%s", method, gone, m)
				}
			}
		}
	}
	if n := len(f.seen("NEW_INBOUND_CALL")); n != 0 {
		t.Errorf("the function was asked %d times", n)
	}
	inv := ask("INVITE", "sip:+12065550100@"+s.SIP, near.at, "whole", plainOffer)
	near.send(s.addr(), inv)
	out := callee.receive("INVITE")
	contact := fmt.Sprintf("Contact: <sip:far@%s>", callee.at)
	for _, status := range []string{"180 Ringing", "183 Session Progress", "200 OK", "302 Moved Temporarily", "486 Busy Here", "603 Decline"} {
		for _, gone := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
			callee.send(s.addr(), without(reply(out, status, "far", plainOffer, contact), gone))
		}
	}
	alive(t, s)
	callee.send(s.addr(), reply(out, "480 Temporarily Unavailable", "far", ""))
	callee.receive("ACK")
	for answer := near.receive("SIP/2.0 "); !strings.HasPrefix(answer, "SIP/2.0 480"); answer = near.receive("SIP/2.0 ") {
		if !strings.HasPrefix(answer, "SIP/2.0 100") {
			t.Fatalf("a response that lacks a header was believed:\n%s", answer)
		}
	}
	s.idle(t)
}

// without gives a message without the rows of a header.
func without(msg, name string) string {
	var b strings.Builder
	for line := range strings.Lines(msg) {
		if n, _, _ := strings.Cut(line, ":"); n != name {
			b.WriteString(line)
		}
	}
	return b.String()
}

// S03: above the rate that the configuration allows, calls are refused at once, and told when to come again; a call that stands goes on.
func TestS03Flood(t *testing.T) {
	t.Parallel()
	v := &victims{caller: newPerson(t, 440), callee: newPerson(t, 1000)}
	v.f = startFunction(t, bridge("+14155550199"))
	v.s = start(t, configFor(int(v.callee.Addr().Port()), v.f.URL)+"sip: {rate: 10, calls: 100}\n")
	v.line = v.caller.calls(t, v.s)
	hears(t, "the callee", &v.callee.ear, 440)
	before := v.s.memory(t)
	w := newWire(t, "127.0.0.1:0")
	const flood = 400
	invites := map[string]string{}
	for i := range flood {
		id := fmt.Sprint("flood", i)
		invites[id] = ask("INVITE", "sip:+12065550177@"+v.s.SIP, w.at, id, plainOffer) // a number that nobody has
		w.send(v.s.addr(), invites[id])
	}
	refused := map[string]int{}
	began := time.Now()
	for seen := map[string]bool{}; len(seen) < flood; {
		m := w.receive("SIP/2.0 ")
		id, status := rowOf(m, "Call-ID"), m[8:11]
		if status == "100" {
			continue
		}
		w.send(v.s.addr(), ackOf(invites[id], m))
		if !seen[id] {
			seen[id] = true
			refused[status]++
		}
		if status == "503" && rowOf(m, "Retry-After") == "" {
			t.Fatalf("503 without Retry-After:\n%s", m)
		}
	}
	if d := time.Since(began); refused["503"] < flood/2 || refused["404"] == 0 || refused["503"]+refused["404"] != flood || d > 5*time.Second {
		t.Errorf("within %v: %v", d, refused)
	}
	if after := v.s.memory(t); after > before+64 {
		t.Errorf("memory grew from %d to %d MB", before, after)
	}
	v.unharmed(t, refused["404"])
}

// S06: methods that nobody has asked for are refused, whoever sends them, and reach nobody.
func TestS06OtherMethods(t *testing.T) {
	t.Parallel()
	f := startFunction(t, bridge("+14155550199"))
	callee := newWire(t, "127.0.0.1:0")
	s := start(t, configFor(callee.port(), f.URL))
	for at, want := range map[string]map[string]string{
		"127.0.0.1": {"MESSAGE": "405", "SUBSCRIBE": "405", "REFER": "481", "PUBLISH": "405", "NOTIFY": "481", "REGISTER": "405", "PRACK": "481", "INFO": "481", "UPDATE": "481", "BYE": "481"},
		"127.0.8.8": {"MESSAGE": "403", "SUBSCRIBE": "403", "REFER": "403", "PUBLISH": "403", "NOTIFY": "403", "REGISTER": "403", "PRACK": "403", "INFO": "403", "UPDATE": "403", "BYE": "403"},
	} {
		w := newWire(t, at+":0")
		for method, status := range want {
			w.send(s.addr(), ask(method, "sip:+12065550100@"+s.SIP, w.at, fmt.Sprint("other", method, w.port()), "", "Refer-To: <sip:+1@x.example>", "Event: dialog", "Expires: 60",
				"RAck: 1 1 INVITE", "Subscription-State: active"))
			if got := w.receive("SIP/2.0 "); !strings.HasPrefix(got, "SIP/2.0 "+status) {
				t.Errorf("%s from %s: %q, want %s", method, at, strings.SplitN(got, "\r\n", 2)[0], status)
			}
		}
	}
	callee.quiet(50 * time.Millisecond)
	s.idle(t)
}

// S07: what a trunk's policy drops does not get in by being written otherwise: neither to the function nor to the callee.
func TestS07Smuggling(t *testing.T) {
	t.Parallel()
	const marker = "SMUGGLED"
	f := startFunction(t, bridge("+14155550199"))
	callee := newWire(t, "127.0.0.1:0")
	s := start(t, config{peers: []string{peerAt(callee.port())}, functions: []string{f.URL}, trunk: `in: {trusted: false, rules: [
    {match: X-Internal, do: drop}, {match: X-Secret-*, do: drop}, {match: X-*, do: keep}, {match: User-to-User, do: keep}]}`}.yaml())
	near := newWire(t, "127.0.0.1:0")
	for i, rows := range [][]string{
		{"X-Internal: " + marker}, {"X-Internal : " + marker}, {"X-Internal\t: " + marker}, {"x-internal \t : " + marker}, {"X-INTERNAL: " + marker},
		{"X-Internal\x00: " + marker}, {"X-Internal\x01: " + marker}, {"X-Internal\xc2\xa0: " + marker}, {" X-Internal: " + marker}, {"X-\u0406nternal: " + marker},
		{"X-Other: 1\n X-Internal: " + marker + "x"}, {"X-Other: 1\rX-Internal: " + marker}, {"X-Other: 1\x00\r\nX-Internal: " + marker},
		{"X-Internal: 1", "x-internal: " + marker}, {"X-Internal:\n " + marker}, {"X-Secret-: " + marker}, {"x-SECRET-a: " + marker},
		{"P-Asserted-Identity: <sip:" + marker + "@x>"}, {"Remote-Party-ID: <sip:" + marker + "@x>"}, {"Diversion: <sip:" + marker + "@x>"},
		{"P-Preferred-Identity: <sip:" + marker + "@x>"}, {"History-Info: <sip:" + marker + "@x>;index=1"}, {"X-Switchhook-Trunk: " + marker}, {"X-AMZN-Trace: " + marker},
		{"x: " + marker}, {"Contact: <sip:wire@" + near.at.String() + "?X-Internal=" + marker + ">"}, {"Referred-By: <sip:" + marker + "@x>"},
		{"Authorization: Digest username=\"" + marker + "\""}, {"Replaces: " + marker + ";to-tag=1;from-tag=2"}, {"Call-Info: <http://" + marker + "/>;purpose=icon"},
	} {
		inv := ask("INVITE", "sip:+12065550100@"+s.SIP, near.at, fmt.Sprint("smuggle", i), plainOffer, rows...)
		if len(rows) > 0 && strings.Contains(rows[0], "\r") { // ask would mend it
			inv = strings.Replace(inv, strings.ReplaceAll(strings.ReplaceAll(rows[0], "\r\n", "\n"), "\n", "\r\n"), rows[0], 1)
		}
		near.send(s.addr(), inv)
		final := ""
		for final == "" {
			select {
			case d := <-callee.got:
				if m := d.text; strings.HasPrefix(m, "INVITE") {
					if i != 10 && strings.Contains(m, marker) || i == 10 && len(rows2(m, "X-Internal")) > 0 {
						t.Errorf("%q reached the callee:\n%s", rows, m)
					}
					callee.send(s.addr(), reply(m, "486 Busy Here", "far", ""))
				}
			case d := <-near.got:
				if m := d.text; !strings.HasPrefix(m, "SIP/2.0 1") && strings.HasPrefix(m, "SIP/2.0") {
					final = m
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("%q: no answer", rows)
			}
		}
		near.send(s.addr(), ackOf(inv, final))
	}
	events := f.seen("NEW_INBOUND_CALL")
	if len(events) < 10 {
		t.Errorf("only %d of the calls came to the function: the test has lost its sense", len(events))
	}
	for _, ev := range events {
		for name, value := range ev.CallDetails.Participants[0].SipHeaders {
			folded := name == "X-Other" && strings.HasPrefix(value, "1 X-Internal:") // which is one value
			if strings.Contains(name+value, marker) && !folded {
				t.Errorf("the function saw %s: %q", name, value)
			}
		}
	}
	alive(t, s)
}

// rows2 is [rows] for a message whose lines end with CRLF.
func rows2(m, name string) []string { return rows(strings.ReplaceAll(m, "\r\n", "\n"), name) }

// S07: headers in a Request-URI are never headers of the call.
func TestS07RequestURIHeaders(t *testing.T) {
	t.Parallel()
	f := startFunction(t, bridge("+14155550199"))
	s := start(t, configFor(freePort(t), f.URL))
	w := newWire(t, "127.0.0.1:0")
	w.send(s.addr(), ask("INVITE", "sip:+12065550100@"+s.SIP+"?X-Internal=1", w.at, "urih", plainOffer))
	w.receive("SIP/2.0 400")
	if n := len(f.seen("NEW_INBOUND_CALL")); n != 0 {
		t.Error("the function was asked")
	}
}

// S08: CR, LF and other control characters, wherever a function may write text, never reach a callee: the action fails.
func TestS08Injection(t *testing.T) {
	t.Parallel()
	type bridging struct {
		headers     map[string]string
		caller, uri string
	}
	const inject = "P-Asserted-Identity: <sip:+1@x>"
	cases := []bridging{}
	for _, text := range []string{"a\r\n" + inject, "a\n" + inject, "a\r" + inject, "a\r\n\r\nv=0", "\r\n" + inject, "a\x00b", "a\x0bb", "a\x7fb", "\x1b[31m", "a\r\n " + inject, "a\u2028" + inject} {
		cases = append(cases, bridging{headers: map[string]string{"X-Note": text}})
	}
	for _, name := range []string{"X-A\r\nX-B", "X-A: 1\r\nX-B", "X-A ", "X A", "X-A:", "X-\u0406", "X-\x00", "", "Via", "From", "Route", "P-Asserted-Identity", "X-AMZN-Id"} {
		cases = append(cases, bridging{headers: map[string]string{name: "1"}})
	}
	cases = append(cases, bridging{caller: "+12065550142\r\n" + inject}, bridging{uri: "+14155550199\r\n" + inject}, bridging{uri: "+14155550199@evil.example"}, bridging{uri: "sip:x@evil.example"})
	next := make(chan bridging, 1)
	f := startFunction(t, func(ev event) string {
		if ev.InvocationEventType != "NEW_INBOUND_CALL" {
			return bridge("")(ev)
		}
		c := <-next
		if c.caller == "" {
			c.caller = "+12065550142"
		}
		if c.uri == "" {
			c.uri = "+14155550199"
		}
		return actions("CallAndBridge", object{"CallerIdNumber": c.caller, "Endpoints": []object{{"BridgeEndpointType": "PSTN", "Uri": c.uri}}, "SipHeaders": c.headers})
	})
	callee := newWire(t, "127.0.0.1:0")
	s := start(t, configFor(callee.port(), f.URL))
	near := newWire(t, "127.0.0.1:0")
	for i, c := range cases {
		next <- c
		inv := ask("INVITE", "sip:+12065550100@"+s.SIP, near.at, fmt.Sprint("inject", i), plainOffer)
		near.send(s.addr(), inv)
		near.send(s.addr(), ackOf(inv, near.receive("SIP/2.0 480")))
		if failed := f.seen("ACTION_FAILED"); len(failed) != i+1 || failed[i].ActionData.ErrorType != "InvalidActionParameter" {
			t.Fatalf("%+v: %d actions failed, want %d", c, len(failed), i+1)
		}
	}
	callee.quiet(100 * time.Millisecond)
	// What only looks like it is text, and passes as it is.
	for i, text := range []string{"a%0d%0aP-Asserted-Identity: x", "a%250d%250a", `a\r\nb`, "a;b=c,\"d\""} {
		next <- bridging{headers: map[string]string{"X-Note": text}}
		inv := ask("INVITE", "sip:+12065550100@"+s.SIP, near.at, fmt.Sprint("text", i), plainOffer)
		near.send(s.addr(), inv)
		out := callee.receive("INVITE")
		if got := rows2(out, "X-Note"); len(got) != 1 || got[0] != text || len(rows2(out, "P-Asserted-Identity")) != 0 {
			t.Errorf("X-Note %q went out as %q", text, got)
		}
		callee.send(s.addr(), reply(out, "486 Busy Here", "far", ""))
		near.send(s.addr(), ackOf(inv, near.receive("SIP/2.0 480")))
	}
}

// S10: what is too large is refused or cut off, at bounded cost, and a call that stands does not notice.
func TestS10Oversize(t *testing.T) {
	t.Parallel()
	v := newVictims(t)
	before := v.s.memory(t)
	at := netip.MustParseAddrPort("127.0.0.1:5999")
	whole := func(id, body string, rows ...string) string {
		return strings.Replace(ask("OPTIONS", "sip:"+v.s.SIP, at, id, body, rows...), "SIP/2.0/UDP", "SIP/2.0/TCP", 1)
	}
	many := func(n int, row string) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = row
		}
		return out
	}
	nested := "x"
	for i := range 40 {
		nested = fmt.Sprintf("--b%d\nContent-Type: multipart/mixed;boundary=b%d\n\n%s\n--b%d--\n", i, i-1, nested, i)
	}
	for name, m := range map[string]string{
		"64 KiB header":       whole("o1", "", "X-Long: "+strings.Repeat("x", 64<<10)),
		"10,000 headers":      whole("o2", "", many(10000, "X-Many: 1")...),
		"1 MiB body":          whole("o3", strings.Repeat("x", 1<<20), "Content-Type: text/plain"),
		"500 Via":             strings.Replace(whole("o4", ""), "From:", strings.Repeat("Via: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKx\r\n", 500)+"From:", 1),
		"length over 2^32":    whole("o5", "", "Content-Length: 4294967328"),
		"negative length":     whole("o6", "", "Content-Length: -1"),
		"two lengths":         whole("o7", "", "Content-Length: 0", "Content-Length: 5"),
		"nested multipart":    strings.Replace(ask("INVITE", "sip:+12065550177@"+v.s.SIP, at, "o8", nested, "Content-Type: multipart/mixed;boundary=b39", "Content-Disposition: session;handling=required"), "SIP/2.0/UDP", "SIP/2.0/TCP", 1),
		"endless line":        "OPTIONS sip:" + strings.Repeat("x", 1<<20),
		"nothing but CRLF":    strings.Repeat("\r\n", 1<<18),
		"20,000 parameters":   whole("o9", "", "Contact: <sip:x@y>"+strings.Repeat(";a=b", 20000)),
		"not SIP at all":      "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"TLS hello":           "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\xaa", 512),
		"percent signs alone": strings.Replace(whole("o13", ""), "OPTIONS sip:", "OPTIONS sip:"+strings.Repeat("%", 2000)+"@", 1),
	} {
		text, _ := overTCP(t, v.s, 300*time.Millisecond, m)
		for _, status := range statuses(text) {
			if status[0] == '2' {
				t.Errorf("%s: accepted", name)
			}
		}
		if len(m) < 60000 {
			w := newWire(t, "127.0.0.1:0")
			w.conn.WriteToUDPAddrPort([]byte(m), v.s.addr())
		}
	}
	if after := v.s.memory(t); after > before+64 {
		t.Errorf("memory grew from %d to %d MB", before, after)
	}
	v.unharmed(t, 1)
}

// S11, S12: clients that connect and say nothing, or one byte at a time, or break off in the middle, keep nobody out.
func TestS11S12SlowAndBroken(t *testing.T) {
	t.Parallel()
	v := newVictims(t)
	before := v.s.memory(t)
	var conns []net.Conn
	open := func(from string) net.Conn {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 5 * time.Second}
		c, err := d.Dial("tcp", v.s.SIP)
		if err != nil {
			t.Fatalf("connection %d: %v", len(conns), err)
		}
		conns = append(conns, c)
		return c
	}
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for i := range 300 {
		c := open(fmt.Sprintf("127.0.5.%d", 1+i%20))
		if i%2 == 0 {
			io.WriteString(c, "INVITE sip:+12065550100@x SIP/2.0\r\nX-Slow: ")
		}
	}
	inv := ask("INVITE", "sip:+12065550177@"+v.s.SIP, netip.MustParseAddrPort("127.0.0.1:5999"), "reset", plainOffer)
	for i := range 100 { // a number that nobody has: refused, where it is heard at all
		c := open("127.0.0.1")
		io.WriteString(c, strings.ReplaceAll(inv, "reset", fmt.Sprint("reset", i)))
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
	for range 20 {
		for _, c := range conns[:300] {
			c.Write([]byte("x"))
		}
	}
	text, _ := overTCP(t, v.s, time.Second, strings.Replace(ask("OPTIONS", "sip:"+v.s.SIP, netip.MustParseAddrPort("127.0.0.1:5999"), "newcomer", ""), "/UDP", "/TCP", 1))
	if got := statuses(text); len(got) != 1 || got[0] != "200" {
		t.Errorf("a new client got %v", got)
	}
	if after := v.s.memory(t); after > before+64 {
		t.Errorf("memory grew from %d to %d MB", before, after)
	}
	patience := time.Now().Add(13 * time.Second) // a message that has begun has 10
	closed := 0
	for i, c := range conns[:300] {
		if i%2 == 0 {
			c.SetReadDeadline(patience)
			if _, err := io.Copy(io.Discard, c); err == nil || !strings.Contains(err.Error(), "timeout") {
				closed++
			}
		}
	}
	if closed < 150 {
		t.Errorf("%d of 150 connections with half a message were closed", closed)
	}
	v.line.Hangup(0, nil)
	over(t, v.line)
	v.s.idle(t)
}

// S15, S16: a third party that sends to the ports of a call hears nothing of it, and is not heard.
func TestS15S16ThirdParty(t *testing.T) {
	t.Parallel()
	calleeSIP, calleeRTP := newWire(t, "127.0.0.1:0"), newRTPEnd(t, media.PCMU)
	s := start(t, configFor(calleeSIP.port(), startFunction(t, bridge("+14155550199")).URL))
	callerSIP, callerRTP := newWire(t, "127.0.0.1:0"), newRTPEnd(t, media.PCMU)
	inv := ask("INVITE", "sip:+12065550100@"+s.SIP, callerSIP.at, "bleed", callerRTP.sdp())
	callerSIP.send(s.addr(), inv)
	out := calleeSIP.receive("INVITE")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	attackers := make([]*rtpEnd, 2)
	attack := func(i int, to netip.AddrPort, ssrc uint32) {
		attackers[i] = newRTPEndAt(t, media.PCMU, fmt.Sprintf("127.0.0.%d", 90+i))
		go attackers[i].hum(ctx, to, 1500, ssrc)
		go attackers[i].hum(ctx, netip.AddrPortFrom(to.Addr(), to.Port()+1), 1500, ssrc) // and to RTCP
	}
	attack(0, mediaAddr(t, out), 2) // before anybody has spoken
	calleeSIP.send(s.addr(), reply(out, "200 OK", "far", calleeRTP.sdp(), fmt.Sprintf("Contact: <sip:far@%s>", calleeSIP.at)))
	calleeSIP.receive("ACK")
	ok := callerSIP.receive("SIP/2.0 200")
	callerSIP.send(s.addr(), ackOf(inv, ok))
	go callerRTP.hum(ctx, mediaAddr(t, ok), 440, 1)
	go calleeRTP.hum(ctx, mediaAddr(t, out), 1000, 2)
	hears(t, "the callee", &calleeRTP.ear, 440)
	hears(t, "the caller", &callerRTP.ear, 1000)
	attack(1, mediaAddr(t, ok), 1)      // with the caller's own SSRC
	time.Sleep(1500 * time.Millisecond) // the attackers send meanwhile
	hears(t, "the callee", &calleeRTP.ear, 440)
	hears(t, "the caller", &callerRTP.ear, 1000)
	for i, a := range attackers {
		if n := a.heard.Load() + a.others.Load(); n != 0 {
			t.Errorf("attacker %d received %d packets of the call", i, n)
		}
	}
	for who, ear := range map[string]*far.Ear{"caller": &callerRTP.ear, "callee": &calleeRTP.ear} {
		if has(ear, 1500) {
			t.Errorf("the %s heard the attacker", who)
		}
	}
	callerSIP.send(s.addr(), ask("BYE", "sip:"+s.SIP, callerSIP.at, "bleed", "", "CSeq: 2 BYE", "To: "+rowOf(ok, "To")))
	calleeSIP.send(s.addr(), reply(calleeSIP.receive("BYE"), "200 OK", "", ""))
	legs := s.calls(t, 1)[0].Legs
	for i, leg := range legs {
		if leg.Media.Discarded < 20 {
			t.Errorf("leg %d discarded %d packets: was there an attack?", i, leg.Media.Discarded)
		}
	}
}

// has tells whether a tone was heard at any time.
func has(ear *far.Ear, hz float64) bool {
	n := 0
	for f := range ear.Frames() {
		if power(f[:], hz) > 0.3 {
			n++
		}
	}
	return n > 2
}

// S25: answers of a function that are endless, slow or packed are given up in time, and cost little.
func TestS25FunctionAnswers(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]http.HandlerFunc{
		"endless": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		},
		"slow": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				io.WriteString(w, " ")
				w.(http.Flusher).Flush()
				time.Sleep(100 * time.Millisecond) // slowness is the attack
			}
		},
		"packed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff" + strings.Repeat("\x00", 1000)))
		},
		"redirected": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
		},
		"too long": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "999999999999")
			w.Write([]byte("{"))
		},
		"many rows": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["X-Many"] = make([]string, 100000)
			w.Write([]byte("{}"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := httptest.NewServer(serve)
			defer f.Close()
			defer f.CloseClientConnections()
			s := start(t, config{peers: []string{peerAt(freePort(t))}, functions: []string{fmt.Sprintf("url: %q, timeout: 2s", f.URL+"/2015-03-31/functions/function/invocations")}}.yaml())
			before, began := s.memory(t), time.Now()
			startSIPp(t, refused(480), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
			if d := time.Since(began); d > 6*time.Second {
				t.Errorf("the caller waited for %v", d)
			}
			if after := s.memory(t); after > before+128 {
				t.Errorf("memory grew from %d to %d MB", before, after)
			}
			s.idle(t)
		})
	}
}

// S37: what callers write can't command the terminal or the log of who reads it.
func TestS37Readers(t *testing.T) {
	t.Parallel()
	f := startFunction(t, bridge("+14155550199"))
	callee := newWire(t, "127.0.0.1:0")
	s := start(t, configFor(callee.port(), f.URL), "--log-level", "debug")
	near := newWire(t, "127.0.0.1:0")
	inv := ask("INVITE", "sip:+12065550100@"+s.SIP, near.at, "readers", plainOffer, "X-Note: \xc2\x9b31m=cmd()|' <script>", "X-Bell: a\x1b[31mb\x07",
		"From: \"\xe2\x80\xae\" <sip:%1b%5b31m%0a@x.example>;tag=readers", "User-Agent: \"><script>")
	near.send(s.addr(), inv)
	final := near.receive("SIP/2.0 4")
	near.send(s.addr(), ackOf(inv, final))
	env := []string{"SWITCHHOOK_API=http://" + s.HTTP, "SWITCHHOOK_KEY=admin", "SWITCHHOOK_SECRET=admin-secret"}
	inv = ask("INVITE", "sip:+12065550100@"+s.SIP, near.at, "readers2", plainOffer, "X-Note: \xc2\x9b31m=cmd()|' <script>", "From: <sip:%1b%5b31m%0a@x.example>;tag=readers2")
	near.send(s.addr(), inv)
	callee.send(s.addr(), reply(callee.receive("INVITE"), "486 Busy Here", "far", ""))
	near.send(s.addr(), ackOf(inv, near.receive("SIP/2.0 4")))
	eventually(t, "a record", func() bool { r := run(t, env, "calls"); return strings.Count(r.out, "\n") > 1 })
	for _, args := range [][]string{{"calls"}, {"why", "last"}} {
		r := run(t, env, args...)
		if strings.ContainsAny(r.out, "\x1b\x07\u009b\u202e") {
			t.Errorf("%q prints control characters: %q", args, r.out)
		}
	}
	for line := range strings.Lines(s.logged()) {
		if !strings.HasPrefix(line, `{"time":`) || strings.ContainsAny(line, "\x1b\x07") {
			t.Errorf("a line of the log: %q", line)
		}
	}
}
