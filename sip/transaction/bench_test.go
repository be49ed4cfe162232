package transaction_test

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
	"github.com/switchhook/switchhook/sip/transport"
)

// loop is a carrier without a network: what is sent is counted, or handed to answer.
type loop struct {
	handler func(transport.Incoming)
	sent    int
	answer  func([]byte)
}

func (c *loop) Serve(h func(transport.Incoming)) { c.handler = h }
func (c *loop) Send(_ transport.Target, data []byte, _ func(error)) error {
	c.sent++
	if c.answer != nil {
		c.answer(data)
	}
	return nil
}
func (c *loop) Local(string, netip.Addr) netip.AddrPort { return ourAddr }

// wait waits for what was posted before.
func wait(l *transaction.Layer) {
	done := make(chan struct{})
	l.Post("call", func() { close(done) })
	<-done
}

// cpu reports the processor time of all goroutines per operation: what a busy machine's clock does not show.
func cpu(b *testing.B) func() {
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	start := used()
	return func() { b.ReportMetric(float64(used()-start)/float64(b.N), "cpu-ns/op") }
}

// BenchmarkServer is one request through parse, transaction, answer; ns/op is for both messages.
func BenchmarkServer(b *testing.B) {
	c := &loop{}
	l := transaction.New(transaction.Config{Transport: c, User: &accepting{}, Shards: 1, MaxServers: 1 << 30, MaxInbox: 1 << 30})
	l.Start()
	defer l.Close()
	lines := request("INFO", "BRANCH")
	lines[5] = "Call-ID: CALL"
	parts := strings.Split(strings.Join(lines, "\r\n")+"\r\n\r\n", "BRANCH")
	text := func(i int) []byte {
		n := strconv.Itoa(i)
		return []byte(strings.Replace(parts[0]+n+parts[1], "CALL", n, 1))
	}
	texts := make([][]byte, 1<<16)
	for i := range texts {
		texts[i] = text(i)
	}
	b.ReportAllocs()
	defer cpu(b)()
	i := 0
	for b.Loop() {
		m, err := message.Parse(texts[i%len(texts)])
		if err != nil {
			b.Fatal(err)
		}
		m.Received(peerAddr)
		c.handler(transport.Incoming{Msg: m, Source: peerAddr, Local: ourAddr, Network: transport.UDP})
		if i++; i%64 == 0 {
			wait(l)
		}
	}
	wait(l)
}

// BenchmarkClient is one request of ours and its answer.
func BenchmarkClient(b *testing.B) {
	c := &loop{}
	l := transaction.New(transaction.Config{Transport: c, User: &accepting{}, Shards: 1, MaxClients: 1 << 30, MaxInbox: 1 << 30})
	l.Start()
	defer l.Close()
	var tail []byte
	c.answer = func(data []byte) {
		m, err := message.Parse(append(append(tail[:0], "SIP/2.0 200 OK"...), data[strings.Index(string(data[:80]), "\r\n"):]...))
		if err != nil {
			b.Error(err)
			return
		}
		c.handler(transport.Incoming{Msg: m, Source: peerAddr, Local: ourAddr, Network: transport.UDP})
	}
	b.ReportAllocs()
	defer cpu(b)()
	i := 0
	on := func(*transaction.Client, *message.Message, error) {}
	for b.Loop() {
		l.Post("call", func() {
			l.Send(outgoing("INFO"), transport.Target{Network: transport.UDP, Addr: peerAddr}, on)
		})
		if i++; i%64 == 0 {
			wait(l)
		}
	}
	wait(l)
}

func BenchmarkTimer(b *testing.B) {
	l := transaction.New(transaction.Config{Transport: &loop{}, User: &accepting{}, Shards: 1})
	l.Start()
	defer l.Close()
	done := make(chan struct{})
	l.Post("call", func() {
		defer close(done)
		b.ReportAllocs()
		for b.Loop() {
			l.After("call", 32e9, func() {}).Stop()
		}
	})
	<-done
}

// BenchmarkSocket is one request and its answer through real UDP sockets; the peer's system calls count too.
func BenchmarkSocket(b *testing.B) {
	carrier, err := transport.New(transport.Config{
		Listen: []transport.Listen{{Network: transport.UDP, Addr: netip.MustParseAddrPort("127.0.0.1:0")}},
	})
	if err != nil {
		b.Fatal(err)
	}
	l := transaction.New(transaction.Config{Transport: carrier, User: &accepting{}, MaxServers: 1 << 30})
	l.Start()
	defer l.Close()
	defer carrier.Close()
	peer, err := net.Dial("udp", carrier.Addrs()[0].Addr.String())
	if err != nil {
		b.Fatal(err)
	}
	defer peer.Close()
	text := strings.Join(request("INFO", "BRANCH"), "\r\n") + "\r\n\r\n"
	head, tail, _ := strings.Cut(text, "BRANCH")
	tail = strings.Replace(tail, "Call-ID: call", "Call-ID: CALL", 1)
	one, two, _ := strings.Cut(tail, "CALL")
	out, in := make([]byte, 0, 2000), make([]byte, 2000)
	b.ReportAllocs()
	defer cpu(b)()
	for n := 0; b.Loop(); {
		const window = 32
		for range window {
			n++
			out = append(append(out[:0], head...), strconv.Itoa(n)...)
			out = append(append(out, one...), strconv.Itoa(n)...)
			out = append(out, two...)
			if _, err := peer.Write(out); err != nil {
				b.Fatal(err)
			}
		}
		for range window {
			if _, err := peer.Read(in); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(32, "requests/op")
}
