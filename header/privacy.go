package header

import "strings"

// Privacy is what a caller asks to be kept from others: the tokens of the Privacy header, as written (RFC 3323 section
// 4.2, RFC 3325 section 9.3 for id, RFC 7044 section 10.1 for history).
type Privacy []string

// ParsePrivacy reads one row. Some peers part the tokens with "," where the grammar has ";": both are taken. The error
// is a *[ParseError].
func ParsePrivacy(value string) (Privacy, error) {
	if strings.Count(value, ";")+strings.Count(value, ",") >= maxParams {
		return nil, bad("Privacy", 0, "too many tokens")
	}
	var out Privacy
	at := 0
	for part := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ';' || r == ',' }) {
		token := trimBlank(part)
		if !IsToken(token) {
			return nil, bad("Privacy", at, "no token")
		}
		out = append(out, token)
		at += len(part) + 1
	}
	if len(out) == 0 {
		return nil, bad("Privacy", 0, "no token")
	}
	return out, nil
}

// FindPrivacy gives all tokens of all Privacy rows; rows that do not parse are passed over.
func FindPrivacy(l List) Privacy {
	var out Privacy
	for row := range l.Values("Privacy") {
		tokens, _ := ParsePrivacy(row)
		out = append(out, tokens...)
	}
	return out
}

// Has tells whether a token is among them; case does not count.
func (p Privacy) Has(token string) bool {
	for _, t := range p {
		if equalFold(t, token) {
			return true
		}
	}
	return false
}

// Without gives new tokens without this one.
func (p Privacy) Without(token string) Privacy {
	var out Privacy
	for _, t := range p {
		if !equalFold(t, token) {
			out = append(out, t)
		}
	}
	return out
}

// String writes the tokens with ";" between them.
func (p Privacy) String() string { return strings.Join(p, ";") }
