package message_test

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/sip/message"
)

func FuzzParse(f *testing.F) {
	for _, name := range append(files(f, "rfc4475/*.dat"), files(f, "rfc5118-crlf/*.dat")...) {
		f.Add(file(f, name))
	}
	for _, method := range methods {
		f.Add([]byte(text(request(method))))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, p := range []message.Parser{{}, {LenientLF: true}} {
			m, err := p.Parse(data)
			if err == nil {
				checkSound(t, m)
				continue
			}
			var fault *message.Fault
			if !errors.As(err, &fault) || m != nil || (fault.Status == 0) != (fault.Request == nil) {
				t.Fatalf("%v, %v", m, err)
			}
			if fault.Request != nil {
				fault.Request.Received(netip.MustParseAddrPort("192.0.2.1:5060"))
				answer := message.NewResponse(fault.Request, fault.Status, "")
				answer.Tag("x")
				if out, err := answer.Append(nil); err == nil && bytes.Contains(bytes.ReplaceAll(out, []byte("\r\n"), nil), []byte("\n")) {
					t.Fatalf("bare LF in the answer %q", out)
				}
			}
		}
	})
}

// checkSound holds what Parse promises of a message.
func checkSound(t *testing.T, m *message.Message) {
	t.Helper()
	if m.Via.Host == "" || m.CallID == "" || m.CSeq.Method == "" || m.IsRequest() == (m.Status != 0) || m.ViaCount() < 1 {
		t.Fatalf("essentials: %+v", m)
	}
	if m.IsRequest() && m.CSeq.Method != m.Method {
		t.Fatalf("CSeq %v of %s", m.CSeq, m.Method)
	}
	_, _ = m.Contacts()
	m.Routes("Route")
	m.Accepts("application/sdp")
	m.Unsupported()
	m.MaxForwards()
	out, err := m.Append(nil)
	if err != nil {
		return // near a limit, the writer's own Content-Length may be too much
	}
	again, err := message.Parse(out)
	if err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	if diff := cmp.Diff(rows(m), rows(again)); diff != "" {
		t.Fatalf("changed: %s", diff)
	}
	if !bytes.Equal(m.Body, again.Body) || m.Reason != again.Reason || m.FromTag != again.FromTag || m.Via.Branch != again.Via.Branch {
		t.Fatalf("changed: %+v, %+v", m, again)
	}
}

func FuzzFramer(f *testing.F) {
	for _, method := range methods {
		f.Add([]byte(stream(method, "body")+"\r\n\r\n"+stream(method, "")), uint8(5))
	}
	f.Fuzz(func(t *testing.T, data []byte, n uint8) {
		var f, g message.Framer
		_, whole, _ := feed(&f, string(data), 1<<20)
		_, parts, _ := feed(&g, string(data), int(n)+1)
		// A stream that breaks may break before or after a message when it comes in other pieces; what both gave agrees.
		for i := range min(len(whole), len(parts)) {
			if diff := cmp.Diff(rows(whole[i]), rows(parts[i])); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

func FuzzVia(f *testing.F) {
	for _, s := range []string{
		"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport", "SIP / 2.0 / TCP [2001:db8::1] : 5 ; received=[::1]",
		`SIP/2.0/UDP h;x="a;b,c\"", SIP/2.0/UDP i`, "SIP/2.0/UDP 192.0.2.15;;,;,,",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := message.ParseVia(s)
		if err != nil {
			return
		}
		again, err := message.ParseVia(v.Raw)
		if err != nil || again.Raw != v.Raw || again.Host != v.Host || again.Branch != v.Branch || again.Port != v.Port {
			t.Fatalf("%q gave %+v, then %+v, %v", s, v, again, err)
		}
		if v.Host == "" || v.Port < 0 || v.Port > 65535 || v.RPort < -1 || v.RPort > 65535 {
			t.Fatalf("%+v", v)
		}
	})
}

func FuzzCSeq(f *testing.F) {
	f.Add("1 INVITE")
	f.Add("0009 \t ACK")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := message.ParseCSeq(s)
		if err != nil {
			return
		}
		again, err := message.ParseCSeq(itoa(int(c.Number)) + " " + c.Method)
		if err != nil || again != c {
			t.Fatalf("%q: %v, %v, %v", s, c, again, err)
		}
	})
}
