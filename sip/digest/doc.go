// Package digest is HTTP Digest authentication as SIP uses it (RFC 3261 section 22, RFC 7616, RFC 8760), for both sides.
//
// It owns: reading and writing of challenges and credentials, the hashes, the [Server] that makes nonces and verifies
// what comes back, the [Client] that chooses a challenge and answers it. It must not know messages, transports or who
// exists: rows come as text, passwords are given.
//
//	Server: Challenge ─▶ 401 …                 Client: 401 … ─▶ Answer ─▶ Authorization
//	        Authorization ─▶ Verify ─▶ Proven, Stale, Wrong
//
// Basic is neither offered nor answered (RFC 8760 section 2.6).
package digest
