package rtp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
)

// sender is the side of a session that speaks, with a sequence and a clock of its own whoever is the source.
type sender struct {
	mu        sync.Mutex
	to        addr // where RTP goes
	controlTo addr // where RTCP goes; none when unknown
	connected bool // the RTP socket is connected with to
	sending   bool // there is an address, and the far end listens
	ready     bool // there is an address
	playing   *player
	keys      *keyer // being pressed
	ticking   bool   // the shard's clock calls playFrame
	tap       *tap

	codec     media.Codec
	codecType uint8
	eventType uint8
	line      timeline
	sent      sent
}

// sent counts what was sent and what the far end says of it.
type sent struct {
	packets, octets, reported uint64
	roundTrip                 time.Duration
	loss                      uint8  // in 256ths
	name                      uint64 // of our side, in RTCP
	controls                  uint32 // RTCP packets sent
	senderReport              uint32 // of theirs: the middle of its NTP time, and when it came
	senderReportAt            time.Duration
}

// timeline maps the numbers of changing sources to one unbroken stream (RFC 3550 section 5.1).
type timeline struct {
	ssrc    uint32
	seq     uint16 // the highest sent
	stamp   uint32 // the latest sent
	source  uint32 // whose packets go out
	by      writer // who wrote last
	begun   bool
	seqBy   uint16        // what to add to the source's
	stampBy uint32        //
	epoch   uint32        // the timestamp sent at epochAt, from which the next source's is reckoned
	epochAt time.Duration //
}

// writer is who gives what is sent.
type writer uint8

const (
	byPort writer = iota
	byPlayer
	byKeys
)

func (t *sender) init(ssrc uint32, seq uint16, stamp uint32, name uint64) {
	t.line.ssrc, t.line.seq, t.line.stamp = ssrc, seq&0x7fff, stamp // room before the first wrap, as RFC 3711 would want
	t.sent.name = name
}

func (t *sender) agree(m media.Remote) {
	t.ready = m.RTP.IsValid() && m.Codec != media.NoCodec
	t.sending = t.ready && m.Direction.Sends()
	t.codec, t.codecType, t.eventType = m.Codec, m.TypeOut, m.EventOut
}

func (t *sender) stats(st *media.Stats) {
	st.Codec, st.PacketsOut, st.RoundTrip = t.codec, t.sent.packets, t.sent.roundTrip
	st.RemoteLoss = float64(t.sent.loss) / 256
}

// forward sends a packet of somebody else's under our own numbers. The caller holds the lock.
func (t *sender) forward(s *Session, p *media.Packet) {
	var b [bufSize]byte
	var n int
	payloadType := t.codecType
	switch room := b[headerSize:]; {
	case len(p.Payload) > len(room):
		return
	case p.Event:
		if payloadType = t.eventType; payloadType == 0 {
			return
		}
		n = copy(room, p.Payload)
	case p.Codec == t.codec:
		n = copy(room, p.Payload)
	default:
		n = codec.Transcode(t.codec, p.Codec, room, p.Payload)
	}
	if n == 0 {
		return
	}
	marker := p.Marker
	if l := &t.line; !l.begun || l.by != byPort || l.source != p.Source {
		l.join(p.Seq, p.Timestamp, s.sh.e.now())
		l.source, l.by = p.Source, byPort
		marker = marker || !p.Event // a listener may adjust its buffer here
	}
	t.transmit(s, b[:headerSize+n], p.Seq+t.line.seqBy, p.Timestamp+t.line.stampBy, payloadType, marker)
}

// join makes seq and stamp of a new source the next ones of the stream, with as much time between as has passed.
func (l *timeline) join(seq uint16, stamp uint32, now time.Duration) {
	next := l.stamp
	if l.begun {
		next += media.FrameSamples
		if due := l.epoch + uint32((now-l.epochAt)/(time.Second/clockRate)); int32(due-next) > 0 {
			next = due
		}
	}
	l.begun, l.epoch, l.epochAt = true, next, now
	l.seqBy, l.stampBy = l.seq+1-seq, next-stamp
	l.seq++
	l.stamp = next
}

// advance takes note of what is sent; a packet out of order moves nothing back.
func (l *timeline) advance(seq uint16, stamp uint32) {
	if int16(seq-l.seq) > 0 {
		l.seq = seq
	}
	if int32(stamp-l.stamp) > 0 {
		l.stamp = stamp
	}
}

// transmit writes the header and sends.
func (t *sender) transmit(s *Session, b []byte, seq uint16, stamp uint32, payloadType uint8, marker bool) {
	b[0], b[1] = 2<<6, payloadType
	if marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], stamp)
	binary.BigEndian.PutUint32(b[8:], t.line.ssrc)
	t.line.advance(seq, stamp)
	if t.tap != nil {
		t.tapped(b, payloadType)
	}
	if send(s.data, b, &t.to, t.connected) {
		t.sent.packets++
		t.sent.octets += uint64(len(b) - headerSize)
	}
}

// player is one source being played.
type player struct {
	src  media.Source
	done func(error)
}

// end tells that it is over. A nil player has nobody to tell.
func (p *player) end(err error) {
	if p != nil && p.done != nil {
		p.done(err)
	}
}

// stopPlaying takes the player away; whoever did so ends it. The ticks stop with the next one.
func (t *sender) stopPlaying() *player {
	p := t.playing
	t.playing = nil
	return p
}

// next takes the next frame of the source. A source that breaks ends.
func (p *player) next(f *media.Frame, log *slog.Logger) (err error) {
	defer func() {
		if v := recover(); v != nil {
			log.Error("what is played broke", "fault", v, "stack", string(debug.Stack()))
			err = fmt.Errorf("what is played broke: %v", v)
		}
	}()
	return p.src.Next(f)
}

// playFrame sends 20 ms of what plays; false when nothing plays any more. The shard calls it each 20 ms.
func (s *Session) playFrame(now time.Duration) bool {
	pressed, over, err, ticking := s.sendFrame(now)
	pressed.end(nil)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	over.end(err)
	return ticking
}

// sendFrame does it, and gives the keyer and the player that have come to their end, and why that one.
func (s *Session) sendFrame(now time.Duration) (pressed *keyer, over *player, err error, ticking bool) { //nolint:revive // err is over's
	t := &s.tx
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.keys != nil {
		k := t.keys
		done, took := t.press(s, now)
		if done {
			pressed = k
		}
		if took {
			return nil, nil, nil, true
		}
	}
	if t.playing == nil {
		t.ticking = t.keys != nil
		return pressed, nil, nil, t.ticking
	}
	if !t.ready {
		return pressed, nil, nil, true
	}
	var f media.Frame
	if err := t.playing.next(&f, s.sh.e.cfg.Log); err != nil {
		return pressed, t.stopPlaying(), err, true
	}
	if t.sending {
		t.say(s, &f, now)
	}
	return pressed, nil, nil, true
}
