package rtp

import (
	"net/netip"
	"time"
	"unsafe"

	"github.com/switchhook/switchhook/media"
)

// SessionSize is the memory of a session.
const SessionSize = unsafe.Sizeof(Session{})

// Sweep does at once what is due every five seconds.
func (s *Session) Sweep() { s.sweep(s.sh.e.now()) }

// SSRC is our own.
func (s *Session) SSRC() uint32 { return s.tx.line.ssrc }

// Heed reads an RTCP packet without a socket.
func (s *Session) Heed(b []byte) bool {
	s.rx.mu.Lock()
	defer s.rx.mu.Unlock()
	s.tx.mu.Lock()
	defer s.tx.mu.Unlock()
	return s.heed(b, s.sh.e.now())
}

// Take judges packets without a socket, all from the far end's address. It gives what is passed on.
func (s *Session) Take(packets ...[]byte) (passed []media.Packet) {
	s.rx.mu.Lock()
	defer s.rx.mu.Unlock()
	sh := &shard{e: s.sh.e, turn: turn{from: s.rx.lock.want}}
	for _, b := range packets {
		if _, ok := s.take(b, sh, s.sh.e.now()); ok {
			p := sh.packet
			p.Payload = append([]byte(nil), p.Payload...)
			passed = append(passed, p)
		}
	}
	return passed
}

// TakeMany judges a packet n times, with the next number each time.
func (s *Session) TakeMany(b []byte, n int) {
	s.rx.mu.Lock()
	defer s.rx.mu.Unlock()
	sh := &shard{e: s.sh.e, turn: turn{from: s.rx.lock.want}}
	for i := range n {
		b[2], b[3] = byte(i>>8), byte(i)
		s.take(b, sh, 0)
	}
}

// TakeAt judges a packet from the far end's address that comes at a time of the test's choice.
func (s *Session) TakeAt(now time.Duration, b []byte) {
	s.rx.mu.Lock()
	defer s.rx.mu.Unlock()
	s.take(b, &shard{e: s.sh.e, turn: turn{from: s.rx.lock.want}}, now)
}

// Lock is who is believed, without a socket; its time begins at 0.
type Lock struct{ l sourceLock }

// NewLock begins to learn.
func NewLock(want netip.AddrPort, anyone bool) *Lock {
	return &Lock{sourceLock{want: toAddr(want), anyone: anyone}}
}

// Judge tells whether a packet is believed, and whether that changed who is.
func (l *Lock) Judge(from netip.AddrPort, seq uint16, ssrc uint32, now time.Duration) (ok, moved bool) {
	a := toAddr(from)
	return l.l.judge(&a, header{seq: seq, ssrc: ssrc}, now)
}

// Stamped is what a packet of a source is sent with: number and time.
type Stamped struct {
	Seq   uint16
	Stamp uint32
}

// Line is the timeline of a session, without a socket.
type Line struct{ t timeline }

// NewLine starts one.
func NewLine(seq uint16, stamp uint32) *Line { return &Line{timeline{seq: seq, stamp: stamp}} }

// Join begins a new source.
func (l *Line) Join(seq uint16, stamp uint32, now time.Duration) { l.t.join(seq, stamp, now) }

// Send gives what a packet of the current source is sent with.
func (l *Line) Send(seq uint16, stamp uint32) Stamped {
	s := Stamped{seq + l.t.seqBy, stamp + l.t.stampBy}
	l.t.advance(s.Seq, s.Stamp)
	return s
}

// Quality is what Stats estimates.
func Quality(st *media.Stats) float64 { return quality(st) }

// Put lets a session play src on the test's clock.
func (s *Session) Put(src media.Source) (frame func() bool) {
	s.tx.mu.Lock()
	defer s.tx.mu.Unlock()
	s.tx.playing, s.tx.ticking = &player{src: src}, true
	s.tx.playing.wide, _ = src.(media.WideSource)
	return func() bool { return s.playFrame(s.sh.e.now()) }
}

// Press lets a session press keys on the test's clock.
func (s *Session) Press(keys string, tone time.Duration) (frame func() bool) {
	s.tx.mu.Lock()
	defer s.tx.mu.Unlock()
	s.tx.keys, s.tx.ticking = &keyer{keys: keys, tone: inFrames(tone, 0), gap: shortest, done: func(error) {}}, true
	return func() bool { return s.playFrame(s.sh.e.now()) }
}
