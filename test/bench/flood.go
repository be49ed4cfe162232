package main

import (
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"
)

// flooder sends junk to the SIP port: what scanners, broken programs and attackers send, from strangers' addresses and from the
// trunk's own.
type flooder struct {
	conns []*ipv4.PacketConn
	junk  [][]byte
	sent  atomic.Int64
	quit  chan struct{}
	done  chan struct{}
}

// newFlooder makes one with sockets at several addresses of the loopback; 127.0.0.1 is the trunk's.
func newFlooder(port int) (*flooder, error) {
	f := &flooder{quit: make(chan struct{}), done: make(chan struct{})}
	for i := range 16 {
		host := fmt.Sprintf("127.0.66.%d", i)
		if i == 0 {
			host = "127.0.0.1"
		}
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(host)})
		if err != nil {
			return nil, err
		}
		c.SetReadBuffer(4096) // nobody reads the answers
		f.conns = append(f.conns, ipv4.NewPacketConn(c))
	}
	target := fmt.Sprintf("sip:%d@127.0.0.1:%d", 100, port)
	for _, method := range []string{"INVITE", "REGISTER", "OPTIONS", "BYE", "MESSAGE", "SUBSCRIBE", "NOTIFY", "ACK"} {
		m := fmt.Sprintf("%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKjunk;rport\r\nFrom: <sip:junk@x>;tag=j\r\nTo: <%s>\r\nCall-ID: junk00000000\r\n"+
			"CSeq: 1 %s\r\nMax-Forwards: 70\r\nContact: <sip:junk@192.0.2.1>\r\nUser-Agent: friendly-scanner\r\nContent-Length: 0\r\n\r\n", method, target, target, method)
		f.junk = append(f.junk, []byte(m), []byte(m[:len(m)/2]))
	}
	f.junk = append(f.junk, []byte("\r\n\r\n"), []byte("GET / HTTP/1.1\r\n\r\n"), []byte(strings.Repeat("\x00", 64)), []byte("SIP/2.0 200 OK\r\nCall-ID: junk00000000\r\nCSeq: 1 INVITE\r\n\r\n"),
		[]byte(strings.Repeat("A", 1400)), []byte("\x80\x00\x00\x01\x00\x00\x00\xa0\x00\x00\x00\x01"))
	return f, nil
}

// run sends so many packets a second until stop.
func (f *flooder) run(port, rate int) {
	defer close(f.done)
	const batch, tick = 64, 2 * time.Millisecond
	msgs := make([]ipv4.Message, batch)
	for i := range msgs {
		msgs[i].Buffers = [][]byte{make([]byte, 0, 1500)}
		msgs[i].Addr = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	}
	begin, n := time.Now(), 0
	for ticker := time.NewTicker(tick); ; {
		select {
		case <-f.quit:
			ticker.Stop()
			return
		case <-ticker.C:
		}
		for due := int(time.Since(begin).Seconds() * float64(rate)); n < due; {
			k := min(batch, due-n)
			for i := range k {
				f.fill(&msgs[i], n+i)
			}
			writeAll(f.conns[n/batch%len(f.conns)], msgs[:k])
			n += k
			f.sent.Add(int64(k))
		}
	}
}

// fill writes the nth packet, which has a transaction and a call of its own where it is a whole message.
func (f *flooder) fill(m *ipv4.Message, n int) {
	b := append(m.Buffers[0][:0], f.junk[n%len(f.junk)]...)
	if s := strings.Index(string(b), "junk00000000"); s >= 0 {
		copy(b[s+4:], fmt.Sprintf("%08d", n))
	}
	if s := strings.Index(string(b), "z9hG4bKjunk;"); s >= 0 {
		copy(b[s+7:], fmt.Sprintf("%04x", n&0xffff))
	}
	m.Buffers[0] = b
}

func (f *flooder) stop() {
	close(f.quit)
	<-f.done
	for _, c := range f.conns {
		c.Close()
	}
}

// flood measures what standing calls lose, and how late their packets are, while junk comes at 20,000 packets a second, and how soon
// a new call is answered meanwhile.
func (b *bench) flood() error {
	calls, rate, length := 300, 20000, min(2*time.Minute, b.last)
	if b.quick {
		calls, rate, length = 20, 5000, 3*time.Second
	}
	fn, err := startFunction(functionAddr)
	if err != nil {
		return err
	}
	defer fn.server.Close()
	p, err := b.startProgram()
	if err != nil {
		return err
	}
	defer p.stop()
	pairs, end, err := sipPairs(calls, ourPort, calleePort)
	if err != nil {
		return err
	}
	defer end()
	g, err := newGenerator(pairs)
	if err != nil {
		return err
	}
	defer g.close()
	for _, flooded := range []bool{false, true} {
		g.run(2 * time.Second)
		time.Sleep(time.Second) // what is late is not counted
		g.reset()
		note, packets := "quiet", int64(0)
		stop := func() {}
		if flooded {
			f, err := newFlooder(ourPort)
			if err != nil {
				return err
			}
			go f.run(ourPort, rate)
			stop = func() { f.stop(); packets = f.sent.Load() }
			note = "flooded"
		}
		took, cpu, drops := length, p.cpu(), dropsOf(ourPort)
		if !flooded {
			took = min(length, 15*time.Second)
		}
		g.run(took)
		stop()
		sent, got := g.counts()
		v := map[string]float64{"calls": float64(calls), "seconds": took.Seconds(), "sent": float64(sent), "lossPercent": 100 * float64(sent-got) / float64(max(1, sent)),
			"junkPerSecond": float64(packets) / took.Seconds(), "coreBusy": (p.cpu() - cpu) / took.Seconds(), "memoryMB": float64(p.memory()) / (1 << 20), "junkDroppedByKernel": float64(dropsOf(ourPort) - drops)}
		quantiles(v, "latency", g.latencies())
		b.report(result{What: "standing calls in a flood", System: "switchhook", Value: v, Note: note})
	}
	return nil
}
