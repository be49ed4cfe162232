package header

import (
	"fmt"
	"strings"
)

// The token characters of RFC 3261 section 25.1 as two bit sets: codes 0 to 63 and 64 to 127.
const (
	tokenLow  uint64 = 1<<'!' | 1<<'%' | 1<<'\'' | 1<<'*' | 1<<'+' | 1<<'-' | 1<<'.' | 0x3FF<<'0'
	tokenHigh uint64 = 1<<('_'-64) | 1<<('`'-64) | 1<<('~'-64) | 0x3FFFFFF<<('A'-64) | 0x3FFFFFF<<('a'-64)
)

func isTokenByte(c byte) bool {
	if c < 64 {
		return tokenLow>>c&1 == 1
	}
	return c < 128 && tokenHigh>>(c-64)&1 == 1
}

// IsToken tells whether s is a token: one or more letters, digits and - . ! % * _ + ` ' ~ (RFC 3261 section 25.1).
func IsToken(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

// Quote gives s as a quoted-string: in double quotes, with ", \ and control characters escaped (RFC 3261 25.1,
// quoted-pair). It does not look for CR and LF, which no quoted-string may hold: see [Check].
func Quote(s string) string {
	return string(appendQuoted(make([]byte, 0, len(s)+2), s))
}

func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		if c := s[i]; c == '"' || c == '\\' || c < ' ' && c != '\t' || c == 0x7F {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

// Unquote gives the text of a quoted-string with its escapes undone, and whether s was one; otherwise it gives s.
func Unquote(s string) (string, bool) {
	if end, ok := scanQuoted(s, 0); !ok || end != len(s) {
		return s, false
	}
	inner := s[1 : len(s)-1]
	if strings.IndexByte(inner, '\\') < 0 {
		return inner, true
	}
	b := make([]byte, 0, len(inner))
	for i := 0; i < len(inner); i++ {
		if inner[i] == '\\' {
			i++
		}
		b = append(b, inner[i])
	}
	return string(b), true
}

// ParseError tells where a header value leaves its grammar. A value that does not parse is still relayed byte for byte:
// see [Policy].
type ParseError struct {
	What    string // what was being read, "Diversion" or "URI", say
	At      int    // index of the byte where reading stopped
	Problem string
}

// Error names what was read, the problem and its place.
func (e *ParseError) Error() string {
	return fmt.Sprintf("parse %s: %s at %d", e.What, e.Problem, e.At)
}

func bad(what string, at int, problem string) error {
	return &ParseError{What: what, At: at, Problem: problem}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func skipBlank(s string, i int) int {
	for i < len(s) && isBlank(s[i]) {
		i++
	}
	return i
}

func trimBlank(s string) string { return strings.Trim(s, " \t") }

// scanToken gives the index after the token that begins at i; i itself when there is none.
func scanToken(s string, i int) int {
	for i < len(s) && isTokenByte(s[i]) {
		i++
	}
	return i
}

// scanQuoted gives the index after the quoted-string that begins at i. A bare CR, LF or NUL never belongs to one.
func scanQuoted(s string, i int) (int, bool) {
	if i >= len(s) || s[i] != '"' {
		return i, false
	}
	for i++; i < len(s); i++ {
		switch s[i] {
		case '"':
			return i + 1, true
		case '\\':
			i++
			if i < len(s) && (s[i] == '\r' || s[i] == '\n') {
				return i, false
			}
		case '\r', '\n', 0:
			return i, false
		}
	}
	return i, false
}
