package local

import (
	"encoding/xml"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/speech"
)

// maxBreak is the longest pause, as with Amazon Polly.
const maxBreak = 10 * time.Second

// harmless lists the SSML elements we pass on to espeak-ng, with their attributes. Of others only the content is spoken.
var harmless = map[string][]string{
	"speak": nil, "p": nil, "s": nil,
	"break":    {"strength", "time"},
	"emphasis": {"level"},
	"prosody":  {"rate", "pitch", "volume", "range"},
	"say-as":   {"interpret-as", "format", "detail"},
	"sub":      {"alias"},
}

// silent lists the elements whose content is not for speaking.
var silent = []string{"desc", "metadata", "lexicon"}

var simpleValue = regexp.MustCompile(`^[A-Za-z0-9+%., -]{1,24}$`)

// markup writes SSML anew, with nothing in it that reaches files or other programs.
func markup(text string) (string, error) {
	var b strings.Builder
	err := walk(text, func(t xml.Token) {
		switch t := t.(type) {
		case xml.CharData:
			b.WriteString(escape(string(t)))
		case xml.EndElement:
			if _, ok := harmless[t.Name.Local]; ok {
				b.WriteString("</" + t.Name.Local + ">")
			}
		case xml.StartElement:
			attributes, ok := harmless[t.Name.Local]
			if !ok {
				return
			}
			b.WriteString("<" + t.Name.Local)
			for _, a := range t.Attr {
				if v := value(a); v != "" && slices.Contains(attributes, a.Name.Local) {
					b.WriteString(" " + a.Name.Local + `="` + v + `"`)
				}
			}
			b.WriteString(">")
		}
	})
	return b.String(), err
}

// value gives what is passed on of an attribute; nothing where it is not simple.
func value(a xml.Attr) string {
	switch {
	case a.Name.Local == "alias":
		return strings.ReplaceAll(escape(a.Value), `"`, " ")
	case !simpleValue.MatchString(a.Value):
		return ""
	case a.Name.Local == "time":
		d, err := time.ParseDuration(a.Value)
		if err != nil || d < 0 {
			return ""
		}
		return strconv.FormatInt(min(d, maxBreak).Milliseconds(), 10) + "ms"
	}
	return a.Value
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(clean(s))
}

// plain gives the words alone, for engines without SSML; a pause becomes a comma.
func plain(s call.Say) (string, error) {
	if !s.SSML {
		return clean(s.Text), nil
	}
	var b strings.Builder
	alias := 0
	err := walk(s.Text, func(t xml.Token) {
		switch t := t.(type) {
		case xml.CharData:
			if alias == 0 {
				b.WriteString(clean(string(t)))
			}
		case xml.StartElement:
			switch {
			case alias > 0:
				alias++
			case t.Name.Local == "break":
				b.WriteString(", ")
			case t.Name.Local == "sub":
				if at := slices.IndexFunc(t.Attr, func(a xml.Attr) bool { return a.Name.Local == "alias" }); at >= 0 {
					b.WriteString(clean(t.Attr[at].Value))
					alias++
				}
			}
		case xml.EndElement:
			switch {
			case alias > 0:
				alias--
			case t.Name.Local == "p" || t.Name.Local == "s":
				b.WriteString(". ")
			}
		}
	})
	return b.String(), err
}

// walk shows f the tokens of SSML that are for speaking.
func walk(text string, f func(xml.Token)) error {
	all, err := speech.ParseSSML(text)
	if err != nil {
		return err
	}
	hidden := 0
	for _, t := range all {
		switch e := t.(type) {
		case xml.StartElement:
			if hidden > 0 || slices.Contains(silent, e.Name.Local) {
				hidden++
				continue
			}
		case xml.EndElement:
			if hidden > 0 {
				hidden--
				continue
			}
		}
		if hidden == 0 {
			f(t)
		}
	}
	return nil
}

// clean takes out what engines read as commands: control characters, and espeak-ng's [[phonemes]].
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
	for strings.Contains(s, "[[") {
		s = strings.ReplaceAll(s, "[[", "[ [")
	}
	return s
}
