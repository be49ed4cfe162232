// Package tone makes and recognises tones: those of the network with the cadence of a country, the keys of a telephone,
// silence; [Finder] recognises keys, [Listener] the network, [Detector] which of some frequencies are heard.
//
// A [Tone] is a [media.Source] of linear audio; the package must not know codecs, packets or calls.
package tone
