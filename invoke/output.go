package invoke

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/time/rate"
)

const (
	maxLine       = 8 << 10 // bytes of a line; the rest is cut
	linesPerSec   = 200
	linesAtOnce   = 1000
	lastLines     = 4                    // kept to explain a death
	floodPause    = 2 * time.Millisecond // between reads of a process that prints too much: at most 16 MB/s are looked at
	readAtOnce    = 32 << 10
	drainAtMost   = 4 // reads: twice what a pipe holds
	cutMark       = "…"
	unreadByOwner = "(%d lines left out)"
)

// output reads what a process prints, both streams through one pipe so that they keep their order, and gives each line
// to whoever the process works for. Reading and attribution happen under one lock: whatever was printed before an
// answer is read before the answer is delivered, by whichever goroutine comes first.
type output struct {
	log func(line string) // when nobody asked for lines

	raw syscall.RawConn
	r   *os.File

	mu      sync.Mutex
	sink    func(string)
	buf     []byte // scratch
	line    []byte // begun, its end not read yet
	bucket  *rate.Limiter
	dropped int
	last    []string
	flooded bool
}

// newOutput gives the output and the end of the pipe for the process.
func newOutput(log func(string)) (*output, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("make a pipe: %w", err)
	}
	raw, err := r.SyscallConn()
	if err != nil {
		r.Close()
		w.Close()
		return nil, nil, fmt.Errorf("make a pipe: %w", err)
	}
	return &output{
		log: log, raw: raw, r: r, sink: log, buf: make([]byte, readAtOnce), bucket: rate.NewLimiter(linesPerSec, linesAtOnce),
	}, w, nil
}

// read gives lines away until the pipe is closed at either end.
func (o *output) read() {
	for {
		end, flooded := false, false
		err := o.raw.Read(func(fd uintptr) bool {
			o.mu.Lock()
			defer o.mu.Unlock()
			n, again := o.pull(fd)
			end, flooded = n <= 0, o.flooded
			o.flooded = false
			return !again
		})
		if err != nil || end {
			return
		}
		if flooded {
			time.Sleep(floodPause)
		}
	}
}

// pull reads once without waiting. o.mu is held.
func (o *output) pull(fd uintptr) (n int, again bool) {
	for {
		n, err := syscall.Read(int(fd), o.buf)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return 0, errors.Is(err, syscall.EAGAIN)
		}
		o.split(o.buf[:n])
		return n, false
	}
}

// drain gives away what was printed so far.
func (o *output) drain() {
	_ = o.raw.Control(func(fd uintptr) { // closed: nothing to give
		o.mu.Lock()
		defer o.mu.Unlock()
		for range drainAtMost {
			if n, _ := o.pull(fd); n <= 0 {
				return
			}
		}
	})
}

// attribute gives the lines from now on to sink, nil for the log.
func (o *output) attribute(sink func(string)) {
	o.drain()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.finishLine()
	o.tellDropped()
	if sink == nil {
		sink = o.log
	}
	o.sink = sink
}

// close gives away the rest and ends read.
func (o *output) close() {
	o.drain()
	o.mu.Lock()
	o.finishLine()
	o.tellDropped()
	o.mu.Unlock()
	o.r.Close()
}

func (o *output) split(b []byte) {
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		part, rest := b, []byte(nil)
		if end >= 0 {
			part, rest = b[:end], b[end+1:]
		}
		// One byte over the limit is kept: it tells that the line was longer.
		if room := maxLine + 1 - len(o.line); room > 0 {
			o.line = append(o.line, part[:min(room, len(part))]...)
		} else if len(part) > 0 {
			o.flooded = true
		}
		if end >= 0 {
			o.finishLine()
		}
		b = rest
	}
}

func (o *output) finishLine() {
	b := bytes.TrimSuffix(o.line, []byte{'\r'})
	o.line = o.line[:0]
	if len(b) == 0 {
		return
	}
	if !o.bucket.Allow() {
		o.dropped++
		o.flooded = true
		return
	}
	o.tellDropped()
	mark := ""
	if len(b) > maxLine {
		b, mark = b[:maxLine], cutMark
	}
	s := strings.ToValidUTF8(string(b), "\uFFFD") + mark
	if len(o.last) == lastLines {
		o.last = append(o.last[:0], o.last[1:]...)
	}
	o.last = append(o.last, s)
	o.sink(s)
}

func (o *output) tellDropped() {
	if o.dropped > 0 {
		o.sink(fmt.Sprintf(unreadByOwner, o.dropped))
		o.dropped = 0
	}
}

// tail gives the last lines.
func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.last, "\n")
}
