package lex

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/media"
)

var _ media.WideSource = (*Talk)(nil)

// Talk is a conversation with a bot. As a source it gives what the bot says: silence while that says nothing; it never ends.
// Only Wait blocks.
type Talk struct {
	client *Client
	cmd    call.Converse
	out    *outbox
	voice  voice
	stop   context.CancelCauseFunc
	over   chan struct{}
	end    []byte // what there is when it is over
	err    error

	mu     sync.Mutex
	result []byte // the last IntentResultEvent
	closed bool   // it closed the dialog
	left   bool   // we are on our way out
	bye    *time.Timer
}

// Converse begins a conversation with the bot that cmd.Bot, the ARN of an alias, names. It returns at once: what hinders the
// conversation shows in its end. When ctx is done the conversation is given up.
func (c *Client) Converse(ctx context.Context, cmd call.Converse) *Talk {
	ctx, cancel := context.WithTimeoutCause(ctx, c.limits.Whole, errWhole)
	ctx, stop := context.WithCancelCause(ctx)
	t := &Talk{client: c, cmd: cmd, out: newOutbox(), stop: stop, over: make(chan struct{})}
	t.voice.heard = t.heard
	go func() {
		defer close(t.over)
		defer cancel()
		t.end, t.err = t.run(ctx)
	}()
	return t
}

// Hear takes the next 20 ms of what the far end says, in 8 kHz. It keeps nothing of them.
func (t *Talk) Hear(samples []int16) { t.out.hear(samples) }

// Press takes a key (0-9 * # A-D) of the far end.
func (t *Talk) Press(key byte) {
	t.send("DTMFInputEvent", []byte(`{"inputCharacter":"`+string(rune(key))+`",`))
}

// Next implements [media.Source].
func (t *Talk) Next(f *media.Frame) error { return t.voice.Next(f) }

// NextWide implements [media.WideSource].
func (t *Talk) NextWide(f *media.WideFrame) error { return t.voice.NextWide(f) }

// Wait returns when the conversation is over, what the bot says in the end was heard, and nothing of it runs any more: Lex's IntentResultEvent
// as it came. Errors wrap those of package call: ErrNotFound, ErrDenied, ErrThrottled, ErrInvalid.
func (t *Talk) Wait() ([]byte, error) {
	<-t.over
	return t.end, t.err
}

func (t *Talk) send(kind string, body []byte) {
	if !t.out.put(kind, body, false) {
		t.stop(errPending)
	}
}

// run holds the conversation. A fault of ours ends it and touches nothing else.
func (t *Talk) run(ctx context.Context) (result []byte, err error) {
	var writer sync.WaitGroup
	defer writer.Wait()
	defer t.quit()
	defer func() {
		if v := recover(); v != nil {
			t.client.log.Error("conversation with a bot broke", "fault", v, "stack", string(debug.Stack()))
			err = fmt.Errorf("the conversation broke: %v", v)
		}
	}()
	begun := time.AfterFunc(t.client.limits.Begin, func() { t.stop(errBegin) })
	defer begun.Stop()
	at, err := t.client.find(t.cmd)
	if err != nil {
		return nil, err
	}
	if err := t.configure(); err != nil {
		return nil, err
	}
	body, to := io.Pipe()
	r, signer, err := t.client.request(ctx, at, body)
	if err != nil {
		return nil, t.why(ctx, err)
	}
	writer.Go(func() { t.write(ctx, to, &pen{to: to, signer: signer}) })
	resp, err := t.client.http.Do(r)
	if err != nil {
		return nil, t.why(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read, or is not wanted
	if resp.StatusCode != http.StatusOK {
		return nil, refusal(resp)
	}
	begun.Stop()
	return t.conclude(ctx, t.listen(ctx, resp.Body))
}

// why says why a conversation ended that was given up: not because something is closed now.
func (t *Talk) why(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx) //nolint:wrapcheck // it says what happened
	}
	return err
}

// configure puts the first event into the outbox: how the bot shall speak, and what it was given to begin with.
func (t *Talk) configure() error {
	var c struct {
		SessionState    json.RawMessage `json:"sessionState,omitempty"`
		WelcomeMessages json.RawMessage `json:"welcomeMessages,omitempty"`
		Speech          string          `json:"responseContentType"`
		Silent          bool            `json:"disablePlayback"`
	}
	if len(t.cmd.Config) > 0 {
		if err := json.Unmarshal(t.cmd.Config, &c); err != nil {
			return fmt.Errorf("%w: configuration: %w", call.ErrInvalid, err)
		}
	}
	c.Speech, c.Silent = "audio/pcm", false
	b, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("%w: configuration: %w", call.ErrInvalid, err)
	}
	t.out.first(append(b[:len(b)-1], ','))
	return nil
}

