package sdp

import (
	"math/rand/v2"
	"net/netip"
)

// Refuse answers an offer with every stream of it refused: what must be said where no answer is a way out any more (RFC
// 3261 section 13.2.2.4). nil for an offer that can't be read.
func Refuse(offer []byte, at netip.Addr) []byte {
	var d description
	if d.read(offer) != nil {
		return nil
	}
	b := appendSession(nil, at, rand.Uint64()>>1, 1, d.times)
	for i := range d.sections() {
		b = appendRefused(b, &d.all[i])
	}
	return b
}
