// Package codec turns audio from one form into another: G.711 and G.722 to linear and back, one into the other, comfort
// noise (RFC 3389) to something that is heard, any sample rate to the 8 kHz of a [media.Frame] or the 16 of a
// [media.WideFrame], 8 kHz to 16 and back.
//
// The tables of G.711 are computed once from its definition; encoding picks the code whose value is nearest, and needs no
// state. G.722 does: streams of it have a [Decoder], [Encoder] or [Transcoder], which serve the others as well. G.722 is
// 16 kHz audio: who wants 8 kHz gets what is below 4 kHz of it, by a half-band filter; between two far ends that both speak
// it, it passes as it is. The package must not know sockets, files or calls.
package codec
