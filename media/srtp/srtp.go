package srtp

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"github.com/switchhook/switchhook/media"
)

// ErrKey says that a key does not fit its suite, or that the suite is unknown.
var ErrKey = errors.New("no key of a known suite")

// Room is how many bytes a sealed packet may be longer than the plain one.
const Room = 32

const (
	window     = 128 // packets that may come late
	maxSources = 64  // of one key: a counter is kept for each
)

// Suite is a kind of protection, by its name in SDP.
type Suite struct {
	Name      string
	Key, Salt int // bytes
	profile   srtp.ProtectionProfile
}

// Suites gives what is known, the one preferred first.
func Suites() [4]Suite {
	return [4]Suite{
		{"AEAD_AES_256_GCM", 32, 12, srtp.ProtectionProfileAeadAes256Gcm},
		{"AEAD_AES_128_GCM", 16, 12, srtp.ProtectionProfileAeadAes128Gcm},
		{"AES_CM_128_HMAC_SHA1_80", 16, 14, srtp.ProtectionProfileAes128CmHmacSha1_80},
		{"AES_CM_128_HMAC_SHA1_32", 16, 14, srtp.ProtectionProfileAes128CmHmacSha1_32},
	}
}

// Context protects one direction of one leg. Not for several goroutines.
type Context struct {
	ctx     *srtp.Context
	header  rtp.Header
	control rtcp.Header
	current uint32 // whose packet was opened last
	sources int
}

// New makes the context of a key.
func New(c media.Crypto) (*Context, error) {
	for _, s := range Suites() {
		if s.Name != c.Suite {
			continue
		}
		if len(c.Key) != s.Key+s.Salt {
			return nil, fmt.Errorf("%w: %d bytes for %s", ErrKey, len(c.Key), c.Suite)
		}
		opts := []srtp.ContextOption{srtp.SRTPReplayProtection(window), srtp.SRTCPReplayProtection(window)}
		if c.MKI != "" {
			opts = append(opts, srtp.MasterKeyIndicator([]byte(c.MKI)))
		}
		ctx, err := srtp.CreateContext([]byte(c.Key[:s.Key]), []byte(c.Key[s.Key:]), s.profile, opts...)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKey, err)
		}
		return &Context{ctx: ctx}, nil
	}
	return nil, fmt.Errorf("%w: %.40q", ErrKey, c.Suite)
}

// Seal writes the protected form of an RTP packet to dst, which has room for it and may be packet itself.
func (c *Context) Seal(dst, packet []byte) ([]byte, error) {
	out, err := c.ctx.EncryptRTP(dst[:0], packet, &c.header)
	if err != nil {
		return nil, fmt.Errorf("sealing RTP: %w", err)
	}
	return out, nil
}

// Open writes the plain form of a protected RTP packet to dst, which is not part of packet. False for one that does not
// bear the tag of this key, that came before, or is of one source too many; nothing has changed then.
func (c *Context) Open(dst, packet []byte) ([]byte, bool) {
	if len(packet) < 12 {
		return nil, false
	}
	source := binary.BigEndian.Uint32(packet[8:])
	fresh := false
	if source != c.current || c.sources == 0 {
		_, known := c.ctx.ROC(source)
		if fresh = !known; fresh && c.sources == maxSources {
			return nil, false
		}
	}
	out, err := c.ctx.DecryptRTP(dst[:0], packet, &c.header)
	if err != nil {
		return nil, false
	}
	c.current = source
	if fresh {
		c.sources++
	}
	return out, true
}

// SealControl is [Context.Seal] for RTCP.
func (c *Context) SealControl(dst, packet []byte) ([]byte, error) {
	out, err := c.ctx.EncryptRTCP(dst[:0], packet, &c.control)
	if err != nil {
		return nil, fmt.Errorf("sealing RTCP: %w", err)
	}
	return out, nil
}

// OpenControl is [Context.Open] for RTCP.
func (c *Context) OpenControl(dst, packet []byte) ([]byte, bool) {
	if len(packet) < 8 {
		return nil, false
	}
	source := binary.BigEndian.Uint32(packet[4:])
	_, known := c.ctx.Index(source)
	if !known && c.sources == maxSources {
		return nil, false
	}
	out, err := c.ctx.DecryptRTCP(dst[:0], packet, &c.control)
	if err != nil {
		return nil, false
	}
	if !known {
		c.sources++
	}
	return out, true
}
