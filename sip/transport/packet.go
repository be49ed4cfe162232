package transport

import (
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/switchhook/switchhook/sip/message"
)

const (
	// batch is how many datagrams one system call may bring.
	batch = 16
	// maxDatagram is the largest payload that IPv4 carries.
	maxDatagram = 65507
	// maxErrors in a row end a reader's patience: it rests between tries.
	maxErrors = 16
)

// readPackets is the goroutine of one UDP socket. It keeps nothing per source.
func (l *Layer) readPackets(s *packetSocket) {
	ds := make([]Datagram, batch)
	for i := range ds {
		ds[i].Buf = make([]byte, message.MaxMessage) // the kernel's zero pages until something long comes
	}
	parser := message.Parser{LenientLF: l.cfg.LenientLF}
	errs := 0
	for {
		n, err := s.conn.ReadBatch(ds)
		if l.isClosed() {
			return
		}
		if err != nil {
			if errs++; errs > maxErrors {
				time.Sleep(10 * time.Millisecond)
			}
			continue
		}
		errs = 0
		now := time.Now()
		for i := range n {
			l.packet(s, &ds[i], parser, now)
		}
	}
}

// recover keeps one message's panic from ending all calls, where the configuration wants that.
func (l *Layer) recover() {
	if l.cfg.Recovered == nil {
		return
	}
	if v := recover(); v != nil {
		l.cfg.Recovered(v, debug.Stack())
	}
}

// packet hands one datagram on.
func (l *Layer) packet(s *packetSocket, d *Datagram, parser message.Parser, now time.Time) {
	defer l.recover()
	data := d.Buf[:d.N]
	if d.From.Port() == 0 || !unicast(d.From.Addr()) || !l.admits(d.From.Addr(), now) {
		return // no answer can go there, or none shall
	}
	if isBinding(data) {
		var room [maxBinding]byte
		_ = s.conn.WriteTo(bindingAnswer(room[:0], data, d.From), d.From) // who does not hear asks again
		return
	}
	// Keep-alives (CRLF, NUL, STUN: RFC 5626 section 3.5) are no SIP.
	if len(data) < len("ACK a:b SIP/2.0\r\n") || data[0] < '\n' {
		return
	}
	in := Incoming{Source: d.From, Local: s.listen.Addr, Network: UDP, Flow: s.id, At: now}
	m, err := parser.Parse(data)
	l.deliver(in, m, asFault(err))
}

// admits tells whether a source is listened to.
func (l *Layer) admits(source netip.Addr, at time.Time) bool {
	return l.cfg.Admit == nil || l.cfg.Admit(source, at)
}

// asFault gives the fault that Parse's error is.
func asFault(err error) *message.Fault {
	fault, _ := err.(*message.Fault) //nolint:errorlint // Parse gives no other
	return fault
}

// deliver completes the top Via of a request and calls the handler.
func (l *Layer) deliver(in Incoming, m *message.Message, fault *message.Fault) {
	in.Msg, in.Fault = m, fault
	if fault != nil && l.cfg.Malformed != nil {
		l.cfg.Malformed(in)
	}
	switch {
	case fault != nil && fault.Status == 0:
		return // to be dropped
	case fault != nil:
		fault.Request.Received(in.Source)
	case m.IsRequest():
		m.Received(in.Source)
	}
	l.handler(in)
}

func (l *Layer) sendPacket(to Target, data []byte) error {
	if len(data) > maxDatagram {
		return ErrSize
	}
	if to.Addr.Port() == 0 || !unicast(to.Addr.Addr()) {
		return ErrNoPath
	}
	s := l.packetSocket(to)
	if s == nil {
		return ErrNoPath
	}
	return s.conn.WriteTo(data, to.Addr)
}

// packetSocket gives the socket a target names, or the first of its family.
func (l *Layer) packetSocket(to Target) *packetSocket {
	var first *packetSocket
	for _, s := range l.packets {
		if s.id == to.Flow {
			return s
		}
		if first == nil && s.listen.Addr.Addr().Is4() == to.Addr.Addr().Unmap().Is4() {
			first = s
		}
	}
	return first
}
