package media

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// Codec is how audio is encoded in a packet.
type Codec uint8

// The codecs. Zero is none.
const (
	NoCodec Codec = iota
	PCMU          // G.711 mu-law, 8 kHz (RFC 3551 PT 0)
	PCMA          // G.711 A-law, 8 kHz (RFC 3551 PT 8)
	G722          // G.722, 64 kbit/s, 16 kHz (RFC 3551 PT 9: its clock counts 8 kHz all the same)
)

// String gives the codec's encoding name of RFC 3551, as SDP writes it.
func (c Codec) String() string {
	switch c {
	case PCMU:
		return "PCMU"
	case PCMA:
		return "PCMA"
	case G722:
		return "G722"
	}
	return "none"
}

// FrameSamples is the number of samples of a [Frame]: 20 ms at 8 kHz.
const FrameSamples = 160

// FrameTime is the length of a [Frame].
const FrameTime = 20 * time.Millisecond

// Frame is 20 ms of linear audio: 16 bit, mono, 8 kHz.
type Frame [FrameSamples]int16

// WideFrame is the same in 16 kHz.
type WideFrame [2 * FrameSamples]int16

// Direction says which way audio may flow on a leg, seen from our side (RFC 3264 section 5.1).
type Direction uint8

// The directions.
const (
	SendRecv Direction = iota
	SendOnly           // we send, the far end only listens
	RecvOnly           // we listen
	Inactive
)

// Sends tells whether we may send.
func (d Direction) Sends() bool { return d == SendRecv || d == SendOnly }

// Receives tells whether we listen.
func (d Direction) Receives() bool { return d == SendRecv || d == RecvOnly }

// Reverse gives the direction as the other side sees it.
func (d Direction) Reverse() Direction {
	switch d {
	case SendOnly:
		return RecvOnly
	case RecvOnly:
		return SendOnly
	}
	return d
}

// String gives the direction as an SDP attribute.
func (d Direction) String() string {
	switch d {
	case SendOnly:
		return "sendonly"
	case RecvOnly:
		return "recvonly"
	case Inactive:
		return "inactive"
	}
	return "sendrecv"
}

// Remote is what a far end told (in SDP) of where and how it wants media, after offer and answer.
type Remote struct {
	RTP, RTCP  netip.AddrPort // where it wants them; without RTP nothing is sent (hold in the manner of RFC 2543)
	Signalling netip.Addr     // where its signalling came from, if known: audio may come from there too (NAT)
	Codec      Codec          // of what we send
	// Payload types: what goes out bears those that the far end declared, what comes in those that we declared.
	// Those of telephone events are 0 when not agreed on.
	TypeOut, TypeIn, EventOut, EventIn uint8
	Ptime                              time.Duration // what the far end would like; 0 when it did not say
	Direction                          Direction
	Silence                            bool // the far end knows comfort noise (RFC 3389, payload type 13)
	// CryptoIn and CryptoOut are the keys of SRTP (RFC 3711), of what comes and of what goes; zero for plain RTP.
	CryptoIn, CryptoOut Crypto
	Mux                 bool // RTCP comes and goes on the RTP port (RFC 5761)
	Listen              bool // keys are also recognised as tones in what the far end says
	NoKeys              bool // keys of others reach the far end by signalling: they are kept out of its audio
}

// Crypto is the key of one direction of SRTP, as SDES exchanges it (RFC 4568).
type Crypto struct {
	Suite string // "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"
	Key   string // master key and salt, raw bytes
	MKI   string // the key's name in each packet, raw bytes; empty for none
}

// Packet is one packet of encoded audio, or of a telephone event (RFC 4733), on its way through. The payload belongs
// to the writer and is valid during [Port.Write] alone.
type Packet struct {
	Codec     Codec
	Event     bool   // the payload is a telephone event, whatever its payload type on either side
	Noise     bool   // the payload is comfort noise (RFC 3389): its source is silent until the next packet; no Codec then
	Marker    bool   // first of a talk spurt, or of an event
	Seq       uint16 // of the source; gaps are kept
	Timestamp uint32 // of the source, 8 kHz; gaps are kept
	Source    uint32 // changes when Seq and Timestamp start anew (another SSRC, another writer)
	Payload   []byte
}

// Port is where audio goes. Write never blocks and keeps nothing of p. It is called by one goroutine at a time.
type Port interface{ Write(p *Packet) }

// PortFunc makes a function a [Port].
type PortFunc func(p *Packet)

// Write calls the function.
func (f PortFunc) Write(p *Packet) { f(p) }

// Source gives audio that is not a far end's. Next fills f; it never blocks: a source that has nothing yet fills in
// silence. io.EOF ends it (f is not played then). It is called once each 20 ms, by one goroutine at a time, and must
// not call the session that plays it.
type Source interface{ Next(f *Frame) error }

// WideSource is a [Source] that also gives 16 kHz, for far ends whose codec has that. Of each 20 ms one of both is asked for.
type WideSource interface {
	Source
	// NextWide is Next in 16 kHz.
	NextWide(f *WideFrame) error
}

// Session is the media of one leg. Its methods may be called from any goroutine and never block.
type Session interface {
	Port
	// Connect sends what the far end says to p from now on; nil discards it. What was connected before is not told.
	Connect(p Port)
	// Play sends src to the far end in place of what is written, until it ends or stop is called; done is called once
	// with nil at its end, [context.Canceled] when stopped or when another Play took its place. done must not block.
	Play(src Source, done func(error)) (stop func())
	// SendDigits presses keys (0-9 * # A-D) at the far end in place of what else is sent: as telephone events (RFC 4733),
	// or as tones in the audio where the far end knows none, or inBand is true. "," and "w" pause half a second, "W" a
	// second; tone and gap are 100 ms each when zero. done is called once: with nil when all is pressed, [context.Canceled]
	// when stopped or when other keys took their place, [ErrClosed] when the session was closed. done must not block.
	SendDigits(keys string, tone, gap time.Duration, inBand bool, done func(error)) (stop func())
	// Tap sends copies of what the far end says to in and of what it is sent to out; nil ends one. Neither port may call
	// the session.
	Tap(in, out Port)
	// Mute keeps what the far end says from what is connected, not from taps.
	Mute(on bool)
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
	BytesIn, BytesOut                      uint64 // of payload, without headers
	Jitter, RoundTrip                      time.Duration
	RemoteLoss                             float64 // fraction 0..1 that the far end reported
	MOS                                    float64 // estimate of what is heard here, 1 to 4.5 (ITU-T G.107, as if all were G.711); 0 before anything is
	Secure                                 bool    // SRTP both ways
}

// ErrClosed says that a session is closed.
var ErrClosed = errors.New("closed")

// Why audio could not be opened; an Opener's errors wrap them.
var (
	ErrNoBucket = errors.New("no such bucket")
	ErrNotFound = errors.New("no such audio")
	ErrAccess   = errors.New("audio cannot be read")
	ErrFormat   = errors.New("not audio that can be played")
	ErrTooLarge = errors.New("audio too large")
)

// Opener opens stored audio as a source. The returned source's reads are buffered: a slow bucket gives silence, never
// a late clock. Close when done with.
type Opener interface {
	Open(ctx context.Context, bucket, key string) (Stream, error)
}

// WideOpener is an [Opener] whose audio may be had in 16 kHz.
type WideOpener interface {
	Opener
	// OpenWide is Open; the stream is a [WideSource] where what is stored has more than 8 kHz.
	OpenWide(ctx context.Context, bucket, key string) (Stream, error)
}

// Stream is a [Source] that holds resources.
type Stream interface {
	Source
	Close() error
}
