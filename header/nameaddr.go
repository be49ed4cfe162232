package header

import "strings"

// NameAddr is a name-addr or addr-spec with the header's parameters: the form of Diversion, History-Info,
// P-Asserted-Identity, Refer-To and more (RFC 3261 section 20.10).
type NameAddr struct {
	// Display is the display name, unquoted; empty when there is none.
	Display string `json:"display,omitempty"`
	// URI is the address as written, escapes and URI headers included. See [ParseURI].
	URI string `json:"uri"`
	// Params are the header's parameters, not the URI's.
	Params Params `json:"params,omitempty"`
	// Raw is the text this was parsed from, byte for byte; empty for a value that was made.
	Raw string `json:"raw,omitempty"`
}

// ParseNameAddr reads one value. It takes what peers send: no blank before "<", blanks around separators, a display
// name in quotes or not, and an address without "<>", whose ";" parameters then belong to the header (RFC 3261 section
// 20). The error is a *[ParseError].
func ParseNameAddr(value string) (NameAddr, error) {
	a, end, err := scanNameAddr("address", value, 0)
	if err == nil && end < len(value) {
		err = bad("address", end, "text after the value")
	}
	return a, err
}

// ParseNameAddrs reads the comma list of one row. The error is a *[ParseError].
func ParseNameAddrs(value string) ([]NameAddr, error) {
	var out []NameAddr
	err := eachNameAddr("address list", value, func(a NameAddr) { out = append(out, a) })
	if err != nil {
		return nil, err
	}
	return out, nil
}

// eachNameAddr reads a comma list.
func eachNameAddr(what, value string, found func(NameAddr)) error {
	for i := 0; ; {
		a, end, err := scanNameAddr(what, value, i)
		if err != nil {
			return err
		}
		found(a)
		if end == len(value) {
			return nil
		}
		i = end + 1
	}
}

// scanNameAddr reads the value that begins at i and gives the index of the comma or end after it.
func scanNameAddr(what, s string, i int) (NameAddr, int, error) {
	var a NameAddr
	i = skipBlank(s, i)
	start := i
	var err error
	if a.Display, i, err = scanDisplay(what, s, i); err != nil {
		return a, i, err
	}
	from, to := i, i
	bracketed := i < len(s) && s[i] == '<'
	if bracketed {
		from = i + 1
		n := strings.IndexByte(s[from:], '>')
		if n < 0 {
			return a, from, bad(what, from, "no > after <")
		}
		to, i = from+n, from+n+1
	} else {
		for to < len(s) && s[to] != ';' && s[to] != ',' {
			to++
		}
		i = to
	}
	a.URI = trimBlank(s[from:to])
	if at := addressFault(a.URI, bracketed); at >= 0 {
		return a, from, bad(what, from+at, "no URI")
	}
	if a.Params, i, err = scanParams(what, s, i, false); err != nil {
		return a, i, err
	}
	if i < len(s) && s[i] != ',' {
		return a, i, bad(what, i, "unexpected text")
	}
	a.Raw = trimBlank(s[start:i])
	return a, i, nil
}

// scanDisplay reads the display name before "<", if any, and gives the index of "<" or of the bare address.
func scanDisplay(what, s string, i int) (string, int, error) {
	if i < len(s) && s[i] == '"' {
		end, ok := scanQuoted(s, i)
		if !ok {
			return "", end, bad(what, i, "quoted string does not end")
		}
		text, _ := Unquote(s[i:end])
		if i = skipBlank(s, end); i == len(s) || s[i] != '<' {
			return "", i, bad(what, i, "no < after the display name")
		}
		return text, i, nil
	}
	for j := i; j < len(s); j++ {
		switch s[j] {
		case '<':
			return trimBlank(s[i:j]), j, nil
		case ';', ',':
			return "", i, nil
		case '"', '>', '\r', '\n', 0:
			return "", j, bad(what, j, "unexpected byte")
		}
	}
	return "", i, nil
}

// addressFault gives the index of what keeps s from standing as an address, or -1. A blank before "?" passes between
// angle brackets, for RFC 7544 prints one.
func addressFault(s string, bracketed bool) int {
	n := schemeEnd(s)
	if n < 0 {
		return 0
	}
	for i := n; i < len(s); i++ {
		switch c := s[i]; {
		case c == ' ' && bracketed && i+1 < len(s) && s[i+1] == '?':
		case c <= ' ', c == 0x7F, c == '<', c == '>', c == '"' && !bracketed:
			return i
		}
	}
	return -1
}

// schemeEnd gives the index after the colon of the scheme, or -1 (RFC 3986 section 3.1).
func schemeEnd(s string) int {
	for i := range len(s) {
		c := s[i]
		switch {
		case c == ':' && i > 0 && i+1 < len(s):
			return i + 1
		case 'a' <= lower(c) && lower(c) <= 'z':
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return -1
		}
	}
	return -1
}

// Check tells whether the value, when written, reads back as itself and nothing more: the display name and URI have no
// control character, the URI stays inside its brackets, each parameter is a parameter. Run it on values made from an
// application's input; [NameAddr.Append] does not check. The error is a *[ParseError] or a *[CheckError].
func (a NameAddr) Check() error {
	if a.Display != "" {
		if err := checkText("display-name", a.Display, 0); err != nil {
			return err
		}
	}
	if at := addressFault(a.URI, true); at >= 0 {
		return bad("URI "+Quote(a.URI), at, "not an address")
	}
	return a.Params.check("parameters")
}

// Append writes the value to dst, always with "<>" (RFC 8217) and with the display name quoted.
func (a NameAddr) Append(dst []byte) []byte {
	if a.Display != "" {
		dst = append(appendQuoted(dst, a.Display), ' ')
	}
	dst = append(append(append(dst, '<'), a.URI...), '>')
	return a.Params.Append(dst)
}

// String gives the value as [NameAddr.Append] writes it. It is equal in meaning to Raw, not always in bytes: relay Raw.
func (a NameAddr) String() string { return string(a.Append(nil)) }
