package lex

import (
	"context"
	"encoding/binary"
	"fmt"
	"mime"
	"strconv"
	"sync"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
)

// maxVoice is how much of what the bot says waits to be heard. More waits in the stream.
const maxVoice = 2 * time.Minute

// voice is what the bot says: the reader adds to it, the far end's media takes from it.
type voice struct {
	heard func() // all of a response was heard; from the media's goroutine: it must not block

	mu     sync.Mutex
	data   []byte // 16 bit, little endian, not heard yet
	rate   int    // of data, in hertz: codec.Rate or codec.WideRate; 0 until there was any
	ends   []int  // where in data responses end
	room   chan struct{}
	narrow codec.Narrower
	widen  codec.Widener
	tight  media.Frame
	wide   media.WideFrame
}

// rateOf reads the encoding of a response: PCM, by itself in 16 kHz.
func rateOf(contentType string) (int, error) {
	if contentType == "" {
		return codec.WideRate, nil
	}
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "audio/pcm" && kind != "audio/lpcm" {
		return 0, fmt.Errorf("the bot speaks %.100q and not PCM", contentType)
	}
	for _, name := range []string{"rate", "sample-rate"} {
		if params[name] == "" {
			continue
		}
		if n, err := strconv.Atoi(params[name]); err == nil && (n == codec.Rate || n == codec.WideRate) {
			return n, nil
		}
		return 0, fmt.Errorf("the bot speaks %.100q: neither 8,000 nor 16,000 Hz", contentType)
	}
	return codec.WideRate, nil
}

// add adds a part of a response. It waits while too much is not heard yet.
func (v *voice) add(ctx context.Context, sound []byte, rate int) error {
	for {
		v.mu.Lock()
		switch {
		case v.rate != 0 && v.rate != rate:
			v.mu.Unlock()
			return fmt.Errorf("the bot changes its sample rate from %d to %d Hz", v.rate, rate)
		case len(v.data) == 0 || len(v.data)+len(sound) <= 2*rate*int(maxVoice/time.Second):
			v.rate = rate
			v.data = append(v.data, sound...)
			v.mu.Unlock()
			return nil
		}
		if v.room == nil {
			v.room = make(chan struct{})
		}
		room := v.room
		v.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return context.Cause(ctx) //nolint:wrapcheck // why the conversation ends
		}
	}
}

// end says that a response is complete.
func (v *voice) end() {
	v.mu.Lock()
	empty := len(v.data) == 0
	if !empty {
		v.ends = append(v.ends, len(v.data))
	}
	v.mu.Unlock()
	if empty {
		v.heard()
	}
}

// drop forgets what is not heard yet.
func (v *voice) drop() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.data, v.ends = nil, nil
	v.makeRoom()
}

// silent tells whether there is nothing to be heard.
func (v *voice) silent() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.data) == 0
}

func (v *voice) makeRoom() {
	if v.room != nil {
		close(v.room)
		v.room = nil
	}
}

// Next implements [media.Source].
func (v *voice) Next(f *media.Frame) error {
	v.next(func(rate int) {
		switch rate {
		case codec.WideRate:
			v.fill(v.wide[:])
			v.narrow.Narrow(f[:], v.wide[:])
		default:
			v.fill(f[:])
		}
	})
	return nil
}

// NextWide implements [media.WideSource].
func (v *voice) NextWide(f *media.WideFrame) error {
	v.next(func(rate int) {
		switch rate {
		case codec.WideRate:
			v.fill(f[:])
		default:
			v.fill(v.tight[:])
			v.widen.Widen(f[:], v.tight[:])
		}
	})
	return nil
}

// next lets take take 20 ms, and tells of each response that was heard to its end.
func (v *voice) next(take func(rate int)) {
	v.mu.Lock()
	before := len(v.data)
	take(v.rate)
	taken, over := before-len(v.data), 0
	for i := range v.ends {
		if v.ends[i] -= taken; v.ends[i] <= 0 {
			over++
		}
	}
	v.ends = v.ends[over:]
	v.makeRoom()
	v.mu.Unlock()
	for range over {
		v.heard()
	}
}

// fill takes samples from data, silence where there are too few.
func (v *voice) fill(dst []int16) {
	n := min(len(dst), len(v.data)/2)
	for i := range n {
		dst[i] = int16(binary.LittleEndian.Uint16(v.data[2*i:]))
	}
	clear(dst[n:])
	if v.data = v.data[2*n:]; len(v.data) == 1 && n < len(dst) {
		v.data = nil // half a sample
	}
	if len(v.data) == 0 {
		v.data = nil
	}
}
