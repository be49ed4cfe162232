package local

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/speech"
)

// flite speaks with flite, which knows English alone, and no SSML that would work.
type flite struct {
	path   string
	voices []string
}

func findFlite(ctx context.Context) (*flite, error) {
	path, err := look("flite")
	if err != nil {
		return nil, err
	}
	list, err := output(ctx, path, "-lv")
	if err != nil {
		return nil, err
	}
	_, names, _ := strings.Cut(list, "Voices available:")
	f := &flite{path: path, voices: strings.Fields(names)}
	if len(f.voices) == 0 {
		return nil, errors.New("has no voices")
	}
	return f, nil
}

func (f *flite) plan(s call.Say) (job, error) {
	voice, err := f.voice(s)
	if err != nil {
		return job{}, err
	}
	text, err := plain(s)
	return job{path: f.path, args: []string{"-voice", voice, "-f", "/dev/stdin", "-o"}, text: text, file: true}, err
}

func (f *flite) voice(s call.Say) (string, error) {
	if slices.Contains(f.voices, s.Voice) {
		return s.Voice, nil
	}
	v, err := translate(s, "en")
	if err != nil {
		return "", err
	}
	wanted := "rms"
	if v.Female {
		wanted = "slt"
	}
	if !slices.Contains(f.voices, wanted) {
		wanted = f.voices[0]
	}
	return wanted, nil
}

// translate finds the voice that is asked for, of an engine that speaks one language.
func translate(s call.Say, speaks string) (speech.Voice, error) {
	name := s.Voice
	if name == "" {
		name = speech.DefaultVoice
	}
	v, ok := speech.FindVoice(name)
	if !ok {
		return v, badVoice("there is no voice %.40q", name)
	}
	switch {
	case s.Language != "":
		v.Language = s.Language
	case s.Voice == "":
		v.Language = speaks
	}
	if base, _, _ := strings.Cut(strings.ToLower(v.Language), "-"); base != speaks {
		return v, badVoice("it speaks %q alone, not %.40q", speaks, v.Language)
	}
	return v, nil
}
