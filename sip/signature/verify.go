package signature

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/switchhook/switchhook/header"
)

// Invalid is why a signature does not hold, as a label from a closed list. It is an error.
type Invalid string

// The closed list of reasons.
const (
	Missing   Invalid = "missing"   // there is none
	Several   Invalid = "several"   // more than one row
	TooLong   Invalid = "too-long"  // more than 8 KiB
	Malformed Invalid = "malformed" // no detached JWS of a context
	Algorithm Invalid = "algorithm" // none of the trunk's keys is good for its algorithm
	Wrong     Invalid = "wrong"     // it is of another key, or what it is over was changed
	Stale     Invalid = "stale"     // its time is more than a minute away, or before what is remembered: see Begin
	Replayed  Invalid = "replayed"  // it was seen before
	Full      Invalid = "full"      // so many came in the last minutes that a replay could not be told
)

// Error gives the label in a sentence.
func (i Invalid) Error() string { return "signature of the context does not hold: " + string(i) }

const (
	maxValue = 8 << 10
	fresh    = time.Minute // either way
	maxSeen  = 100_000     // signatures that are remembered, of two minutes each
)

// Verifier verifies with the public keys of one peer. Safe for all goroutines.
type Verifier struct {
	keys []key
	seen *seen
}

type key struct {
	alg    jose.SignatureAlgorithm
	public crypto.PublicKey
}

// NewVerifier makes a verifier of PEM texts with public keys or certificates; of these the key alone counts.
func NewVerifier(texts ...[]byte) (*Verifier, error) {
	v := &Verifier{seen: new(seen)}
	for _, text := range texts {
		keys, err := publicKeys(text)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			alg, err := algorithmOf(k)
			if err != nil {
				return nil, err
			}
			v.keys = append(v.keys, key{alg, k})
		}
	}
	if len(v.keys) == 0 {
		return nil, errors.New("no public key")
	}
	return v, nil
}

// Begin says what is remembered when a verifier begins: what before, of the same peer, has seen, or, where that is nil,
// nothing. What was signed before that time, to the second, is Stale then: it may have held in another run.
func (v *Verifier) Begin(since time.Time, before *Verifier) {
	if before != nil {
		v.seen = before.seen
		return
	}
	v.seen.from = since.Unix()
}

// Verify tells whether the signature of a message that came at a time holds: nil, or an [Invalid]. One that holds does so
// once. What the signature says of keys (kid, jku, jwk, x5u, x5c) plays no part: each of ours is tried with its own
// algorithm, and no other.
func (v *Verifier) Verify(m Message, now time.Time) error {
	value, ok := m.Rows.Get(Header)
	switch {
	case !ok:
		return Missing
	case m.Rows.Count(Header) > 1:
		return Several
	case len(value) > maxValue: // before it is divided
		return TooLong
	}
	said, err := read(value)
	if err != nil {
		return Malformed
	}
	var tried []key
	for _, k := range v.keys {
		if said.Algorithm == string(k.alg) {
			tried = append(tried, k)
		}
	}
	if len(tried) == 0 {
		return Algorithm
	}
	canonical := m.Canonical()
	jws, err := jose.ParseDetached(value, canonical, []jose.SignatureAlgorithm{tried[0].alg})
	if err != nil {
		return Malformed
	}
	if !holds(jws, canonical, tried) {
		return Wrong
	}
	if age := now.Sub(time.Unix(said.Time, 0)); age > fresh || age < -fresh || said.Time < v.seen.from {
		return Stale
	}
	return v.seen.add(said.Nonce, now)
}

func holds(jws *jose.JSONWebSignature, canonical []byte, keys []key) bool {
	for _, k := range keys {
		if jws.DetachedVerify(canonical, k.public) == nil {
			return true
		}
	}
	return false
}

// protected is the protected header of a signature, as far as it is looked at.
type protected struct {
	Algorithm string          `json:"alg"`
	Type      string          `json:"typ"`
	Time      int64           `json:"iat"`
	Nonce     string          `json:"nonce"`
	Critical  json.RawMessage `json:"crit"`
	Base64    json.RawMessage `json:"b64"`
}

// read gives the protected header of a value that is a detached JWS in its one form: other texts that decode to the same
// octets are none.
func read(value string) (protected, error) {
	var p protected
	parts := strings.Split(value, ".")
	if len(parts) != 3 || parts[1] != "" {
		return p, errors.New("not detached")
	}
	strict := base64.RawURLEncoding.Strict()
	text, err := strict.DecodeString(parts[0])
	if err != nil {
		return p, fmt.Errorf("protected header: %w", err)
	}
	if _, err := strict.DecodeString(parts[2]); err != nil {
		return p, fmt.Errorf("signature: %w", err)
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return p, fmt.Errorf("protected header: %w", err)
	}
	if p.Type != mediaType || !header.IsToken(p.Nonce) || len(p.Nonce) < 16 || len(p.Nonce) > 64 || p.Critical != nil || p.Base64 != nil {
		return p, errors.New("not of a context")
	}
	return p, nil
}

// seen remembers the signatures that held for at least as long as they are fresh, in two halves of which the older one is
// forgotten at once. Only the holder of a key can fill it.
type seen struct {
	from int64 // in Unix seconds, when that began

	mu        sync.Mutex
	now, last map[string]struct{} // guarded by mu
	since     time.Time           // when now began; guarded by mu
}

// add takes a nonce in; Replayed where it is there.
func (s *seen) add(nonce string, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at.Sub(s.since) > 2*fresh {
		s.last, s.now = s.now, map[string]struct{}{}
		if at.Sub(s.since) > 4*fresh {
			s.last = nil
		}
		s.since = at
	}
	_, now := s.now[nonce]
	_, last := s.last[nonce]
	switch {
	case now || last:
		return Replayed
	case len(s.now) >= maxSeen:
		return Full
	}
	s.now[strings.Clone(nonce)] = struct{}{}
	return nil
}
