// Package signature signs the context of an INVITE and verifies it: a detached JWS (RFC 7515 appendix F) over the
// canonical form of the rows that tell of the call, bound to Call-ID, From, To and time. docs/context.md describes both
// byte for byte.
//
// It owns the canonical form, the keys' algorithms and what was seen before. It must not know trunks, legs or ledgers,
// and reads no file: keys come as PEM.
//
//	rows, Call-ID, From, To ─▶ Message.Canonical ─▶ Signer.Sign ─▶ value of Header ─▶ Verifier.Verify ─▶ nil or Invalid
package signature
