package speech

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/switchhook/switchhook/call"
)

// maxDepth bounds how deep SSML elements may stand in each other.
const maxDepth = 50

// ParseSSML reads SSML 1.1 (W3C) into its tokens: xml.StartElement, xml.EndElement and xml.CharData, within one speak
// element, with names as they were written ("amazon:effect"). It tells what is not well-formed with call.ErrInvalid;
// which elements an engine knows is the engine's affair.
func ParseSSML(text string) ([]xml.Token, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	var all []xml.Token
	var open []string
	for {
		t, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, badSSML("%w", err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			name := written(t.Name)
			if len(open) == 0 && (name != "speak" || len(all) > 0) {
				return nil, badSSML("it must be one <speak> element, and has <%.40s>", name)
			}
			if len(open) == maxDepth {
				return nil, badSSML("more than %d elements in each other", maxDepth)
			}
			open = append(open, name)
			t.Name = xml.Name{Local: name}
			for i := range t.Attr {
				t.Attr[i].Name = xml.Name{Local: written(t.Attr[i].Name)}
			}
			all = append(all, t)
		case xml.EndElement:
			name := written(t.Name)
			if len(open) == 0 || open[len(open)-1] != name {
				return nil, badSSML("</%.40s> closes nothing", name)
			}
			open = open[:len(open)-1]
			all = append(all, xml.EndElement{Name: xml.Name{Local: name}})
		case xml.CharData:
			if len(open) > 0 {
				all = append(all, t.Copy())
			} else if strings.TrimSpace(string(t)) != "" {
				return nil, badSSML("text outside of <speak>")
			}
		case xml.Directive:
			return nil, badSSML("<!%.20s> has no place in it", t)
		}
	}
	if len(open) > 0 || len(all) == 0 {
		return nil, badSSML("<speak> is not there or not closed")
	}
	return all, nil
}

func written(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}

func badSSML(format string, args ...any) error {
	return fmt.Errorf("%w: SSML: "+format, append([]any{call.ErrInvalid}, args...)...)
}
