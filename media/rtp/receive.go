package rtp

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/switchhook/switchhook/media"
)

// receiver is the side of a session that listens.
type receiver struct {
	mu        sync.Mutex
	port, tap media.Port
	muted     bool
	onDigit   func(byte, time.Duration)
	set       bool // SetRemote was called
	receives  bool
	mux       bool // RTCP comes on the RTP socket
	codec     media.Codec
	codecType uint8
	eventType uint8
	secret    *opener // nil for plain RTP
	lock      sourceLock
	count     reception
	key       keypress
	ears      *ears // nil where keys are not listened for
	discarded uint64
	octets    uint64 // of payload
}

func (r *receiver) agree(m media.Remote) {
	r.set, r.receives, r.mux = true, m.Direction.Receives(), m.Mux
	r.codec, r.codecType, r.eventType = m.Codec, m.TypeIn, m.EventIn
	switch {
	case !m.Listen:
		r.ears = nil
	case r.ears == nil && !r.key.active: // who sends events is not listened to
		r.ears = new(ears)
	}
}

func (r *receiver) stats(st *media.Stats) {
	st.PacketsIn, st.Lost, st.Discarded = r.count.received, r.count.lost(), r.discarded
	st.BytesIn = r.octets
	st.Secure = r.secret != nil
	st.Jitter = time.Duration(r.count.jitter>>4) * time.Second / clockRate
}

const (
	headerSize = 12   // RFC 3550 section 5.1
	clockRate  = 8000 // timestamps per second, of all codecs here
)

// header is what is read of an RTP header.
type header struct {
	marker      bool
	payloadType uint8
	seq         uint16
	timestamp   uint32
	ssrc        uint32
}

// parse reads an RTP packet (RFC 3550 section 5.1); the payload is without padding, contributing sources and extension.
func parse(b []byte) (h header, payload []byte, ok bool) {
	if len(b) < headerSize || b[0]>>6 != 2 {
		return h, nil, false
	}
	h = header{
		marker: b[1]&0x80 != 0, payloadType: b[1] & 0x7f, seq: binary.BigEndian.Uint16(b[2:]),
		timestamp: binary.BigEndian.Uint32(b[4:]), ssrc: binary.BigEndian.Uint32(b[8:]),
	}
	from, to := headerSize+4*int(b[0]&0x0f), len(b)
	if b[0]&0x10 != 0 { // extension: 16 bits of its own, 16 bits of length in words
		if from+4 > to {
			return h, nil, false
		}
		from += 4 + 4*int(binary.BigEndian.Uint16(b[from+2:]))
	}
	if b[0]&0x20 != 0 { // padding: the last byte tells how much
		if b[to-1] == 0 {
			return h, nil, false
		}
		to -= int(b[to-1])
	}
	if from >= to {
		return h, nil, false
	}
	return h, b[from:to], true
}

// readData takes one packet from the RTP socket and gives it to the connected port.
func (s *Session) readData(sh *shard, now time.Duration) {
	port, tap, onDigit, pressed := s.receive(sh, now)
	if pressed.digit != 0 && onDigit != nil {
		onDigit(pressed.digit, pressed.held)
	}
	if port != nil {
		port.Write(&sh.packet)
	}
	if tap != nil {
		tap.Write(&sh.packet)
	}
}

// receive reads the packet into sh. It gives port and tap if it is to be passed on, and the key that it lets go.
func (s *Session) receive(sh *shard, now time.Duration) (port, tap media.Port, onDigit func(byte, time.Duration), pressed press) {
	r := &s.rx
	r.mu.Lock()
	defer r.mu.Unlock() // whatever happens: see shard.net
	if s.closed.Load() {
		return nil, nil, nil, press{}
	}
	n, e := recv(s.data, sh.buf[:], &sh.from)
	if e != 0 { // nothing there, or an ICMP error of what was sent: read, and so gone
		return nil, nil, nil, press{}
	}
	b := sh.buf[:n]
	if r.mux && r.set && isControl(b) {
		s.takeControl(b, sh, now)
		return nil, nil, nil, press{}
	}
	pressed, ok := s.take(b, sh, now)
	if ok {
		if tap = r.tap; !r.muted {
			port = r.port
		}
	}
	return port, tap, r.onDigit, pressed
}

