package engine_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/tone"
)

// fakeBots has one bot, which hums while it talks; the test says when it is through.
type fakeBots struct{ talks chan *fakeTalk }

func (b *fakeBots) Converse(ctx context.Context, cmd call.Converse) engine.Talk {
	t := &fakeTalk{ctx: ctx, cmd: cmd, voice: tone.Sine(710, -1), through: make(chan error, 1)}
	if cmd.Bot == "broken" {
		t.through = nil
	}
	b.talks <- t
	return t
}

type fakeTalk struct {
	ctx     context.Context
	cmd     call.Converse
	voice   media.Source
	through chan error

	mu    sync.Mutex
	heard []int16
	keys  string
}

func (t *fakeTalk) Next(f *media.Frame) error { return t.voice.Next(f) }

func (t *fakeTalk) Hear(s []int16) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.heard = append(t.heard, s...)
}

func (t *fakeTalk) Press(key byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keys += string(key)
}

func (t *fakeTalk) Wait() ([]byte, error) {
	if t.through == nil {
		panic("the bot broke")
	}
	select {
	case err := <-t.through:
		if err != nil {
			return nil, err
		}
		return []byte(`{"sessionId":"s"}`), nil
	case <-t.ctx.Done():
		return nil, t.ctx.Err()
	}
}

// whatWasHeard gives the last second of it, and the keys.
func (t *fakeTalk) whatWasHeard() (samples []int16, keys string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.heard[max(0, len(t.heard)-8000):], t.keys
}

// withBots is a studio with bots.
func withBots(t *testing.T, limits engine.Limits) (*studio, *fakeBots) {
	t.Helper()
	s, bots := newStudio(t), &fakeBots{talks: make(chan *fakeTalk, 10)}
	s.world = newWorld(func(c *engine.Config) { c.Clock, c.Talker, c.Limits = s.clock, bots, limits })
	return s, bots
}

// A bot hears its leg and its keys, the leg hears the bot and not its peer, and what the bot says in the end is told.
func TestConverse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, bots := withBots(t, engine.Limits{})
		defer s.close(t)
		c, l := s.talking(t)
		v := newVoice(l, 500)
		op := do(t, c, call.Converse{Leg: l.id, Bot: "b", Session: "s", Language: "en_US", Config: []byte(`{}`)})
		talk := <-bots.talks
		if talk.cmd.Bot != "b" || talk.cmd.Session != "s" || talk.cmd.Language != "en_US" || string(talk.cmd.Config) != "{}" {
			t.Errorf("the bot was told %+v", talk.cmd)
		}
		hum(t, 2*time.Second, v)
		v.tick() // begins with zero
		if sample, plays := v.tick(); !plays || sample == 0 {
			t.Error("the leg does not hear the bot")
		}
		l.press('4')
		next[call.Digit](t, c)
		l.press('#')
		next[call.Digit](t, c)
		if heard, keys := talk.whatWasHeard(); keys != "4#" || tone.Loudness(heard, 500) < audible {
			t.Errorf("the bot heard the keys %q and the leg at %.0f dB", keys, tone.Loudness(heard, 500))
		}
		talk.through <- nil
		done := next[call.Done](t, c)
		if done.Op != op.Op || done.Leg != l.id || done.Err != nil || string(done.Result.Talk) != `{"sessionId":"s"}` {
			t.Errorf("%+v", done)
		}
		if _, plays := v.tick(); plays || talk.ctx.Err() == nil {
			t.Error("the conversation is not over")
		}
		before, _ := talk.whatWasHeard()
		hum(t, time.Second, v)
		if after, _ := talk.whatWasHeard(); len(after) != len(before) || v.in != nil {
			t.Error("the bot goes on to listen")
		}
		over(c)
	})
}

