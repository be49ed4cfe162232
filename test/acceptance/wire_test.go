package acceptance_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// wire is a far end that sends what a test writes, to the byte, and does nothing by itself.
type wire struct {
	t    *testing.T
	conn *net.UDPConn
	at   netip.AddrPort
	got  chan datagram
}

// datagram is one that came, and when, by the kernel's clock: a test that is late to read it is not misled.
type datagram struct {
	text string
	came time.Time
}

// newWire opens a far end at an address of the loopback ("127.0.0.1:0").
func newWire(t *testing.T, at string) *wire {
	t.Helper()
	var c *net.UDPConn
	eventually(t, "binding "+at, func() (ok bool) {
		var err error
		c, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(at)))
		return err == nil
	})
	w := &wire{t: t, conn: c, at: netip.MustParseAddrPort(c.LocalAddr().String()), got: make(chan datagram, 1000)}
	stampArrivals(t, c)
	t.Cleanup(func() { c.Close() })
	go func() {
		buf, oob := make([]byte, 65536), make([]byte, 128)
		for {
			n, m, _, _, err := c.ReadMsgUDP(buf, oob)
			if err != nil {
				close(w.got)
				return
			}
			w.got <- datagram{string(buf[:n]), stamp(oob[:m])}
		}
	}()
	return w
}

func (w *wire) port() int { return int(w.at.Port()) }

// send sends a datagram. Lines may end with LF alone: they are sent with CRLF.
func (w *wire) send(to netip.AddrPort, text string) {
	w.t.Helper()
	if _, err := w.conn.WriteToUDPAddrPort([]byte(crlf(text)), to); err != nil {
		w.t.Fatal(err)
	}
}

// stampArrivals has the kernel say when each datagram came.
func stampArrivals(t *testing.T, c *net.UDPConn) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if e := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) }); err != nil || e != nil {
		t.Fatal(err, e)
	}
}

// stamp reads when a datagram came.
func stamp(oob []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(messages) != 1 || messages[0].Header.Type != unix.SCM_TIMESTAMPNS || len(messages[0].Data) < 16 {
		return time.Time{}
	}
	d := messages[0].Data
	return time.Unix(int64(binary.NativeEndian.Uint64(d)), int64(binary.NativeEndian.Uint64(d[8:])))
}

// receive gives the next message that begins so; others before it are passed over.
func (w *wire) receive(prefix string) string {
	w.t.Helper()
	return w.receiveStamped(prefix).text
}

// receiveStamped is receive that tells when it came, too.
func (w *wire) receiveStamped(prefix string) datagram {
	w.t.Helper()
	timeout := time.After(10 * time.Second)
	var others []string
	for {
		select {
		case m := <-w.got:
			if strings.HasPrefix(m.text, prefix) {
				return m
			}
			others = append(others, m.text[:min(len(m.text), 200)])
		case <-timeout:
			w.t.Fatalf("no %s within 10 s; received: %q", prefix, others)
		}
	}
}

// accept lets serve have each connection to a listener, in a goroutine of its own, until the test ends, and closes it afterwards.
func accept(t *testing.T, l net.Listener, serve func(net.Conn)) {
	t.Helper()
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
}

// quiet fails if anything comes for a while.
func (w *wire) quiet(d time.Duration) {
	w.t.Helper()
	select {
	case m := <-w.got:
		w.t.Errorf("received, though nothing was to come:\n%s", m.text)
	case <-time.After(d):
	}
}

func crlf(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
}

// plainOffer is a session description with PCMU at a place that nothing comes from.
const plainOffer = "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n"