// write writes what waits in the outbox until that is closed, or the conversation is over.
func (t *Talk) write(ctx context.Context, to *io.PipeWriter, p *pen) {
	defer func() {
		if v := recover(); v != nil {
			t.client.log.Error("conversation with a bot broke", "fault", v, "stack", string(debug.Stack()))
			t.stop(fmt.Errorf("the conversation broke: %v", v))
		}
	}()
	stop := context.AfterFunc(ctx, func() { _ = to.CloseWithError(context.Cause(ctx)) }) // it gives no error
	defer stop()
	for {
		e, more := t.out.take(ctx.Done())
		if err := p.write(ctx, e.kind, e.body); err != nil || !more {
			_ = to.CloseWithError(nil) // it gives no error
			return
		}
	}
}

// listen does what the service's events say, until they end.
func (t *Talk) listen(ctx context.Context, from io.Reader) error {
	in := &ear{from: from, dec: eventstream.NewDecoder()}
	silence := time.AfterFunc(t.client.limits.Silence, func() { t.stop(errSilence) })
	defer silence.Stop()
	for {
		silence.Reset(t.client.limits.Silence)
		kind, body, err := in.next()
		silence.Stop()
		if err == nil {
			err = t.event(ctx, kind, body)
		}
		if err != nil {
			return err
		}
	}
}

// event does what one of the service's events says. Those that need nothing done (TranscriptEvent, HeartbeatEvent, any that are new)
// only show that it is there.
func (t *Talk) event(ctx context.Context, kind string, body []byte) error {
	switch kind {
	case "AudioResponseEvent":
		var e struct {
			AudioChunk  []byte `json:"audioChunk"`
			ContentType string `json:"contentType"`
		}
		if err := json.Unmarshal(body, &e); err != nil {
			return fmt.Errorf("read %s: %w", kind, err)
		}
		t.wait(0)
		if len(e.AudioChunk) == 0 {
			t.voice.end()
			return nil
		}
		rate, err := rateOf(e.ContentType)
		if err != nil {
			return err
		}
		return t.voice.add(ctx, e.AudioChunk, rate)
	case "PlaybackInterruptionEvent":
		t.voice.drop()
	case "TextResponseEvent":
		t.wait(2 * t.client.limits.Goodbye) // its sound follows
	case "IntentResultEvent":
		return t.understood(body)
	}
	return nil
}

// understood takes how the conversation stands.
func (t *Talk) understood(body []byte) error {
	var e struct {
		SessionState struct {
			DialogAction struct {
				Type string `json:"type"`
			} `json:"dialogAction"`
		} `json:"sessionState"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return fmt.Errorf("read IntentResultEvent: %w", err)
	}
	t.mu.Lock()
	t.result, t.closed = bytes.Clone(body), e.SessionState.DialogAction.Type == "Close"
	t.mu.Unlock()
	t.wait(t.client.limits.Goodbye)
	return nil
}

// wait waits so long for the bot's last words, once it has closed the dialog; 0: they have begun.
func (t *Talk) wait(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bye != nil {
		t.bye.Stop()
		t.bye = nil
	}
	if t.closed && !t.left && d > 0 {
		t.bye = time.AfterFunc(d, t.unsaid)
	}
}

// unsaid takes leave of a bot that has no last words.
func (t *Talk) unsaid() {
	t.mu.Lock()
	t.bye = nil
	t.mu.Unlock()
	if t.voice.silent() { // else when what it said before was heard
		t.leave()
	}
}

// heard tells the bot that its response was heard, and takes leave after the last.
func (t *Talk) heard() {
	t.send("PlaybackCompletionEvent", []byte(`{`))
	t.mu.Lock()
	last := t.closed && t.bye == nil
	t.mu.Unlock()
	if last && t.voice.silent() {
		t.leave()
	}
}

// leave ends our side of the conversation; the service's follows, or is not waited for.
func (t *Talk) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.left {
		return
	}
	t.left = true
	if t.bye != nil {
		t.bye.Stop()
	}
	t.out.put("DisconnectionEvent", []byte(`{`), false)
	t.out.close()
	t.bye = time.AfterFunc(t.client.limits.Leave, func() { t.stop(nil) })
}

// quit leaves nothing behind.
func (t *Talk) quit() {
	t.stop(nil)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.left = true
	if t.bye != nil {
		t.bye.Stop()
	}
	t.out.close()
}

// conclude says how the conversation ended whose stream ended with err.
func (t *Talk) conclude(ctx context.Context, err error) ([]byte, error) {
	t.mu.Lock()
	result, closed, left := t.result, t.closed, t.left
	t.mu.Unlock()
	switch {
	case left && closed:
		return result, nil
	case closed && errors.Is(context.Cause(ctx), errSilence):
		return result, nil
	case closed && errors.Is(err, io.EOF):
		if err := t.finish(ctx); err != nil {
			return nil, err
		}
		return result, nil
	case errors.Is(err, io.EOF):
		return nil, errNoEnd
	}
	return nil, t.why(ctx, err)
}

// finish lets the far end hear what the bot has said, when the service has ended the stream.
func (t *Talk) finish(ctx context.Context) error {
	tick := time.NewTicker(media.FrameTime)
	defer tick.Stop()
	for !t.voice.silent() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx) //nolint:wrapcheck // why the conversation ends
		}
	}
	return nil
}
