// Package tone makes and recognises tones: ringback with the cadence of a country, the keys of a telephone, silence,
// and a detector that tells which of some frequencies are heard.
//
// A [Tone] is a [media.Source] of linear audio; the package must not know codecs, packets or calls.
package tone