// take judges a packet from sh.from and, if it is to be passed on, fills sh.packet. The caller holds the receiver's lock.
func (s *Session) take(b []byte, sh *shard, now time.Duration) (press, bool) {
	r := &s.rx
	if r.secret != nil {
		// Only a packet that the key fits can tell where the far end is, so it is opened before its source is judged.
		ok := len(b) < bufSize && r.lock.mayBe(&sh.from)
		if ok {
			b, ok = r.secret.open(sh.plain[:], b)
		}
		if !ok {
			r.discarded++
			return press{}, false
		}
	}
	h, payload, ok := parse(b)
	if !ok || len(b) == bufSize || !r.set || !r.believe(s, &sh.from, h, now) || !r.receives {
		r.discarded++
		return press{}, false
	}
	p := &sh.packet
	*p = media.Packet{Marker: h.marker, Seq: h.seq, Timestamp: h.timestamp, Source: h.ssrc, Payload: payload}
	switch {
	case h.payloadType == r.eventType && r.eventType != 0:
		p.Event = true
	case h.payloadType == r.codecType:
		p.Codec = r.codec
	case h.payloadType == 0: // the static types need no agreement on which of those offered is used
		p.Codec = media.PCMU
	case h.payloadType == 8:
		p.Codec = media.PCMA
	case h.payloadType == 9:
		p.Codec = media.G722
	case h.payloadType == typeNoise:
		p.Noise = true
	default:
		r.discarded++
		return press{}, false
	}
	var pressed press
	if r.count.some && h.ssrc != r.count.ssrc {
		pressed = r.key.report() // of a source that is gone
		r.key = keypress{}
	}
	if !r.count.packet(h, p.Event, now) {
		r.discarded++
		return pressed, false
	}
	r.octets += uint64(len(payload))
	p.Source ^= r.count.restarts * 0x9e3779b9 // numbers begin anew: to others that is another source
	if pressed.digit != 0 {
		return pressed, true // one at a time: the end of an event is told three times
	}
	if p.Event {
		r.ears = nil // who sends events may send the tone as well
		return r.key.event(h, payload, now), true
	}
	pressed = r.key.audio(h)
	if r.ears != nil {
		pressed = r.ears.hear(p, &sh.event, now)
	}
	return pressed, true
}

// believe tells whether from is the far end, and learns who that is. The caller holds the receiver's lock.
func (r *receiver) believe(s *Session, from *addr, h header, now time.Duration) bool {
	ok, moved := r.lock.judge(from, h, now)
	if !moved {
		return ok
	}
	s.openControl()
	s.tx.mu.Lock()
	defer s.tx.mu.Unlock()
	s.tx.to = r.lock.from
	if r.lock.state == locked {
		s.tx.connected = connect(s.data, &s.tx.to) == nil // not connected, each packet's source is still compared
	}
	if !s.tx.to.sameHost(&s.tx.controlTo) {
		s.tx.controlTo = addr{} // where RTCP goes is unknown until some comes
		if s.tx.to.sameHost(&r.lock.wantControl) {
			s.tx.controlTo = r.lock.wantControl
		}
	}
	return ok
}

// reception counts what came from the current source (RFC 3550 sections 6.4.1, A.1, A.3 and A.8).
type reception struct {
	received  uint64 // of all sources
	ssrc      uint32
	base, max uint32 // extended sequence numbers
	bad       uint32 // the number that would make a jump believable; 1<<16 for none
	some      bool
	restarts  uint32 // of numbers
	got       uint64 // of this source
	past      uint64 // lost of former sources
	transit   uint32
	jitter    uint32 // times 16
	// At the last report.
	expectedBefore, gotBefore uint64
}

const (
	maxDropout = 3000 // of sequence numbers, as in RFC 3550 appendix A.1
	maxMisrder = 100
)

// packet counts a packet; false tells that its number is out of all reason.
func (c *reception) packet(h header, event bool, now time.Duration) bool {
	arrival := uint32(now / (time.Second / clockRate))
	if !c.some || h.ssrc != c.ssrc {
		c.begin(h, arrival)
		return true
	}
	switch delta := h.seq - uint16(c.max); {
	case delta < maxDropout:
		c.max += uint32(delta)
	case delta <= 1<<16-maxMisrder:
		if uint32(h.seq) != c.bad { // only the second of two in a row proves a restart
			c.bad = uint32(h.seq + 1)
			return false
		}
		c.begin(h, arrival)
		c.restarts++
		return true
	}
	c.bad = 1 << 16
	c.received++
	c.got++
	if !event { // all packets of an event bear the time of its start
		transit := arrival - h.timestamp
		d := int32(transit - c.transit)
		c.transit = transit
		if d < 0 {
			d = -d
		}
		if d >= 0 && d < clockRate*10 { // the clock of a source that jumps says nothing about the network
			c.jitter += uint32(d) - (c.jitter+8)>>4
		}
	}
	return true
}

func (c *reception) begin(h header, arrival uint32) {
	*c = reception{
		received: c.received + 1, past: c.lost(), some: true, ssrc: h.ssrc, base: uint32(h.seq), max: uint32(h.seq),
		bad: 1 << 16, got: 1, transit: arrival - h.timestamp, jitter: c.jitter, restarts: c.restarts,
	}
}

func (c *reception) expected() uint64 {
	if !c.some {
		return 0
	}
	return uint64(c.max-c.base) + 1
}

func (c *reception) lost() uint64 {
	if e := c.expected(); e > c.got {
		return c.past + e - c.got
	}
	return c.past
}
