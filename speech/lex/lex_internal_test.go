package lex

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
)

// message makes one of the service's messages.
func encoded(t testing.TB, body string, headers ...string) []byte {
	t.Helper()
	m := eventstream.Message{Payload: []byte(body)}
	for i := 0; i+1 < len(headers); i += 2 {
		m.Headers.Set(headers[i], eventstream.StringValue(headers[i+1]))
	}
	var b bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Whatever a service sends, it is read to an end, and no more than its bounds is kept.
func FuzzEvents(f *testing.F) {
	ev := func(kind, body string) []byte { return encoded(f, body, ":message-type", "event", ":event-type", kind) }
	f.Add(append(ev("IntentResultEvent", `{"sessionState":{"dialogAction":{"type":"Close"}}}`), ev("AudioResponseEvent", `{"audioChunk":"AAAA"}`)...))
	f.Add(append(ev("AudioResponseEvent", `{"audioChunk":"AAAAAA==","contentType":"audio/pcm; rate=8000"}`), ev("PlaybackInterruptionEvent", `{}`)...))
	f.Add(encoded(f, `{"message":"no"}`, ":message-type", "exception", ":exception-type", "ThrottlingException"))
	f.Add(encoded(f, ``, ":message-type", "error", ":error-code", "x", ":error-message", "y"))
	f.Add([]byte{0, 0, 0, 16, 0, 0, 0, 0, 5, 194, 72, 235, 125, 152, 200, 255})
	f.Add([]byte{255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		talk := &Talk{client: &Client{limits: Limits{Goodbye: time.Hour}.withDefaults()}, out: newOutbox(), over: make(chan struct{}), stop: func(error) {}}
		talk.voice.heard = talk.heard
		defer talk.quit()
		if err := talk.listen(ctx, bytes.NewReader(b)); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("the end of %x is %v", b, err)
		}
		if n := len(talk.voice.data) + len(talk.result); n > len(b) {
			t.Errorf("%d bytes are kept of %d", n, len(b))
		}
		var tight media.Frame
		var wide media.WideFrame
		for n := 0; !talk.voice.silent(); n++ {
			if _ = talk.Next(&tight); n%2 == 0 {
				_ = talk.NextWide(&wide)
			}
			if n > len(b) {
				t.Fatal("the voice does not end")
			}
		}
	})
}

// What is said in one rate is heard in the other.
func TestRates(t *testing.T) {
	for _, rate := range []int{codec.Rate, codec.WideRate} {
		heard := 0
		v := &voice{heard: func() { heard++ }}
		loud := bytes.Repeat([]byte{0, 16}, rate/10) // 100 ms of a constant
		if err := v.add(t.Context(), loud, rate); err != nil {
			t.Fatal(err)
		}
		v.end()
		var tight media.Frame
		var wide media.WideFrame
		for i := range 5 {
			if heard != 0 {
				t.Errorf("%d Hz: it was heard after %d ms", rate, 20*i)
			}
			if i%2 == 0 {
				_ = v.Next(&tight)
			} else {
				_ = v.NextWide(&wide)
			}
		}
		if heard != 1 || !v.silent() {
			t.Errorf("%d Hz: it was heard %d times", rate, heard)
		}
		if got := tight[100]; got < 3900 || got > 4300 {
			t.Errorf("%d Hz: heard as %d in 8 kHz", rate, got)
		}
		if got := wide[200]; got < 3900 || got > 4300 {
			t.Errorf("%d Hz: heard as %d in 16 kHz", rate, got)
		}
	}
}

// A bot that talks on while nobody hears it is held up, and goes on when it is heard.
func TestRoom(t *testing.T) {
	v := &voice{heard: func() {}}
	minute := make([]byte, 60*2*codec.Rate)
	for range 2 {
		if err := v.add(t.Context(), minute, codec.Rate); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errSilence)
	if err := v.add(ctx, minute[:2], codec.Rate); !errors.Is(err, errSilence) {
		t.Error(err)
	}
	added := make(chan error)
	go func() { added <- v.add(t.Context(), minute[:2], codec.Rate) }()
	var f media.Frame
	_ = v.Next(&f)
	if err := <-added; err != nil {
		t.Error(err)
	}
	go func() { added <- v.add(t.Context(), minute, codec.Rate) }()
	v.drop()
	if err := <-added; err != nil {
		t.Error(err)
	}
}
