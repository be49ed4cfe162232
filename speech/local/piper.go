package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/media/clip"
)

// piper speaks with piper, which has one voice and language in each model.
type piper struct {
	path, model string
	rate        int    // of its samples, in hertz
	language    string // as "en"
}

func findPiper(model string) (*piper, error) {
	if model == "" {
		return nil, errors.New("needs a voice: name its .onnx file as model")
	}
	path, err := look("piper")
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(model + ".json")
	if err != nil {
		return nil, fmt.Errorf("read the voice's settings: %w", err)
	}
	var settings struct {
		Audio struct {
			Rate int `json:"sample_rate"`
		} `json:"audio"`
		Espeak struct {
			Voice string `json:"voice"`
		} `json:"espeak"`
		Language struct {
			Family string `json:"family"`
		} `json:"language"`
	}
	if err := json.Unmarshal(text, &settings); err != nil {
		return nil, fmt.Errorf("read the voice's settings: %w", err)
	}
	p := &piper{path: path, model: model, rate: settings.Audio.Rate, language: settings.Language.Family}
	if p.language == "" {
		p.language, _, _ = strings.Cut(settings.Espeak.Voice, "-")
	}
	if p.rate == 0 || p.language == "" {
		return nil, errors.New("the voice's settings tell neither sample_rate nor language")
	}
	return p, nil
}

func (p *piper) plan(s call.Say) (job, error) {
	if _, err := translate(s, p.language); err != nil {
		return job{}, err
	}
	text, err := plain(s)
	// A line is a file to piper: all is one line.
	return job{path: p.path, args: []string{"--model", p.model, "--output_raw"}, text: strings.ReplaceAll(text, "\n", " ") + "\n",
		head: clip.Head(p.rate, -1)}, err
}
