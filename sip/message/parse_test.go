package message_test

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/sip/message"
)

// request is a sound request of a method, row by row; its start line has no name.
func request(method string) [][2]string {
	out := [][2]string{
		{"", method + " sip:bob@example.com SIP/2.0"},
		{"Via", "SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKa7c6;rport"},
		{"Max-Forwards", "70"},
		{"From", `"Alice" <sip:alice@example.com>;tag=a1`},
		{"To", "<sip:bob@example.com>"},
		{"Call-ID", "f81d4fae@192.0.2.1"},
		{"CSeq", "7 " + method},
	}
	switch method {
	case "INVITE":
		out = append(out, [2]string{"Contact", "<sip:alice@192.0.2.1:5062>"})
	case "SUBSCRIBE":
		out = append(out, [2]string{"Contact", "<sip:alice@192.0.2.1:5062>"}, [2]string{"Event", "dialog"})
	case "REFER":
		out = append(out, [2]string{"Contact", "<sip:alice@192.0.2.1>"}, [2]string{"Refer-To", "<sip:carol@example.com>"})
	case "NOTIFY":
		out = append(out, [2]string{"Event", "dialog"}, [2]string{"Subscription-State", "active"})
	case "PUBLISH":
		out = append(out, [2]string{"Event", "presence"})
	case "PRACK":
		out = append(out, [2]string{"RAck", "1 7 INVITE"})
	}
	return out
}

func text(rows [][2]string) string {
	var b strings.Builder
	for i, r := range rows {
		if i > 0 {
			b.WriteString(r[0] + ": ")
		}
		b.WriteString(r[1] + "\r\n")
	}
	return b.String() + "\r\n"
}

// with gives the request with rows replaced (by name) or added.
func with(rows [][2]string, changes ...[2]string) [][2]string {
	out := append([][2]string(nil), rows...)
next:
	for _, c := range changes {
		for i := range out {
			if out[i][0] == c[0] {
				out[i] = c
				continue next
			}
		}
		out = append(out, c)
	}
	return out
}

var methods = []string{
	"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "PRACK", "UPDATE", "INFO", "MESSAGE", "SUBSCRIBE", "NOTIFY",
	"REFER", "PUBLISH", "X-OWN",
}

// TestMissing removes each mandatory header from each method, one at a time. Max-Forwards may be missing: RFC 3261
// section 16.3 lets such a request pass.
func TestMissing(t *testing.T) {
	for _, method := range methods {
		sound := request(method)
		if _, got := verdict(t, []byte(text(sound))); got != 0 {
			t.Fatalf("%s: the sound request has verdict %d", method, got)
		}
		for i := 1; i < len(sound); i++ {
			name := sound[i][0]
			t.Run(method+"/"+name, func(t *testing.T) {
				cut := append(append([][2]string(nil), sound[:i]...), sound[i+1:]...)
				want := 400
				switch {
				case name == "Max-Forwards":
					want = 0
				case name == "Via" || method == "ACK":
					want = drop
				}
				req, got := verdict(t, []byte(text(cut)))
				if got != want {
					t.Fatalf("verdict %d, want %d", got, want)
				}
				if got != 400 {
					return
				}
				if _, err := message.NewResponse(req, got, "").Append(nil); err != nil {
					t.Errorf("can't be answered: %v", err)
				}
			})
		}
	}
}

func TestMissingInResponse(t *testing.T) {
	for i, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		rows := request("INVITE")
		rows[0][1] = "SIP/2.0 200 OK"
		for j := range rows {
			if rows[j][0] == name {
				rows = append(rows[:j], rows[j+1:]...)
				break
			}
		}
		if _, got := verdict(t, []byte(text(rows))); got != drop {
			t.Errorf("%d: response without %s has verdict %d", i, name, got)
		}
	}
}

