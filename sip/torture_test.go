package sip_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/transport"
)

// verdicts say how the whole server treats each message of RFC 4475 and RFC 5118: the final status, 0 for silence. The
// server knows nobody, so that an INVITE which passes is refused with 404.
var verdicts = map[string]int{
	"rfc4475/wsinv":      481, // a To-tag of a dialog that is not ours
	"rfc4475/intmeth":    501,
	"rfc4475/esc01":      404,
	"rfc4475/escnull":    405, // REGISTER: there is no registrar
	"rfc4475/esc02":      501,
	"rfc4475/lwsdisp":    200,
	"rfc4475/longreq":    404,
	"rfc4475/dblreq":     405,
	"rfc4475/semiuri":    200,
	"rfc4475/transports": 200,
	"rfc4475/mpart01":    405, // MESSAGE
	"rfc4475/unreason":   0,   // responses
	"rfc4475/noreason":   0,
	"rfc4475/badinv01":   400,
	"rfc4475/clerr":      400,
	"rfc4475/ncl":        400,
	"rfc4475/scalar02":   400,
	"rfc4475/scalarlg":   0,
	"rfc4475/quotbal":    400,
	"rfc4475/ltgtruri":   400,
	"rfc4475/lwsruri":    400,
	"rfc4475/lwsstart":   400,
	"rfc4475/trws":       400,
	"rfc4475/escruri":    400,
	"rfc4475/baddate":    404,
	"rfc4475/regbadct":   400,
	"rfc4475/badaspec":   400,
	"rfc4475/baddn":      400,
	"rfc4475/badvers":    505,
	"rfc4475/mismatch01": 400,
	"rfc4475/mismatch02": 400,
	"rfc4475/bigcode":    0,
	"rfc4475/badbranch":  400,
	"rfc4475/insuf":      400,
	"rfc4475/unkscm":     416,
	"rfc4475/novelsc":    416,
	"rfc4475/unksm2":     405,
	"rfc4475/bext01":     420,
	"rfc4475/invut":      415,
	"rfc4475/regaut01":   405,
	"rfc4475/multi01":    400,
	"rfc4475/mcl01":      400,
	"rfc4475/bcast":      0,
	"rfc4475/zeromf":     200,
	"rfc4475/cparam01":   405,
	"rfc4475/cparam02":   405,
	"rfc4475/regescrt":   405,
	"rfc4475/sdp01":      406,
	"rfc4475/inv2543":    404,
	"rfc4475/test":       0,

	"rfc5118-crlf/ipv4-mapped-ipv6":              488, // its only codec is G.726
	"rfc5118-crlf/ipv6-bad":                      400,
	"rfc5118-crlf/ipv6-bug-abnf-3-colons":        200,
	"rfc5118-crlf/ipv6-correct-abnf-2-colons":    200,
	"rfc5118-crlf/ipv6-good":                     405,
	"rfc5118-crlf/ipv6-in-sdp":                   488,
	"rfc5118-crlf/mult-ip-in-header":             481,
	"rfc5118-crlf/mult-ip-in-sdp":                404,
	"rfc5118-crlf/port-ambiguous":                405,
	"rfc5118-crlf/port-unambiguous":              405,
	"rfc5118-crlf/via-received-param-no-delim":   200,
	"rfc5118-crlf/via-received-param-with-delim": 481,
}

// overTCP are the verdicts that differ on a stream: what has no end is waited for, then the connection is closed.
var overTCP = map[string]int{"rfc4475/clerr": 0, "rfc4475/baddn": 0, "rfc4475/inv2543": 400, "rfc4475/test": 0}

func corpus(t *testing.T, pattern string) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("message", "testdata", filepath.FromSlash(pattern)))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	out := map[string][]byte{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(filepath.Dir(f))+"/"+strings.TrimSuffix(filepath.Base(f), ".dat")] = data
	}
	return out
}

// TestC01Torture sends every torture message to the whole server, over UDP and TCP.
func TestC01Torture(t *testing.T) {
	files := corpus(t, "rfc4475/*.dat")
	for name, data := range corpus(t, "rfc5118-crlf/*.dat") {
		files[name] = data
	}
	if len(files) != len(verdicts) {
		t.Errorf("%d files, %d verdicts", len(files), len(verdicts))
	}
	for name, data := range files {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				got := statuses(newRig(t, knowsNobody).overUDP(data))
				if want := verdicts[name]; !finally(got, want) {
					t.Errorf("UDP: got %v, want %d", got, want)
				}
			})
			inTime(t, func(t *testing.T) {
				want, ok := overTCP[name]
				if !ok {
					want = verdicts[name]
				}
				got := statuses(newRig(t, knowsNobody).overTCP(data))
				if name == "rfc4475/dblreq" { // the second request, which a datagram hides, breaks the stream
					got, want = got[:1], got[0]
				}
				if !finally(got, want) {
					t.Errorf("TCP: got %v, want %d", got, want)
				}
			})
		})
	}
}

