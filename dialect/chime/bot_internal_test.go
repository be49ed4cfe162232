package chime

import (
	"encoding/json"
	"testing"
)

// What a bot or a handler sends becomes JSON that is no larger than its bound allows, or nothing.
func FuzzBot(f *testing.F) {
	for _, s := range []string{
		`{"sessionId":"a","sessionState":{"intent":{"name":"A","slots":{"x":{"value":{"originalValue":"1"},"values":[{"value":{}}]},"y":null}}},"interpretations":[{"nluConfidence":{"score":0.5}}]}`,
		`{"SessionState":{"SessionAttributes":{"k":"v"},"DialogAction":{"Type":"ElicitIntent"},"Intent":{"Name":"A","Slots":{}}},"WelcomeMessages":[{"Content":"c","ContentType":"SSML"}]}`,
		`{"sessionState":[],"interpretations":{}}`, `[]`, `null`, ` {"sessionId":"\ud800"} `, `{"":0}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, read := range map[string]func() ([]byte, bool){
			"result": func() ([]byte, bool) { return intentResult(b) },
			"config": func() ([]byte, bool) {
				if !json.Valid(b) { // it is a part of an answer that was read
					return nil, false
				}
				return botConfig(b)
			},
		} {
			out, ok := read()
			if ok && !json.Valid(out) {
				t.Errorf("%s of %q is no JSON: %q", name, b, out)
			}
			if len(out) > 16*len(b)+256 {
				t.Errorf("%s of %d bytes has %d", name, len(b), len(out))
			}
		}
	})
}
