package codec

import (
	"math"

	"github.com/switchhook/switchhook/media"
)

// Decoder turns the packets of one source into samples, whatever their codec. The zero value is ready. Not for several
// goroutines.
type Decoder struct {
	wide   g722Decoder
	narrow Narrower
	widen  Widener
	source uint32
	random uint32
}

// Decode writes the 8 kHz samples of p to dst, as many as both hold, and gives their number: 20 ms of quiet noise for comfort
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
	d.of(p)
	var wide [2 * block]int16
	n := min(len(dst), len(p.Payload))
	for done := 0; done < n; {
		k := min(n-done, block)
		d.wide.decode(wide[:2*k], p.Payload[done:done+k])
		done += d.narrow.Narrow(dst[done:done+k], wide[:2*k])
	}
	return n
}

// DecodeWide is [Decoder.Decode] for samples of 16 kHz. One stream is decoded by one of both.
func (d *Decoder) DecodeWide(dst []int16, p *media.Packet) int {
	switch {
	case p.Event:
		return 0
	case p.Noise:
		return d.noise(dst[:min(len(dst), 2*media.FrameSamples)], p.Payload)
	}
	n := min(len(dst)/2, len(p.Payload))
	if p.Codec == media.G722 {
		d.of(p)
		d.wide.decode(dst[:2*n], p.Payload[:n])
		return 2 * n
	}
	var narrow [block]int16
	for done := 0; done < n; {
		k := Decode(p.Codec, narrow[:], p.Payload[done:n])
		if k == 0 {
			return 0
		}
		d.widen.Widen(dst[2*done:], narrow[:k])
		done += k
	}
	return 2 * n
}

// of begins anew with another source of G.722.
func (d *Decoder) of(p *media.Packet) {
	if p.Source != d.source {
		d.wide, d.source = g722Decoder{}, p.Source
	}
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

// Encoder turns samples into a stream of any codec. The zero value is ready. Not for several goroutines.
type Encoder struct {
	wide  g722Encoder
	widen Widener
}

// Encode writes 8 kHz samples as c to dst, as many as both hold, and gives the number of bytes; 0 for no codec.
func (e *Encoder) Encode(c media.Codec, dst []byte, samples []int16) int {
	if c != media.G722 {
		return Encode(c, dst, samples)
	}
	var wide [2 * block]int16
	n := min(len(dst), len(samples))
	for done := 0; done < n; {
		k := e.widen.Widen(wide[:], samples[done:n])
		done += e.EncodeWide(dst[done:n], wide[:k])
	}
	return n
}

// EncodeWide writes 16 kHz samples as G.722 to dst, two for each byte, as many as both hold, and gives the number of bytes.
func (e *Encoder) EncodeWide(dst []byte, samples []int16) int {
	n := min(len(dst), len(samples)/2)
	e.wide.encode(dst[:n], samples)
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
