package rtp

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/switchhook/switchhook/media/srtp"
)

// reportEvery is the time between our RTCP reports (RFC 3550 section 6.2). All sessions of a shard report from its one
// timer, each in its own fiftieth of the time.
const reportEvery = 5 * time.Second

const (
	typeSR   = 200 // RFC 3550 section 6.4.1
	typeRR   = 201
	typeSDES = 202
	typeBYE  = 203

	blockSize = 24
	srSize    = 28
	rrSize    = 8
	maxReport = srSize + blockSize + 32 + 8
	// maxRoundTrip is the longest believed: beyond it a report is old, or a lie.
	maxRoundTrip = 30 * time.Second
	ntpEpoch     = 2208988800 // 1970 in seconds of 1900
)

// sweep is called every five seconds: it reports, and ends what timed out.
func (s *Session) sweep(now time.Duration) {
	pressed, onDigit := s.tidy(now)
	if pressed.digit != 0 && onDigit != nil {
		onDigit(pressed.digit, pressed.held)
	}
}

func (s *Session) tidy(now time.Duration) (press, func(byte, time.Duration)) {
	s.rx.mu.Lock()
	defer s.rx.mu.Unlock()
	s.tx.mu.Lock()
	defer s.tx.mu.Unlock()
	if !s.closed.Load() && (s.tx.sent.packets != s.tx.sent.reported || s.rx.count.got != s.rx.count.gotBefore) {
		s.report(now, false)
	}
	pressed := s.rx.key.expire(now)
	if pressed.digit == 0 {
		pressed = s.rx.ears.expire(now)
	}
	return pressed, s.rx.onDigit
}

// openControl opens the RTCP socket. Where another program has its port, the call goes on without. The caller holds the
// receiver's lock, and the session is open.
func (s *Session) openControl() {
	if s.control >= 0 || s.rx.mux {
		return
	}
	ap := netip.AddrPortFrom(s.bound.Addr(), s.bound.Port()+1)
	fd, err := openSocket(ap, uint8(s.sh.e.cfg.DSCP))
	if err == nil {
		if err = s.sh.watch(fd, int(s.slot)*kinds+onControl, s.generation); err == nil {
			s.control = fd
			return
		}
		_ = unix.Close(fd)
	}
	s.sh.e.cfg.Log.Debug("no RTCP for a session", "port", ap.Port(), "err", err)
}

// sayGoodbye sends BYE (RFC 3550 section 6.6) if the far end ever had a report. The caller holds both locks.
func (t *sender) sayGoodbye(s *Session) {
	if t.sent.controls > 0 {
		s.report(s.sh.e.now(), true)
	}
}

// report sends a sender or receiver report with our name. The caller holds both locks.
func (s *Session) report(now time.Duration, bye bool) {
	t := &s.tx
	to, connected := &t.controlTo, false
	s.openControl()
	socket := s.control
	if s.rx.mux {
		socket, to, connected = s.data, &t.to, t.connected
	}
	if socket < 0 || to.isZero() {
		return
	}
	b := make([]byte, 0, maxReport)
	if t.sent.packets != t.sent.reported {
		wall := s.sh.e.start.Add(now)
		b = append(b, 2<<6, typeSR, 0, srSize/4-1)
		b = binary.BigEndian.AppendUint32(b, t.line.ssrc)
		b = binary.BigEndian.AppendUint64(b, ntp(wall))
		b = binary.BigEndian.AppendUint32(b, t.line.epoch+uint32((now-t.line.epochAt)/(time.Second/clockRate)))
		b = binary.BigEndian.AppendUint32(b, uint32(t.sent.packets))
		b = binary.BigEndian.AppendUint32(b, uint32(t.sent.octets))
	} else {
		b = append(b, 2<<6, typeRR, 0, rrSize/4-1)
		b = binary.BigEndian.AppendUint32(b, t.line.ssrc)
	}
	if s.rx.count.some {
		b[0]++ // one block
		b[3] += blockSize / 4
		b = s.appendBlock(b, now)
	}
	const name = 16 // characters of CNAME
	b = append(b, 2<<6|1, typeSDES, 0, 6)
	b = binary.BigEndian.AppendUint32(b, t.line.ssrc)
	b = append(b, 1, name)
	b = hex.AppendEncode(b, binary.BigEndian.AppendUint64(nil, t.sent.name))
	b = append(b, 0, 0) // end, and up to a word
	if bye {
		b = append(b, 2<<6|1, typeBYE, 0, 1)
		b = binary.BigEndian.AppendUint32(b, t.line.ssrc)
	}
	if t.secret != nil {
		var err error
		if b, err = t.secret.ctx.SealControl(make([]byte, 0, len(b)+srtp.Room), b); err != nil {
			return
		}
	}
	if send(socket, b, to, connected) {
		t.sent.controls++
		t.sent.reported = t.sent.packets
	}
}