// TestVerdicts changes one thing in a sound INVITE.
func TestVerdicts(t *testing.T) {
	many := func(n int, row string) string { return strings.TrimSuffix(strings.Repeat(row+"\r\n", n), "\r\n") }
	long := strings.Repeat("x", message.MaxRow)
	cases := []struct {
		name string
		row  [2]string
		want int
	}{
		{"sound", [2]string{"Subject", "x"}, 0},
		{"empty value", [2]string{"Subject", ""}, 0},
		{"two From", [2]string{"f", "<sip:eve@example.com>;tag=2"}, 400},
		{"two To", [2]string{"t", "<sip:eve@example.com>"}, 400},
		{"two Call-ID", [2]string{"i", "other"}, 400},
		{"two CSeq", [2]string{"cseq", "8 INVITE"}, 400},
		{"two Max-Forwards", [2]string{"MAX-FORWARDS", "70"}, 400},
		{"two Contact rows", [2]string{"m", "<sip:eve@example.com>"}, 400},
		{"two Contact values", [2]string{"Contact", "<sip:a@b>, <sip:c@d>"}, 400},
		{"Contact *", [2]string{"Contact", "*"}, 400},
		{"Contact without host", [2]string{"Contact", "<sip:>;sip:;1001@h"}, 400},
		{"two Replaces", [2]string{"Replaces", "a;from-tag=1;to-tag=2\r\nReplaces: b;from-tag=1;to-tag=2"}, 400},
		{"blank in name", [2]string{"Sub ject", "x"}, 400},
		{"blanks before colon", [2]string{"Subject \t", "x"}, 0},
		{"vertical tab before colon", [2]string{"Contact\x0b", "<sip:a@b>"}, 400},
		{"NUL before colon", [2]string{"Subject\x00", "x"}, 400},
		{"SOH before colon", [2]string{"Contact\x01", "<sip:a@b>"}, 400},
		{"no-break space before colon", [2]string{"Subject\u00a0", "x"}, 400},
		{"NUL in value", [2]string{"Subject", "a\x00b"}, 400},
		{"CR in value", [2]string{"Subject", "a\rX-Evil: b"}, 400},
		{"LF in value", [2]string{"Subject", "a\nX-Evil: b"}, 400},
		{"escape in value", [2]string{"Subject", "a\x1bb"}, 400},
		{"NUL quoted", [2]string{"Subject", "\"a\\\x00b\""}, 400},
		{"NUL quoted in From", [2]string{"From", "\"a\\\x00b\" <sip:a@b>;tag=1"}, 0},
		{"CR quoted in From", [2]string{"From", "\"a\\\rb\" <sip:a@b>;tag=1"}, 400},
		{"any byte beyond ASCII", [2]string{"X-Raw", "\xff\x80"}, 0},
		{"CSeq too large", [2]string{"CSeq", "4294967296 INVITE"}, 400},
		{"CSeq largest", [2]string{"CSeq", "4294967295 INVITE"}, 0},
		{"CSeq blanks", [2]string{"CSeq", "0007 \t INVITE"}, 0},
		{"CSeq negative", [2]string{"CSeq", "-1 INVITE"}, 400},
		{"CSeq without number", [2]string{"CSeq", "INVITE"}, 400},
		{"CSeq with more", [2]string{"CSeq", "1 INVITE x"}, 400},
		{"CSeq other method", [2]string{"CSeq", "7 BYE"}, 400},
		{"CSeq other case", [2]string{"CSeq", "7 invite"}, 400},
		{"Max-Forwards too large", [2]string{"Max-Forwards", "256"}, 400},
		{"Max-Forwards no number", [2]string{"Max-Forwards", "many"}, 400},
		{"Max-Forwards 0", [2]string{"Max-Forwards", "0"}, 0},
		{"Content-Length 2^32+2", [2]string{"Content-Length", "4294967298"}, 400},
		{"Content-Length hex", [2]string{"Content-Length", "0x0"}, 400},
		{"Content-Length list", [2]string{"Content-Length", "0, 0"}, 400},
		{"Content-Length empty", [2]string{"Content-Length", ""}, 400},
		{"two Content-Length", [2]string{"Content-Length", "0\r\nl: 0"}, 400},
		{"Via quoted parameter", [2]string{"Via", `SIP/2.0/UDP h;x="a;b,c";branch=z9hG4bK1`}, 0},
		{"Via blanks", [2]string{"Via", "SIP / 2.0 / UDP h : 5060 ; branch = z9hG4bK1"}, 0},
		{"Via port 0", [2]string{"Via", "SIP/2.0/UDP h:0;branch=z9hG4bK1"}, drop},
		{"Via port too large", [2]string{"Via", "SIP/2.0/UDP h:65536;branch=z9hG4bK1"}, drop},
		{"Via two branches", [2]string{"Via", "SIP/2.0/UDP h;branch=z9hG4bK1;branch=z9hG4bK2"}, 400},
		{"Via rport not a number", [2]string{"Via", "SIP/2.0/UDP h;branch=z9hG4bK1;rport=x"}, 400},
		{"Via open quote", [2]string{"Via", `SIP/2.0/UDP h;branch=z9hG4bK1;x="`}, 400},
		{"Via other version", [2]string{"Via", "SIP/3.0/UDP h;branch=z9hG4bK1"}, 400},
		{"Via bad second", [2]string{"Via", "SIP/2.0/UDP h;branch=z9hG4bK1, SIP/2.0/UDP"}, 400},
		{"Via trailing comma", [2]string{"Via", "SIP/2.0/UDP h;branch=z9hG4bK1,"}, 400},
		{"70 Via", [2]string{"Via", "SIP/2.0/UDP h;branch=z9hG4bK1" + strings.Repeat(",SIP/2.0/UDP h", 69)}, 0},
		{"71 Via", [2]string{"Via", "SIP/2.0/UDP h;branch=z9hG4bK1" + strings.Repeat(",SIP/2.0/UDP h", 70)}, 513},
		{"From two tags", [2]string{"From", "<sip:a@b>;tag=1;TAG=2"}, 400},
		{"From upper-case TAG", [2]string{"From", "<sip:a@b>;TAG=1"}, 0},
		{"From without scheme", [2]string{"From", "<alice>;tag=1"}, 400},
		{"From junk", [2]string{"From", `"sip911"<b0119:532@h>;tag=1`}, 0},
		{"From open quote", [2]string{"From", `"Alice <sip:a@b>;tag=1`}, 400},
		{"From text after", [2]string{"From", "<sip:a@b> x;tag=1"}, 400},
		{"From comma list", [2]string{"From", "<sip:a@b>;tag=1, <sip:c@d>"}, 400},
		{"From UTF-8 display", [2]string{"From", "Zoë Ångström <sip:a@b>;tag=1"}, 0},
		{"Call-ID with blank", [2]string{"Call-ID", "a b"}, 400},
		{"Call-ID empty", [2]string{"Call-ID", ""}, 400},
		{"256 headers", [2]string{"Content-Length", "0\r\n" + many(message.MaxRows-8, "X-Y: z")}, 0},
		{"257 headers", [2]string{"Subject", "x\r\n" + many(message.MaxRows-7, "X-Y: z")}, 513},
		{"header of 8 KiB", [2]string{"Subject", long[:message.MaxRow-len("Subject: ")]}, 0},
		{"header beyond 8 KiB", [2]string{"Subject", long}, 513},
		{"folded beyond 8 KiB", [2]string{"Subject", long[:5000] + "\r\n " + long[:5000]}, 513},
		{"head beyond 32 KiB", [2]string{"Subject", many(5, "X-Y: "+long[:8000])}, 513},
		{"10,000 headers", [2]string{"Subject", many(10000, "a:")}, 513},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m, got := verdict(t, []byte(text(with(request("INVITE"), c.row))))
			if got != c.want {
				t.Fatalf("verdict %d, want %d", got, c.want)
			}
			if got == 0 {
				roundTrip(t, m)
			}
		})
	}
}

