package header

import (
	"strconv"
	"strings"
)

// URI is a sip, sips or tel URI in its parts; any other scheme keeps its text in Opaque. All parts are as written: no
// escape is decoded (RFC 3261 section 19.1.1, RFC 3966).
type URI struct {
	Scheme   string `json:"scheme"`
	User     string `json:"user,omitempty"` // for tel, the number
	Password string `json:"-"`              // kept for relay, never shown
	Host     string `json:"host,omitempty"` // a literal IPv6 address keeps its brackets
	Port     int    `json:"port,omitempty"` // 0 for none
	Params   Params `json:"params,omitempty"`
	Headers  string `json:"headers,omitempty"` // the text after "?"; see [URI.Embedded]
	Opaque   string `json:"opaque,omitempty"`  // what follows the scheme, where it is not sip, sips or tel
}

// uriParts are the places of a URI's parts in its text.
type uriParts struct {
	scheme           int // after the colon
	userEnd, host    int // userEnd is scheme-1 without user info; host is where the host begins
	hostEnd, portEnd int // the port, with its colon, is between them
	paramsEnd        int // the "?" of the headers is here, if there is one
}

// IsSIP tells whether the scheme is sip or sips.
func (u URI) IsSIP() bool { return isSIPScheme(u.Scheme) }

// IsTel tells whether the scheme is tel.
func (u URI) IsTel() bool { return equalFold(u.Scheme, "tel") }

func isSIPScheme(s string) bool { return equalFold(s, "sip") || equalFold(s, "sips") }

// Hop gives the host that a request for the URI is sent to: the one that maddr names, else its own (RFC 3261 section 19.1.1,
// RFC 3263 section 4). A maddr that is no host counts for nothing.
func (u URI) Hop() string {
	if m, ok := u.Params.Get("maddr"); ok && m != "" && scanHost(m, 0) == len(m) {
		return m
	}
	return u.Host
}

// ParseURI reads a URI. Hosts may hold underscores, and a blank before "?" is passed over, as peers write them. The
// error is a *[ParseError].
func ParseURI(s string) (URI, error) {
	n := schemeEnd(s)
	if n < 0 {
		return URI{}, bad("URI", 0, "no scheme")
	}
	u := URI{Scheme: s[:n-1]}
	switch {
	case u.IsSIP():
		return parseSIP(u, s)
	case u.IsTel():
		return parseTel(u, s)
	}
	if at := addressFault(s, false); at >= 0 {
		return URI{}, bad("URI", at, "unexpected byte")
	}
	u.Opaque = s[n:]
	return u, nil
}

func parseSIP(u URI, s string) (URI, error) {
	p, err := scanSIP(s)
	if err != nil {
		return URI{}, err
	}
	if p.userEnd >= p.scheme {
		u.User, u.Password, _ = strings.Cut(s[p.scheme:p.userEnd], ":")
	}
	u.Host = s[p.host:p.hostEnd]
	if p.portEnd > p.hostEnd {
		if u.Port, err = strconv.Atoi(s[p.hostEnd+1 : p.portEnd]); err != nil || u.Port < 1 || u.Port > 65535 {
			return URI{}, bad("URI", p.hostEnd+1, "port is not 1 to 65535")
		}
	}
	if u.Params, err = parseURIParams(s, p.portEnd, p.paramsEnd); err != nil {
		return URI{}, err
	}
	if i := skipBlank(s, p.paramsEnd); i < len(s) {
		u.Headers = s[i+1:]
	}
	return u, nil
}

// scanSIP finds the parts of a sip or sips URI.
func scanSIP(s string) (uriParts, error) {
	p := uriParts{scheme: schemeEnd(s)}
	p.userEnd, p.host = p.scheme-1, p.scheme
	// No part but the user may hold "?" or ";" and still be followed by "@" (RFC 3261 section 25.1).
	if at := strings.IndexByte(s[p.scheme:], '@'); at >= 0 {
		p.userEnd, p.host = p.scheme+at, p.scheme+at+1
		if i := userFault(s[p.scheme:p.userEnd]); i >= 0 {
			return p, bad("URI", p.scheme+i, "unfit user")
		}
	}
	p.hostEnd = scanHost(s, p.host)
	if p.hostEnd == p.host {
		return p, bad("URI", p.host, "no host")
	}
	p.portEnd = p.hostEnd
	if p.portEnd < len(s) && s[p.portEnd] == ':' {
		for p.portEnd++; p.portEnd < len(s) && isDigit(s[p.portEnd]); {
			p.portEnd++
		}
	}
	if n := strings.IndexByte(s[p.portEnd:], '?'); n >= 0 {
		p.paramsEnd = p.portEnd + len(strings.TrimRight(s[p.portEnd:p.portEnd+n], " "))
	} else {
		p.paramsEnd = len(s)
	}
	if p.portEnd < p.paramsEnd && s[p.portEnd] != ';' {
		return p, bad("URI", p.portEnd, "unexpected text after the host")
	}
	for i := p.paramsEnd; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == 0x7F || c == '<' || c == '>' || c == ' ' && i > skipBlank(s, p.paramsEnd) {
			return p, bad("URI", i, "unexpected byte in the headers")
		}
	}
	return p, nil
}

// userFault gives the index of what no user info holds, or -1. UTF-8 and the like must be escaped.
func userFault(s string) int {
	if s == "" || s[0] == ':' {
		return 0
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c <= ' ', c >= 0x7F, c == '<', c == '>', c == '"', c == '\\', c == '[', c == ']':
			return i
		case c == '%' && (i+2 >= len(s) || !isHexDigit(s[i+1]) || !isHexDigit(s[i+2])):
			return i
		}
	}
	return -1
}

