package acceptance_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/far"
	"github.com/switchhook/switchhook/media/tone"
	"github.com/switchhook/switchhook/speech/lex/lextest"
	"github.com/switchhook/switchhook/test/need"
)

const botAlias = "arn:aws:lex:us-east-1:111122223333:bot-alias/ABCDEFGHIH/MNOPQRSTUV"

// startBot is a function whose calls talk with a bot, and are hung up when that is over, in any way.
func startBot(t *testing.T, parameters object) *function {
	t.Helper()
	parameters["BotAliasArn"] = botAlias
	return startFunction(t, func(ev event) string {
		switch ev.InvocationEventType {
		case "NEW_INBOUND_CALL":
			return actions("StartBotConversation", parameters)
		case "ACTION_SUCCESSFUL", "ACTION_FAILED":
			return actions("Hangup", object{"SipResponseCode": "0"})
		}
		return actions()
	})
}

// A caller talks with a bot: each hears the other, a key reaches the bot, who is interrupted by it, says its last words and tells the
// function what it has understood.
func TestStartBotConversation(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var heard []int16
	var told []string
	bots := lextest.New(t, func(c *lextest.Conversation) {
		for e, ok := c.Next(); ok; e, ok = c.Next() {
			mu.Lock()
			if e.Type == "AudioInputEvent" {
				heard = append(heard, e.Samples()...)
			} else {
				told = append(told, strings.TrimSpace(e.Type+" "+e.InputCharacter))
			}
			mu.Unlock()
			switch e.Type {
			case "ConfigurationEvent":
				c.Say(lextest.Tone(700, time.Minute))
			case "DTMFInputEvent":
				c.Send("PlaybackInterruptionEvent", `{"eventReason":"DTMF_START_DETECTED","causedByEventId":"`+e.EventId+`","eventId":"RESPONSE-1"}`)
				c.Close("RouteCall", "Department", "history")
				c.Say(lextest.Tone(1000, time.Second))
			}
		}
	})
	f := startBot(t, object{"Configuration": object{"SessionState": object{"DialogAction": object{"Type": "ElicitIntent"}},
		"WelcomeMessages": []object{{"Content": "How can I help you?", "ContentType": "PlainText"}}}})
	s := startIn(t, t.TempDir(), bots.Env(), configFor(freePort(t), f.URL))
	caller := newPerson(t, 440)
	l := caller.calls(t, s)
	hears(t, "the caller", &caller.ear, 700)
	eventually(t, "the bot hearing the caller", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(heard) > 8000 && tone.Loudness(heard[len(heard)-4000:], 440) > -20
	})
	if err := far.Press(t.Context(), l.Media(), "5"); err != nil {
		t.Fatal(err)
	}
	hears(t, "the caller", &caller.ear, 1000)
	over(t, l)
	if got := caller.ear.Sound(); got > 20*time.Second {
		t.Errorf("heard %v of a minute that was interrupted", got)
	}
	mu.Lock()
	if got := strings.Join(told, ", "); got != "ConfigurationEvent, DTMFInputEvent 5, PlaybackCompletionEvent, DisconnectionEvent" {
		t.Errorf("the bot was told %s", got)
	}
	mu.Unlock()
	done := f.seen("ACTION_SUCCESSFUL")
	if len(done) != 1 {
		t.Fatalf("%d actions succeeded, failed: %+v", len(done), f.seen("ACTION_FAILED"))
	}
	var e struct {
		ActionData struct {
			IntentResult struct {
				SessionId    string
				SessionState struct {
					Intent struct {
						Name, State string
						Slots       map[string]struct {
							Value struct{ InterpretedValue string }
						}
					}
				}
			}
		}
	}
	if err := json.Unmarshal(done[0].raw, &e); err != nil {
		t.Fatal(err)
	}
	r, leg := e.ActionData.IntentResult, done[0].CallDetails.Participants[0].CallId
	if i := r.SessionState.Intent; r.SessionId != leg || i.Name != "RouteCall" || i.State != "Fulfilled" || i.Slots["Department"].Value.InterpretedValue != "history" {
		t.Errorf("%s", done[0].raw)
	}
	if held := bots.Held(); len(held) != 1 || held[0] != "/bots/ABCDEFGHIH/botAliases/MNOPQRSTUV/botLocales/en_US/sessions/"+leg+"/conversation" {
		t.Errorf("conversations %v", held)
	}
}

