package codec_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"os/exec"
	"testing"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/test/need"
)

// ffmpeg runs sound through it, a program that has G.722 of its own.
func ffmpeg(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	var out, told bytes.Buffer
	cmd := exec.Command(need.Tool(t, "ffmpeg", "apt-get install ffmpeg"), append([]string{"-loglevel", "error"}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &told
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, &told)
	}
	return out.Bytes()
}

func linear(b []byte) []int16 {
	s := make([]int16, len(b)/2)
	for i := range s {
		s[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return s
}

func littleEndian(s []int16) (b []byte) {
	for _, v := range s {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	return b
}

// decodeAll decodes a stream in packets.
func decodeAll(c media.Codec, b []byte) (out []int16) {
	var d codec.Decoder
	var f [160]int16
	for ; len(b) > 0; b = b[min(160, len(b)):] {
		out = append(out, f[:d.Decode(f[:], &media.Packet{Codec: c, Source: 1, Payload: b[:min(160, len(b))]})]...)
	}
	return out
}

// What another G.722 codes is heard here, at its level and clean.
func TestG722FromAnother(t *testing.T) {
	for _, hz := range []float64{200, 440, 1004, 2000, 3000} {
		coded := ffmpeg(t, littleEndian(sine(16000, hz, 1)), "-f", "s16le", "-ar", "16000", "-ac", "1", "-i", "-", "-c:a", "g722", "-f", "g722", "-")
		if len(coded) != 8000 {
			t.Fatalf("a second is %d bytes", len(coded))
		}
		out := decodeAll(media.G722, coded)[1000:7000]
		if got := level(out, hz); math.Abs(got+6.02) > 0.5 {
			t.Errorf("%.0f Hz comes at %.1f dB", hz, got)
		}
		if noise := residue(out, hz); noise > -35 {
			t.Errorf("beside %.0f Hz there is noise of %.1f dB", hz, noise)
		}
	}
}

// What we code of 8 kHz audio as G.722 is heard by another, and nothing above 4 kHz that was not there.
func TestG722ToAnother(t *testing.T) {
	for _, hz := range []float64{200, 440, 1004, 2000, 3000, 3300} {
		var e codec.Encoder
		coded := make([]byte, 8000)
		if n := e.Encode(media.G722, coded, sine(8000, hz, 1)); n != 8000 {
			t.Fatalf("%d bytes", n)
		}
		wide := linear(ffmpeg(t, coded, "-f", "g722", "-i", "-", "-f", "s16le", "-ar", "16000", "-"))[2000:14000]
		if got := level(wide, hz/2); math.Abs(got+6.02) > 0.3 { // level reckons with 8 kHz
			t.Errorf("%.0f Hz comes at %.1f dB", hz, got)
		}
		if noise := residue(wide, hz/2); noise > -35 {
			t.Errorf("beside %.0f Hz there is noise of %.1f dB", hz, noise)
		}
		if got := level(wide, (8000-hz)/2); got > -50 { // its image in the upper band
			t.Errorf("%.0f Hz is heard at %.0f Hz too, at %.1f dB", hz, 8000-hz, got)
		}
	}
}

// What is above 4 kHz goes through one of ours as well, and is not heard in 8 kHz audio.
func TestG722Wide(t *testing.T) {
	for _, hz := range []float64{300, 3800, 4200, 5000, 6500} {
		coded := encodeWide(sine(16000, hz, 1))
		if got := level(decodeWide(media.G722, coded)[2000:14000], hz/2); math.Abs(got+6.02) > 1 {
			t.Errorf("%.0f Hz comes at %.1f dB", hz, got)
		}
		narrow := decodeAll(media.G722, coded)[1000:7000]
		if got := level(narrow, 8000-hz); hz > 4400 && got > -55 {
			t.Errorf("%.0f Hz is heard at %.0f Hz, at %.1f dB", hz, 8000-hz, got)
		}
	}
}

// G.711 in 16 kHz is what it is in 8 kHz, and noise is noise.
func TestDecodeWide(t *testing.T) {
	var e codec.Encoder
	coded := make([]byte, 8000)
	e.Encode(media.PCMA, coded, sine(8000, 1004, 1))
	wide := decodeWide(media.PCMA, coded)
	if got := level(wide[2000:14000], 502); len(wide) != 16000 || math.Abs(got+6.02) > 0.3 {
		t.Errorf("%d samples at %.1f dB", len(wide), got)
	}
	if got := level(wide[2000:14000], (8000-1004)/2); got > -60 {
		t.Errorf("an image at %.1f dB", got)
	}
	var d codec.Decoder
	f := make([]int16, 400)
	for p, want := range map[*media.Packet]int{
		{Noise: true, Payload: []byte{40}}: 320, {Event: true, Payload: []byte{1, 2, 3, 4}}: 0, {Payload: coded[:160]}: 0,
		{Codec: media.PCMU, Payload: coded[:160]}: 320, {Codec: media.G722, Payload: coded[:250]}: 400,
	} {
		if n := d.DecodeWide(f, p); n != want {
			t.Errorf("%+v: %d samples, want %d", p, n, want)
		}
	}
}

func TestG722Tandem(t *testing.T) {
	var e codec.Encoder
	in := sine(8000, 1004, 1)
	coded := make([]byte, len(in))
	e.Encode(media.G722, coded, in)
	out := decodeAll(media.G722, coded)
	if d := residue(out[1000:7000], 1004); d > -40 {
		t.Errorf("noise of %.1f dB", d)
	}
}

// Any bytes are some sound: they never break anything, and another source begins anew.
func FuzzG722(f *testing.F) {
	f.Add([]byte{0, 255, 3, 4})
	f.Add(bytes.Repeat([]byte{0x20, 0x04}, 400))
	f.Fuzz(func(t *testing.T, b []byte) {
		one, two := decodeAll(media.G722, b), make([]int16, len(b))
		if len(one) != len(b) {
			t.Fatalf("%d samples of %d bytes", len(one), len(b))
		}
		var d codec.Decoder
		for at := 0; at < len(b); { // in pieces of other sizes
			at += d.Decode(two[at:], &media.Packet{Codec: media.G722, Source: 1, Payload: b[at:min(at+1+at%331, len(b))]})
		}
		if wide := decodeWide(media.G722, b); len(wide) != 2*len(b) || len(encodeWide(wide)) != len(b) {
			t.Fatalf("%d samples of 16 kHz of %d bytes", len(wide), len(b))
		}
		for i := range one {
			if one[i] != two[i] {
				t.Fatal("in other pieces it is another sound")
			}
		}
		var e codec.Encoder
		if e.Encode(media.G722, make([]byte, len(one)), one) != len(one) {
			t.Fatal("not coded again")
		}
	})
}

// Each codec comes out of each other at its level.
func TestTranscoder(t *testing.T) {
	codecs := []media.Codec{media.PCMU, media.PCMA, media.G722}
	for _, from := range codecs {
		for _, to := range codecs {
			var e codec.Encoder
			var tr codec.Transcoder
			var out []byte
			in := sine(8000, 1004, 1)
			for at := 0; at < len(in); at += 240 {
				var b, o [1600]byte
				n := e.Encode(from, b[:], in[at:min(at+240, len(in))])
				out = append(out, o[:tr.Transcode(to, o[:], &media.Packet{Codec: from, Payload: b[:n]})]...)
			}
			if got := level(decodeAll(to, out)[1000:7000], 1004); len(out) != len(in) || math.Abs(got+6.02) > 0.3 {
				t.Errorf("%v to %v: %d samples at %.1f dB", from, to, len(out), got)
			}
		}
	}
}

// No packet costs memory.
func TestTranscoderKeepsNothing(t *testing.T) {
	var tr codec.Transcoder
	out, in := make([]byte, 160), make([]byte, 160)
	if n := testing.AllocsPerRun(100, func() {
		tr.Transcode(media.G722, out, &media.Packet{Codec: media.PCMU, Payload: in})
		tr.Transcode(media.PCMU, in, &media.Packet{Codec: media.G722, Payload: out})
		tr.Transcode(media.G722, out, &media.Packet{Noise: true, Payload: []byte{40}})
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestComfortNoise(t *testing.T) {
	for _, c := range []struct {
		payload []byte
		want    float64 // dB below full scale
	}{{[]byte{40}, -40}, {[]byte{60, 1, 2, 3}, -60}, {[]byte{0}, -30}, {[]byte{127}, -99}, {nil, -99}} {
		var d codec.Decoder
		var sum float64
		for range 50 {
			f := [media.FrameSamples]int16{9}
			if n := d.Decode(f[:], &media.Packet{Noise: true, Payload: c.payload}); n != len(f) {
				t.Fatalf("%d samples", n)
			}
			for _, s := range f {
				sum += float64(s) * float64(s)
			}
		}
		got := 10 * math.Log10(sum/50/media.FrameSamples/32768/32768+1e-10)
		if math.Abs(got-c.want) > 1.5 {
			t.Errorf("%v is heard at %.1f dB, not at %.0f", c.payload, got, c.want)
		}
	}
	var d codec.Decoder
	if n := d.Decode(make([]int16, 160), &media.Packet{Event: true, Payload: []byte{1, 2, 3, 4}}); n != 0 {
		t.Error("an event has sound")
	}
}

// BenchmarkG722 brings 20 ms of G.711 to G.722, or of that to G.711.
func BenchmarkG722(b *testing.B) {
	var e codec.Encoder
	in := sine(8000, 1004, 1)
	for name, way := range map[string][2]media.Codec{"to": {media.PCMU, media.G722}, "from": {media.G722, media.PCMU}} {
		b.Run(name, func(b *testing.B) {
			coded := make([]byte, len(in))
			e.Encode(way[0], coded, in)
			var tr codec.Transcoder
			out := make([]byte, 160)
			b.ReportAllocs()
			for i := 0; b.Loop(); i = (i + 160) % len(coded) {
				tr.Transcode(way[1], out, &media.Packet{Codec: way[0], Payload: coded[i : i+160]})
			}
		})
	}
}
