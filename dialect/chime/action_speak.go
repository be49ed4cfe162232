package chime

import (
	"encoding/json"
	"errors"
	"unicode/utf8"

	"github.com/switchhook/switchhook/call"
)

// maxSpeech bounds the text of a Speak, in characters.
const maxSpeech = 1000

func startSpeak(d *driver, a *action) (step, *fault) {
	say, f := readSpeech(a.params)
	if f != nil {
		return nil, f
	}
	say.Leg = a.leg.id
	return d.operate(a, say, speechFault)
}

// speechFault says why nothing was spoken, in the words of the Speak page of Amazon's guide where it has any.
func speechFault(err error) *fault {
	f := systemFault(err)
	switch {
	case errors.Is(err, call.ErrInvalid):
		f.kind, f.message = "InvalidActionParameter", "The speech engine does not accept the text, voice or language."
	case errors.Is(err, call.ErrDenied):
		f.kind, f.message = "AccessDenied", "The speech engine may not be used."
	case errors.Is(err, call.ErrThrottled):
		f.kind, f.message = throttledAction, "The speech engine has too many requests."
	}
	return f
}

// readSpeech reads what is to be said, and how.
func readSpeech(raw json.RawMessage) (call.Say, *fault) {
	return readSpeechLike(call.Say{Voice: "Joanna", Quality: "standard"}, raw)
}

// readSpeechLike reads what is to be said; how, where nothing is said of that, as say.
func readSpeechLike(say call.Say, raw json.RawMessage) (call.Say, *fault) {
	for key, value := range members(raw) {
		if isUnset(value) {
			continue
		}
		s, ok := text(value)
		switch key {
		case "Text":
			say.Text = s
		case "VoiceId":
			say.Voice = s
		case "LanguageCode":
			say.Language = s
		case "Engine":
			say.Quality = s
			ok = s == "standard" || s == "neural"
		case "TextType":
			say.SSML = s == "ssml"
			ok = s == "ssml" || s == "text"
		default:
			ok = true
		}
		if !ok {
			return say, invalid(key + " parameter value is invalid.")
		}
	}
	switch {
	case say.Text == "":
		return say, &fault{kind: "MissingRequiredActionParameter", message: "Text is a required parameter"}
	case utf8.RuneCountInString(say.Text) > maxSpeech:
		return say, &fault{kind: "MissingRequiredActionParameter", message: "Text is limited to 1,000 characters"}
	}
	return say, nil
}
