package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long a phone waits for a message.
const patience = 10 * time.Second

// phones are many telephones behind one socket: what comes is given to the call that it names. Requests are answered with 200 at
// once; an INVITE of a call that nobody here has begun is answered with sound, and with the context of the bench.
type phones struct {
	conn  *net.UDPConn
	to    *net.UDPAddr
	at    string
	next  atomic.Int64
	mu    sync.Mutex
	calls map[string]chan string
	rang  chan string // INVITEs that came in
}

// newPhones opens the socket and begins to answer.
func newPhones(port int) (*phones, error) {
	c, err := listen(port)
	if err != nil {
		return nil, err
	}
	p := &phones{conn: c, to: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: ourPort}, at: c.LocalAddr().String(), calls: map[string]chan string{}, rang: make(chan string, 1000)}
	go p.read()
	return p, nil
}

func (p *phones) close() { p.conn.Close() }

// read gives each message to its call.
func (p *phones) read() {
	buf := make([]byte, 65536)
	for {
		n, from, err := p.conn.ReadFromUDP(buf)
		if err != nil {
			return
		}
		m := string(buf[:n])
		_, id, _ := strings.Cut(row(m, "Call-ID"), ": ")
		p.mu.Lock()
		mine := p.calls[id]
		p.mu.Unlock()
		method, _, _ := strings.Cut(m, " ")
		switch {
		case method == "INVITE":
			p.conn.WriteToUDP([]byte(reply(m, sdp(9))), from)
			select {
			case p.rang <- m:
			default:
			}
		case method != "SIP/2.0" && method != "ACK":
			p.conn.WriteToUDP([]byte(reply(m, "")), from)
		}
		if mine != nil && method != "ACK" {
			select {
			case mine <- m:
			default:
			}
		}
	}
}

// reply is the 200 to a request.
func reply(req, body string) string {
	var b strings.Builder
	b.WriteString("SIP/2.0 200 OK\r\n")
	for line := range strings.SplitSeq(req, "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		switch strings.ToLower(name) {
		case "via", "from", "call-id", "cseq", "record-route":
			b.WriteString(line + "\r\n")
		case "to":
			if !strings.Contains(line, ";tag=") {
				line += ";tag=bench"
			}
			b.WriteString(line + "\r\n")
		}
		if line == "" {
			break
		}
	}
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Contact: <sip:bench@127.0.0.1:%d>\r\nContent-Length: %d\r\n\r\n%s", calleePort, len(body), body)
	return b.String()
}

// dialog is one call, or one registration, of a phone's own making.
type dialog struct {
	p      *phones
	id     string
	got    chan string
	from   string
	to     string
	target string
	seq    int
	sound  int // port of its sound; 9: none
	theirs int // port of the far end's
}

// newDialog makes one from a user to a user at the program.
func (p *phones) newDialog(from, to string) *dialog {
	n := p.next.Add(1)
	d := &dialog{p: p, id: fmt.Sprintf("phone-%s-%d", p.at, n), got: make(chan string, 20), sound: 9, target: fmt.Sprintf("sip:%s@127.0.0.1:%d", to, ourPort)}
	if to == "" {
		d.target = fmt.Sprintf("sip:127.0.0.1:%d", ourPort)
	}
	d.from, d.to = fmt.Sprintf("<sip:%s@127.0.0.1>;tag=p%d", from, n), fmt.Sprintf("<sip:%s@127.0.0.1>", to)
	p.mu.Lock()
	p.calls[d.id] = d.got
	p.mu.Unlock()
	return d
}

func (d *dialog) forget() {
	d.p.mu.Lock()
	delete(d.p.calls, d.id)
	d.p.mu.Unlock()
}

// send sends a request; ACK has the number of the last INVITE.
func (d *dialog) send(method, body string, more ...string) {
	if method != "ACK" {
		d.seq++
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=%s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nMax-Forwards: 70\r\nContact: <sip:phone@%s>\r\n",
		method, d.target, d.p.at, d.branch(method), d.from, d.to, d.id, d.seq, method, d.p.at)
	for _, r := range more {
		b.WriteString(r + "\r\n")
	}
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	d.p.conn.WriteToUDP([]byte(b.String()), d.p.to)
}

