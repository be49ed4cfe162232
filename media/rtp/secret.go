package rtp

import (
	"fmt"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/srtp"
)

// sealer is what protects what is sent. The packet is sealed in a buffer of its own, so that one that need not be can
// stay on the stack.
type sealer struct {
	key media.Crypto
	ctx *srtp.Context
	buf [bufSize + srtp.Room]byte
}

// seal gives the protected form of a packet, nil when it can't be sent: its key is used up.
func (k *sealer) seal(b []byte) []byte {
	out, err := k.ctx.Seal(k.buf[:0], k.buf[:copy(k.buf[:], b)])
	if err != nil {
		return nil
	}
	return out
}

// opener opens what comes in. The key before the last is still tried, until the far end uses the new one.
type opener struct {
	key    media.Crypto
	ctx    *srtp.Context
	before *srtp.Context
}

// open gives the plain form of a packet in dst.
func (k *opener) open(dst, b []byte) ([]byte, bool) {
	out, ok := k.ctx.Open(dst, b)
	switch {
	case ok:
		k.before = nil
	case k.before != nil:
		return k.before.Open(dst, b)
	}
	return out, ok
}

// rekey gives what seals and opens from now on: what did so already where the keys stay the same, as a stream's counters
// must go on (RFC 3711 section 3.2.1).
func (s *Session) rekey(r media.Remote) (in *opener, out *sealer, err error) {
	in, out = s.rx.secret, s.tx.secret
	switch {
	case r.CryptoIn == (media.Crypto{}):
		in = nil
	case in == nil || in.key != r.CryptoIn:
		next := &opener{key: r.CryptoIn}
		if next.ctx, err = srtp.New(r.CryptoIn); err != nil {
			return nil, nil, fmt.Errorf("the far end's key: %w", err)
		}
		if in != nil {
			next.before = in.ctx
		}
		in = next
	}
	switch {
	case r.CryptoOut == (media.Crypto{}):
		out = nil
	case out == nil || out.key != r.CryptoOut:
		out = &sealer{key: r.CryptoOut}
		if out.ctx, err = srtp.New(r.CryptoOut); err != nil {
			return nil, nil, fmt.Errorf("our key: %w", err)
		}
	}
	return in, out, nil
}
