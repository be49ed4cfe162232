package clip

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
)

const (
	blockFrames = 25 // half a second is written at a time
	queued      = 16 // blocks that wait for the disk: 8 s
)

// Recording is a sound while it is recorded. Sound comes in by [Recording.Hear], which never waits: a goroutine writes it.
// The file can be played at any time, also after the program was killed: what it lacks then is less than a second.
type Recording struct {
	wanted Wanted
	file   *os.File
	paused atomic.Bool
	ended  chan struct{} // closed when no more is taken
	done   chan struct{} // closed when all is written

	mu     sync.Mutex // of the side that hears
	over   bool
	left   bool // what is said is left out, and that before has faded
	block  []byte
	frames int // in block
	gap    int // bytes that could not be queued before it
	heard  time.Duration
	quiet  time.Duration
	power  int // mean square of what counts as silence
	beep   int // samples of the tone that are yet to be heard, at the border of a pause
	queue  chan block
	spare  chan []byte

	// The writer's; read after done.
	bytes int64
	err   error
}

// block is sound on its way to the disk, after a gap of so many bytes.
type block struct {
	gap   int
	sound []byte
}

// Begin begins a recording, in a file of its own. It may wait for the disk. Errors as of [Recorder.Check], or the disk's.
func (r *Recorder) Begin(w Wanted) (*Recording, error) {
	if err := r.Check(w); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(r.folder, w.Name+"."+WAV), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("begin a recording: %w", err)
	}
	return record(w, f), nil
}

// record begins to record into a file.
func record(w Wanted, f *os.File) *Recording {
	if w.Longest <= 0 {
		w.Longest = defaultLongest
	}
	w.Rate = cmp.Or(w.Rate, codec.Rate)
	rec := &Recording{
		wanted: w, file: f, ended: make(chan struct{}), done: make(chan struct{}),
		queue: make(chan block, queued), spare: make(chan []byte, queued), power: w.power(),
	}
	go rec.write()
	return rec
}

// second is how many bytes of sound a second has.
func (w *Wanted) second() int { return 2 * w.Channels * w.Rate }

// Rate gives the samples a second of each channel, in hertz.
func (r *Recording) Rate() int { return r.wanted.Rate }

// Hear takes the next 20 ms, in the recording's rate: of one channel, or of both. It never blocks; what comes after the end,
// or in a pause, is left out.
func (r *Recording) Hear(left, right []int16) {
	r.mu.Lock()
	defer r.mu.Unlock()
	paused, blank := r.paused.Load(), r.wanted.Blank
	if r.over || paused && !blank && (r.left || r.heard == 0) {
		return
	}
	frame := 2 * len(left) * r.wanted.Channels
	switch {
	case paused:
		if !r.left {
			r.leave()
		}
		if !blank {
			return
		}
		silence := noSound[:len(left)]
		r.append(silence, silence)
	default:
		r.append(left, right)
		if r.left {
			r.fade(len(r.block)-frame, func(i int) int { return i })
			r.left, r.beep = false, r.wanted.beep()
		}
		if r.quiet += media.FrameTime; r.loud(left) || r.wanted.Channels == 2 && r.loud(right) {
			r.quiet = 0
		}
	}
	if blank && r.beep > 0 {
		r.ring(r.block[len(r.block)-frame:])
	}
	r.heard += media.FrameTime
	if r.heard >= r.wanted.Longest || r.wanted.Silence > 0 && r.quiet >= r.wanted.Silence {
		r.end()
	}
}

func (r *Recording) loud(f []int16) bool {
	sum := 0
	for _, v := range f {
		sum += int(v) * int(v)
	}
	return sum > r.power*len(f)
}

func (r *Recording) append(left, right []int16) {
	if r.frames == blockFrames { // not before: the last frame of a pause is still to fade
		r.pass()
	}
	if r.block == nil {
		select {
		case r.block = <-r.spare:
		default:
			r.block = make([]byte, 0, blockFrames*2*r.wanted.Channels*len(left))
		}
	}
	b := r.block
	if r.wanted.Channels == 2 {
		right = right[:len(left)]
		for i, v := range left {
			w := right[i]
			b = append(b, byte(v), byte(uint16(v)>>8), byte(w), byte(uint16(w)>>8))
		}
	} else {
		for _, v := range left {
			b = append(b, byte(v), byte(uint16(v)>>8))
		}
	}
	r.block = b
	r.frames++
}

// pass hands the block to the writer. Where the disk is far behind, it becomes a gap: silence of the same length.
func (r *Recording) pass() {
	if len(r.block) == 0 && r.gap == 0 {
		return
	}
	select {
	case r.queue <- block{r.gap, r.block}:
		r.block, r.gap = nil, 0
	default:
		r.gap += len(r.block)
		r.block = r.block[:0]
	}
	r.frames = 0
}

// Pause leaves out what is said from now on, or goes on. See [Wanted.Blank].
func (r *Recording) Pause(on bool) { r.paused.Store(on) }

// Over ends it: a room it heard is gone.
func (r *Recording) Over() { r.Stop() }

// Stop ends it; what there is is kept. Idempotent.
func (r *Recording) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end()
}

// end takes no more. The lock is held.
func (r *Recording) end() {
	if r.over {
		return
	}
	r.over = true
	r.pass()
	close(r.queue)
	close(r.ended)
}

// Ended is closed when it takes no more sound: it was stopped, is as long as was wanted, heard the silence that ends it, or
// the disk failed.
func (r *Recording) Ended() <-chan struct{} { return r.ended }

// wait gives the length of what was recorded once all is written, and what went wrong.
func (r *Recording) wait() (time.Duration, error) {
	<-r.done
	return time.Duration(r.bytes) * time.Second / time.Duration(r.wanted.second()), r.err
}

// write is the recording's goroutine.
func (r *Recording) write() {
	defer close(r.done)
	r.err = r.put(head(r.wanted.Rate, r.wanted.Channels, 0), 0)
	if r.err != nil {
		r.Stop()
	}
	for b := range r.queue {
		if r.err == nil {
			if r.err = r.add(b); r.err != nil {
				r.Stop()
			}
		}
		select {
		case r.spare <- b.sound[:0]:
		default:
		}
	}
	if err := r.file.Close(); err != nil {
		r.err = errors.Join(r.err, fmt.Errorf("recording: %w", err))
	}
}

// add writes a block, and after it the head that tells of it.
func (r *Recording) add(b block) error {
	if b.gap > 0 {
		silence := make([]byte, blockFrames*2*media.FrameSamples)
		for left := b.gap; left > 0; left -= len(silence) {
			silence = silence[:min(left, len(silence))]
			if err := r.sound(silence); err != nil {
				return err
			}
		}
	}
	if err := r.sound(b.sound); err != nil {
		return err
	}
	return r.put(head(r.wanted.Rate, r.wanted.Channels, r.bytes), 0)
}

func (r *Recording) sound(b []byte) error {
	if err := r.put(b, headSize+r.bytes); err != nil {
		return err
	}
	r.bytes += int64(len(b))
	return nil
}

func (r *Recording) put(b []byte, at int64) error {
	if _, err := r.file.WriteAt(b, at); err != nil {
		return fmt.Errorf("write the recording: %w", err)
	}
	return nil
}
