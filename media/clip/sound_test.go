package clip_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/clip"
	"github.com/switchhook/switchhook/media/codec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// level gives the power of a tone in samples of 8 kHz, in dB below a full-scale sine.
func level(s []int16, hz float64) float64 {
	var re, im float64
	for i, v := range s {
		x := 2 * math.Pi * hz * float64(i) / codec.Rate
		re += float64(v) * math.Cos(x)
		im += float64(v) * math.Sin(x)
	}
	return 20 * math.Log10(math.Hypot(re, im)*2/float64(len(s))/32767+1e-9)
}

// hasTone checks that samples are a tone of 1 kHz at -6 dB (give or take tol), of that length, without clipping.
func hasTone(t *testing.T, s []int16, length time.Duration, tol float64) {
	t.Helper()
	if got := time.Duration(len(s)) * time.Second / codec.Rate; (got - length).Abs() > 3*media.FrameTime {
		t.Fatalf("%v of sound, want %v", got, length)
	}
	cut := len(s) / 5
	if got := level(s[cut:len(s)-cut], 1000); math.Abs(got+6) > tol {
		t.Errorf("a tone of 1 kHz at -6 dB comes out at %.1f dB", got)
	}
	for _, v := range s {
		if v > 32000 || v < -32000 {
			t.Fatalf("clipped: %d", v)
		}
	}
}

// form is how a WAV file stores samples.
type form struct {
	tag, channels, bits, width, rate int
	extensible                       bool
	dataSize, riffSize               int64 // negative: as it is
	before, after                    string
}

// sample stores v (-1..1) in the manner of f.
func (f form) sample(b []byte, v float64) []byte {
	switch {
	case f.tag == 3 && f.width == 4:
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
	case f.tag == 3:
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	case f.tag == 6 || f.tag == 7:
		law := map[int]media.Codec{6: media.PCMA, 7: media.PCMU}[f.tag]
		var code [1]byte
		codec.Encode(law, code[:], []int16{int16(v * 32767)})
		return append(b, code[0])
	case f.width == 1:
		return append(b, byte(128+math.Round(v*127)))
	}
	x := int32(v*(1<<31-1)) &^ (1<<(32-f.bits) - 1)
	var all [4]byte
	binary.LittleEndian.PutUint32(all[:], uint32(x))
	return append(b, all[4-f.width:]...)
}

// tone makes a file of a tone of 1 kHz at -6 dB.
func (f form) tone(length time.Duration) []byte {
	var data []byte
	for i := range int(length.Seconds() * float64(f.rate)) {
		for range f.channels {
			data = f.sample(data, 0.5*math.Sin(2*math.Pi*1000*float64(i)/float64(f.rate)))
		}
	}
	return f.file(data)
}

func (f form) file(data []byte) []byte {
	size, tag := 16, f.tag
	if f.extensible {
		size, tag = 40, 0xfffe
	}
	le := binary.LittleEndian
	head := le.AppendUint32([]byte("fmt "), uint32(size))
	head = le.AppendUint16(head, uint16(tag))
	head = le.AppendUint16(head, uint16(f.channels))
	head = le.AppendUint32(head, uint32(f.rate))
	head = le.AppendUint32(head, uint32(f.rate*f.channels*f.width))
	head = le.AppendUint16(head, uint16(f.channels*f.width))
	head = le.AppendUint16(head, uint16(f.bits))
	if f.extensible {
		head = le.AppendUint16(head, 22)
		head = le.AppendUint16(head, uint16(f.bits))
		head = le.AppendUint32(head, 0)
		head = le.AppendUint16(head, uint16(f.tag))
		head = append(head, "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"...)
	}
	n := int64(len(data))
	if f.dataSize >= 0 {
		n = f.dataSize
	}
	body := f.before + string(head) + "data" + string(le.AppendUint32(nil, uint32(n))) + string(data) + f.after
	riff := int64(len(body) + 4)
	if f.riffSize >= 0 {
		riff = f.riffSize
	}
	return append(le.AppendUint32([]byte("RIFF"), uint32(riff)), "WAVE"+body...)
}

func pcm(bits, rate, channels int) form {
	return form{tag: 1, bits: bits, width: (bits + 7) / 8, rate: rate, channels: channels, dataSize: -1, riffSize: -1}
}

func all(r io.Reader) ([]int16, error) {
	in, err := clip.NewReader(r)
	if err != nil {
		return nil, err
	}
	var out []int16
	var buf [777]int16
	for {
		n, err := in.Read(buf[:])
		out = append(out, buf[:n]...)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
	}
}

// drain plays a stream to its end as fast as it goes, without the silence where it had nothing yet.
func drain(t *testing.T, s media.Stream) []int16 {
	t.Helper()
	var out []int16
	var f media.Frame
	for deadline := time.Now().Add(20 * time.Second); ; {
		err := s.Next(&f)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if f == (media.Frame{}) {
			if time.Now().After(deadline) {
				t.Fatal("the stream never ends")
			}
			runtime.Gosched()
			continue
		}
		out = append(out, f[:]...)
	}
}

func wavTone(length time.Duration) []byte { return pcm(16, 8000, 1).tone(length) }

// largeTone is a file too large to be kept.
func largeTone() []byte { return pcm(32, 8000, 32).tone(2500 * time.Millisecond) }

func reader(b []byte) io.Reader { return bytes.NewReader(b) }
