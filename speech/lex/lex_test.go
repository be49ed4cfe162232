package lex_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/tone"
	"github.com/switchhook/switchhook/speech/lex"
	"github.com/switchhook/switchhook/speech/lex/lextest"
	"github.com/switchhook/switchhook/test/quiet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	bot     = "arn:aws:lex:eu-west-1:111122223333:bot-alias/ABCDEFGHIH/MNOPQRSTUV"
	session = "f06dd26d-fcaf-411e-9cdb-05ac726e1b9a"
)

// serve starts bots, which the environment names.
func serve(t *testing.T, bot func(*lextest.Conversation)) *lextest.Server {
	t.Helper()
	s := lextest.New(t, bot)
	set(t, s)
	return s
}

// set names bots in the environment.
func set(t *testing.T, s *lextest.Server) {
	t.Helper()
	for _, kv := range s.Env() {
		k, v, _ := strings.Cut(kv, "=")
		t.Setenv(k, v)
	}
}

// client gives one of the bots of the environment.
func client(t *testing.T, l lex.Limits) *lex.Client {
	t.Helper()
	c, err := lex.New(t.Context(), lex.Config{Limits: l})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func converse(t *testing.T, l lex.Limits, config string) *lex.Talk {
	t.Helper()
	return client(t, l).Converse(t.Context(), call.Converse{Bot: bot, Session: session, Language: "en_US", Config: []byte(config)})
}

// listening takes what a bot says every 10 ms, as if a far end heard it in half of its time, but for silence.
type listening struct {
	mu    sync.Mutex
	heard []int16
	stop  chan struct{}
	done  chan struct{}
}

func listen(talk *lex.Talk) *listening {
	l := &listening{stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(l.done)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-l.stop:
				return
			}
			var f media.Frame
			if talk.Next(&f) == nil && f != (media.Frame{}) {
				l.mu.Lock()
				l.heard = append(l.heard, f[:]...)
				l.mu.Unlock()
			}
		}
	}()
	return l
}

// end gives what was heard, without the silence around it.
func (l *listening) end() []int16 {
	close(l.stop)
	<-l.done
	a, b := 0, len(l.heard)
	for a < b && l.heard[a] == 0 {
		a++
	}
	for b > a && l.heard[b-1] == 0 {
		b--
	}
	return l.heard[a:b]
}

// A bot that greets, hears a tone and a key, and says goodbye: each of both hears the other, and how it ended comes as Lex wrote it.
func TestConversation(t *testing.T) {
	var order []string
	var pcm []int16
	serve(t, func(c *lextest.Conversation) {
		for e, ok := c.Next(); ok; e, ok = c.Next() {
			switch e.Type {
			case "ConfigurationEvent":
				if e.ResponseContentType != "audio/pcm" || e.DisablePlayback == nil || *e.DisablePlayback ||
					string(e.SessionState) != `{"dialogAction":{"type":"ElicitIntent"}}` || string(e.WelcomeMessages) != `[{"content":"Hi","contentType":"PlainText"}]` {
					t.Errorf("%+v", e)
				}
				c.Send("TextResponseEvent", `{"messages":[{"content":"Hi","contentType":"PlainText"}],"eventId":"RESPONSE-1"}`)
				c.Send("HeartbeatEvent", `{"eventId":"RESPONSE-2"}`)
				c.Say(lextest.Tone(700, 500*time.Millisecond))
			case "AudioInputEvent":
				if e.ContentType != "audio/lpcm; sample-rate=8000; sample-size-bits=16; channel-count=1; is-big-endian=false" {
					t.Errorf("sound is %q", e.ContentType)
				}
				pcm = append(pcm, e.Samples()...)
				continue
			case "DTMFInputEvent":
				order = append(order, "key "+e.InputCharacter)
				c.Send("TranscriptEvent", `{"transcript":"4","eventId":"RESPONSE-3"}`)
				c.Close("RouteCall", "Department", "history")
				c.Send("TextResponseEvent", `{"messages":[{"content":"Bye","contentType":"PlainText"}],"eventId":"RESPONSE-4"}`)
				c.Say(lextest.Tone(1000, 300*time.Millisecond))
				continue
			}
			order = append(order, e.Type)
		}
		order = append(order, "end")
	})
	talk := converse(t, lex.Limits{}, `{"sessionState":{"dialogAction":{"type":"ElicitIntent"}},"welcomeMessages":[{"content":"Hi","contentType":"PlainText"}]}`)
	heard := listen(talk)
	src := tone.Sine(500, time.Second)
	for f := (media.Frame{}); src.Next(&f) == nil; {
		talk.Hear(f[:])
	}
	talk.Press('4')
	result, err := talk.Wait()
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		SessionId       string
		Interpretations []struct{ NluConfidence *struct{ Score json.Number } }
	}
	if err := json.Unmarshal(result, &r); err != nil || r.SessionId != session || len(r.Interpretations) != 2 || r.Interpretations[0].NluConfidence.Score != "1.0" {
		t.Errorf("the result is %s, %v", result, err)
	}
	sound := heard.end()
	if n := len(sound); n < 6200 || n > 7200 {
		t.Errorf("%d samples were heard, want 800 ms", n)
	}
	if a, b := tone.Loudness(sound[:3900], 700), tone.Loudness(sound[len(sound)-2300:], 1000); a < -20 || b < -20 {
		t.Errorf("what was heard is at %.0f and %.0f dB", a, b)
	}
	if len(pcm) != 8000 || tone.Loudness(pcm, 500) < -20 {
		t.Errorf("the bot heard %d samples at %.0f dB", len(pcm), tone.Loudness(pcm, 500))
	}
	want := "ConfigurationEvent PlaybackCompletionEvent key 4 PlaybackCompletionEvent DisconnectionEvent end"
	if got := strings.Join(order, " "); got != want && got != strings.Replace(want, "PlaybackCompletionEvent key 4", "key 4 PlaybackCompletionEvent", 1) {
		t.Errorf("the bot got %s", got)
	}
}

