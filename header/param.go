package header

import "strings"

// Param is one parameter of a header value or URI: ";name" or ";name=value".
type Param struct {
	Name string `json:"name"`
	// Value is as written: a quoted string keeps its quotes. Empty for a parameter without a value. See [Param.Text].
	Value string `json:"value,omitempty"`
}

// Text gives the value without quotes and escapes.
func (p Param) Text() string {
	text, _ := Unquote(p.Value)
	return text
}

// Params are the parameters of one value, in order. Names compare without regard to case.
type Params []Param

// Get gives the unquoted value of a parameter, and whether it is there.
func (ps Params) Get(name string) (string, bool) {
	for i := range ps {
		if equalFold(ps[i].Name, name) {
			return ps[i].Text(), true
		}
	}
	return "", false
}

// With gives new parameters with this one set: in its place if the name is there, otherwise at the end. The value is
// written as given: [Quote] it if it is no token.
func (ps Params) With(name, value string) Params {
	out := append(make(Params, 0, len(ps)+1), ps...)
	for i := range out {
		if equalFold(out[i].Name, name) {
			out[i].Value = value
			return out
		}
	}
	return append(out, Param{Name: name, Value: value})
}

// Without gives new parameters without those of the name.
func (ps Params) Without(name string) Params {
	var out Params
	for _, p := range ps {
		if !equalFold(p.Name, name) {
			out = append(out, p)
		}
	}
	return out
}

// Append writes the parameters, each with its ";", to dst.
func (ps Params) Append(dst []byte) []byte {
	for _, p := range ps {
		dst = append(append(dst, ';'), p.Name...)
		if p.Value != "" {
			dst = append(append(dst, '='), p.Value...)
		}
	}
	return dst
}

// check tells what would let the written parameters read back as something else.
func (ps Params) check(what string) error {
	for i, p := range ps {
		if !IsToken(p.Name) {
			return bad(what, 0, "parameter name "+Quote(p.Name)+" is no token")
		}
		if ps[:i].has(p.Name) {
			return bad(what, 0, "parameter "+p.Name+" occurs twice")
		}
		if p.Value != "" && scanValue(p.Value, 0, false) != len(p.Value) {
			return bad(what, 0, "value of parameter "+p.Name+" must be quoted")
		}
	}
	return nil
}

func (ps Params) has(name string) bool {
	for i := range ps {
		if equalFold(ps[i].Name, name) {
			return true
		}
	}
	return false
}

// maxParams bounds what one value may cost: no header in use comes near it.
const maxParams = 64

// scanParams reads the parameters that begin at i, up to a comma or the end, and gives the index where it stopped. With
// strict a value is a token, quoted string or bracketed address; otherwise any text that no separator ends, which is
// what peers send. A name that occurs twice is an error (RFC 3261 section 7.3.1).
func scanParams(what, s string, i int, strict bool) (Params, int, error) {
	n := strings.Count(s[i:], ";")
	if n == 0 {
		return nil, skipBlank(s, i), nil
	}
	ps := make(Params, 0, min(n, 8))
	for {
		i = skipBlank(s, i)
		if i == len(s) || s[i] != ';' {
			return ps, i, nil
		}
		if len(ps) == maxParams {
			return nil, i, bad(what, i, "too many parameters")
		}
		from := skipBlank(s, i+1)
		i = scanToken(s, from)
		if i == from {
			return nil, i, bad(what, i, "no parameter name")
		}
		p := Param{Name: s[from:i]}
		if ps.has(p.Name) {
			return nil, from, bad(what, from, "parameter "+p.Name+" occurs twice")
		}
		if at := skipBlank(s, i); at < len(s) && s[at] == '=' {
			from = skipBlank(s, at+1)
			i = scanValue(s, from, strict)
			if i == from {
				return nil, i, bad(what, i, "no parameter value")
			}
			p.Value = s[from:i]
		}
		ps = append(ps, p)
	}
}

// scanValue gives the index after the parameter value that begins at i; i itself when there is none.
func scanValue(s string, i int, strict bool) int {
	if i < len(s) && s[i] == '"' {
		if end, ok := scanQuoted(s, i); ok {
			return end
		}
		return i
	}
	if strict {
		return scanStrictValue(s, i)
	}
	for i < len(s) {
		switch c := s[i]; {
		case c <= ' ' || c == 0x7F, c == '"', c == ',', c == ';', c == '<', c == '>':
			return i
		}
		i++
	}
	return i
}

func scanStrictValue(s string, i int) int {
	if i == len(s) || s[i] != '[' {
		return scanToken(s, i)
	}
	for j := i + 1; j < len(s); j++ {
		c := s[j]
		switch {
		case c == ']':
			return j + 1
		case c != ':' && c != '.' && !isHexDigit(c):
			return i
		}
	}
	return i
}

func isHexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