// ask writes a request as a far end at addr would. rows come last, and take the place of ours with the same name.
func ask(method, uri string, from netip.AddrPort, id string, body string, rows ...string) string {
	own := []string{
		fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bK%s%s;rport", from, strings.ToLower(method), id),
		fmt.Sprintf("From: <sip:+12065550142@%s>;tag=f%s", from, id), "To: <" + uri + ">", "Call-ID: " + id, "CSeq: 1 " + method,
		"Max-Forwards: 70", fmt.Sprintf("Contact: <sip:wire@%s>", from),
	}
	var b strings.Builder
	b.WriteString(method + " " + uri + " SIP/2.0\n")
	for _, r := range own {
		name, _, _ := strings.Cut(r, ":")
		taken := false
		for _, other := range rows {
			n, _, _ := strings.Cut(other, ":")
			taken = taken || strings.EqualFold(n, name)
		}
		if !taken {
			b.WriteString(r + "\n")
		}
	}
	for _, r := range rows {
		if !strings.HasSuffix(r, ":") { // "Name:" alone leaves the header out
			b.WriteString(r + "\n")
		}
	}
	if body != "" && !strings.Contains(b.String(), "\nContent-Type:") {
		b.WriteString("Content-Type: application/sdp\n")
	}
	if !strings.Contains(b.String(), "\nContent-Length:") {
		fmt.Fprintf(&b, "Content-Length: %d\n", len(crlf(body)))
	}
	return crlf(b.String() + "\n" + body)
}

// reply answers a request with a status, a To-tag and rows.
func reply(req, status, tag, body string, rows ...string) string {
	var b strings.Builder
	b.WriteString("SIP/2.0 " + status + "\n")
	for line := range strings.Lines(strings.ReplaceAll(req, "\r", "")) {
		name, _, _ := strings.Cut(line, ":")
		switch strings.ToLower(name) {
		case "via", "from", "call-id", "cseq":
			b.WriteString(line)
		case "to":
			line = strings.TrimSuffix(line, "\n")
			if tag != "" && !strings.Contains(line, ";tag=") {
				line += ";tag=" + tag
			}
			b.WriteString(line + "\n")
		}
		if line == "\n" {
			break
		}
	}
	for _, r := range rows {
		b.WriteString(r + "\n")
	}
	if body != "" {
		b.WriteString("Content-Type: application/sdp\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\n", len(crlf(body)))
	return crlf(b.String() + "\n" + body)
}

// ackOf acknowledges the final response to a request of ours. branch is that of the INVITE for a refusal, a new one for a 200.
func ackOf(req, resp string) string {
	uri, _, _ := strings.Cut(strings.TrimPrefix(req, "INVITE "), " ")
	via := rowOf(req, "Via")
	if strings.HasPrefix(resp, "SIP/2.0 2") {
		via += "ack"
		uri = strings.Trim(strings.TrimSpace(rowOf(resp, "Contact")), "<>")
	}
	seq, _, _ := strings.Cut(rowOf(req, "CSeq"), " ")
	return crlf(fmt.Sprintf("ACK %s SIP/2.0\nVia: %s\nFrom: %s\nTo: %s\nCall-ID: %s\nCSeq: %s ACK\nMax-Forwards: 70\nContent-Length: 0\n\n",
		uri, via, rowOf(req, "From"), rowOf(resp, "To"), rowOf(req, "Call-ID"), seq))
}

// rowOf gives the value of a header's first row.
func rowOf(msg, name string) string {
	if found := rows(msg, name); len(found) > 0 {
		return found[0]
	}
	return ""
}

// overTCP writes bytes to a connection of the server, and gives what comes back until it is closed, or silent for a while.
func overTCP(t *testing.T, s *server, silent time.Duration, writes ...string) (answers string, closed bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", s.SIP)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() {
		for _, w := range writes {
			if _, err := io.WriteString(c, w); err != nil {
				return
			}
		}
	}()
	var out bytes.Buffer
	buf := make([]byte, 65536)
	for {
		if err := c.SetReadDeadline(time.Now().Add(silent)); err != nil {
			t.Fatal(err)
		}
		n, err := c.Read(buf)
		out.Write(buf[:n])
		switch {
		case os.IsTimeout(err):
			return out.String(), false
		case err != nil:
			return out.String(), true
		}
	}
}

// statuses gives the statuses of the responses in a text, 100 left out.
func statuses(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "SIP/2.0 "); ok && !strings.HasPrefix(rest, "100") {
			out = append(out, rest[:3])
		}
	}
	return out
}

// alive fails if the server does not answer OPTIONS at once.
func alive(t *testing.T, s *server) {
	t.Helper()
	w := newWire(t, "127.0.0.1:0")
	w.send(s.addr(), ask("OPTIONS", "sip:"+s.SIP, w.at, fmt.Sprintf("alive%d", w.port()), ""))
	w.receive("SIP/2.0 200")
}
