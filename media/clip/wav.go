package clip

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
)

// The format tags of a WAVE file that we read (RFC 2361).
const (
	tagPCM        = 0x0001
	tagFloat      = 0x0003
	tagALaw       = 0x0006
	tagMuLaw      = 0x0007
	tagExtensible = 0xfffe
)

// maxChannels bounds what one sample frame may hold.
const maxChannels = 256

// guidTail is what follows the format tag in the SubFormat of WAVEFORMATEXTENSIBLE.
const guidTail = "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"

func isWAV(head []byte) bool {
	return len(head) >= 12 && (string(head[:4]) == "RIFF" || string(head[:4]) == "RF64") && string(head[8:12]) == "WAVE"
}

func badWAV(format string, args ...any) error {
	return fmt.Errorf("%w: WAV: "+format, append([]any{media.ErrFormat}, args...)...)
}

// wav reads the samples of a WAVE file.
type wav struct {
	in       io.Reader // the data alone
	tag      uint16
	channels int
	width    int // bytes of one sample of one channel
	hertz    int
	buf      []byte // whole frames, of all channels
}

// newWAV reads up to the first byte of the sound.
func newWAV(in *bufio.Reader) (*wav, error) {
	var head [12]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, cut(err)
	}
	w := &wav{}
	for at := int64(len(head)); ; {
		var chunk [8]byte
		if _, err := io.ReadFull(in, chunk[:]); err != nil {
			return nil, cut(err)
		}
		at += int64(len(chunk))
		size := binary.LittleEndian.Uint32(chunk[4:])
		padded := int64(size) + int64(size&1)
		switch string(chunk[:4]) {
		case "fmt ":
			if w.tag != 0 {
				return nil, badWAV("two formats")
			}
			if err := w.readFormat(in, size, padded); err != nil {
				return nil, err
			}
		case "data":
			if w.tag == 0 {
				return nil, badWAV("sound before its format")
			}
			w.limit(in, size, binary.LittleEndian.Uint32(head[4:]), at)
			return w, nil
		default:
			if err := skip(in, padded); err != nil {
				return nil, err
			}
		}
		at += padded
	}
}

// cut says of a head that ends too early that it is not a WAV; it passes on other errors.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return badWAV("ends before the sound begins")
	}
	return fmt.Errorf("read the head: %w", err)
}

func skip(in *bufio.Reader, n int64) error {
	if _, err := io.CopyN(io.Discard, in, n); err != nil {
		return cut(err)
	}
	return nil
}

// readFormat reads the chunk that says how samples are stored.
func (w *wav) readFormat(in *bufio.Reader, size uint32, padded int64) error {
	var b [40]byte
	n := min(int(size), len(b))
	if n < 16 {
		return badWAV("format of %d bytes", size)
	}
	if _, err := io.ReadFull(in, b[:n]); err != nil {
		return cut(err)
	}
	if err := skip(in, padded-int64(n)); err != nil {
		return err
	}
	tag := binary.LittleEndian.Uint16(b[0:])
	if tag == tagExtensible {
		if n < len(b) || string(b[26:40]) != guidTail {
			return badWAV("a sub-format that is not known")
		}
		tag = binary.LittleEndian.Uint16(b[24:])
	}
	w.tag, w.channels = tag, int(binary.LittleEndian.Uint16(b[2:]))
	w.hertz = int(min(binary.LittleEndian.Uint32(b[4:]), math.MaxInt32))
	frame, bits := int(binary.LittleEndian.Uint16(b[12:])), int(binary.LittleEndian.Uint16(b[14:]))
	if w.channels == 0 || w.channels > maxChannels {
		return badWAV("%d channels", w.channels)
	}
	w.width = (bits + 7) / 8
	if frame > 0 && frame%w.channels == 0 && frame/w.channels > w.width {
		w.width = frame / w.channels // samples stand in containers larger than they are, at the upper end
	}
	return w.check(bits)
}

// check tells whether the format can be read.
func (w *wav) check(bits int) error {
	var ok bool
	switch w.tag {
	case tagPCM:
		ok = bits > 0 && w.width <= 4
	case tagFloat:
		ok = w.width == 4 || w.width == 8
	case tagALaw, tagMuLaw:
		ok = w.width == 1
	default:
		return badWAV("encoding %#04x is not known: use PCM, mu-law or A-law", w.tag)
	}
	if !ok {
		return badWAV("encoding %#04x with %d bits in %d bytes", w.tag, bits, w.width)
	}
	return nil
}

// limit ends the sound where the data chunk ends. at is where its first byte stands. A writer that could not seek back, or
// never came to, leaves a size that says nothing: then the sound ends where the file does.
func (w *wav) limit(in *bufio.Reader, size, riff uint32, at int64) {
	w.in = in
	unknown := size >= math.MaxInt32-0xffff || size == 0 && (int64(riff)+8 <= at || riff >= math.MaxInt32-0xffff)
	if !unknown {
		w.in = io.LimitReader(in, int64(size))
	}
	frame := w.width * w.channels
	w.buf = make([]byte, max(readBuffer/frame, 1)*frame)
}

func (w *wav) rate() int { return w.hertz }

func (w *wav) read(dst []int16) (int, error) {
	frame := w.width * w.channels
	all := w.buf[:min(len(dst)*frame, len(w.buf))]
	n, err := io.ReadAtLeast(w.in, all, frame) // what is there already is not kept waiting for more
	if part := n % frame; part > 0 && err == nil {
		var more int
		more, err = io.ReadFull(w.in, all[n:n+frame-part])
		n += more
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	n /= frame
	switch {
	case w.tag == tagMuLaw && w.channels == 1:
		return codec.Decode(media.PCMU, dst, w.buf[:n]), err
	case w.tag == tagALaw && w.channels == 1:
		return codec.Decode(media.PCMA, dst, w.buf[:n]), err
	}
	for i := range n {
		b, sum := w.buf[i*frame:(i+1)*frame], 0
		for c := range w.channels {
			sum += int(w.sample(b[c*w.width:]))
		}
		dst[i] = int16(sum / w.channels)
	}
	return n, err
}

// sample reads one sample at the beginning of b.
func (w *wav) sample(b []byte) int16 {
	switch w.tag {
	case tagMuLaw, tagALaw:
		law := media.PCMU
		if w.tag == tagALaw {
			law = media.PCMA
		}
		var s [1]int16
		codec.Decode(law, s[:], b[:1])
		return s[0]
	case tagFloat:
		if w.width == 8 {
			return fromFloat(math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
		return fromFloat(float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
	}
	if w.width == 1 { // 8 bits are unsigned
		return int16(int(b[0])-128) << 8
	}
	return int16(binary.LittleEndian.Uint16(b[w.width-2:])) // the upper 16 bits of 16, 24 or 32
}

// fromFloat brings -1..1 to 16 bits. What is no number is silent.
func fromFloat(v float64) int16 {
	switch v *= 1 << 15; {
	case v >= math.MaxInt16:
		return math.MaxInt16
	case v <= math.MinInt16:
		return math.MinInt16
	case v != v:
		return 0
	}
	return int16(math.Round(v))
}
