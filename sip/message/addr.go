package message

// address is a name-addr or addr-spec as the strict checks see it; package header has the full form.
type address struct {
	uri      string
	tag      string
	bracket  bool
	wildcard bool // Contact's "*"
}

// scanAddress reads one value of From, To or Contact and stops at the comma or the end (RFC 3261 sections 20.10, 25.1).
// It takes a display name without a blank before "<" and one with bytes beyond ASCII; it refuses unbalanced quotes,
// commas outside quotes, blanks inside the brackets, and an addr-spec with "?" (RFC 8217).
func scanAddress(c *cursor) (a address, ok bool) {
	c.blanks()
	if c.peek() == '*' {
		c.i++
		c.blanks()
		a.wildcard = c.done()
		return a, a.wildcard
	}
	if !a.scanURI(c) {
		return a, false
	}
	for {
		name, value, ok := c.param()
		if !ok || name == "" {
			return a, ok
		}
		if fold(name, "tag") {
			if a.tag != "" || !all(value, isToken) {
				return a, false
			}
			a.tag = value
		}
	}
}

// scanURI passes over the display name and reads the URI.
func (a *address) scanURI(c *cursor) bool {
	if c.peek() == '"' {
		if _, ok := c.quoted(); !ok {
			return false
		}
		c.blanks()
		if c.peek() != '<' {
			return false
		}
	} else if end := displayEnd(c.s, c.i); end >= 0 {
		c.i = end
	}
	if a.bracket = c.take('<'); a.bracket {
		from := c.i
		for !c.done() && c.peek() != '>' {
			c.i++
		}
		a.uri = c.s[from:c.i]
		return c.take('>') && checkScheme(a.uri) > 0 && clean(a.uri)
	}
	from := c.i
	for !c.done() && is(c.peek(), isOpaque) && c.peek() != '?' {
		c.i++
	}
	a.uri = c.s[from:c.i]
	return c.peek() != '?' && checkScheme(a.uri) > 0
}

// displayEnd gives the index of the "<" that ends an unquoted display name, or -1 if there is none.
func displayEnd(s string, i int) int {
	for ; i < len(s); i++ {
		switch s[i] {
		case '<':
			return i
		case ';', ',', '"', '>', ':':
			return -1
		}
	}
	return -1
}

// clean tells whether a URI in brackets has no blank, quote or bracket inside.
func clean(uri string) bool {
	for i := range len(uri) {
		if c := uri[i]; c <= ' ' || c == '<' || c == '"' || c == 0x7F {
			return false
		}
	}
	return true
}
