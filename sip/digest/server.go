package digest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Verdict says what credentials prove.
type Verdict uint8

// The verdicts.
const (
	// Wrong: nothing. Who sent them is challenged anew.
	Wrong Verdict = iota
	// Stale: nothing, for their nonce is too old, of another source, or was used with this count before. Whether the password
	// is right was not looked at. Who sent them is challenged anew and told so (stale=true).
	Stale
	// Proven: who sent them knows the password.
	Proven
)

// Defaults and limits of a [Server].
const (
	nonceLife = 5 * time.Minute
	maxUses   = 1 << 16 // nonces whose count is remembered
)

// ServerConfig is a server's settings. Zero values mean the defaults named.
type ServerConfig struct {
	Realm      string      // needed
	Algorithms []Algorithm // offered, the preferred first: SHA-256, MD5
	Life       time.Duration
	MaxUses    int
}

// Server makes challenges and verifies what comes back. A nonce needs no memory before it proved somebody: it bears
// when and for which source it was made, under a key of this server. From then on its count is remembered, and no count
// is taken twice. What is remembered is bounded: where a nonce must be forgotten early, all that are as old and unused
// are refused from then on. Safe for all goroutines.
type Server struct {
	cfg ServerConfig
	key [32]byte

	mu    sync.Mutex
	uses  map[string]use // by nonce; guarded by mu
	order []string       // the nonces in uses, about in the order they were made; guarded by mu
	floor time.Time      // nonces made before are too old unless they are in uses; guarded by mu
}

// use is what is known of a nonce that proved somebody.
type use struct {
	made time.Time
	last uint32 // the highest count
}

// NewServer makes a server with a key of its own: nonces of an earlier run are stale.
func NewServer(cfg ServerConfig) *Server {
	if len(cfg.Algorithms) == 0 {
		cfg.Algorithms = []Algorithm{SHA256, MD5}
	}
	if cfg.Life <= 0 {
		cfg.Life = nonceLife
	}
	if cfg.MaxUses <= 0 {
		cfg.MaxUses = maxUses
	}
	s := &Server{cfg: cfg, uses: map[string]use{}}
	rand.Read(s.key[:]) // never fails
	return s
}

// Realm gives the server's realm.
func (s *Server) Realm() string { return s.cfg.Realm }

// Challenges gives the rows that ask a source to prove who it is, in order of preference (RFC 8760 section 2.3).
func (s *Server) Challenges(source netip.Addr, now time.Time, stale bool) []string {
	c := Challenge{Realm: s.cfg.Realm, Nonce: s.nonce(source, now), Opaque: s.opaque(), QOP: []string{"auth"}, Stale: stale}
	out := make([]string, len(s.cfg.Algorithms))
	for i, a := range s.cfg.Algorithms {
		c.Algorithm = a
		out[i] = c.String()
	}
	return out
}

// A nonce is 8 bytes of time (ns since 1970), 8 random ones, and 16 of a hash over these, the source and the realm.
const nonceSize, plainSize = 32, 16

func (s *Server) nonce(source netip.Addr, now time.Time) string {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, nonceSize), uint64(now.UnixNano()))
	b = b[:plainSize]
	rand.Read(b[8:]) // never fails
	return base64.RawURLEncoding.EncodeToString(append(b, s.seal(b, source)...))
}

func (s *Server) seal(plain []byte, source netip.Addr) []byte {
	h := hmac.New(sha256.New, s.key[:])
	h.Write(plain)
	from := source.Unmap().WithZone("").As16()
	h.Write(from[:])
	h.Write([]byte(s.cfg.Realm))
	return h.Sum(nil)[:nonceSize-plainSize]
}

// opaque says nothing, and is always the same.
func (s *Server) opaque() string {
	sum := sha256.Sum256(append([]byte("opaque"), s.key[:]...))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// made gives when a nonce of ours was made for this source.
func (s *Server) made(nonce string, source netip.Addr) (time.Time, bool) {
	if len(nonce) != base64.RawURLEncoding.EncodedLen(nonceSize) {
		return time.Time{}, false
	}
	b, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(b) != nonceSize || !hmac.Equal(b[plainSize:], s.seal(b[:plainSize], source)) {
		return time.Time{}, false
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(b))), true
}

// Verify tells what credentials prove, for a request of this method and Request-URI from a source. The password is that
// of their user; for one who does not exist known is false, and the verdict, and the time it takes, are those of a
// wrong password.
func (s *Server) Verify(c Credentials, method, uri string, source netip.Addr, password string, known bool, now time.Time) Verdict {
	made, ours := s.made(c.Nonce, source)
	if !ours || now.Sub(made) > s.cfg.Life || made.Sub(now) > time.Second {
		return Stale
	}
	want := c.response(password, method)
	right := subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(c.Response))) == 1
	switch {
	case !right, !known, c.Realm != s.cfg.Realm, c.QOP != "auth", c.CNonce == "", !s.offers(c.Algorithm),
		!sameTarget(c.URI, uri):
		return Wrong
	case !s.count(c.Nonce, c.NC, made, now):
		return Stale
	}
	return Proven
}

func (s *Server) offers(a Algorithm) bool {
	for _, o := range s.cfg.Algorithms {
		if o == a {
			return true
		}
	}
	return false
}

// count remembers that a nonce was used with a count; false: it was before, or is too old to know.
func (s *Server) count(nonce string, nc uint32, made, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, used := s.uses[nonce]
	switch {
	case nc == 0, used && nc <= u.last, !used && !made.After(s.floor):
		return false
	case !used:
		s.makeRoom(now)
		nonce = strings.Clone(nonce)
		s.order = append(s.order, nonce)
	}
	s.uses[nonce] = use{made: made, last: nc}
	return true
}

// makeRoom forgets the nonces that are too old, and the oldest when there are too many. The caller holds mu.
func (s *Server) makeRoom(now time.Time) {
	for len(s.order) > 0 {
		u := s.uses[s.order[0]]
		if len(s.order) < s.cfg.MaxUses && now.Sub(u.made) <= s.cfg.Life {
			return
		}
		if u.made.After(s.floor) {
			s.floor = u.made
		}
		delete(s.uses, s.order[0])
		s.order[0] = ""
		s.order = s.order[1:]
	}
}
