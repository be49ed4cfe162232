package message

import "strings"

// checkScheme gives the index after the scheme's colon, or 0 if uri does not begin with a scheme and go on.
func checkScheme(uri string) int {
	for i := range len(uri) {
		switch c := uri[i]; {
		case c == ':' && i > 0 && i+1 < len(uri):
			return i + 1
		case !is(c, isScheme), i == 0 && (c|0x20 < 'a' || c|0x20 > 'z'):
			return 0
		}
	}
	return 0
}

// checkURI tells whether the text may be a Request-URI (RFC 3261 sections 19.1.1, 25.1): a scheme and, for sip and
// sips, a user if there is an "@", a host, a port that is one, parameters; no headers, which a Request-URI never has.
func checkURI(uri string) bool {
	n := checkScheme(uri)
	if n == 0 {
		return false
	}
	if scheme := uri[:n-1]; !fold(scheme, "sip") && !fold(scheme, "sips") {
		return all(uri, isURI)
	}
	rest := uri[n:]
	if at := strings.IndexByte(rest, '@'); at >= 0 {
		if !checkUser(rest[:at]) {
			return false
		}
		rest = rest[at+1:]
	}
	c := cursor{s: rest}
	if c.peek() == '[' {
		if !ipv6(&c) {
			return false
		}
	} else if c.run(isHost) == "" {
		return false
	}
	if c.take(':') {
		if port, ok := number(c.run(isDigit), 65535); !ok || port == 0 {
			return false
		}
	}
	if c.done() {
		return true
	}
	if c.peek() != ';' {
		return false
	}
	params := c.s[c.i:]
	return all(params, isURI) && strings.IndexByte(params, '?') < 0
}

// checkUser tells whether user info is not empty and has its escapes whole.
func checkUser(s string) bool {
	if s == "" || s[0] == ':' {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !is(c, isURI) || c == '[' || c == ']' {
			return false
		}
		if c == '%' && (i+2 >= len(s) || !is(s[i+1], isHex) || !is(s[i+2], isHex)) {
			return false
		}
	}
	return true
}
