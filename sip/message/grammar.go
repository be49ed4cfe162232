package message

// Character classes of RFC 3261 section 25.1.
const (
	isToken  = 1 << iota // a token's characters
	isCtl                // control characters but HTAB: they stand in no value
	isDigit              // 0 to 9
	isHost               // a host name's, with the underscore that peers use
	isURI                // what a URI may hold: reserved, unreserved, "%", and "[" "]" of IPv6 references
	isHex                // 0-9 a-f A-F
	isOpaque             // what a parameter's value without quotes may hold when peers are lenient: all but separators
	isScheme             // a URI scheme's, after its first letter
)

var class = func() (t [256]uint16) {
	set := func(chars string, bits uint16) {
		for i := range len(chars) {
			t[chars[i]] |= bits
		}
	}
	for c := range 256 {
		if c < ' ' && c != '\t' || c == 0x7F {
			t[c] |= isCtl
		}
		if c > ' ' && c != 0x7F {
			t[c] |= isOpaque
		}
	}
	const letters, digits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
	set(letters+digits, isToken|isHost|isURI|isScheme)
	set(digits, isDigit|isHex)
	set("abcdefABCDEF", isHex)
	set("-.!%*_+`'~", isToken)
	set("-._", isHost)
	set("-_.!~*'();/?:@&=+$,%[]#", isURI)
	set("+-.", isScheme)
	for _, c := range `;,"<>` {
		t[c] &^= isOpaque
	}
	return t
}()

func is(c byte, bits uint16) bool { return class[c]&bits != 0 }

// all tells whether s is not empty and all of its bytes are of the class.
func all(s string, bits uint16) bool {
	for i := range len(s) {
		if class[s[i]]&bits == 0 {
			return false
		}
	}
	return s != ""
}

// ctl gives the index of the first control character, or -1. It looks at eight bytes at a time: most of what is read and
// written passes here.
func ctl(s string) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := s[i : i+8]
		x := uint64(w[0]) | uint64(w[1])<<8 | uint64(w[2])<<16 | uint64(w[3])<<24 |
			uint64(w[4])<<32 | uint64(w[5])<<40 | uint64(w[6])<<48 | uint64(w[7])<<56
		del := x ^ ones*0x7F
		if ((x-ones*' ')&^x|(del-ones)&^del)&tops != 0 { // a byte below blank, or DEL; a HTAB too
			if j := slowCtl(w); j >= 0 {
				return i + j
			}
		}
	}
	if j := slowCtl(s[i:]); j >= 0 {
		return i + j
	}
	return -1
}

func slowCtl(s string) int {
	for i := range len(s) {
		if class[s[i]]&isCtl != 0 {
			return i
		}
	}
	return -1
}

// cursor walks over one header value.
type cursor struct {
	s string
	i int
}

func (c *cursor) done() bool { return c.i >= len(c.s) }

// peek gives the next byte; 0 at the end.
func (c *cursor) peek() byte {
	if c.i < len(c.s) {
		return c.s[c.i]
	}
	return 0
}

// take passes over b, if it is next.
func (c *cursor) take(b byte) bool {
	if c.i < len(c.s) && c.s[c.i] == b {
		c.i++
		return true
	}
	return false
}

func (c *cursor) blanks() {
	for c.i < len(c.s) && (c.s[c.i] == ' ' || c.s[c.i] == '\t') {
		c.i++
	}
}

// run passes over bytes of the class.
func (c *cursor) run(bits uint16) string {
	from := c.i
	for c.i < len(c.s) && class[c.s[c.i]]&bits != 0 {
		c.i++
	}
	return c.s[from:c.i]
}

// quoted passes over a quoted string and gives it with its quotes.
func (c *cursor) quoted() (string, bool) {
	from := c.i
	for c.i++; c.i < len(c.s); c.i++ {
		switch c.s[c.i] {
		case '\\':
			c.i++
		case '"':
			c.i++
			return c.s[from:c.i], true
		}
	}
	c.i = len(c.s)
	return "", false
}

// param reads ";name[=value]" with the blanks that may stand between, or nothing at the end of the value or at a comma:
// name is empty then. A value keeps its quotes.
func (c *cursor) param() (name, value string, ok bool) {
	c.blanks()
	if c.done() || c.peek() == ',' {
		return "", "", true
	}
	if !c.take(';') {
		return "", "", false
	}
	c.blanks()
	if name = c.run(isToken); name == "" {
		return "", "", false
	}
	save := c.i
	if c.blanks(); !c.take('=') {
		c.i = save
		return name, "", true
	}
	c.blanks()
	if c.peek() == '"' {
		value, ok = c.quoted()
		return name, value, ok
	}
	value = c.run(isOpaque)
	return name, value, value != ""
}

// fold tells whether s is the lower-case word, case not counting.
func fold(s, word string) bool {
	if len(s) != len(word) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

// number reads 1 to 10 digits (leading zeros not counted) up to limit.
func number(s string, limit uint64) (uint64, bool) {
	if s == "" {
		return 0, false
	}
	var n uint64
	for i := range len(s) {
		d := s[i] - '0'
		if d > 9 {
			return 0, false
		}
		if n = n*10 + uint64(d); n > limit {
			return 0, false
		}
	}
	return n, true
}

func trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// escapes tells whether the control characters of a row's value may stand: as quoted pairs (RFC 3261 section 25.1) of
// From and To alone, which must go back as they came (RFC 3261 section 8.2.6.2).
func escapes(name, value string) bool {
	k := kindOf(name)
	return (k == kindFrom || k == kindTo) && quotedPairs(value)
}

// quotedPairs tells whether all control characters of a value stand escaped in quoted strings, where RFC 3261 section
// 25.1 allows them.
func quotedPairs(value string) bool {
	inQuotes := false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			inQuotes = !inQuotes
		case inQuotes && c == '\\' && i+1 < len(value) && value[i+1] != '\r' && value[i+1] != '\n':
			i++
		case is(c, isCtl):
			return false
		}
	}
	return true
}
