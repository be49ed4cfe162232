package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// leastRSA is the shortest RSA key that is taken, in bits.
const leastRSA = 2048

// algorithmOf gives the one algorithm that a public key is good for: who sends the signature does not choose.
func algorithmOf(key crypto.PublicKey) (jose.SignatureAlgorithm, error) {
	switch k := key.(type) {
	case ed25519.PublicKey:
		return jose.EdDSA, nil
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return jose.ES256, nil
		}
		return "", errors.New("an ECDSA key of another curve than P-256")
	case *rsa.PublicKey:
		if k.N.BitLen() >= leastRSA {
			return jose.RS256, nil
		}
		return "", fmt.Errorf("an RSA key of %d bits, fewer than %d", k.N.BitLen(), leastRSA)
	}
	return "", fmt.Errorf("a key of type %T: Ed25519, P-256 and RSA are possible", key)
}

// privateKey reads the first key of a PEM text: PKCS #8, SEC 1 or PKCS #1.
func privateKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no PEM block")
	}
	var key any
	var err error
	switch block.Type {
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("a PEM block of type %q: a private key without a password is needed", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("read private key: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T can't sign", key)
	}
	return signer, nil
}

// publicKeys reads every public key of a PEM text: of itself, or of a certificate.
func publicKeys(text []byte) ([]crypto.PublicKey, error) {
	var out []crypto.PublicKey
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		var key any
		var err error
		switch block.Type {
		case "PUBLIC KEY":
			key, err = x509.ParsePKIXPublicKey(block.Bytes)
		case "CERTIFICATE":
			var cert *x509.Certificate
			if cert, err = x509.ParseCertificate(block.Bytes); err == nil {
				key = cert.PublicKey
			}
		default:
			return nil, fmt.Errorf("a PEM block of type %q: public keys and certificates are read", block.Type)
		}
		if err != nil {
			return nil, fmt.Errorf("read public key: %w", err)
		}
		out = append(out, key)
	}
	if len(out) == 0 {
		return nil, errors.New("no PEM block")
	}
	return out, nil
}
