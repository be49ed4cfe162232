package sip

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"reflect"
	"time"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/signature"
)

// Reasons of the ledger's lines that tell of signatures: the trust label of an INVITE is one of the last three.
const (
	BecauseSigned           header.Reason = "signed"            // it goes out with a signature over its context
	BecauseSignatureValid   header.Reason = "signature-valid"   // its context is the peer's, unchanged and for us alone
	BecauseSignatureInvalid header.Reason = "signature-invalid" // Detail says why
	BecauseSignatureMissing header.Reason = "signature-missing"
)

// signing is a trunk's keys made ready; nil for a trunk without.
type signing struct {
	of       directory.Signing
	signer   *signature.Signer   // nil: what goes out is not signed
	verifier *signature.Verifier // nil: what comes in is not verified
	err      error               // why a key is missing
	memory   *signature.Verifier // the last one, which has seen what held; nil: none ever has
}

// signingOf reads the keys that a trunk names, unless they are those that it had before. No signature holds twice, though
// keys change, are taken away for a while, or the program began anew at that time.
func signingOf(s directory.Signing, before *signing, began time.Time) *signing {
	var memory *signature.Verifier
	if before != nil {
		memory = before.memory
	}
	switch {
	case before != nil && reflect.DeepEqual(before.of, s):
		return before
	case s.Key == "" && len(s.Verify) == 0 && memory == nil:
		return nil
	}
	signer, verifier, err := ReadKeys(s)
	if verifier != nil {
		verifier.Begin(began, memory)
		memory = verifier
	}
	return &signing{of: s, signer: signer, verifier: verifier, err: err, memory: memory}
}

// ReadKeys reads the keys of a trunk's signing: nil where it names none. The error tells of every file that can't be
// read; what can be is given all the same.
func ReadKeys(s directory.Signing) (signer *signature.Signer, verifier *signature.Verifier, err error) {
	var errs []error
	if s.Key != "" {
		text, err := readKey(s.Key)
		if err == nil {
			signer, err = signature.NewSigner(text, s.KeyID)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("signing key %s: %w", s.Key, err))
		}
	}
	var texts [][]byte
	for _, file := range s.Verify {
		text, err := readKey(file)
		if err == nil {
			_, err = signature.NewVerifier(text)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("key to verify with %s: %w", file, err))
			continue
		}
		texts = append(texts, text)
	}
	if len(texts) > 0 {
		verifier, err = signature.NewVerifier(texts...)
		errs = append(errs, err)
	}
	return signer, verifier, errors.Join(errs...)
}

// maxKey bounds a file with keys.
const maxKey = 64 << 10

// readKey reads a file that may hold keys: a short one, and no pipe that would be waited for.
func readKey(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxKey {
		return nil, fmt.Errorf("no regular file of at most %d bytes", maxKey)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxKey))
}

// signed gives what a signature of a message is over.
func signed(m *message.Message) signature.Message {
	return signature.Message{CallID: m.Get("Call-ID"), From: m.Get("From"), To: m.Get("To"), Rows: m.Headers}
}

// sign adds the signature to an INVITE of ours, and gives the ledger's line of it; none where the trunk does not sign.
func (s *signing) sign(m *message.Message, at time.Time) []header.Change {
	if s == nil || s.of.Key == "" {
		return nil
	}
	value, err := "", s.err
	if s.signer != nil {
		value, err = s.signer.Sign(signed(m), at)
	}
	if value == "" {
		return []header.Change{{Action: header.Dropped, Field: header.Field{Name: signature.Header}, Reason: BecauseSigned, Detail: "not signed: " + err.Error()}}
	}
	m.Add(signature.Header, value)
	return []header.Change{{Action: header.Added, Field: header.Field{Name: signature.Header, Value: value}, Reason: BecauseSigned,
		Detail: "over the rows of this INVITE, its Call-ID, From, To and time"}}
}

// verify tells whether the context of an INVITE is what the peer's key signed, as the ledger's line of it: the trust
// label. ok is false where it is not.
func (s *signing) verify(m *message.Message, at time.Time) (label header.Change, ok bool) {
	err := error(signature.Invalid("no-key"))
	if s.verifier != nil {
		err = s.verifier.Verify(signed(m), at)
	}
	label = header.Change{Action: header.Dropped, Field: header.Field{Name: signature.Header, Value: m.Get(signature.Header)}, Reason: BecauseSignatureValid}
	var invalid signature.Invalid
	switch {
	case err == nil:
		label.Detail = "the context is what the peer signed"
	case errors.Is(err, signature.Missing):
		label.Reason, label.Detail = BecauseSignatureMissing, "the peer signed nothing"
	case errors.As(err, &invalid):
		label.Reason, label.Detail = BecauseSignatureInvalid, string(invalid)
	}
	return label, err == nil
}

// trusted puts the trust label of an INVITE among what became of its rows, in place of that its signature's row is ours
// alone. False: the trunk needs a signature, and this one does not hold.
func (p *peering) trusted(m *message.Message, at time.Time, changes []header.Change) ([]header.Change, bool) {
	if p.signing == nil || len(p.signing.of.Verify) == 0 {
		return changes, true
	}
	label, ok := p.signing.verify(m, at)
	out := changes[:0]
	for _, c := range changes {
		if !header.SameName(c.Name, signature.Header) {
			out = append(out, c)
		}
	}
	return append(out, label), ok || !p.signing.of.Need
}

// whyUntrusted says why an INVITE is refused for its signature, whose label is the last change.
func whyUntrusted(changes []header.Change) string {
	label := changes[len(changes)-1]
	return "its context is not signed as the trunk needs: " + label.Detail
}

// tellKeys says in the log that keys of a trunk can't be read: once, when they are read.
func (s *signing) tellKeys(log *slog.Logger, trunk string) {
	if s != nil && s.err != nil {
		log.Error("keys of a trunk can't be read", "trunk", trunk, "error", s.err)
	}
}
