package rtp

import (
	"context"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/switchhook/switchhook/media"
)

var _ media.Session = (*Session)(nil)

// Session is the media of one leg over RTP or SRTP. See [media.Session]; nothing is heard or said before [Session.SetRemote].
type Session struct {
	sh           *shard
	ports        *ports
	bound, local netip.AddrPort // here, and as far ends see it
	data         int            // the RTP socket
	control      int            // the RTCP socket, under the receiver's lock; -1 until there is media
	closed       atomic.Bool    // set under both locks
	listed       bool           // under the shard's lock
	slot         uint32         // in the shard's table, with its generation; fixed while listed
	generation   int32

	rx receiver
	tx sender
}

// Local is where far ends must send RTP to, for SDP; RTCP goes to the port above.
func (s *Session) Local() netip.AddrPort { return s.local }

// SetRemote says what the far end wants, once that is agreed on, and again after each new agreement. With another RTP
// address who is believed is learned anew; with the same one only codec, types and direction change.
func (s *Session) SetRemote(r media.Remote) error {
	if a := r.RTP.Addr(); a.IsValid() && a.Unmap().Is4() != s.local.Addr().Is4() {
		return fmt.Errorf("sending RTP to %v from %v: %w", r.RTP, s.local, ErrFamily)
	}
	s.rx.mu.Lock()
	defer s.rx.mu.Unlock()
	s.tx.mu.Lock()
	defer s.tx.mu.Unlock()
	if s.closed.Load() {
		return fmt.Errorf("setting the far end of RTP: %w", ErrClosed)
	}
	in, out, err := s.rekey(r)
	if err != nil {
		return fmt.Errorf("setting the far end of RTP: %w", err)
	}
	want := toAddr(r.RTP)
	anew := !s.rx.set || !want.equal(&s.rx.lock.want)
	if anew {
		if s.tx.connected {
			if err := connect(s.data, &addr{}); err != nil {
				return fmt.Errorf("listening to anyone again: %w", err)
			}
			s.tx.connected = false
		}
		s.rx.lock = sourceLock{want: want, anyone: s.sh.e.cfg.LearnAnyone, since: s.sh.e.now()}
		s.tx.to = want
	}
	s.rx.lock.signalling = toAddr(netip.AddrPortFrom(r.Signalling, 0))
	control := r.RTCP
	if r.Mux {
		control = r.RTP
	}
	if !control.IsValid() && r.RTP.IsValid() {
		control = netip.AddrPortFrom(r.RTP.Addr(), r.RTP.Port()+1)
	}
	if a := toAddr(control); anew || !a.equal(&s.rx.lock.wantControl) {
		s.rx.lock.wantControl, s.tx.controlTo = a, a
		if !a.sameHost(&s.tx.to) && s.rx.lock.state != learning {
			s.tx.controlTo = addr{} // audio comes from elsewhere, so RTCP will
		}
	}
	s.rx.secret, s.tx.secret = in, out
	s.rx.agree(r)
	s.tx.agree(r)
	return nil
}

// Connect sends what the far end says to p from now on; nil discards it.
func (s *Session) Connect(p media.Port) {
	s.rx.mu.Lock()
	s.rx.port = p
	s.rx.mu.Unlock()
}

// OnDigit calls f for each key the far end presses (RFC 4733), when it is let go.
func (s *Session) OnDigit(f func(digit byte, held time.Duration)) {
	s.rx.mu.Lock()
	s.rx.onDigit = f
	s.rx.mu.Unlock()
}

// Write sends p to the far end, unless a source plays, the far end is on hold, or p is an event that it doesn't know.
func (s *Session) Write(p *media.Packet) {
	s.tx.mu.Lock()
	defer s.tx.mu.Unlock()
	if s.tx.sending && s.tx.playing == nil && !s.tx.keys.busy() {
		s.tx.forward(s, p)
	}
}

// Play sends src to the far end in place of what is written. Nothing is taken from src before the far end is known.
func (s *Session) Play(src media.Source, done func(error)) (stop func()) {
	p := &player{src: src, done: done}
	p.wide, _ = src.(media.WideSource)
	s.tx.mu.Lock()
	if s.closed.Load() {
		s.tx.mu.Unlock()
		p.end(ErrClosed)
		return func() {}
	}
	old := s.tx.playing
	s.tx.playing = p
	start := !s.tx.ticking
	s.tx.ticking = true
	s.tx.mu.Unlock()
	if start {
		s.sh.startPlaying(s)
	}
	old.end(context.Canceled)
	return func() {
		s.tx.mu.Lock()
		mine := s.tx.playing == p
		if mine {
			s.tx.stopPlaying()
		}
		s.tx.mu.Unlock()
		if mine {
			p.end(context.Canceled)
		}
	}
}

// Stats gives the counts up to now.
func (s *Session) Stats() media.Stats {
	var st media.Stats
	s.rx.mu.Lock()
	s.rx.stats(&st)
	s.rx.mu.Unlock()
	s.tx.mu.Lock()
	s.tx.stats(&st)
	st.Secure = st.Secure && s.tx.secret != nil
	s.tx.mu.Unlock()
	st.MOS = quality(&st)
	return st
}

// Close frees sockets and ports; what plays or is pressed ends with context.Canceled.
func (s *Session) Close() {
	s.rx.mu.Lock()
	s.tx.mu.Lock()
	first := !s.closed.Swap(true)
	var playing *player
	var pressed *keyer
	if first {
		playing, pressed = s.tx.playing, s.tx.letGo(s)
		s.tx.sayGoodbye(s)
		s.tx.playing, s.tx.sending, s.rx.port, s.rx.onDigit = nil, false, nil, nil
		s.tx.tap, s.rx.tap = nil, nil
	}
	s.tx.mu.Unlock()
	s.rx.mu.Unlock()
	if !first {
		return
	}
	s.sh.remove(s)
	// Nobody uses the sockets any more: each use is under one of the locks and looks at closed first.
	_ = unix.Close(s.data)
	if s.control >= 0 {
		_ = unix.Close(s.control)
	}
	s.ports.give(s.local.Port(), s.sh.e.now())
	playing.end(context.Canceled)
	pressed.end(ErrClosed)
}
