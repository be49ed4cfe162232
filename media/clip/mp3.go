package clip

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/hajimehoshi/go-mp3"

	"github.com/switchhook/switchhook/media"
)

// isMP3 tells whether a file begins with an ID3v2 tag or with the header of an MPEG audio frame.
func isMP3(head []byte) bool {
	return len(head) >= 4 && (string(head[:3]) == "ID3" || head[0] == 0xff && head[1]&0xe0 == 0xe0)
}

// errMP3 is the reason we see most: telephone rates are outside of what the decoder knows.
var errMP3 = fmt.Errorf("%w: an MP3 of 8, 11 or 12 kHz (MPEG 2.5), which can't be decoded; use WAV, or 16 kHz and more",
	media.ErrFormat)

// mpeg reads the samples of an MP3 file.
type mpeg struct {
	from  *mp3.Decoder
	input *faults
	buf   [4 * 1152]byte // one frame's samples, 16 bit, always two channels
}

func newMP3(in *bufio.Reader) (_ *mpeg, err error) {
	m := &mpeg{input: &faults{r: in}}
	if err := skipTags(in); err != nil {
		return nil, err
	}
	head, err := in.Peek(4)
	if err != nil {
		return nil, m.fault(io.ErrUnexpectedEOF)
	}
	word := binary.BigEndian.Uint32(head)
	if version, layer := word>>19&3, word>>17&3; word>>21 == 0x7ff && version == 0 && layer == 1 {
		return nil, errMP3
	}
	defer m.recover(&err)
	if m.from, err = mp3.NewDecoder(m.input); err != nil {
		return nil, m.fault(err)
	}
	return m, nil
}

// skipTags leaves out the ID3v2 tags at the beginning, which the decoder would hold in memory at whatever size they claim.
func skipTags(in *bufio.Reader) error {
	for {
		head, err := in.Peek(10)
		if err != nil || string(head[:3]) != "ID3" {
			return nil //nolint:nilerr // too short for a tag: the decoder tells what it is
		}
		var size int64
		for _, b := range head[6:10] {
			size = size<<7 | int64(b&0x7f)
		}
		if head[5]&0x10 != 0 {
			size += 10 // a footer
		}
		if _, err := io.CopyN(io.Discard, in, 10+size); err != nil {
			if errors.Is(err, io.EOF) {
				return fmt.Errorf("%w: MP3: a tag without sound", media.ErrFormat)
			}
			return fmt.Errorf("read the head: %w", err)
		}
	}
}

func (m *mpeg) rate() int { return m.from.SampleRate() }

func (m *mpeg) read(dst []int16) (n int, err error) {
	defer m.recover(&err)
	for n < len(dst) {
		got, err := io.ReadFull(m.from, m.buf[:min(4*(len(dst)-n), len(m.buf))])
		for b := m.buf[:got/4*4]; len(b) > 0; b = b[4:] {
			left, right := int16(binary.LittleEndian.Uint16(b)), int16(binary.LittleEndian.Uint16(b[2:]))
			dst[n] = int16((int(left) + int(right)) / 2)
			n++
		}
		if err != nil {
			return n, m.fault(err)
		}
	}
	return n, nil
}

// fault says what an error of the decoder was: the end, the input's, or bad content.
func (m *mpeg) fault(err error) error {
	switch {
	case m.input.err != nil:
		return fmt.Errorf("read: %w", m.input.err)
	case m.from != nil && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
		return io.EOF
	}
	return fmt.Errorf("%w: MP3: %w", media.ErrFormat, err)
}

// recover makes a panic of the decoder, which some damaged files cause, an error. The decoder is not used again.
func (m *mpeg) recover(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: MP3: damaged: %v", media.ErrFormat, p)
	}
}

// faults remembers an error of the input that is not its end; the decoder does not tell them apart.
type faults struct {
	r   io.Reader
	err error
}

func (f *faults) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
}
