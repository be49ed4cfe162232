package signature

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// mediaType is the protected header's typ: a signature made for something else is none of a context.
const mediaType = "switchhook-context+jws"

// Signer signs with one private key. Safe for all goroutines.
type Signer struct {
	key jose.SigningKey
	id  string
}

// NewSigner makes a signer of a private key in PEM (Ed25519, P-256 or RSA). The ID names the key to the peer; it may be
// empty.
func NewSigner(text []byte, id string) (*Signer, error) {
	key, err := privateKey(text)
	if err != nil {
		return nil, err
	}
	alg, err := algorithmOf(key.Public())
	if err != nil {
		return nil, err
	}
	s := &Signer{key: jose.SigningKey{Algorithm: alg, Key: key}, id: id}
	if _, err := s.Sign(Message{}, time.Unix(0, 0)); err != nil {
		return nil, err
	}
	return s, nil
}

// Sign gives the value of [Header] for a message that is sent at a time: each is good once.
func (s *Signer) Sign(m Message, at time.Time) (string, error) {
	var nonce [12]byte
	rand.Read(nonce[:]) // never fails
	opts := new(jose.SignerOptions).WithType(mediaType).
		WithHeader("iat", at.Unix()).WithHeader("nonce", base64.RawURLEncoding.EncodeToString(nonce[:]))
	if s.id != "" {
		opts.WithHeader("kid", s.id)
	}
	signer, err := jose.NewSigner(s.key, opts)
	if err != nil {
		return "", fmt.Errorf("sign context: %w", err)
	}
	jws, err := signer.Sign(m.Canonical())
	if err != nil {
		return "", fmt.Errorf("sign context: %w", err)
	}
	value, err := jws.DetachedCompactSerialize()
	if err != nil {
		return "", fmt.Errorf("sign context: %w", err)
	}
	return value, nil
}
