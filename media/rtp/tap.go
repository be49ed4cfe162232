package rtp

import (
	"encoding/binary"

	"github.com/switchhook/switchhook/media"
)

// tap is where copies of what is sent go to. What it hands out lives here, so that a packet that nobody listens to need
// not leave the stack.
type tap struct {
	port    media.Port
	packet  media.Packet
	payload [bufSize]byte
}

// Tap sends copies of what the far end says to in and of what it is sent to out; nil ends one. The ports must not call the
// session: out is written to while it is locked.
func (s *Session) Tap(in, out media.Port) {
	s.rx.mu.Lock()
	s.rx.tap = in
	s.rx.mu.Unlock()
	s.tx.mu.Lock()
	s.tx.tap = nil
	if out != nil {
		s.tx.tap = &tap{port: out}
	}
	s.tx.mu.Unlock()
}

// Mute keeps what the far end says from the connected port, not from taps.
func (s *Session) Mute(on bool) {
	s.rx.mu.Lock()
	s.rx.muted = on
	s.rx.mu.Unlock()
}

// tapped hands a copy of a packet that is sent to the tap.
func (t *sender) tapped(b []byte, payloadType uint8) {
	t.tap.packet = media.Packet{
		Codec: t.form.codec, Marker: b[1]&0x80 != 0, Seq: binary.BigEndian.Uint16(b[2:]),
		Timestamp: binary.BigEndian.Uint32(b[4:]), Source: t.line.ssrc,
		Payload: t.tap.payload[:copy(t.tap.payload[:], b[headerSize:])],
	}
	if payloadType != t.form.codecType {
		t.tap.packet.Codec = media.NoCodec
		t.tap.packet.Noise = payloadType == typeNoise
		t.tap.packet.Event = !t.tap.packet.Noise
	}
	t.tap.port.Write(&t.tap.packet)
}
