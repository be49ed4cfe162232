package sip_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/transport"
)

// verdict is how the whole server treats one message of RFC 4475 or RFC 5118: the final status, 0 for silence.
type verdict struct{ udp, tcp int }

// verdicts reads testdata/torture.tsv, by message.
func verdicts(t *testing.T) map[string]verdict {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "torture.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	status := func(text string) int {
		if text == "-" {
			return 0
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	out := map[string]verdict{}
	for line := range strings.Lines(string(data)) {
		if row := strings.Split(strings.TrimSpace(line), "\t"); !strings.HasPrefix(line, "#") {
			out[row[0]] = verdict{status(row[1]), status(row[2])}
		}
	}
	return out
}

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
	verdicts := verdicts(t)
	if len(files) != len(verdicts) {
		t.Errorf("%d files, %d verdicts", len(files), len(verdicts))
	}
	for name, data := range files {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				got := statuses(newRig(t, knowsNobody).overUDP(data))
				if want := verdicts[name].udp; !finally(got, want) {
					t.Errorf("UDP: got %v, want %d", got, want)
				}
			})
			inTime(t, func(t *testing.T) {
				want := verdicts[name].tcp
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
