package main

import (
	"encoding/binary"
	"net"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
)

// The generator's two ports: where all A sides and all B sides live.
const (
	portA = 9000 // below the range that the program takes ports from
	portB = 9002
)

const (
	payload  = 160 // 20 ms of G.711
	slots    = 20  // the calls' packets are spread over the 20 ms
	interval = 20 * time.Millisecond
)

// linger is how long what is on its way has to come.
const linger = 500 * time.Millisecond

// generator sends 20 ms of G.711 both ways for every call. Each packet's payload carries when it was sent, so the way through is
// measured whatever the relay does to the header.
type generator struct {
	a, b  *net.UDPConn
	pairs []pair
	seq   uint16
	mu    sync.Mutex
	sent  int
	late  []time.Duration
	// talks tells of room parties who says something; the others are silent. Nil: all say when they were sent.
	talks func(i int) bool
	done  sync.WaitGroup
}

func newGenerator(pairs []pair) (*generator, error) {
	g := &generator{pairs: pairs}
	var err error
	if g.a, err = listen(portA); err != nil {
		return nil, err
	}
	if g.b, err = listen(portB); err != nil {
		return nil, err
	}
	g.done.Add(2)
	go g.receive(g.a)
	go g.receive(g.b)
	return g, nil
}

func listen(port int) (*net.UDPConn, error) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		return nil, err
	}
	c.SetReadBuffer(16 << 20)
	return c, nil
}

// receive counts what comes back and how long it took.
func (g *generator) receive(c *net.UDPConn) {
	defer g.done.Done()
	pc := ipv4.NewPacketConn(c)
	msgs := make([]ipv4.Message, 64)
	for i := range msgs {
		msgs[i].Buffers = [][]byte{make([]byte, 2048)}
	}
	for {
		n, err := pc.ReadBatch(msgs, 0)
		if err != nil {
			return
		}
		now := time.Now().UnixNano()
		g.mu.Lock()
		for _, m := range msgs[:n] {
			if m.N >= 12+8 {
				g.late = append(g.late, time.Duration(now-int64(binary.BigEndian.Uint64(m.Buffers[0][12:]))))
			}
		}
		g.mu.Unlock()
	}
}

// run sends for so long.
func (g *generator) run(length time.Duration) {
	ca, cb := ipv4.NewPacketConn(g.a), ipv4.NewPacketConn(g.b)
	per := (len(g.pairs) + slots - 1) / slots
	ma, mb := messages(per), messages(per)
	begin := time.Now()
	for tick := 0; time.Duration(tick)*interval < length; tick++ {
		g.seq++
		for slot := range slots {
			due := begin.Add(time.Duration(tick)*interval + time.Duration(slot)*interval/slots)
			time.Sleep(time.Until(due))
			from, to := min(slot*per, len(g.pairs)), min((slot+1)*per, len(g.pairs))
			for i, p := range g.pairs[from:to] {
				g.fill(&ma[i], p.A, 2*(from+i))
				g.fill(&mb[i], p.B, 2*(from+i)+1)
			}
			n := to - from
			writeAll(ca, ma[:n])
			writeAll(cb, mb[:n])
			g.mu.Lock()
			g.sent += 2 * n
			g.mu.Unlock()
		}
	}
	time.Sleep(linger)
}

func messages(n int) []ipv4.Message {
	m := make([]ipv4.Message, n)
	for i := range m {
		m[i].Buffers = [][]byte{make([]byte, 12+payload)}
		m[i].Addr = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}
	}
	return m
}

// fill writes one RTP packet (RFC 3550 section 5.1) of a party, with the time in its payload, or with what it says.
func (g *generator) fill(m *ipv4.Message, port, party int) {
	b := m.Buffers[0]
	b[0], b[1] = 0x80, 0
	binary.BigEndian.PutUint16(b[2:], g.seq)
	binary.BigEndian.PutUint32(b[4:], uint32(g.seq)*payload)
	binary.BigEndian.PutUint32(b[8:], uint32(party+1))
	if g.talks == nil {
		binary.BigEndian.PutUint64(b[12:], uint64(time.Now().UnixNano()))
	} else {
		say(b[12:], g.talks(party))
	}
	if addr, ok := m.Addr.(*net.UDPAddr); ok {
		addr.Port = port
	}
}

// say fills a payload of G.711 (mu-law) with a loud tone of 1 kHz, or with silence.
func say(b []byte, aloud bool) {
	const period = "\xff\x9e\x94\x9e\xff\x1e\x14\x1e"
	for i := range b {
		b[i] = 0xff
		if aloud {
			b[i] = period[i%len(period)]
		}
	}
}

func writeAll(c *ipv4.PacketConn, m []ipv4.Message) {
	for len(m) > 0 {
		n, err := c.WriteBatch(m, 0)
		if err != nil || n == 0 {
			return
		}
		m = m[n:]
	}
}

func (g *generator) reset() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sent, g.late = 0, make([]time.Duration, 0, 1<<20)
}

func (g *generator) counts() (sent, got int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sent, len(g.late)
}

func (g *generator) latencies() []time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.late
}

func (g *generator) close() {
	g.a.Close()
	g.b.Close()
	g.done.Wait()
}
