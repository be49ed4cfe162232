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

	form   form
	line   timeline
	pack   *packer           // nil while packets go out as long as they come
	trans  *codec.Transcoder // nil while none has state
	relay  relayed
	quiet  *quiet  // while another is silent, for a far end that knows no comfort noise
	secret *sealer // nil for plain RTP
	sent   sent
}

// form is how the far end wants what is sent.
type form struct {
	codec     media.Codec
	codecType uint8
	eventType uint8  // 0 when it knows no events
	noise     bool   // it knows comfort noise
	noKeys    bool   // others' keys are kept out of its audio
	size      uint16 // bytes of a packet; 0 for as they come, and 20 ms of what is our own
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
	length  uint32 // of that packet, in samples
	next    uint32 // where our own next frame belongs
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
	t.line.length = media.FrameSamples
	t.sent.name = name
}

func (t *sender) agree(m media.Remote) {
	t.ready = m.RTP.IsValid() && m.Codec != media.NoCodec
	t.sending = t.ready && m.Direction.Sends()
	size := uint16(min(m.Ptime, maxPacking) / (time.Second / clockRate)) // each codec has a byte for a tick of its clock
	if size != t.form.size || m.Codec != t.form.codec {
		t.pack = nil
	}
	t.form = form{m.Codec, m.TypeOut, m.EventOut, m.Silence, m.NoKeys, size}
	if m.Codec == media.G722 {
		t.transcoder()
	}
}

func (t *sender) transcoder() *codec.Transcoder {
	if t.trans == nil {
		t.trans = new(codec.Transcoder)
	}
	return t.trans
}

func (t *sender) stats(st *media.Stats) {
	st.Codec, st.PacketsOut, st.RoundTrip = t.form.codec, t.sent.packets, t.sent.roundTrip
	st.BytesOut = t.sent.octets
	st.RemoteLoss = float64(t.sent.loss) / 256
}

// typeNoise is the payload type of comfort noise (RFC 3389 section 4).
const typeNoise = 13

// forward sends a packet of somebody else's under our own numbers. The caller holds the lock.
func (t *sender) forward(s *Session, p *media.Packet) {
	var b [bufSize]byte
	var n int
	stamp, payloadType := p.Timestamp, t.form.codecType
	switch room := b[headerSize:]; {
	case len(p.Payload) > len(room) || t.relay.covers(p): // goes nowhere
	case p.Codec == t.form.codec && p.Codec != media.NoCodec:
		n = copy(room, p.Payload)
	case p.Event && t.form.eventType != 0:
		payloadType = t.form.eventType
		n = copy(room, p.Payload)
	case p.Event:
		n = t.relayKey(room, p)
		stamp = t.relay.next - uint32(n)
	case p.Noise && t.form.noise:
		payloadType = typeNoise
		n = copy(room, p.Payload)
	case p.Noise:
		t.hush(s, p)
	default:
		if n = codec.Transcode(t.form.codec, p.Codec, room, p.Payload); n == 0 {
			n = t.transcoder().Transcode(t.form.codec, room, p)
		}
	}
	l := &t.line
	same := l.begun && l.by == byPort && l.source == p.Source
	if n == 0 {
		if same && int16(p.Seq+l.seqBy-l.seq) > 0 {
			l.seqBy-- // what nobody is sent is not missed
		}
		return
	}
	t.quiet = nil
	marker := p.Marker
	if !same {
		t.flush(s)
		l.join(p.Seq, stamp, s.sh.e.now())
		l.source, l.by = p.Source, byPort
		marker = marker || !p.Event // a listener may adjust its buffer here
	}
	stamp += l.stampBy
	if t.pack != nil || t.form.size != 0 && payloadType == t.form.codecType && n != int(t.form.size) {
		t.repack(s, b[:headerSize+n], stamp, payloadType, marker)
		return
	}
	t.transmit(s, b[:headerSize+n], p.Seq+l.seqBy, stamp, payloadType, marker)
}

