package chime

import (
	"encoding/json"
	"iter"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The functions below read JSON that json.Valid has passed. They keep what encoding/json would lose: the order of
// members, the bytes of each value, and the case of keys (encoding/json matches "actions" with "Actions").

// isObject and isArray tell what a value is; values carry no outer blanks.
func isObject(raw json.RawMessage) bool { return len(raw) > 0 && raw[0] == '{' }
func isArray(raw json.RawMessage) bool  { return len(raw) > 0 && raw[0] == '[' }

// isUnset tells whether a member counts as not given: missing, null, or "".
func isUnset(raw json.RawMessage) bool {
	return len(raw) == 0 || string(raw) == "null" || string(raw) == `""`
}

// members gives the members of an object in order, keys decoded, values as bytes of raw. Nothing when raw is no object.
func members(raw json.RawMessage) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		for k, v := range memberSpans(raw) {
			key, _ := text(k.of(raw))
			if !yield(key, v.of(raw)) {
				return
			}
		}
	}
}

// elements gives the elements of an array in order. Nothing when raw is no array.
func elements(raw json.RawMessage) iter.Seq[json.RawMessage] {
	return func(yield func(json.RawMessage) bool) {
		for v := range elementSpans(raw) {
			if !yield(v.of(raw)) {
				return
			}
		}
	}
}

// span is where a value stands in a text: from its first byte to behind its last.
type span struct{ from, to int }

func (s span) of(raw json.RawMessage) json.RawMessage { return raw[s.from:s.to:s.to] }

// memberSpans gives where the members of an object stand, in order: key and value. Nothing when raw is no object.
func memberSpans(raw json.RawMessage) iter.Seq2[span, span] {
	return func(yield func(key, value span) bool) {
		if !isObject(raw) {
			return
		}
		for i := skipSpace(raw, 1); raw[i] != '}'; {
			key := span{i, skipValue(raw, i)}
			i = skipSpace(raw, skipSpace(raw, key.to)+1) // over the colon
			value := span{i, skipValue(raw, i)}
			if !yield(key, value) {
				return
			}
			i = skipComma(raw, value.to)
		}
	}
}

// elementSpans gives where the elements of an array stand, in order. Nothing when raw is no array.
func elementSpans(raw json.RawMessage) iter.Seq[span] {
	return func(yield func(span) bool) {
		if !isArray(raw) {
			return
		}
		for i := skipSpace(raw, 1); raw[i] != ']'; {
			value := span{i, skipValue(raw, i)}
			if !yield(value) {
				return
			}
			i = skipComma(raw, value.to)
		}
	}
}

// count gives the number of members of an object.
func count(raw json.RawMessage) int {
	n := 0
	for range members(raw) {
		n++
	}
	return n
}

// text gives the text of a string; false when raw is none.
func text(raw json.RawMessage) (string, bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	inner := string(raw[1 : len(raw)-1])
	if strings.IndexByte(inner, '\\') < 0 {
		return inner, true
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

// whole gives a whole number, written as a number or as a string (as many handlers do: "1000"); false when raw is neither.
func whole(raw json.RawMessage) (int, bool) {
	s := string(raw)
	if t, ok := text(raw); ok {
		s = strings.TrimSpace(t)
	}
	if n, err := strconv.Atoi(s); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(s, 64) // 1000.0, as some languages write it
	if err != nil || f != math.Trunc(f) || math.Abs(f) > math.MaxInt32 {
		return 0, false
	}
	return int(f), true
}

// skipComma gives the index of what follows a value that ends before i: the next one, or what closes them.
func skipComma(raw []byte, i int) int {
	if i = skipSpace(raw, i); raw[i] == ',' {
		i = skipSpace(raw, i+1)
	}
	return i
}

func skipSpace(raw []byte, i int) int {
	for raw[i] == ' ' || raw[i] == '\n' || raw[i] == '\r' || raw[i] == '\t' {
		i++
	}
	return i
}

// skipValue gives the index after the value that begins at i.
func skipValue(raw []byte, i int) int {
	switch raw[i] {
	case '"':
		return skipString(raw, i)
	case '{', '[':
		for depth := 0; ; {
			switch raw[i] {
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			case '"':
				i = skipString(raw, i) - 1
			}
			if i++; depth == 0 {
				return i
			}
		}
	}
	for i < len(raw) && strings.IndexByte(" \n\r\t,:]}", raw[i]) < 0 {
		i++
	}
	return i
}

func skipString(raw []byte, i int) int {
	for i++; raw[i] != '"'; i++ {
		if raw[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// appendString adds s as a JSON string. Like the vendor, and unlike encoding/json, it leaves < > & as they are: a
// Diversion value stays readable. Bytes that are no UTF-8 become U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, size = utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		b = append(b, s[from:i]...)
		b = appendEscape(b, c)
		i += size
		from = i
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}

func appendEscape(b []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch {
	case c == '"' || c == '\\':
		return append(b, '\\', c)
	case c == '\n':
		return append(b, `\n`...)
	case c == '\r':
		return append(b, `\r`...)
	case c == '\t':
		return append(b, `\t`...)
	case c >= utf8.RuneSelf:
		return append(b, `\ufffd`...)
	}
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
