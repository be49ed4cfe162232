package media

import (
	"context"
	"time"
)

// Codec is how audio is encoded in a packet.
type Codec uint8

// The codecs. Zero is none.
const (
	NoCodec Codec = iota
	PCMU          // G.711 mu-law, 8 kHz (RFC 3551 PT 0)
	PCMA          // G.711 A-law, 8 kHz (RFC 3551 PT 8)
)

// String gives the codec's encoding name of RFC 3551, as SDP writes it.
func (c Codec) String() string {
	switch c {
	case PCMU:
		return "PCMU"
	case PCMA:
		return "PCMA"
	}
	return "none"
}

// FrameSamples is the number of samples of a [Frame]: 20 ms at 8 kHz.
const FrameSamples = 160

// FrameTime is the length of a [Frame].
const FrameTime = 20 * time.Millisecond

// Frame is 20 ms of linear audio: 16 bit, mono, 8 kHz.
type Frame [FrameSamples]int16

// Packet is one packet of encoded audio, or of a telephone event (RFC 4733), on its way through. The payload belongs
// to the writer and is valid during [Port.Write] alone.
type Packet struct {
	Codec     Codec
	Event     bool   // the payload is a telephone event, whatever its payload type on either side
	Marker    bool   // first of a talk spurt, or of an event
	Seq       uint16 // of the source; gaps are kept
	Timestamp uint32 // of the source, 8 kHz; gaps are kept
	Source    uint32 // changes when Seq and Timestamp start anew (another SSRC, another writer)
	Payload   []byte
}

// Port is where audio goes. Write never blocks and keeps nothing of p. It is called by one goroutine at a time.
type Port interface{ Write(p *Packet) }

// Source gives audio that is not a far end's. Next fills f; it never blocks: a source that has nothing yet fills in
// silence. io.EOF ends it (f is not played then). It is called once each 20 ms, by one goroutine at a time.
type Source interface{ Next(f *Frame) error }

// Session is the media of one leg. Its methods may be called from any goroutine and never block.
type Session interface {
	Port
	// Connect sends what the far end says to p from now on; nil discards it. What was connected before is not told.
	Connect(p Port)
	// Play sends src to the far end in place of what is written, until it ends or stop is called; done is called once
	// with nil at its end, [context.Canceled] when stopped or when another Play took its place. done must not block.
	Play(src Source, done func(error)) (stop func())
	// OnDigit calls f for each key the far end presses, with the time it was held. f must not block. nil: nobody.
	OnDigit(f func(digit byte, held time.Duration))
	// Stats gives the counts up to now.
	Stats() Stats
	// Close frees sockets and ports. Idempotent.
	Close()
}

// Stats counts a session's media. Jitter and RoundTrip as in RFC 3550 section 6.4.1.
type Stats struct {
	Codec                                  Codec
	PacketsIn, PacketsOut, Lost, Discarded uint64
	Jitter, RoundTrip                      time.Duration
	RemoteLoss                             float64 // fraction 0..1 that the far end reported
}

// Opener opens stored audio as a source. The returned source's reads are buffered: a slow bucket gives silence, never
// a late clock. Close when done with.
type Opener interface {
	Open(ctx context.Context, bucket, key string) (Stream, error)
}

// Stream is a [Source] that holds resources.
type Stream interface {
	Source
	Close() error
}