// await gives the next message that begins with one of the prefixes; provisional responses and others are passed over.
func (d *dialog) await(prefixes ...string) (string, error) {
	timeout := time.After(patience)
	for {
		select {
		case m := <-d.got:
			for _, prefix := range prefixes {
				if strings.HasPrefix(m, prefix) {
					return m, nil
				}
			}
			if strings.HasPrefix(m, "SIP/2.0 ") && m[8] > '2' {
				line, _, _ := strings.Cut(m, "\r\n")
				return "", fmt.Errorf("%s, not %v", line, prefixes)
			}
		case <-timeout:
			return "", fmt.Errorf("no %v within %v", prefixes, patience)
		}
	}
}

// call is placed with the context of the bench and answered; it gives how long the answer took.
func (d *dialog) call() (time.Duration, error) {
	begin := time.Now()
	d.send("INVITE", sdp(d.sound), "User-to-User: 00c0ffee10000000000;encoding=hex", "Diversion: <sip:+12065550143@carrier.example>;reason=unconditional;counter=1",
		"X-Call-Context: bench-1-1", "X-Account-Id: 4711")
	ok, err := d.await("SIP/2.0 200")
	if err != nil {
		return 0, err
	}
	took := time.Since(begin)
	d.answered(ok)
	d.send("ACK", "")
	return took, nil
}

// answered takes what a 200 says of the far end.
func (d *dialog) answered(ok string) {
	_, d.to, _ = strings.Cut(row(ok, "To"), ": ")
	_, contact, _ := strings.Cut(row(ok, "Contact"), "<")
	d.target, _, _ = strings.Cut(contact, ">")
	d.theirs = portOf(ok)
}

// cancel gives the INVITE up, and ackRefusal acknowledges what it is refused with.
func (d *dialog) cancel()     { d.hop("CANCEL") }
func (d *dialog) ackRefusal() { d.hop("ACK") }

// hop sends what belongs to the INVITE's own transaction.
func (d *dialog) hop(method string) {
	d.p.conn.WriteToUDP(fmt.Appendf(nil, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=%s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
		method, d.target, d.p.at, d.branch("INVITE"), d.from, d.to, d.id, d.seq, method), d.p.to)
}

// branch names the transaction of the last request.
func (d *dialog) branch(method string) string {
	return fmt.Sprintf("z9hG4bK%s%d%s", strings.ReplaceAll(d.id, ":", "."), d.seq, method)
}

// again sends a re-INVITE with a direction and acknowledges the answer.
func (d *dialog) again(direction string) error {
	d.send("INVITE", sdp(9)+"a="+direction+"\r\n")
	if _, err := d.await("SIP/2.0 200"); err != nil {
		return fmt.Errorf("re-INVITE: %w", err)
	}
	d.send("ACK", "")
	return nil
}

// bye hangs up.
func (d *dialog) bye() error {
	d.send("BYE", "")
	if _, err := d.await("SIP/2.0 200", "SIP/2.0 481"); err != nil {
		return fmt.Errorf("BYE: %w", err)
	}
	return nil
}

// together runs work on so many workers, each over and over until the time is over, and counts.
func together(workers int, length time.Duration, work func(worker int) error) (done, failed int64, first error) {
	var ok, bad atomic.Int64
	var once sync.Once
	var wait sync.WaitGroup
	end := time.Now().Add(length)
	for w := range workers {
		wait.Go(func() {
			for time.Now().Before(end) {
				if err := work(w); err != nil {
					bad.Add(1)
					once.Do(func() {
						first = err
						fmt.Fprintln(os.Stderr, "the first that failed:", err)
					})
				} else {
					ok.Add(1)
				}
			}
		})
	}
	wait.Wait()
	return ok.Load(), bad.Load(), first
}
