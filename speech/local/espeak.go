package local

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/speech"
)

// female is the variant of espeak-ng's voices, which are all male, that speaks for a woman.
const female = "+f3"

// espeak speaks with espeak-ng.
type espeak struct {
	path      string
	languages []string // sorted; as "en-us", "en"
	ownVoice  *regexp.Regexp
}

func findEspeak(ctx context.Context) (*espeak, error) {
	path, err := look("espeak-ng")
	if err != nil {
		return nil, err
	}
	list, err := output(ctx, path, "--voices")
	if err != nil {
		return nil, err
	}
	e := &espeak{path: path, ownVoice: regexp.MustCompile(`^([a-z]{2,3}(?:-[a-z0-9]{1,12})*)(?:\+[A-Za-z0-9]{1,20})?$`)}
	for line := range strings.Lines(list) {
		// Pty Language Age/Gender VoiceName File Other Languages, the last as (en 2)(fr 3)
		f := strings.Fields(line)
		if len(f) < 5 || f[0] == "Pty" || strings.HasPrefix(f[4], "mb/") { // MBROLA's voices are listed but not there
			continue
		}
		e.languages = append(e.languages, strings.ToLower(f[1]))
		for _, other := range f[5:] {
			if at := strings.LastIndexByte(other, '('); at >= 0 {
				e.languages = append(e.languages, strings.ToLower(other[at+1:]))
			}
		}
	}
	if len(e.languages) == 0 {
		return nil, errors.New("has no voices")
	}
	slices.Sort(e.languages)
	e.languages = slices.Compact(e.languages)
	return e, nil
}

func (e *espeak) plan(s call.Say) (job, error) {
	voice, err := e.voice(s)
	if err != nil {
		return job{}, err
	}
	j := job{path: e.path, args: []string{"--stdin", "--stdout", "-b", "1", "-v", voice}, text: clean(s.Text)}
	if s.SSML {
		j.args = append(j.args, "-m")
		j.text, err = markup(s.Text)
	}
	return j, err
}

// voice finds the voice of the wanted language and gender.
func (e *espeak) voice(s call.Say) (string, error) {
	name, language := s.Voice, s.Language
	if name == "" && language == "" {
		name = speech.DefaultVoice
	}
	v, known := speech.FindVoice(name)
	switch {
	case known && language == "":
		language = v.Language
	case !known && name != "":
		if m := e.ownVoice.FindStringSubmatch(name); m != nil && slices.Contains(e.languages, m[1]) {
			return name, nil
		}
		return "", badVoice("there is no voice %.40q", name)
	}
	code, ok := e.language(language)
	if !ok {
		return "", badVoice("it does not speak %.40q", language)
	}
	if v.Female || !known {
		code += female
	}
	return code, nil
}

// language finds the nearest language it speaks: "en-AU" is "en" where there is no Australian, then any English.
func (e *espeak) language(tag string) (string, bool) {
	tag = strings.ToLower(tag)
	if base, rest, _ := strings.Cut(tag, "-"); base == "arb" {
		tag = "ar-" + rest
	}
	for ; tag != ""; tag = tag[:max(strings.LastIndexByte(tag, '-'), 0)] {
		if slices.Contains(e.languages, tag) {
			return tag, true
		}
		if !strings.Contains(tag, "-") {
			break
		}
	}
	at := slices.IndexFunc(e.languages, func(l string) bool { return tag != "" && strings.HasPrefix(l, tag+"-") })
	if at < 0 {
		return "", false
	}
	return e.languages[at], true
}
