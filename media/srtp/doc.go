// Package srtp protects the packets of one direction of a leg (RFC 3711, RFC 7714) with a key that was exchanged by SDES
// (RFC 4568): the wall around the library that does the cryptography.
//
// A [Context] seals what goes out or opens what comes in, RTP and RTCP alike, and keeps for each source the roll-over
// counter and the window of what was seen already. The package must not know sockets, SDP or sessions.
package srtp
