// Package clip opens stored audio as a source of sound, and writes recordings: WAV and MP3 in and out; bytes live in a
// bucket (a folder, memory, S3) named in the configuration.
//
// It must not know calls or sockets.
//
//	[Buckets].Open ─ key, size, stamp ─┬─ small ─▶ [Shelf]: decoded once into memory, played by any number of streams
//	                                   └─ large ─▶ a goroutine that decodes about two seconds ahead of its one stream
//	                  both by way of [Reader]: WAV or MP3, told by content, to 8 kHz mono, or 16 for who hears that
//
//	[Recording].Hear ─ blocks ─▶ a goroutine that writes a WAV on this machine ─ [Recorder].Store ─▶ (MP3) ─▶ bucket
//
// Whatever is slow or stalls gives silence, never a late clock. What can be known is known when Open returns: no such
// bucket, no such key, not readable, not audio, too large.
package clip
