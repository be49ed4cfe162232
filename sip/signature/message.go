package signature

import (
	"strings"

	"github.com/switchhook/switchhook/header"
)

// Header is the name of the row that bears the signature. It is a name of this program's own: no policy lets it through
// in either direction, so that no application sets it and no peer's passes as ours.
const Header = "X-Switchhook-Signature"

// Message is what a signature is over.
type Message struct {
	CallID   string
	From, To string      // the rows' values, parameters among them, as on the wire
	Rows     header.List // of the whole message, in order: those that tell of the call are signed, see [header.OfCall]
}

// first is the canonical form's first line: its name and version.
const first = "switchhook-context-1\n"

// Canonical gives the signed bytes: the first line, then Call-ID, From, To and each row that tells of the call in the
// message's order, each as name in lower case and long form, ":", value, and LF. No value can hold an LF.
func (m Message) Canonical() []byte {
	n := len(first) + len("call-id:\nfrom:\nto:\n") + len(m.CallID) + len(m.From) + len(m.To)
	for _, f := range m.Rows {
		n += len(f.Name) + len(f.Value) + 16
	}
	out := append(make([]byte, 0, n), first...)
	line := func(name, value string) {
		out = append(append(append(append(out, strings.ToLower(header.Long(name))...), ':'), value...), '\n')
	}
	line("call-id", m.CallID)
	line("from", m.From)
	line("to", m.To)
	for _, f := range m.Rows {
		if header.OfCall(f.Name) {
			line(f.Name, f.Value)
		}
	}
	return out
}
