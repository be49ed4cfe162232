package clip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/switchhook/switchhook/media/codec"
)

const headSize = 44

// Writer writes a WAV file of linear samples: 16 bit, mono, 8 kHz. Not for several goroutines.
type Writer struct {
	w     io.Writer
	start int64 // where the file begins in w; negative when w can't seek
	begun bool  // the head is written
	bytes int64 // of sound
	buf   []byte
}

// NewWriter makes a writer to w. Where w can seek, Close corrects the sizes in the file's head; elsewhere they say "until
// the end", which players accept.
func NewWriter(w io.Writer) *Writer {
	out := &Writer{w: w, start: -1}
	if s, ok := w.(io.Seeker); ok {
		if at, err := s.Seek(0, io.SeekCurrent); err == nil {
			out.start = at
		}
	}
	return out
}

// begin writes the head.
func (w *Writer) begin() error {
	if w.begun {
		return nil
	}
	w.begun = true
	if _, err := w.w.Write(Head(codec.Rate, -1)); err != nil {
		return fmt.Errorf("write WAV: %w", err)
	}
	return nil
}

// Write appends samples. It needs no buffer around w when whole frames are written.
func (w *Writer) Write(samples []int16) error {
	if err := w.begin(); err != nil {
		return err
	}
	w.buf = w.buf[:0]
	for _, s := range samples {
		w.buf = binary.LittleEndian.AppendUint16(w.buf, uint16(s))
	}
	n, err := w.w.Write(w.buf)
	w.bytes += int64(n)
	if err != nil {
		return fmt.Errorf("write WAV: %w", err)
	}
	return nil
}

// Close completes the head. It does not close what is written to.
func (w *Writer) Close() error {
	if err := w.begin(); err != nil {
		return err
	}
	s, ok := w.w.(io.Seeker)
	if !ok || w.start < 0 {
		return nil
	}
	_, err := s.Seek(w.start, io.SeekStart)
	if err == nil {
		_, err = w.w.Write(Head(codec.Rate, w.bytes))
	}
	_, back := s.Seek(0, io.SeekEnd)
	if err := errors.Join(err, back); err != nil {
		return fmt.Errorf("complete WAV: %w", err)
	}
	return nil
}

// Head gives the head of a WAV file of linear samples (16 bit, mono) of a rate in hertz, with so many bytes of sound; with
// a negative number, or one too large to be told, it says "until the end".
func Head(rate int, bytes int64) []byte { return head(rate, 1, bytes) }

// head does so for any number of channels.
func head(rate, channels int, bytes int64) []byte {
	data, riff := uint32(math.MaxUint32), uint32(math.MaxUint32)
	if bytes >= 0 && bytes < math.MaxInt32-0xffff {
		data, riff = uint32(bytes), uint32(bytes+headSize-8)
	}
	b := append(make([]byte, 0, headSize), "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, riff)
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, tagPCM)
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(2*channels*rate))
	b = binary.LittleEndian.AppendUint16(b, uint16(2*channels))
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = append(b, "data"...)
	return binary.LittleEndian.AppendUint32(b, data)
}
