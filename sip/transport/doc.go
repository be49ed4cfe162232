// Package transport carries SIP messages over UDP, TCP and TLS (RFC 3261 section 18), and answers STUN on the UDP port.
//
// It owns sockets, flows (connections) and their table, framing deadlines, and what the receiver adds to the top Via
// (received, rport: RFC 3581). It must not know transactions: each message goes to one handler, in the order of its
// flow, on the goroutine of the socket that it came from.
//
//	UDP socket ── recvmmsg ─▶ Parse ─┐                 ┌─▶ sendto, from the caller
//	TCP flow ──── Framer ──▶ Parse ──┴▶ handler   Send ┴─▶ the flow's queue ─▶ its writer
//
// Whether a source is listened to is asked before its bytes are read. TLS is a TCP flow with a handshake before it: whom a
// certificate is for is judged above, and flows are shared only by those who trust the same.
//
// UDP keeps nothing per source. A TCP flow has a deadline for its first message, for each message begun, for idleness
// and for each write; flows are limited in all and per address.
package transport
