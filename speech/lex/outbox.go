package lex

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Bounds of what waits for the service to take it.
const (
	maxSound  = 250  // frames of 20 ms; what comes then is not heard by the bot
	maxOthers = 1000 // other events; one more ends the conversation
)

// soundType is how the far end's sound is encoded, in the words that AudioInputEvent wants.
const soundType = "audio/lpcm; sample-rate=8000; sample-size-bits=16; channel-count=1; is-big-endian=false"

// outbox keeps events until the writer takes them. Who puts them in never waits.
type outbox struct {
	mu     sync.Mutex
	wake   chan struct{}
	events []outgoing
	sound  int // how many of them are sound
	number int
	closed bool
}

type outgoing struct {
	kind string
	body []byte
}

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1)} }

// hear puts in 20 ms of sound, in 8 kHz.
func (o *outbox) hear(samples []int16) {
	o.mu.Lock()
	full := o.closed || o.sound >= maxSound
	o.mu.Unlock()
	if full {
		return
	}
	raw := make([]byte, 0, 2*len(samples))
	for _, s := range samples {
		raw = binary.LittleEndian.AppendUint16(raw, uint16(s))
	}
	b := make([]byte, 0, base64.StdEncoding.EncodedLen(len(raw))+256)
	b = append(b, `{"audioChunk":"`...)
	b = base64.StdEncoding.AppendEncode(b, raw)
	b = append(b, `","contentType":"`+soundType+`",`...)
	o.put("AudioInputEvent", b, true)
}

// put puts in an event whose JSON lacks the two members that all have. It tells whether there was room.
func (o *outbox) put(kind string, body []byte, sound bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
		return true
	case !sound && len(o.events)-o.sound >= maxOthers:
		return false
	}
	if sound {
		o.sound++
	}
	o.number++
	body = fmt.Appendf(body, `"eventId":"%s-%d","clientTimestampMillis":`, kind, o.number)
	body = append(strconv.AppendInt(body, time.Now().UnixMilli(), 10), '}')
	o.events = append(o.events, outgoing{kind, body})
	o.ring()
	return true
}

// first puts in the event that goes before all others, which may have come earlier.
func (o *outbox) first(body []byte) {
	o.put("ConfigurationEvent", body, false)
	o.mu.Lock()
	defer o.mu.Unlock()
	last := len(o.events) - 1
	o.events = slices.Insert(o.events[:last:last], 0, o.events[last])
}

// close says that no more comes.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.ring()
}

func (o *outbox) ring() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// take waits for the next event; false where no more comes, or done is closed.
func (o *outbox) take(done <-chan struct{}) (outgoing, bool) {
	for {
		o.mu.Lock()
		if len(o.events) > 0 {
			e := o.events[0]
			o.events[0] = outgoing{}
			o.events = o.events[1:]
			if e.kind == "AudioInputEvent" {
				o.sound--
			}
			o.mu.Unlock()
			return e, true
		}
		closed := o.closed
		o.mu.Unlock()
		if closed {
			return outgoing{}, false
		}
		select {
		case <-o.wake:
		case <-done:
			return outgoing{}, false
		}
	}
}
