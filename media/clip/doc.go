// Package clip opens stored audio as a source of sound, and writes recordings: WAV and MP3 in, WAV out; bytes live in a blob bucket
// (a folder, memory, S3) named in the configuration.
//
// It must not know calls or sockets. A stream is decoded by a goroutine of its own into a bounded buffer: a slow bucket gives
// silence, never a late clock.
package clip
