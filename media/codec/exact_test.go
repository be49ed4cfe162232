package codec_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
)

// signals of 16 kHz: all that a codec may meet.
func signals() map[string][]int16 {
	random := rand.New(rand.NewPCG(1, 2))
	all := map[string][]int16{}
	make16 := func(name string, n int, at func(i int) float64) {
		s := make([]int16, n)
		for i := range s {
			s[i] = int16(max(math.MinInt16, min(math.MaxInt16, math.Round(at(i)))))
		}
		all[name] = s
	}
	make16("silence", 8000, func(int) float64 { return 0 })
	make16("a sweep to 8 kHz", 64000, func(i int) float64 { return 12000 * math.Sin(math.Pi*float64(i)*float64(i)/64000/2) })
	make16("noise", 32000, func(int) float64 { return 6000 * random.NormFloat64() })
	make16("noise at full scale", 32000, func(int) float64 { return 60000 * random.NormFloat64() })
	make16("a square at full scale", 32000, func(i int) float64 { return 32767 * (1 - 2*float64(i/40%2)) })
	make16("steps", 32000, func(i int) float64 { return float64(i/1000%2) * 20000 })
	make16("the lowest bits", 32000, func(int) float64 { return random.NormFloat64() })
	make16("bursts", 64000, func(i int) float64 {
		return 20000 * math.Pow(math.Sin(float64(i)/5000), 8) * math.Sin(float64(i)*0.3+math.Sin(float64(i)*0.01)*9)
	})
	return all
}

// encodeWide encodes a stream in packets.
func encodeWide(s []int16) (out []byte) {
	var e codec.Encoder
	for at := 0; at < len(s); at += 320 {
		var b [160]byte
		out = append(out, b[:e.EncodeWide(b[:], s[at:min(at+320, len(s))])]...)
	}
	return out
}

// decodeWide decodes a stream in packets.
func decodeWide(c media.Codec, b []byte) (out []int16) {
	var d codec.Decoder
	var f [320]int16
	for ; len(b) > 0; b = b[min(160, len(b)):] {
		out = append(out, f[:d.DecodeWide(f[:], &media.Packet{Codec: c, Source: 1, Payload: b[:min(160, len(b))]})]...)
	}
	return out
}

// Bytes and samples are those of another G.722, each one.
func TestG722Exact(t *testing.T) {
	for name, s := range signals() {
		coded := encodeWide(s)
		want := ffmpeg(t, littleEndian(s), "-f", "s16le", "-ar", "16000", "-ac", "1", "-i", "-", "-c:a", "g722", "-f", "g722", "-")
		if n := differ(coded, want); n >= 0 {
			t.Errorf("%s: byte %d of %d differs", name, n, len(want))
		}
		ours, theirs := decodeWide(media.G722, want), linear(ffmpeg(t, want, "-f", "g722", "-i", "-", "-f", "s16le", "-"))
		if n := differ(ours, theirs); n >= 0 {
			t.Errorf("%s: sample %d of %d differs", name, n, len(theirs))
		}
	}
	random := rand.NewChaCha8([32]byte{1}) // what no encoder would code
	b := bytes.Repeat([]byte{0x20, 0x04, 0xff, 0x84}, 30000)
	random.Read(b[:100000])
	for i := range 2000 {
		b[100000+i] = 0x20
	}
	if n := differ(decodeWide(media.G722, b), linear(ffmpeg(t, b, "-f", "g722", "-i", "-", "-f", "s16le", "-"))); n >= 0 {
		t.Errorf("random bytes: sample %d differs", n)
	}
}

// differ gives where two streams differ first; -1 for nowhere.
func differ[T comparable](a, b []T) int {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			return i
		}
	}
	return -1
}