// join makes seq and stamp of a new source the next ones of the stream, with as much time between as has passed. It gives
// that time of the stream.
func (l *timeline) join(seq uint16, stamp uint32, now time.Duration) uint32 {
	next := l.stamp
	if l.begun {
		next += l.length
		if due := l.epoch + uint32((now-l.epochAt)/(time.Second/clockRate)); int32(due-next) > 0 {
			next = due
		}
	}
	l.begun, l.epoch, l.epochAt = true, next, now
	l.seqBy, l.stampBy = l.seq+1-seq, next-stamp
	return next
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
	t.line.length = media.FrameSamples
	if payloadType == t.form.codecType {
		t.line.length = uint32(len(b) - headerSize)
	}
	if t.tap != nil {
		t.tapped(b, payloadType)
	}
	octets := uint64(len(b) - headerSize)
	if t.secret != nil {
		if b = t.secret.seal(b); b == nil {
			return
		}
	}
	if send(s.data, b, &t.to, t.connected) {
		t.sent.packets++
		t.sent.octets += octets
	}
}

// say sends a frame of our own.
func (t *sender) say(s *Session, f *media.Frame, now time.Duration) {
	var b [headerSize + media.FrameSamples]byte
	if codec.Encode(t.form.codec, b[headerSize:], f[:]) == 0 {
		t.transcoder().Encode(t.form.codec, b[headerSize:], f[:])
	}
	t.emit(s, b[:], now)
}

// sayWide does so in 16 kHz, to a far end that has that.
func (t *sender) sayWide(s *Session, f *media.WideFrame, now time.Duration) {
	var b [headerSize + media.FrameSamples]byte
	t.transcoder().EncodeWide(b[headerSize:], f[:])
	t.emit(s, b[:], now)
}

// emit sends an encoded frame of our own, with room for its header.
func (t *sender) emit(s *Session, b []byte, now time.Duration) {
	l := &t.line
	first := !l.begun || l.by != byPlayer
	if first {
		t.flush(s)
		l.next = l.join(0, 0, now)
		l.by = byPlayer
	}
	stamp := l.next
	l.next += media.FrameSamples
	if t.pack != nil || t.form.size != 0 && t.form.size != media.FrameSamples {
		t.repack(s, b, stamp, t.form.codecType, first)
		return
	}
	t.transmit(s, b, l.seq+1, stamp, t.form.codecType, first)
}

// player is one source being played.
type player struct {
	src  media.Source
	wide media.WideSource // the same, if it has 16 kHz
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

// play sends the next frame of what plays, or the error that ends it.
func (t *sender) play(s *Session, now time.Duration) error {
	p, f := t.playing, &s.sh.frames
	wide := p.wide != nil && t.form.codec == media.G722
	if err := p.next(f, wide, s.sh.e.cfg.Log); err != nil || !t.sending {
		return err
	}
	if wide {
		t.sayWide(s, &f.wide, now)
	} else {
		t.say(s, &f.narrow, now)
	}
	return nil
}

// frames is what a source fills.
type frames struct {
	narrow media.Frame
	wide   media.WideFrame
}

// next takes the next frame of the source. A source that breaks ends.
func (p *player) next(f *frames, wide bool, log *slog.Logger) (err error) {
	defer func() {
		if v := recover(); v != nil {
			log.Error("what is played broke", "fault", v, "stack", string(debug.Stack()))
			err = fmt.Errorf("what is played broke: %v", v)
		}
	}()
	if wide {
		f.wide = media.WideFrame{} // whatever a source leaves there, it is not another call's
		return p.wide.NextWide(&f.wide)
	}
	f.narrow = media.Frame{}
	return p.src.Next(&f.narrow)
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
	switch f := &s.sh.frames.narrow; {
	case t.playing == nil && t.quiet.fill(f, now):
		if t.sending {
			t.say(s, f, now)
		}
		return pressed, nil, nil, true
	case t.playing == nil:
		t.quiet = nil
		t.ticking = t.keys != nil
		return pressed, nil, nil, t.ticking
	case !t.ready:
		return pressed, nil, nil, true
	}
	if err := t.play(s, now); err != nil {
		return pressed, t.stopPlaying(), err, true
	}
	return pressed, nil, nil, true
}