// The bots of these tests speak as Amazon's do: its own SDK, which talks with both, gets along with them.
func TestBotsOfTestsSpeakAsAmazons(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("interop", "node")
	need.File(t, filepath.Join(dir, "node_modules", "@aws-sdk", "client-lex-runtime-v2"), "make test installs it")
	var told []string
	bots := lextest.New(t, func(c *lextest.Conversation) {
		for e, ok := c.Next(); ok; e, ok = c.Next() {
			told = append(told, e.Type)
			switch e.Type {
			case "ConfigurationEvent":
				c.Say(lextest.Tone(700, 100*time.Millisecond))
			case "DTMFInputEvent":
				c.Close("RouteCall", "Department", "history")
				c.Say(lextest.Tone(1000, 100*time.Millisecond))
			}
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, need.Tool(t, "node", "Node.js 20 or later"), "bot.mjs")
	cmd.Dir, cmd.Env = dir, append(append(os.Environ(), bots.Env()...), "NODE_NO_WARNINGS=1", "AWS_MAX_ATTEMPTS=1")
	out, err := cmd.Output()
	const want = `{"bytes":6400,"responses":2,"intent":{"name":"RouteCall","slots":{"Department":{"value":{"interpretedValue":"history","originalValue":"history","resolvedValues":["history"]},"shape":"Scalar"}},"state":"Fulfilled","confirmationState":"None"}}`
	if got := strings.TrimSpace(string(out)); err != nil || got != want {
		t.Errorf("the SDK got %s, %v", got, err)
	}
	bots.Close() // the conversation is over
	heard := strings.Repeat("AudioInputEvent ", 5)
	if got := strings.Join(told, " "); got != "ConfigurationEvent "+heard+"PlaybackCompletionEvent DTMFInputEvent PlaybackCompletionEvent DisconnectionEvent" {
		t.Errorf("the bot got %s", got)
	}
}

// A bot that is not there, may not be used, or breaks off, and a caller who hangs up.
func TestBotFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bot  func(*lextest.Conversation)
		want string
	}{
		"no such bot": {func(c *lextest.Conversation) { c.Refuse(404, "ResourceNotFoundException", "no bot") }, "ResourceNotFound"},
		"denied":      {func(c *lextest.Conversation) { c.Refuse(403, "AccessDeniedException", "no") }, "ResourceAccessDenied"},
		"throttled":   {func(c *lextest.Conversation) { c.Throw("ThrottlingException", "slow") }, "ActionExecutionThrottled"},
		"garbage":     {func(c *lextest.Conversation) { c.Raw(make([]byte, 1000)) }, "SystemException"},
		"hangs up":    {func(c *lextest.Conversation) { c.Send("HeartbeatEvent", "{}"); <-c.Gone() }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gone := make(chan struct{})
			bots := lextest.New(t, func(l *lextest.Conversation) { c.bot(l); close(gone) })
			f := startBot(t, object{"LocaleId": "de_DE"})
			s := startIn(t, t.TempDir(), bots.Env(), configFor(freePort(t), f.URL))
			caller := newPerson(t, 440)
			l := caller.calls(t, s)
			if c.want == "" {
				eventually(t, "the conversation", func() bool { return len(bots.Held()) == 1 })
				l.Hangup(0, nil)
			}
			over(t, l)
			select {
			case <-gone:
			case <-time.After(10 * time.Second):
				t.Fatal("the conversation is not over")
			}
			eventually(t, "the end", func() bool { return len(f.seen("HANGUP")) == 1 })
			failed := f.seen("ACTION_FAILED")
			if c.want == "" && len(failed) > 0 || c.want != "" && (len(failed) != 1 || failed[0].ActionData.ErrorType != c.want) {
				t.Errorf("ACTION_FAILED: %+v", failed)
			}
		})
	}
}
