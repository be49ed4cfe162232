package rtp

import (
	"encoding/binary"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/media/tone"
)

// ears recognise keys as tones in what the far end says, where its trunk wants that. Packets with such a tone are passed on
// as packets of an event: whoever is joined hears the key in its own way, and nobody hears it twice. What was heard before a
// key is certain, some 40 ms, stays audio.
type ears struct {
	decode  codec.Decoder
	find    tone.Finder
	samples [bufSize]int16
	payload [4]byte
	source  uint32 // who was heard last
	next    uint32 // the timestamp that follows what was heard
	key     byte   // that is held; 0 for none
	start   uint32 // its timestamp
	length  uint32
	ends    int // packets that are to tell of its end
	seen    time.Duration
}

// hear judges a packet of audio, which becomes one of an event while a key is held and as its end is told. It gives the key
// that is let go. The payload of the event lies where the caller says.
func (e *ears) hear(p *media.Packet, payload *[4]byte, now time.Duration) press {
	e.seen = now
	n, key := e.listen(p)
	var over press
	marker := false
	switch {
	case key != 0 && key == e.key:
		e.length += uint32(n)
	case e.key != 0: // let go
		over = e.letGo()
	case key != 0:
		e.key, e.start, e.length, e.ends, marker = key, p.Timestamp, uint32(n), 0, true
		e.payload[0], e.payload[1] = keyCode(key), keyVolume
	case e.ends > 0:
		e.ends--
	default:
		return press{}
	}
	binary.BigEndian.PutUint16(e.payload[2:], uint16(min(e.length, 0xffff)))
	*payload = e.payload
	p.Codec, p.Event, p.Marker, p.Timestamp, p.Payload = media.NoCodec, true, marker, e.start, payload[:]
	return over
}

// listen gives the key that is held at the end of what is new in p, and how long that is: the end of a key that comes late,
// or twice, is no second one.
func (e *ears) listen(p *media.Packet) (n int, key byte) {
	if late := e.next - p.Timestamp; p.Source == e.source && late != 0 && late < clockRate {
		return 0, e.key
	}
	n = e.decode.Decode(e.samples[:], p)
	e.source, e.next = p.Source, p.Timestamp+uint32(n)
	return n, e.find.Add(e.samples[:n])
}

// expire lets go of a key when nothing is heard any more.
func (e *ears) expire(now time.Duration) press {
	if e == nil || e.key == 0 || now-e.seen < keyForgiven {
		return press{}
	}
	return e.letGo()
}

func (e *ears) letGo() press {
	over := press{e.key, time.Duration(e.length) * time.Second / clockRate}
	e.key, e.ends = 0, keyEnds-1
	e.payload[1] |= keyEnd
	return over
}

func keyCode(key byte) byte {
	for i := range len(keys) {
		if keys[i] == key {
			return byte(i)
		}
	}
	return 0
}
