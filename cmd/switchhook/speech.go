package main

import (
	"context"
	"errors"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/speech"
	"github.com/switchhook/switchhook/speech/lex"
	"github.com/switchhook/switchhook/speech/local"
	"github.com/switchhook/switchhook/speech/polly"
)

// voices is who speaks by itself.
type voices struct {
	speaker *speech.Speaker
	bots    *lex.Client // nil: there are none
}

// openSpeech finds what speaks. That nothing was found by itself is no error before a call is to be spoken to.
func (h *house) openSpeech(ctx context.Context, _ string) error {
	p, err := provider(ctx, h.cfg)
	if h.cfg.Speech.Engine == "" || h.cfg.Speech.Engine == "auto" {
		if errors.Is(err, speech.ErrNoEngine) {
			h.log.Info("no speech", "why", err)
			err = nil
		}
	}
	if err != nil {
		return h.cfg.text.at("$.speech.engine", err)
	}
	h.speaker = speech.New(p)
	h.later(h.speaker.Close)
	return nil
}

// openBots lets bots of Amazon Lex talk. That AWS's settings can't be read concerns nobody who has none: a call that wants a bot fails.
func (h *house) openBots(ctx context.Context, _ string) error {
	c, err := lex.New(ctx, lex.Config{Logger: h.log})
	if err != nil {
		h.log.Warn("no bots", "why", err)
		return nil
	}
	h.bots = c
	h.later(c.Close)
	return nil
}

// talker gives who lets bots talk; nil where nobody does.
func (h *house) talker() engine.Talker {
	if h.bots == nil {
		return nil
	}
	return talker{h.bots}
}

// talker is a lex.Client in the engine's words.
type talker struct{ bots *lex.Client }

// Converse implements [engine.Talker].
func (t talker) Converse(ctx context.Context, cmd call.Converse) engine.Talk {
	return t.bots.Converse(ctx, cmd)
}

// provider gives the speech provider of the configuration; nil for none.
func provider(ctx context.Context, c config) (speech.Provider, error) {
	switch name := c.Speech.Engine; name {
	case "none":
		return nil, nil
	case "polly":
		p, err := polly.New(ctx, polly.Config{Region: c.Region})
		if err != nil {
			return nil, err
		}
		return p, nil
	default:
		if name == "" {
			name = "auto"
		}
		e, err := local.Find(ctx, name, c.Speech.Model)
		if err != nil {
			return nil, err
		}
		return e, nil
	}
}
