package local

import "github.com/switchhook/switchhook/call"

// Markup and Plain are what espeak-ng and the other engines are given of SSML.
func Markup(text string) (string, error) { return markup(text) }

// Plain gives the words alone.
func Plain(text string) (string, error) { return plain(call.Say{Text: text, SSML: true}) }
