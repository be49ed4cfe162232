// Package sdp agrees on audio by offer and answer (RFC 3264) in session descriptions (RFC 8866).
//
// It owns the text: what we offer, how an offer is answered, what an answer means. Its reader is small, lenient about
// what does not matter to us and bounded in everything: it runs twice for each call, on input that anyone may send.
// What comes out is a [media.Remote], for the session that carries the audio. The package must not know sockets,
// dialogs or calls; where a dialog's last description is needed (its numbering, streams once refused), the caller hands
// it in as [Local.Prior].
//
//	their offer ──▶ Answer ──▶ our answer, Remote
//	Offer ──▶ our offer ──▶ … ──▶ their answer ──▶ Accept ──▶ Remote
//
// One audio stream is agreed on: G.711 or G.722, with telephone events (RFC 4733) and comfort noise (RFC 3389), as RTP or,
// with keys in a=crypto lines (SDES, RFC 4568), as SRTP. Every other stream of an offer is answered with port zero, in its
// place. What is not known is passed over: ICE, bundling, fingerprints.
package sdp
