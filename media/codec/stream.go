package codec

import (
	"math"

	"github.com/switchhook/switchhook/media"
)

// Decoder turns the packets of one source into 8 kHz samples, whatever their codec. The zero value is ready. Not for
// several goroutines.
type Decoder struct {
	lower  lowerBand
	source uint32
	random uint32
}

// Decode writes the samples of p to dst, as many as both hold, and gives their number: 20 ms of quiet noise for comfort
// noise (RFC 3389), none for an event.
func (d *Decoder) Decode(dst []int16, p *media.Packet) int {
	switch {
	case p.Event:
		return 0
	case p.Noise:
		return d.noise(dst[:min(len(dst), media.FrameSamples)], p.Payload)
	case p.Codec != media.G722:
		return Decode(p.Codec, dst, p.Payload)
	}
	if p.Source != d.source {
		d.lower, d.source = lowerBand{}, p.Source
	}
	n := min(len(dst), len(p.Payload))
	for i, b := range p.Payload[:n] {
		dst[i] = d.lower.decode(b)
	}
	return n
}

const (
	loudestNoise = 30 // dB below full scale: more would be no comfort
	mutedNoise   = 78 // and less is not heard
)

// noise fills dst with white noise of the level that a packet of RFC 3389 tells, in dB below full scale.
func (d *Decoder) noise(dst []int16, payload []byte) int {
	clear(dst)
	level := byte(mutedNoise)
	if len(payload) > 0 {
		level = max(payload[0]&0x7f, loudestNoise)
	}
	if level >= mutedNoise {
		return len(dst)
	}
	if d.random == 0 {
		d.random = 0x9e3779b9
	}
	peak := math.Sqrt(3) * math.MaxInt16 * math.Pow(10, -float64(level)/20) // of even distribution
	scale := int64(peak * 2)
	for i := range dst {
		d.random ^= d.random << 13
		d.random ^= d.random >> 17
		d.random ^= d.random << 5
		dst[i] = int16(int64(d.random)*scale>>32 - scale/2)
	}
	return len(dst)
}

// Encoder turns 8 kHz samples into a stream of any codec. The zero value is ready. Not for several goroutines.
type Encoder struct{ lower lowerBand }

// Encode writes samples as c to dst, as many as both hold, and gives the number of bytes; 0 for no codec.
func (e *Encoder) Encode(c media.Codec, dst []byte, samples []int16) int {
	if c != media.G722 {
		return Encode(c, dst, samples)
	}
	n := min(len(dst), len(samples))
	for i, s := range samples[:n] {
		dst[i] = e.lower.encode(s)
	}
	return n
}

// Transcoder brings the packets of a source, or of one after the other, to one codec. The zero value is ready.
type Transcoder struct {
	Decoder
	Encoder
	samples [1600]int16
}

// Transcode writes p as a packet of codec to to dst, and gives the number of bytes; 0 when it knows no way.
func (t *Transcoder) Transcode(to media.Codec, dst []byte, p *media.Packet) int {
	n := t.Decode(t.samples[:min(len(t.samples), len(dst))], p)
	return t.Encode(to, dst, t.samples[:n])
}
