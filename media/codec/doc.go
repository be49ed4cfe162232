// Package codec turns audio from one form into another: G.711 to linear and back, mu-law to A-law, any sample rate to
// the 8 kHz of a [media.Frame].
//
// All tables are computed once from the definition of ITU-T G.711; encoding picks the code whose value is nearest. The
// package must not know packets, files or calls.
package codec
