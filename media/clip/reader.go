package clip

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
)

// readBuffer is the size of reads from what holds the audio, in bytes.
const readBuffer = 16 << 10

// decoder gives the samples of one file as they are: mixed to one channel, at the file's own rate.
type decoder interface {
	rate() int
	// read fills dst with what is at hand, at least one sample. It gives io.EOF at the end, then or with the last samples.
	read(dst []int16) (int, error)
}

// Reader reads a WAV or MP3 file as linear samples: 16 bit, mono, 8 kHz. Not for several goroutines.
type Reader struct {
	from decoder
	to   *codec.Resampler
	each int     // samples of a tick of 8 kHz: 1, or 2 for 16 kHz
	raw  []int16 // of one read, at the file's rate
	out  []int16 // resampled, not yet read
	buf  []int16 // what out is a part of
	err  error   // why there is nothing after out
}

// NewReader reads the head of a file and tells WAV from MP3 by it, whatever the file's name. What can't be played gives an
// error that wraps [media.ErrFormat] and says why; other errors are those of r.
func NewReader(r io.Reader) (*Reader, error) { return newReader(r, &filters{}, false) }

// newReader reads as 16 kHz what is wanted wide and has more than 8 kHz.
func newReader(r io.Reader, known *filters, wide bool) (*Reader, error) {
	in := bufio.NewReaderSize(r, readBuffer)
	from, err := newDecoder(in)
	if err != nil {
		return nil, err
	}
	each := 1
	if wide && from.rate() > codec.Rate {
		each = 2
	}
	f, err := known.find(conversion{from.rate(), each * codec.Rate})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", media.ErrFormat, err)
	}
	return &Reader{from: from, to: codec.NewResampler(f), each: each, raw: make([]int16, 2048)}, nil
}

func newDecoder(in *bufio.Reader) (decoder, error) {
	head, err := in.Peek(12)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the head: %w", err)
	}
	switch {
	case isWAV(head):
		return newWAV(in)
	case isMP3(head):
		return newMP3(in)
	}
	return nil, fmt.Errorf("%w: neither WAV nor MP3", media.ErrFormat)
}

// Read fills dst with samples, as many as are at hand, and gives io.EOF after the last one. A file that was cut short ends
// where it was cut.
func (r *Reader) Read(dst []int16) (int, error) {
	for len(r.out) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		n, err := r.from.read(r.raw)
		r.buf = r.to.Push(r.buf[:0], r.raw[:n])
		if err != nil {
			r.err = err
			r.buf = r.to.Flush(r.buf)
		}
		r.out = r.buf
	}
	n := copy(dst, r.out)
	r.out = r.out[n:]
	return n, nil
}

// maxFilters bounds what [filters] keeps; a file may name any rate.
const maxFilters = 32

// filters keeps the resampling filters that were needed before: to compute one takes longer than to use it.
type filters struct {
	mu    sync.Mutex
	known map[conversion]*codec.Filter
}

// conversion is from one rate to another, in hertz.
type conversion struct{ from, to int }

func (f *filters) find(c conversion) (*codec.Filter, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if known := f.known[c]; known != nil {
		return known, nil
	}
	made, err := codec.NewFilter(c.from, c.to)
	if err != nil {
		return nil, err
	}
	if f.known == nil {
		f.known = make(map[conversion]*codec.Filter)
	}
	if len(f.known) < maxFilters {
		f.known[c] = made
	}
	return made, nil
}