// What the far end says over the bot stops it.
func TestInterruption(t *testing.T) {
	began := make(chan struct{})
	serve(t, func(c *lextest.Conversation) {
		for e, ok := c.Next(); ok; e, ok = c.Next() {
			switch e.Type {
			case "ConfigurationEvent":
				c.Say(lextest.Tone(700, 30*time.Second))
				close(began)
			case "DTMFInputEvent":
				c.Send("PlaybackInterruptionEvent", `{"eventReason":"DTMF_START_DETECTED","causedByEventId":"x-1","eventId":"RESPONSE-9"}`)
				c.Close("Stop", "a", "b")
			}
		}
	})
	talk := converse(t, lex.Limits{Goodbye: 50 * time.Millisecond}, "")
	heard := listen(talk)
	<-began
	talk.Press('1')
	if _, err := talk.Wait(); err != nil {
		t.Error(err)
	}
	if n := len(heard.end()); n > 20*8000 {
		t.Errorf("%d ms were heard of what was interrupted", n/8)
	}
}

// Whatever a bot does wrong ends the conversation, in time, with an error that says what it is to a customer.
func TestWrongBots(t *testing.T) {
	long := make([]byte, 4)
	binary.BigEndian.PutUint32(long, 100<<20)
	limits := map[string]lex.Limits{ // the others end by themselves, however busy the machine is
		"never answers": {Begin: 200 * time.Millisecond},
		"falls silent":  {Silence: 200 * time.Millisecond},
	}
	for name, tc := range map[string]struct {
		bot  func(c *lextest.Conversation)
		is   error
		says string
	}{
		"no such bot":    {func(c *lextest.Conversation) { c.Refuse(404, "ResourceNotFoundException", "no bot") }, call.ErrNotFound, "no bot"},
		"not ours":       {func(c *lextest.Conversation) { c.Refuse(403, "AccessDeniedException", "no") }, call.ErrDenied, ""},
		"too many":       {func(c *lextest.Conversation) { c.Refuse(429, "ThrottlingException", "slow") }, call.ErrThrottled, ""},
		"bad locale":     {func(c *lextest.Conversation) { c.Refuse(400, "ValidationException", "locale") }, call.ErrInvalid, ""},
		"broken":         {func(c *lextest.Conversation) { c.Refuse(500, "InternalServerException", "oops") }, nil, "oops"},
		"elsewhere":      {func(c *lextest.Conversation) { c.Refuse(307, "", "") }, nil, "307"},
		"an exception":   {func(c *lextest.Conversation) { c.Throw("ResourceNotFoundException", "gone") }, call.ErrNotFound, "gone"},
		"another":        {func(c *lextest.Conversation) { c.Throw("BadGatewayException", "gate") }, nil, "gate"},
		"never answers":  {func(c *lextest.Conversation) { <-c.Gone() }, nil, "did not answer in time"},
		"falls silent":   {func(c *lextest.Conversation) { c.Send("HeartbeatEvent", "{}"); <-c.Gone() }, nil, "is silent"},
		"ends at once":   {func(c *lextest.Conversation) { c.Raw(nil) }, nil, "before the conversation was over"},
		"garbage":        {func(c *lextest.Conversation) { c.Raw(bytes.Repeat([]byte("garbage "), 100)) }, nil, "a message of"},
		"a huge message": {func(c *lextest.Conversation) { c.Raw(long); <-c.Gone() }, nil, "a message of 104857600 bytes"},
		"no JSON":        {func(c *lextest.Conversation) { c.Send("IntentResultEvent", "Close"); <-c.Gone() }, nil, "IntentResultEvent"},
		"speaks MPEG": {func(c *lextest.Conversation) {
			c.Send("AudioResponseEvent", `{"audioChunk":"AAAA","contentType":"audio/mpeg"}`)
			<-c.Gone()
		}, nil, "not PCM"},
		"speaks too high": {func(c *lextest.Conversation) {
			c.Send("AudioResponseEvent", `{"audioChunk":"AAAA","contentType":"audio/pcm; rate=44100"}`)
			<-c.Gone()
		}, nil, "44100"},
		"changes its mind": {func(c *lextest.Conversation) {
			c.Say([]int16{1})
			c.Send("AudioResponseEvent", `{"audioChunk":"AAAA","contentType":"audio/pcm; sample-rate=8000"}`)
			<-c.Gone()
		}, nil, "changes"},
		"ends without a result": {func(c *lextest.Conversation) {
			c.Send("IntentResultEvent", `{"sessionState":{"dialogAction":{"type":"ElicitSlot"}}}`)
		}, nil, "before the conversation was over"},
	} {
		t.Run(name, func(t *testing.T) {
			serve(t, tc.bot)
			result, err := converse(t, limits[name], "").Wait()
			if result != nil || err == nil || tc.is != nil && !errors.Is(err, tc.is) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%s, %v", result, err)
			}
			if tc.is == nil && (errors.Is(err, call.ErrNotFound) || errors.Is(err, call.ErrDenied) || errors.Is(err, call.ErrInvalid)) {
				t.Errorf("%v", err)
			}
		})
	}
}