// A conversation ends in each of these ways with one Done, and the bot is told.
func TestConverseEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		end  func(s *studio, c *engine.Call, l *fakeLeg, talk *fakeTalk, op call.OpID)
		want error
	}{
		"stopped":      {func(_ *studio, c *engine.Call, _ *fakeLeg, _ *fakeTalk, op call.OpID) { c.Do(ctx, call.Stop{Op: op}) }, call.ErrStopped},
		"the leg ends": {func(_ *studio, _ *engine.Call, l *fakeLeg, _ *fakeTalk, _ call.OpID) { l.hangup() }, call.ErrLegEnded},
		"no such bot": {func(_ *studio, _ *engine.Call, _ *fakeLeg, talk *fakeTalk, _ call.OpID) {
			talk.through <- call.ErrNotFound
		}, call.ErrNotFound},
		"another plays": {func(_ *studio, _ *engine.Call, l *fakeLeg, _ *fakeTalk, _ call.OpID) {
			l.withMedia().Play(tone.Sine(1, 1), func(error) {})
		}, call.ErrLegEnded},
		"a prompt": {func(_ *studio, c *engine.Call, l *fakeLeg, _ *fakeTalk, _ call.OpID) {
			c.Do(ctx, call.Play{Leg: l.id, Clips: clips("1x1")})
		}, call.ErrStopped},
		"another bot": {func(_ *studio, c *engine.Call, l *fakeLeg, _ *fakeTalk, _ call.OpID) {
			c.Do(ctx, call.Converse{Leg: l.id})
		}, call.ErrStopped},
		"the call's end":  {func(_ *studio, c *engine.Call, _ *fakeLeg, _ *fakeTalk, _ call.OpID) { c.End(byApp) }, call.ErrStopped},
		"the media's end": {func(_ *studio, _ *engine.Call, l *fakeLeg, _ *fakeTalk, _ call.OpID) { l.withMedia().Close() }, call.ErrLegEnded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, bots := withBots(t, engine.Limits{})
				defer s.close(t)
				c, l := s.talking(t)
				op := do(t, c, call.Converse{Leg: l.id, Bot: "b"})
				talk := <-bots.talks
				tc.end(s, c, l, talk, op.Op)
				if done := next[call.Done](t, c); done.Op != op.Op || !errors.Is(done.Err, tc.want) || done.Result.Talk != nil {
					t.Errorf("%+v", done)
				}
				over(c)
				if talk.ctx.Err() == nil {
					t.Error("the bot talks on")
				}
			})
		})
	}
}

// A conversation may begin before the far end has acknowledged our answer.
func TestConverseAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, bots := withBots(t, engine.Limits{})
		defer s.close(t)
		c, l := s.inbound()
		l.slow = true
		do(t, c, call.Answer{Leg: l.id})
		do(t, c, call.Converse{Leg: l.id, Bot: "b"})
		(<-bots.talks).through <- nil
		if done := next[call.Done](t, c); done.Err != nil {
			t.Errorf("%+v", done)
		}
		over(c)
	})
}

// A fault of ours in a conversation ends that and nothing else.
func TestConverseBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := withBots(t, engine.Limits{})
		defer s.close(t)
		c, l := s.talking(t)
		do(t, c, call.Converse{Leg: l.id, Bot: "broken"})
		if done := next[call.Done](t, c); done.Err == nil {
			t.Errorf("%+v", done)
		}
		do(t, c, call.Hangup{Leg: l.id, Cause: byApp})
		next[call.LegEnded](t, c)
		over(c)
	})
}

func TestConverseRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := withBots(t, engine.Limits{Operations: 1})
		defer s.close(t)
		c, l := s.inbound()
		for want, cmd := range map[error]call.Converse{call.ErrState: {Leg: l.id}, call.ErrNoLeg: {Leg: "none"}} {
			if _, err := c.Do(ctx, cmd); !errors.Is(err, want) {
				t.Errorf("%+v: %v", cmd, err)
			}
		}
		do(t, c, call.Answer{Leg: l.id})
		next[call.Answered](t, c)
		do(t, c, call.SendDigits{Leg: l.id, Digits: "1"})
		if _, err := c.Do(ctx, call.Converse{Leg: l.id}); !errors.Is(err, call.ErrLimit) {
			t.Error(err)
		}
		over(c)

		w := newWorld(nil)
		c, l = w.inbound()
		do(t, c, call.Answer{Leg: l.id})
		if _, err := c.Do(ctx, call.Converse{Leg: l.id}); err == nil || errors.Is(err, call.ErrState) {
			t.Error("a conversation without bots")
		}
		over(c)
	})
}
