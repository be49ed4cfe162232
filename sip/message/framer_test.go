package message_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/sip/message"
)

// feed gives the stream to a framer in pieces of n bytes and tells what came of it.
func feed(f *message.Framer, stream string, n int) (events []message.Event, got []*message.Message, faults []*message.Fault) {
	for stream != "" {
		room := f.Room()
		k := copy(room[:min(len(room), n)], stream)
		f.Filled(k)
		stream = stream[k:]
		for {
			ev, m, fault := f.Next()
			if ev == message.More {
				break
			}
			events = append(events, ev)
			if m != nil {
				got = append(got, m)
			}
			if fault != nil {
				faults = append(faults, fault)
			}
			if ev == message.Broken {
				return events, got, faults
			}
		}
	}
	return events, got, faults
}

func stream(method, body string) string {
	return text(with(request(method), [2]string{"Content-Length", itoa(len(body))})) + body
}

func itoa(n int) string { return string(appendInt(nil, n)) }

func appendInt(b []byte, n int) []byte {
	if n >= 10 {
		b = appendInt(b, n/10)
	}
	return append(b, byte('0'+n%10))
}

func TestFramerPipelined(t *testing.T) {
	whole := "\r\n" + stream("INVITE", "v=0\r\n\r\n") + stream("BYE", "") + "\r\n\r\n" + stream("MESSAGE", strings.Repeat("x", 20000)) +
		stream("OPTIONS", "")
	for _, n := range []int{1, 2, 3, 7, 100, 4096, len(whole)} {
		var f message.Framer
		events, got, faults := feed(&f, whole, n)
		var what []string
		for _, m := range got {
			what = append(what, m.Method+itoa(len(m.Body)))
		}
		if s := strings.Join(what, " "); s != "INVITE7 BYE0 MESSAGE20000 OPTIONS0" || len(faults) > 0 || len(events) != 5 || events[2] != message.Ping {
			t.Errorf("pieces of %d: %s, events %v, faults %v", n, s, events, faults)
		}
		if f.Begun() {
			t.Errorf("pieces of %d: a message is left", n)
		}
	}
}

func TestFramerFaults(t *testing.T) {
	bad := func(change [2]string) string { return text(with(request("INVITE"), change)) }
	cases := []struct {
		name, stream string
		status       int
		close        bool
	}{
		{"no Content-Length", text(request("INVITE")), 400, true},
		{"negative Content-Length", bad([2]string{"Content-Length", "-1"}), 400, true},
		{"two Content-Length", bad([2]string{"Content-Length", "0\r\nl: 0"}), 400, true},
		{"Content-Length beyond the cap", bad([2]string{"Content-Length", "65536"}), 513, true},
		{"Content-Length 2^31", bad([2]string{"Content-Length", "2147483648"}), 400, true},
		{"bare LF", strings.ReplaceAll(stream("INVITE", ""), "\r\n", "\n"), 400, true},
		{"one bare LF", strings.Replace(stream("INVITE", ""), "\r\nTo", "\nTo", 1), 400, true},
		{"head without end", bad([2]string{"X-Y", strings.Repeat("z\r\nX-Y: "+strings.Repeat("z", 1000), 40)}), 513, true},
		{"line without end", "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nX: " + strings.Repeat("z", 40000), 513, true},
		{"no SIP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 0, true},
		{"junk", strings.Repeat("\xff\x00", 40000), 0, true},
		{"LF first", "\n", 0, true},
		{"response without Content-Length", "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP h\r\n\r\n", 0, true},
		{"bad header", bad([2]string{"From", "junk\r\nContent-Length: 0"}), 400, false},
		{"bad version", strings.Replace(stream("INVITE", ""), "SIP/2.0\r", "SIP/3.0\r", 1), 505, false},
	}
	for _, c := range cases {
		for _, n := range []int{1 << 20, 1000, 1} {
			var f message.Framer
			events, got, faults := feed(&f, c.stream, n)
			if len(got) != 0 || len(faults) != 1 {
				t.Errorf("%s in %d: %d messages, faults %v", c.name, n, len(got), faults)
				continue
			}
			fault := faults[0]
			if c.name == "bare LF" && n == 1 {
				c.status = 0 // lost before its Via came
			}
			if fault.Status != c.status || (fault.Request != nil) != (c.status != 0) {
				t.Errorf("%s in %d: %+v", c.name, n, fault)
			}
			if (events[0] == message.Broken) != c.close {
				t.Errorf("%s in %d: event %d", c.name, n, events[0])
			}
		}
	}
}

// TestFramerGoesOnAfterFault: a bad message whose end is known does not cost the stream.
func TestFramerGoesOnAfterFault(t *testing.T) {
	badOne := strings.Replace(stream("INVITE", "body"), "CSeq: 7", "CSeq: x", 1)
	var f message.Framer
	_, got, faults := feed(&f, badOne+stream("BYE", ""), 64)
	if len(got) != 1 || got[0].Method != "BYE" || len(faults) != 1 || faults[0].Status != 400 {
		t.Errorf("got %v, faults %v", got, faults)
	}
}

func TestFramerIsBounded(t *testing.T) {
	var f message.Framer
	big := 0
	for _, s := range []string{stream("MESSAGE", strings.Repeat("x", 60000)), stream("BYE", "")} {
		feed(&f, s, 1000)
		big = max(big, len(f.Room()))
	}
	if big > 8<<10 {
		t.Errorf("keeps %d octets after a long message", big)
	}
	held := 0
	for range 100 {
		f.Filled(copy(f.Room(), bytes.Repeat([]byte{'A'}, 1<<10)))
		if ev, _, _ := f.Next(); ev == message.Broken {
			break
		}
		held += 1 << 10
	}
	if held > message.MaxHead+4<<10 {
		t.Errorf("held %d octets of a line without end", held)
	}
}

func TestFramerBegun(t *testing.T) {
	var f message.Framer
	for _, c := range []struct {
		bytes string
		begun bool
	}{{"\r\n", false}, {"\r", false}, {"\nINV", true}, {"ITE", true}} {
		f.Filled(copy(f.Room(), c.bytes))
		for ev, _, _ := f.Next(); ev != message.More; {
			ev, _, _ = f.Next()
		}
		if f.Begun() != c.begun {
			t.Errorf("after %q begun is %v", c.bytes, f.Begun())
		}
	}
}

func TestFramerReadsTheTorture(t *testing.T) {
	for _, name := range files(t, "rfc4475/*.dat") {
		var f message.Framer
		_, got, faults := feed(&f, string(file(t, name)), 17)
		for _, m := range got {
			if _, err := m.Append(nil); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, fault := range faults {
			if fault.Status != 0 && fault.Request == nil {
				t.Errorf("%s: %+v", name, fault)
			}
		}
	}
}