func TestStartLines(t *testing.T) {
	cases := []struct {
		line string
		want int
	}{
		{"INVITE sip:bob@example.com SIP/2.0", 0},
		{"INVITE sip:bob@example.com sip/2.0", 0},
		{"INVITE sip:bob@[2001:db8::10]:5070;transport=tcp SIP/2.0", 0},
		{"INVITE sips:example.com SIP/2.0", 0},
		{"INVITE tel:+12065550100;phone-context=x SIP/2.0", 0},
		{"INVITE sip:a%20b@example.com SIP/2.0", 0},
		{"INVITE sip:bob@example.com:5060? SIP/2.0", 400},
		{"INVITE sip:bob@example.com?X=y SIP/2.0", 400},
		{"INVITE sip:bob@example.com:0 SIP/2.0", 400},
		{"INVITE sip:bob@example.com:99999 SIP/2.0", 400},
		{"INVITE sip:@example.com SIP/2.0", 400},
		{"INVITE sip:bob@ SIP/2.0", 400},
		{"INVITE sip: SIP/2.0", 400},
		{"INVITE sip:a%2@example.com SIP/2.0", 400},
		{"INVITE sip:bob@example.com\x00 SIP/2.0", 400},
		{"INVITE bob SIP/2.0", 400},
		{"INVITE  SIP/2.0", 400},
		{"INVITE\tsip:bob@example.com SIP/2.0", drop},
		{"INVITE sip:bob@example.com SIP/2.1", 505},
		{"INVITE sip:bob@example.com SIP/20", 400},
		{"INVITE sip:bob@example.com HTTP/1.1", drop},
		{"INVITE sip:bob@example.com", drop},
		{"INVITE", drop},
		{"", drop},
		{"IN<VITE sip:bob@example.com SIP/2.0", drop},
	}
	for _, c := range cases {
		rows := request("INVITE")
		rows[0][1] = c.line
		if _, got := verdict(t, []byte(text(rows))); got != c.want {
			t.Errorf("%q: verdict %d, want %d", c.line, got, c.want)
		}
	}
	for line, want := range map[string]int{
		"SIP/2.0 200 OK": 0, "SIP/2.0 200 ": 0, "SIP/2.0 200": 0, "SIP/2.0 699 x y": 0, "SIP/2.0 099 x": drop,
		"SIP/2.0 700 x": drop, "SIP/2.0 2000 OK": drop, "SIP/2.0 20 OK": drop, "SIP/2.0": drop, "SIP/2.1 200 OK": drop,
		"SIP/2.0 -20 OK": drop, "SIP/2.0 200 \x01": drop, "SIP/2.0200 OK": drop,
	} {
		rows := request("INVITE")
		rows[0][1] = line
		if _, got := verdict(t, []byte(text(rows))); got != want {
			t.Errorf("%q: verdict %d, want %d", line, got, want)
		}
	}
}

