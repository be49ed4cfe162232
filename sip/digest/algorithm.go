package digest

import (
	"crypto/md5" //nolint:gosec // what most telephones still speak; offered last, answered only where that is asked for
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"strings"
)

// Algorithm is a hash, by the name that it has in challenges (RFC 8760 section 2.1).
type Algorithm string

// The algorithms. Their "-sess" variants, which nobody in SIP speaks, are not known.
const (
	SHA256     Algorithm = "SHA-256"
	SHA512t256 Algorithm = "SHA-512-256"
	MD5        Algorithm = "MD5"
)

// FindAlgorithm gives the algorithm of a name in any case; MD5 for an empty one (RFC 7616 section 3.3).
func FindAlgorithm(name string) (Algorithm, bool) {
	if name == "" {
		return MD5, true
	}
	for _, a := range [...]Algorithm{SHA256, SHA512t256, MD5} {
		if strings.EqualFold(name, string(a)) {
			return a, true
		}
	}
	return "", false
}

// IsWeak tells whether the algorithm is one that an eavesdropper can guess passwords from in no time.
func (a Algorithm) IsWeak() bool { return a == MD5 }

// sum gives the hash of the parts, joined by colons, as hexadecimal digits.
func (a Algorithm) sum(parts ...string) string {
	var h hash.Hash
	switch a {
	case SHA256:
		h = sha256.New()
	case SHA512t256:
		h = sha512.New512_256()
	default:
		h = md5.New() //nolint:gosec // see above
	}
	for i, p := range parts {
		if i > 0 {
			h.Write([]byte{':'})
		}
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// response gives the response that credentials must bear (RFC 7616 section 3.4.1).
func (c *Credentials) response(password, method string) string {
	ha1 := c.Algorithm.sum(c.User, c.Realm, password)
	ha2 := c.Algorithm.sum(method, c.URI)
	if c.QOP == "" { // RFC 2069
		return c.Algorithm.sum(ha1, c.Nonce, ha2)
	}
	return c.Algorithm.sum(ha1, c.Nonce, c.nc(), c.CNonce, c.QOP, ha2)
}