// appendBlock appends what we heard of the far end's current source.
func (s *Session) appendBlock(b []byte, now time.Duration) []byte {
	c := &s.rx.count
	expected := c.expected()
	var fraction byte
	if e, g := expected-c.expectedBefore, c.got-c.gotBefore; e > g && expected >= c.expectedBefore {
		fraction = byte(min(255, (e-g)<<8/e))
	}
	c.expectedBefore, c.gotBefore = expected, c.got
	var lost uint64
	if expected > c.got {
		lost = min(expected-c.got, 0x7fffff)
	}
	b = binary.BigEndian.AppendUint32(b, c.ssrc)
	b = append(b, fraction, byte(lost>>16), byte(lost>>8), byte(lost))
	b = binary.BigEndian.AppendUint32(b, c.max)
	b = binary.BigEndian.AppendUint32(b, c.jitter>>4)
	b = binary.BigEndian.AppendUint32(b, s.tx.sent.senderReport)
	var delay uint32
	if s.tx.sent.senderReport != 0 {
		delay = uint32((now - s.tx.sent.senderReportAt).Seconds() * (1 << 16))
	}
	return binary.BigEndian.AppendUint32(b, delay)
}

// ntp gives t in seconds of 1900, as a fixed-point number of 32.32 bits.
func ntp(t time.Time) uint64 {
	return uint64(t.Unix()+ntpEpoch)<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}

// readControl takes one packet from the RTCP socket.
func (s *Session) readControl(sh *shard, now time.Duration) {
	s.rx.mu.Lock()
	defer s.rx.mu.Unlock()
	if s.closed.Load() {
		return
	}
	if n, e := recv(s.control, sh.buf[:], &sh.from); e == 0 && s.rx.set {
		s.takeControl(sh.buf[:n], sh, now)
	}
}

// isControl tells RTCP from RTP where both come on one socket (RFC 5761 section 4).
func isControl(b []byte) bool { return len(b) >= rrSize && b[1] >= 192 && b[1] <= 223 }

// takeControl judges an RTCP packet from sh.from. The caller holds the receiver's lock.
func (s *Session) takeControl(b []byte, sh *shard, now time.Duration) {
	ok := s.rx.lock.judgeControl(&sh.from)
	if ok && s.rx.secret != nil {
		b, ok = s.rx.secret.ctx.OpenControl(sh.plain[:], b)
	}
	if !ok {
		s.rx.discarded++
		return
	}
	s.tx.mu.Lock()
	defer s.tx.mu.Unlock()
	if s.heed(b, now) && s.tx.controlTo.isZero() {
		s.tx.controlTo = sh.from // behind a NAT: RTCP is symmetric too
	}
}

// heed reads a compound packet, and tells whether it is one. A BYE changes nothing: calls are ended by signalling. The
// caller holds both locks.
func (s *Session) heed(b []byte, now time.Duration) bool {
	some := false
	for len(b) >= rrSize {
		size := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
		report := b[1] == typeSR || b[1] == typeRR
		if b[0]>>6 != 2 || size > len(b) || !some && !report || report && size < rrSize || b[1] == typeSR && size < srSize {
			return some
		}
		switch p := b[:size]; b[1] {
		case typeSR:
			if s.rx.count.some && binary.BigEndian.Uint32(p[4:]) == s.rx.count.ssrc {
				s.tx.sent.senderReport, s.tx.sent.senderReportAt = binary.BigEndian.Uint32(p[10:]), now
			}
			s.heedBlocks(p[srSize:], int(b[0]&0x1f), now)
		case typeRR:
			s.heedBlocks(p[rrSize:], int(b[0]&0x1f), now)
		}
		b, some = b[size:], true
	}
	return some
}

// heedBlocks reads report blocks, of which only one can be about us.
func (s *Session) heedBlocks(b []byte, count int, now time.Duration) {
	for ; count > 0 && len(b) >= blockSize; count, b = count-1, b[blockSize:] {
		if binary.BigEndian.Uint32(b) != s.tx.line.ssrc {
			continue
		}
		s.tx.sent.loss = b[4]
		last, delay := binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint32(b[20:])
		if last == 0 {
			return
		}
		here := uint32(ntp(s.sh.e.start.Add(now)) >> 16)
		if trip := time.Duration(int32(here-last-delay)) * time.Second >> 16; trip >= 0 && trip < maxRoundTrip {
			s.tx.sent.roundTrip = trip
		}
		return
	}
}
