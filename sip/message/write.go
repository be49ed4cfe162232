package message

import (
	"errors"
	"fmt"
	"strconv"
)

// ErrMessage is what [Message.Append] refuses to write: it would not read back as what was meant.
var ErrMessage = errors.New("message can't be written")

func unfit(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMessage}, args...)...)
}

// Append writes the message to dst. It is strict: what it writes reads back as exactly these rows, never folded. It
// refuses names that are no tokens, values with CR, LF, NUL and other control characters or with blanks around them,
// and what passes the limits. Content-Length is always its own: it is written where Headers has a row of that name,
// else last. The error wraps [ErrMessage]; dst is returned as it came.
func (m *Message) Append(dst []byte) ([]byte, error) {
	lim := limitsOf(!m.IsRequest())
	b, err := m.appendStart(dst)
	if err != nil {
		return dst, err
	}
	hasLength := false
	for i := range m.Headers {
		f := &m.Headers[i]
		if kindOf(f.Name) == kindContentLength {
			if hasLength {
				continue
			}
			hasLength = true
			b = m.appendLength(b)
			continue
		}
		if err := checkRow(f.Name, f.Value, lim.row); err != nil {
			return dst, err
		}
		b = append(b, f.Name...)
		b = append(b, ": "...)
		b = append(b, f.Value...)
		b = append(b, "\r\n"...)
	}
	rows := len(m.Headers)
	if !hasLength {
		rows++
		b = m.appendLength(b)
	}
	b = append(b, "\r\n"...)
	if rows > lim.rows || len(b)-len(dst) > lim.head || len(b)-len(dst)+len(m.Body) > MaxMessage {
		return dst, unfit("too long")
	}
	return append(b, m.Body...), nil
}

func (m *Message) appendStart(b []byte) ([]byte, error) {
	from := len(b)
	if m.IsRequest() {
		if !all(m.Method, isToken) {
			return b, unfit("method %q", m.Method)
		}
		if !checkURI(m.URI) {
			return b, unfit("Request-URI %q", m.URI)
		}
		b = append(b, m.Method...)
		b = append(b, ' ')
		b = append(b, m.URI...)
		b = append(b, " SIP/2.0\r\n"...)
	} else {
		if m.Status < 100 || m.Status > 699 {
			return b, unfit("status %d", m.Status)
		}
		if ctl(m.Reason) >= 0 {
			return b, unfit("reason %q", m.Reason)
		}
		b = append(b, "SIP/2.0 "...)
		b = strconv.AppendInt(b, int64(m.Status), 10)
		b = append(b, ' ')
		b = append(b, m.Reason...)
		b = append(b, "\r\n"...)
	}
	if len(b)-from > MaxRow {
		return b, unfit("start line too long")
	}
	return b, nil
}

func (m *Message) appendLength(b []byte) []byte {
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, int64(len(m.Body)), 10)
	return append(b, "\r\n"...)
}

// checkRow tells whether a row reads back as itself.
func checkRow(name, value string, most int) error {
	if !all(name, isToken) {
		return unfit("header name %q", name)
	}
	if len(name)+len(": ")+len(value) > most {
		return unfit("header %s too long", name)
	}
	if value == "" {
		return nil
	}
	if blank(value[0]) || blank(value[len(value)-1]) {
		return unfit("blank around the value of %s", name)
	}
	if at := ctl(value); at >= 0 && !escapes(name, value) {
		return unfit("control character at %d of %s", at, name)
	}
	return nil
}

func blank(c byte) bool { return c == ' ' || c == '\t' }
