package header

import "strings"

// Caps on what one URI may carry: enough for any context, little enough for a hostile one.
const (
	maxEmbedded      = 64
	maxEmbeddedBytes = 8192
)

// Embedded gives the header rows that the URI carries after its "?" (RFC 3261 section 19.1.1), decoded exactly once and
// each checked as it would be as a row: a decoded CR, LF or other control character, a name that is no token, a broken
// escape, a body or a ";method=" other than INVITE fails all of it. "+" is a plus, never a blank. Which of the rows may
// be honoured is another question: see [Honoured]. Headers in a received Request-URI are never turned into rows.
func (u URI) Embedded() (List, error) {
	if m, ok := u.Params.Get("method"); ok && !equalFold(m, "INVITE") {
		return nil, bad("URI headers", 0, "method "+Quote(m)+" is refused")
	}
	if u.Headers == "" {
		return nil, nil
	}
	if len(u.Headers) > maxEmbeddedBytes || strings.Count(u.Headers, "&") >= maxEmbedded {
		return nil, bad("URI headers", 0, "too many")
	}
	var out List
	at := 0
	for one := range strings.SplitSeq(u.Headers, "&") {
		escapedName, escapedValue, ok := strings.Cut(one, "=")
		if !ok {
			return nil, bad("URI headers", at, "no = after the name")
		}
		name, nameOK := unescape(escapedName)
		value, valueOK := unescape(escapedValue)
		if !nameOK || !valueOK {
			return nil, bad("URI headers", at, "broken escape")
		}
		if equalFold(name, "body") {
			return nil, bad("URI headers", at, "a body is refused")
		}
		value = trimBlank(value)
		if value != "" {
			if err := Check(name, value); err != nil {
				return nil, err
			}
		} else if err := checkName(name); err != nil {
			return nil, err
		}
		out = append(out, Field{Name: name, Value: value})
		at += len(one) + 1
	}
	return out, nil
}

// Embed writes rows as the header component of a URI: "User-to-User=56A3%3Bencoding%3Dhex&X-Id=7". Every byte that the
// grammar does not allow there is escaped, and "+" too, which some read as a blank; so Embed after [URI.Embedded] gives the same rows, not always the same text.
// The error is that of [Check].
func Embed(rows List) (string, error) {
	var b strings.Builder
	for i, f := range rows {
		if err := Check(f.Name, f.Value); err != nil {
			return "", err
		}
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(escape(f.Name, "[]/?:+$"))
		b.WriteByte('=')
		b.WriteString(escape(f.Value, "[]/?:$"))
	}
	return b.String(), nil
}

// Honoured divides the rows of a URI into those that may become headers of the request it leads to (User-to-User,
// Diversion, Reason, Replaces and X-) and tells of each what became of it. All others are left out, as RFC 3261 section
// 19.1.5 advises: a peer that is asked to call a URI must not be told by it who is calling. The rows that stay still
// pass the trunk's policy.
func Honoured(rows List) (List, []Change) {
	var out List
	changes := make([]Change, 0, len(rows))
	for _, f := range rows {
		c := Change{Action: Dropped, Field: f, Reason: BecauseEmbedded, Detail: "a URI may not set this header"}
		if honoured(f.Name) {
			out = append(out, f)
			c.Action, c.Detail = Added, "from the URI's headers"
		}
		changes = append(changes, c)
	}
	return out, changes
}

func honoured(name string) bool {
	switch lowered(name) {
	case "user-to-user", "diversion", "reason", "replaces":
		return true
	}
	return hasPrefixFold(name, "x-") && !isReserved(lowered(name))
}