// The archive of RFC 5118 has lines that end with LF alone: refused or dropped, and answered with CRLF.
func TestC01BareLF(t *testing.T) {
	for name, data := range corpus(t, "rfc5118/*.dat") {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, knowsNobody)
				for _, answer := range [][]byte{r.overUDP(data), r.overTCP(data)} {
					if bytes.Count(answer, []byte("\n")) != bytes.Count(answer, []byte("\r\n")) {
						t.Errorf("bare LF in:\n%s", answer)
					}
				}
			})
		})
	}
}

func knowsNobody(cfg *sip.Config, c *directory.Content) {
	cfg.Receive = nil
	c.Trunks = []directory.Trunk{{ID: "all", Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}, In: header.Trusted()}}
}

// overUDP sends bytes in a datagram, and gives all that comes back, to whichever port the Via named.
func (r *rig) overUDP(data []byte) []byte {
	r.t.Helper()
	host := r.net.Host(aliceAt.Addr())
	var out []byte
	got := make(chan []byte, 100)
	var first transport.PacketConn
	for _, port := range []uint16{5060, 5050, 6050, 19823} {
		c, err := host.ListenPacket(netip.AddrPortFrom(aliceAt.Addr(), port))
		if err != nil {
			r.t.Fatal(err)
		}
		defer c.Close()
		if first == nil {
			first = c
		}
		go func() {
			ds := []transport.Datagram{{Buf: make([]byte, 65536)}}
			for {
				if _, err := c.ReadBatch(ds); err != nil {
					return
				}
				got <- append([]byte(nil), ds[0].Buf[:ds[0].N]...)
			}
		}()
	}
	if err := first.WriteTo(data, serverAt); err != nil {
		r.t.Fatal(err)
	}
	for {
		select {
		case b := <-got:
			out = append(out, b...)
		case <-time.After(20 * time.Second):
			return out
		}
	}
}

// overTCP writes bytes to a connection, and gives all that comes back until it is closed or silent.
func (r *rig) overTCP(data []byte) []byte {
	r.t.Helper()
	c, err := r.net.Host(aliceAt.Addr()).Dial(context.Background(), serverAt)
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	go func() { _, _ = c.Write(data) }()
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		r.t.Fatal(err)
	}
	out, _ := io.ReadAll(c)
	return out
}

// statuses gives the statuses of the responses in b but 100.
func statuses(b []byte) []int {
	var out []int
	for _, line := range strings.Split(string(b), "\r\n") {
		var n int
		if strings.HasPrefix(line, "SIP/2.0 ") {
			if _, err := fmt.Sscanf(line, "SIP/2.0 %d", &n); err == nil && n != 100 {
				out = append(out, n)
			}
		}
	}
	return out
}

// finally tells whether all responses, repeated ones included, have one status; none for 0.
func finally(got []int, want int) bool {
	for _, n := range got {
		if n != want {
			return false
		}
	}
	return want == 0 || len(got) > 0
}

// S02: each mandatory header removed from each method, one at a time: never an answer that it was understood.
func TestMandatoryHeadersRemoved(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, knowsNobody)
		alice := r.phone(netip.AddrPortFrom(aliceAt.Addr(), 5999))
		for _, method := range []string{"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE", "REGISTER", "REFER"} {
			for _, gone := range []string{"Via", "From", "To", "Call-ID", "CSeq", "Max-Forwards", "Contact"} {
				m := alice.request(method, method+gone, 1, "")
				m.Del(gone)
				data, err := m.Append(nil)
				if err != nil {
					t.Fatal(err)
				}
				got := statuses(r.overUDP(data))
				for _, n := range got {
					mayDo := gone == "Max-Forwards" || gone == "Contact" && method != "INVITE"
					if n < 300 && !mayDo {
						t.Errorf("%s without %s: %d", method, gone, n)
					}
				}
			}
		}
		if r.s.Legs() != 0 {
			t.Errorf("%d legs", r.s.Legs())
		}
	})
}
