package message

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/header"
)

// Get gives the value of the first row of the name, or "".
func (m *Message) Get(name string) string {
	v, _ := m.Headers.Get(name)
	return v
}

// MaxForwards gives the Max-Forwards value (0 to 255), or -1 if there is none.
func (m *Message) MaxForwards() int {
	if i := m.index(kindMaxForwards); i >= 0 {
		if n, ok := number(m.Headers[i].Value, 255); ok {
			return int(n)
		}
	}
	return -1
}

// MaxBreadth gives the Max-Breadth value (RFC 5393 section 5.3), at most 255, or -1 if there is none that can be read.
func (m *Message) MaxBreadth() int {
	n, err := strconv.ParseUint(m.Get("Max-Breadth"), 10, 32)
	if err != nil {
		return -1
	}
	return int(min(n, 255))
}

// Scheme gives the Request-URI's scheme in lower case: 416 is for what is not sip, sips or, where numbers are known, tel.
func (m *Message) Scheme() string {
	scheme, _, _ := strings.Cut(m.URI, ":")
	return strings.ToLower(scheme)
}

// Unsupported gives the option tags of Require that are not in supported, in order: a 420 lists them (RFC 3261 section
// 8.2.2.3). It is empty for CANCEL and ACK.
func (m *Message) Unsupported(supported ...string) []string {
	if m.Method == "CANCEL" || m.Method == "ACK" {
		return nil
	}
	known := func(tag string) bool {
		return slices.ContainsFunc(supported, func(s string) bool { return strings.EqualFold(s, tag) })
	}
	return slices.DeleteFunc(m.Tokens("Require"), known)
}

// Supports tells whether Supported or Require names the option tag.
func (m *Message) Supports(tag string) bool {
	for _, f := range m.Headers {
		if !header.SameName(f.Name, "Supported") && !strings.EqualFold(f.Name, "Require") {
			continue
		}
		for item := range strings.SplitSeq(f.Value, ",") {
			if strings.EqualFold(trim(item), tag) {
				return true
			}
		}
	}
	return false
}

// Tokens gives the items of a comma list over all rows of the name, as written: Allow, Supported, Require.
func (m *Message) Tokens(name string) []string {
	var out []string
	for row := range m.Headers.Values(name) {
		for item := range strings.SplitSeq(row, ",") {
			if item = trim(item); item != "" {
				out = append(out, item)
			}
		}
	}
	return out
}

// ContentType gives the media type in lower case without its parameters, or "".
func (m *Message) ContentType() string {
	t, _, _ := strings.Cut(m.Get("Content-Type"), ";")
	return mediaType(t)
}

// mediaType gives "type/subtype" without the blanks that SLASH allows.
func mediaType(s string) string {
	a, b, ok := strings.Cut(s, "/")
	if !ok {
		return ""
	}
	return strings.ToLower(trim(a) + "/" + trim(b))
}

// Accepts tells whether Accept allows the media type, given in lower case; without a row, application/sdp alone is
// allowed (RFC 3261 section 20.1), and an empty row allows nothing.
func (m *Message) Accepts(media string) bool {
	if !m.Headers.Has("Accept") {
		return media == "application/sdp"
	}
	major, _, _ := strings.Cut(media, "/")
	for _, item := range m.Tokens("Accept") {
		t, _, _ := strings.Cut(item, ";")
		if t = mediaType(t); t == media || t == "*/*" || t == major+"/*" {
			return true
		}
	}
	return false
}

// Contacts gives the Contact values; "*" is one with URI "*".
func (m *Message) Contacts() ([]header.NameAddr, error) {
	var out []header.NameAddr
	for row := range m.Headers.Values("Contact") {
		if row == "*" {
			out = append(out, header.NameAddr{URI: "*", Raw: row})
			continue
		}
		values, err := header.ParseNameAddrs(row)
		if err != nil {
			return nil, err
		}
		out = append(out, values...)
	}
	return out, nil
}

// Routes gives the values of Route or Record-Route (name says which), in order, each as written.
func (m *Message) Routes(name string) []string {
	var out []string
	for row := range m.Headers.Values(name) {
		for row != "" {
			var value string
			if value, row = cutValue(row); value != "" {
				out = append(out, value)
			}
		}
	}
	return out
}

// cutValue cuts the first value from a comma list; commas in quotes and angle brackets do not count.
func cutValue(row string) (value, rest string) {
	bracket := false
	for c := (cursor{s: row}); !c.done(); c.i++ {
		switch c.peek() {
		case '"':
			if !bracket {
				c.quoted()
				c.i--
			}
		case '<':
			bracket = true
		case '>':
			bracket = false
		case ',':
			if !bracket {
				return trim(row[:c.i]), row[c.i+1:]
			}
		}
	}
	return trim(row), ""
}

// ViaCount gives the number of Via values.
func (m *Message) ViaCount() int {
	n := 0
	for i := range m.Headers {
		if kindOf(m.Headers[i].Name) != kindVia {
			continue
		}
		for c := (cursor{s: m.Headers[i].Value}); ; c.take(',') {
			if _, ok := scanVia(&c); !ok {
				break
			}
			n++
			if c.blanks(); c.peek() != ',' {
				break
			}
		}
	}
	return n
}

// maxRetryAfter bounds what is believed of Retry-After.
const maxRetryAfter = time.Hour

// RetryAfter gives how long the sender asks to be left alone (RFC 3261 section 20.33), at most an hour; false where it
// does not ask.
func (m *Message) RetryAfter() (time.Duration, bool) {
	row := m.Get("Retry-After")
	digits := row[:len(row)-len(strings.TrimLeft(row, "0123456789"))]
	if digits == "" {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return maxRetryAfter, true // more than fits
	}
	return time.Duration(min(n, uint64(maxRetryAfter/time.Second))) * time.Second, true
}