func TestMultipleHeaderForms(t *testing.T) {
	m, err := message.Parse([]byte("SUBSCRIBE sip:b@h SIP/2.0\r\nv:SIP/2.0/TCP h;branch=z9hG4bKx\r\nF:<sip:a@h>;tag=1\r\nT:<sip:b@h>\r\n" +
		"i:1\r\nCSEQ:1 SUBSCRIBE\r\nM:<sip:a@h>\r\no:dialog\r\nk:timer\r\nx:90\r\nL:2\r\n\r\nab"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Supported": "timer", "Session-Expires": "90", "Event": "dialog", "contact": "<sip:a@h>", "X": "90", "content-length": "2",
	} {
		if got := m.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if !m.Supports("TIMER") || m.Supports("tim") {
		t.Error("Supported misread")
	}
}

func TestDatagramLength(t *testing.T) {
	rows := with(request("MESSAGE"), [2]string{"Content-Type", "text/plain"})
	for _, c := range []struct {
		length, body string
		want         int
		read         string
	}{
		{"", "hello", 0, "hello"}, {"5", "hello", 0, "hello"}, {"3", "hello", 0, "hel"}, {"0", "hello", 0, ""},
		{"6", "hello", 400, ""}, {"005", "hello", 0, "hello"}, {"5 ", "hello", 0, "hello"},
	} {
		r := rows
		if c.length != "" {
			r = with(rows, [2]string{"Content-Length", c.length})
		}
		m, got := verdict(t, []byte(text(r)+c.body))
		if got != c.want || got == 0 && string(m.Body) != c.read {
			t.Errorf("Content-Length %q: verdict %d, body %q", c.length, got, m.Body)
		}
	}
	// RFC 3261 section 18.3: a response that is too short is dropped.
	rows[0][1] = "SIP/2.0 200 OK"
	if _, got := verdict(t, []byte(text(with(rows, [2]string{"Content-Length", "6"}))+"hello")); got != drop {
		t.Errorf("short response: verdict %d", got)
	}
}

func TestRowsKeepTheirOrderAndBytes(t *testing.T) {
	m, err := message.Parse([]byte(text(append(request("INVITE"),
		[2]string{"x-b", "1, 2"}, [2]string{"X-A", `"q,\"" ;x`}, [2]string{"X-B", "%41"}, [2]string{"x-B", ""}))))
	if err != nil {
		t.Fatal(err)
	}
	got := rows(m)
	if diff := cmp.Diff([][2]string{{"x-b", "1, 2"}, {"X-A", `"q,\"" ;x`}, {"X-B", "%41"}, {"x-B", ""}}, got[len(got)-4:]); diff != "" {
		t.Error(diff)
	}
}

func TestParseKeepsNothingOfItsInput(t *testing.T) {
	data := []byte(text(with(request("MESSAGE"), [2]string{"Content-Length", "5"})) + "hello")
	m, err := message.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		data[i] = '!'
	}
	if m.CallID != "f81d4fae@192.0.2.1" || string(m.Body) != "hello" || m.Via.Port != 5062 {
		t.Errorf("changed with its input: %+v", m)
	}
}

func TestViaReceived(t *testing.T) {
	cases := []struct{ row, addr, want string }{
		{"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", "192.0.2.1", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"},
		{"SIP/2.0/UDP host;branch=z9hG4bK1", "192.0.2.1", "SIP/2.0/UDP host;received=192.0.2.1;branch=z9hG4bK1"},
		{"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;rport", "192.0.2.1",
			"SIP/2.0/UDP 192.0.2.1;received=192.0.2.1;rport=5099;branch=z9hG4bK1"},
		{"SIP/2.0/UDP h:5070 ;rport;received=9.9.9.9;x, SIP/2.0/UDP i;received=1.1.1.1", "2001:db8::1",
			"SIP/2.0/UDP h:5070;received=2001:db8::1;rport=5099;x, SIP/2.0/UDP i;received=1.1.1.1"},
		{"SIP / 2.0 / UDP h ; branch=z9hG4bK1", "192.0.2.1", "SIP / 2.0 / UDP h;received=192.0.2.1 ; branch=z9hG4bK1"},
	}
	for _, c := range cases {
		m, err := message.Parse([]byte(text(with(request("OPTIONS"), [2]string{"Via", c.row}))))
		if err != nil {
			t.Fatal(err)
		}
		m.Received(netip.AddrPortFrom(netip.MustParseAddr(c.addr), 5099))
		if got := m.Get("Via"); got != c.want {
			t.Errorf("%s\n  gave %s\n  want %s", c.row, got, c.want)
		}
		if c.row != c.want && m.Via.Received != c.addr {
			t.Errorf("received is %q", m.Via.Received)
		}
		if strings.Contains(c.want, "rport=") && m.Via.RPort != 5099 {
			t.Errorf("rport is %s", strconv.Itoa(m.Via.RPort))
		}
	}
}