// scanHost gives the index after a host name, an IPv4 address or a bracketed IPv6 address.
func scanHost(s string, i int) int {
	if i < len(s) && s[i] == '[' {
		return scanStrictValue(s, i)
	}
	for i < len(s) {
		c := s[i]
		if !isDigit(c) && (lower(c) < 'a' || lower(c) > 'z') && c != '-' && c != '.' && c != '_' {
			break
		}
		i++
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func parseTel(u URI, s string) (URI, error) {
	from := len(u.Scheme) + 1
	end := from
	for end < len(s) && s[end] != ';' && s[end] != '?' {
		c := s[end]
		if !isHexDigit(c) && strings.IndexByte("+-.()*#%", c) < 0 {
			return URI{}, bad("tel URI", end, "unexpected byte in the number")
		}
		end++
	}
	if end == from {
		return URI{}, bad("tel URI", end, "no number")
	}
	u.User = s[from:end]
	paramsEnd := len(s)
	if n := strings.IndexByte(s[end:], '?'); n >= 0 {
		paramsEnd, u.Headers = end+n, s[end+n+1:]
		if at := addressFault(s, false); at >= 0 {
			return URI{}, bad("tel URI", at, "unexpected byte")
		}
	}
	var err error
	u.Params, err = parseURIParams(s, end, paramsEnd)
	return u, err
}

// parseURIParams reads s[i:end], each parameter with its ";".
func parseURIParams(s string, i, end int) (Params, error) {
	if i == end {
		return nil, nil
	}
	n := strings.Count(s[i:end], ";")
	if n > maxParams {
		return nil, bad("URI", i, "too many parameters")
	}
	ps := make(Params, 0, n)
	for rest := s[i+1 : end]; ; {
		one, more, again := strings.Cut(rest, ";")
		name, value, _ := strings.Cut(one, "=")
		if at := uriParamFault(name); name == "" || at >= 0 {
			return nil, bad("URI", i+1, "unfit parameter name")
		}
		if at := uriParamFault(value); at >= 0 {
			return nil, bad("URI", i+1, "unfit value of parameter "+name)
		}
		ps = append(ps, Param{Name: name, Value: value})
		if !again {
			return ps, nil
		}
		i, rest = i+1+len(one), more
	}
}

func uriParamFault(s string) int {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7F || strings.IndexByte(`"<>;?`, c) >= 0 {
			return i
		}
	}
	return -1
}

// Append writes the URI to dst.
func (u URI) Append(dst []byte) []byte {
	dst = append(append(dst, u.Scheme...), ':')
	switch {
	case u.IsTel():
		dst = append(dst, u.User...)
	case !u.IsSIP():
		return append(dst, u.Opaque...)
	default:
		dst = u.appendAuthority(dst)
	}
	dst = u.Params.Append(dst)
	if u.Headers != "" {
		dst = append(append(dst, '?'), u.Headers...)
	}
	return dst
}

func (u URI) appendAuthority(dst []byte) []byte {
	if u.User != "" {
		dst = append(dst, u.User...)
		if u.Password != "" {
			dst = append(append(dst, ':'), u.Password...)
		}
		dst = append(dst, '@')
	}
	dst = append(dst, u.Host...)
	if u.Port != 0 {
		dst = strconv.AppendInt(append(dst, ':'), int64(u.Port), 10)
	}
	return dst
}

// String gives the URI as [URI.Append] writes it.
func (u URI) String() string { return string(u.Append(nil)) }

// Check tells whether the URI, when written, reads back as itself: run it on a URI made from an application's input.
// The error is a *[ParseError].
func (u URI) Check() error {
	s := u.String()
	back, err := ParseURI(s)
	if err != nil {
		return err
	}
	if back.String() != s || back.Scheme != u.Scheme || back.User != u.User || back.Password != u.Password ||
		back.Host != u.Host || back.Port != u.Port || back.Headers != u.Headers || len(back.Params) != len(u.Params) {
		return bad("URI "+Quote(s), 0, "parts do not read back as they were")
	}
	for i, p := range u.Params {
		if back.Params[i] != p {
			return bad("URI "+Quote(s), 0, "parameter "+p.Name+" does not read back as it was")
		}
	}
	return nil
}

// UserText gives the user with its escapes decoded once, and whether they could be.
func (u URI) UserText() (string, bool) { return unescape(u.User) }

// EscapeUser gives text as it stands in the user part of a URI: what the user grammar does not allow is escaped
// (RFC 3261 section 25.1).
func EscapeUser(text string) string { return escape(text, "&=+$,;?/") }

// unescape decodes %HH once.
func unescape(s string) (string, bool) {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s, true
	}
	b := append(make([]byte, 0, len(s)), s[:i]...)
	for ; i < len(s); i++ {
		if s[i] != '%' {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) || !isHexDigit(s[i+1]) || !isHexDigit(s[i+2]) {
			return "", false
		}
		b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
		i += 2
	}
	return string(b), true
}

func unhex(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return lower(c) - 'a' + 10
}

// escape writes every byte as %HH that is neither unreserved (RFC 3261 section 25.1) nor in also.
func escape(s, also string) string {
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, len(s)+16)
	for i := range len(s) {
		c := s[i]
		if isDigit(c) || 'a' <= lower(c) && lower(c) <= 'z' || strings.IndexByte("-_.!~*'()", c) >= 0 ||
			strings.IndexByte(also, c) >= 0 {
			b = append(b, c)
			continue
		}
		b = append(b, '%', digits[c>>4], digits[c&15])
	}
	return string(b)
}
