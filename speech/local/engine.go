package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/speech"
)

// Engine is a speech engine of this machine. It implements [speech.Provider].
type Engine struct {
	name  string
	plan  planner
	slots chan struct{} // as many as may speak at once
}

var _ speech.Provider = (*Engine)(nil)

// planner says how an engine is asked to speak.
type planner interface {
	plan(s call.Say) (job, error)
}

// Find finds the engine of that name: espeak-ng, flite or piper; auto takes the first of them that is there. model is
// piper's voice file (.onnx), beside which its settings lie (.onnx.json); without it there is no piper, as a program of
// that name which has nothing to do with speech is on many machines. The error wraps [speech.ErrNoEngine] where nothing was found.
func Find(ctx context.Context, name, model string) (*Engine, error) {
	var p planner
	var err error
	switch name {
	case "espeak-ng":
		p, err = findEspeak(ctx)
	case "flite":
		p, err = findFlite(ctx)
	case "piper":
		p, err = findPiper(model)
	case "auto":
		return findAny(ctx, model)
	default:
		return nil, fmt.Errorf("speech engine %q: want auto, espeak-ng, flite or piper", name)
	}
	if err != nil {
		return nil, fmt.Errorf("speech engine %s: %w", name, err)
	}
	return &Engine{name: name, plan: p, slots: make(chan struct{}, max(2*runtime.GOMAXPROCS(0), 4))}, nil
}

func findAny(ctx context.Context, model string) (*Engine, error) {
	names := []string{"espeak-ng", "flite"}
	if model != "" {
		names = append(names, "piper")
	}
	var errs []error
	for _, name := range names {
		e, err := Find(ctx, name, model)
		if err == nil {
			return e, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// look finds a program.
func look(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return "", fmt.Errorf("%w (%w)", speech.ErrNoEngine, err)
	}
	return path, nil
}

// String gives the engine's name.
func (e *Engine) String() string { return e.name }

// Speak implements [speech.Provider]. A voice is one of Amazon Polly's names, for which the engine's own of the same
// language and gender speaks, or a name of the engine itself.
func (e *Engine) Speak(ctx context.Context, s call.Say) (io.ReadCloser, error) {
	j, err := e.plan.plan(s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.name, err)
	}
	select {
	case e.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: %w", e.name, context.Cause(ctx))
	}
	r, err := j.start(ctx, func() { <-e.slots })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.name, err)
	}
	return r, nil
}

// badVoice refuses a voice or a language.
func badVoice(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{call.ErrInvalid}, args...)...)
}
