package sdp

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/switchhook/switchhook/media"
)

// Why there is no agreement; errors of this package wrap one of them. All deserve 488 but ErrSyntax, which is a 400.
var (
	ErrSyntax  = errors.New("not a session description")
	ErrLimit   = errors.New("session description too large")
	ErrNoMedia = errors.New("no audio in common")
	ErrAddress = errors.New("media address refused")
	ErrCrypto  = errors.New("no protection in common")
)

const (
	maxBody     = 64 << 10
	maxSections = 32 // m= lines
	maxToken    = 64 // of what is repeated from the far end
	maxFormats  = 64 // of one m= line
)

// Local is what we bring to an offer or answer.
type Local struct {
	Addr      netip.AddrPort  // where RTP is to be sent to
	Codecs    []media.Codec   // in order of preference; PCMU and PCMA when empty
	NoEvents  bool            // no telephone events
	Security  Security        // SRTP
	Ptime     time.Duration   // of a packet in either direction; 20 ms, and as the far end asks, when zero
	Direction media.Direction // the most that we want
	// Signalling is where the far end's message came from; it is handed on in the Remote, and a far end there is
	// believed to have a loopback or link-local media address if it has itself such an address.
	Signalling netip.Addr
	// Prior is our last description in this dialog, nil for the first. Its id and payload types are kept, its version is
	// raised when anything changes, and streams that it refused stay in their places.
	Prior []byte
}

// payload types that we offer; in an answer, and ever after in its dialog, the offerer's are used.
const (
	typePCMU  = 0
	typePCMA  = 8
	typeG722  = 9
	typeNoise = 13
	typeEvent = 101
)

func (l *Local) codecs() []media.Codec {
	if len(l.Codecs) == 0 {
		return []media.Codec{media.PCMU, media.PCMA}
	}
	return l.Codecs
}

// prior is what is kept of our last description.
type prior struct {
	id, version uint64
	d           description
	audio       int // the section that is ours; -1 for none
	types       types
	crypto      []protection
}

func (l *Local) prior() prior {
	p := prior{audio: -1}
	if l.Prior == nil || p.d.read(l.Prior) != nil {
		p.id = rand.Uint64() >> 1 // some keep it in a signed integer
		p.version = 1
		p.d = description{}
		return p
	}
	p.id, p.version = p.d.id, p.d.version
	for i := range p.d.sections() {
		if s := &p.d.all[i]; s.isAudio() && s.port != 0 {
			p.audio, p.types = i, s.types()
			p.crypto, _ = s.protections()
			break
		}
	}
	return p
}