// A hundred megabytes of speech: what nobody hears yet stays with its sender.
func TestEndlessSpeech(t *testing.T) {
	sent := make(chan int, 1)
	serve(t, func(c *lextest.Conversation) {
		chunk := `{"audioChunk":"` + strings.Repeat("AAAA", 64<<10) + `"}`
		n := 0
		for ; n < 100<<20; n += 192 << 10 {
			select {
			case <-c.Gone():
				sent <- n
				return
			default:
				c.Send("AudioResponseEvent", chunk)
			}
		}
		sent <- n
	})
	ctx, cancel := context.WithCancel(t.Context())
	talk := client(t, lex.Limits{}).Converse(ctx, call.Converse{Bot: bot, Session: session, Language: "en_US"})
	stuck := time.AfterFunc(500*time.Millisecond, cancel) // how long 100 MB would have to get through if nothing held them
	defer stuck.Stop()
	if _, err := talk.Wait(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if n := <-sent; n > 8<<20 {
		t.Errorf("%d MiB were taken that nobody hears", n>>20)
	}
}

// A bot that takes nothing of what it is sent: the sound is dropped, too many keys end the conversation.
func TestDeafBot(t *testing.T) {
	serve(t, func(c *lextest.Conversation) { c.Send("HeartbeatEvent", "{}"); <-c.Gone() })
	talk := converse(t, lex.Limits{}, "")
	var f media.Frame
	for range 100_000 {
		talk.Hear(f[:])
		talk.Press('1')
	}
	if _, err := talk.Wait(); err == nil || !strings.Contains(err.Error(), "does not take") {
		t.Error(err)
	}
}

// Bots without last words, and those who end the stream themselves.
func TestEnds(t *testing.T) {
	for name, end := range map[string]func(c *lextest.Conversation){
		"no last words":     func(c *lextest.Conversation) { c.Close("A", "b", "c"); <-c.Gone() },
		"an empty response": func(c *lextest.Conversation) { c.Close("A", "b", "c"); c.EndSaying(); <-c.Gone() },
		"the bot hangs up":  func(c *lextest.Conversation) { c.Close("A", "b", "c"); c.Say(lextest.Tone(500, 100*time.Millisecond)) },
		"last words come late": func(c *lextest.Conversation) {
			c.Close("A", "b", "c")
			c.Send("TextResponseEvent", "{}")
			c.Say(lextest.Tone(500, 100*time.Millisecond))
			<-c.Gone()
		},
		"the response has no end": func(c *lextest.Conversation) {
			c.Close("A", "b", "c")
			c.Send("AudioResponseEvent", `{"audioChunk":"AAAAAAAAAAAA"}`)
			<-c.Gone()
		},
		"closes while it says hello": func(c *lextest.Conversation) {
			c.Say(lextest.Tone(500, 200*time.Millisecond))
			c.Close("A", "b", "c")
			<-c.Gone()
		},
	} {
		t.Run(name, func(t *testing.T) {
			serve(t, end)
			talk := converse(t, lex.Limits{Goodbye: 100 * time.Millisecond, Leave: 100 * time.Millisecond, Silence: time.Second}, "")
			heard := listen(talk)
			result, err := talk.Wait()
			if err != nil || !bytes.Contains(result, []byte(`"Fulfilled"`)) {
				t.Errorf("%s, %v", result, err)
			}
			heard.end()
		})
	}
}

// Over TLS, as Amazon has it: a certificate that AWS's settings trust is, another is not.
func TestTLS(t *testing.T) {
	s := lextest.NewTLS(t, func(c *lextest.Conversation) { c.Close("A", "b", "c"); c.EndSaying() })
	set(t, s)
	if _, err := converse(t, lex.Limits{}, "").Wait(); err == nil || len(s.Held()) > 0 {
		t.Errorf("a certificate that nobody trusts: %v", err)
	}
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", bundle)
	if _, err := converse(t, lex.Limits{}, "").Wait(); err != nil {
		t.Error(err)
	}
}

// Where bots are looked for.
func TestSettings(t *testing.T) {
	s := serve(t, func(c *lextest.Conversation) { c.Close("A", "b", "c"); c.EndSaying() })
	for name, env := range map[string]map[string]string{
		"its own":   {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
		"of all":    {"AWS_ENDPOINT_URL_LEX_RUNTIME_V2": "", "AWS_ENDPOINT_URL": s.URL + "/"},
		"our own":   {"AWS_ENDPOINT_URL_LEX_RUNTIME_V2": "http://127.0.0.1:1"},
		"no others": {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range env {
				t.Setenv(k, v)
			}
			cfg := lex.Config{}
			if name == "our own" || name == "no others" {
				cfg.Endpoint = s.URL
			}
			c, err := lex.New(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.Converse(t.Context(), call.Converse{Bot: bot, Session: session, Language: "en_US"}).Wait(); err != nil {
				t.Error(err)
			}
		})
	}
	for _, path := range s.Held() {
		if want := "/bots/ABCDEFGHIH/botAliases/MNOPQRSTUV/botLocales/en_US/sessions/" + session + "/conversation"; path != want {
			t.Errorf("the conversation is at %s", path)
		}
	}
	for _, endpoint := range []string{"ftp://x", "://", "/x"} {
		if _, err := lex.New(t.Context(), lex.Config{Endpoint: endpoint}); err == nil {
			t.Errorf("endpoint %q is taken", endpoint)
		}
	}
	c := client(t, lex.Limits{})
	for _, cmd := range []call.Converse{
		{Bot: "arn:aws:lex:eu-west-1:111122223333:bot-alias/A/../B", Session: session, Language: "en_US"},
		{Bot: strings.Replace(bot, "eu-west-1", "evil.example/", 1), Session: session, Language: "en_US"},
		{Bot: bot, Session: "../x", Language: "en_US"}, {Bot: bot, Session: session, Language: "../x"}, {Bot: bot, Session: session, Language: "en_US", Config: []byte("{")},
	} {
		if _, err := c.Converse(t.Context(), cmd).Wait(); !errors.Is(err, call.ErrInvalid) {
			t.Errorf("%+v: %v", cmd, err)
		}
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("HOME", t.TempDir())
	if _, err := client(t, lex.Limits{}).Converse(t.Context(), call.Converse{Bot: bot, Session: session, Language: "en_US"}).Wait(); !errors.Is(err, call.ErrDenied) {
		t.Errorf("without credentials: %v", err)
	}
	s.Close()
	if _, err := c.Converse(t.Context(), call.Converse{Bot: bot, Session: session, Language: "en_US"}).Wait(); err == nil {
		t.Error("a conversation with nobody")
	}
}

func TestNothingIsWrittenBesideTheLog(t *testing.T) {
	quiet.WithoutCredentials(t, func() {
		if _, err := client(t, lex.Limits{}).Converse(t.Context(), call.Converse{Bot: bot, Session: session, Language: "en_US"}).Wait(); !errors.Is(err, call.ErrDenied) {
			t.Errorf("without credentials: %v", err)
		}
	})
}
