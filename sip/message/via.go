package message

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// Via is the topmost Via value (RFC 3261 section 20.42, RFC 3581).
type Via struct {
	Transport string // as received: "UDP", "TCP", …
	Host      string // sent-by; an IPv6 reference keeps its brackets
	Port      int    // 0 where there is none
	Branch    string
	Received  string // without brackets
	RPort     int    // -1: absent; 0: present without a value
	Raw       string // the value, as received

	end int // in Raw, after sent-by
}

// cookie begins every branch made since RFC 3261.
const cookie = "z9hG4bK"

// Cookie tells whether the branch begins with the magic cookie z9hG4bK, so that it is unique (RFC 3261 section 8.1.1.7).
func (v Via) Cookie() bool { return strings.HasPrefix(v.Branch, cookie) }

var errVia = errors.New("malformed Via")

// ParseVia reads the first value of a Via row.
func ParseVia(row string) (Via, error) {
	c := cursor{s: row}
	v, ok := scanVia(&c)
	if !ok || !v.is20() {
		return v, errVia
	}
	return v, nil
}

// is20 tells whether the protocol is SIP/2.0: the only one that a SIP/2.0 message may have gone by.
func (v Via) is20() bool {
	c := cursor{s: v.Raw}
	name := c.run(isToken)
	c.blanks()
	c.take('/')
	c.blanks()
	return fold(name, "sip") && c.run(isToken) == "2.0"
}

// scanVia reads one value and stops at the comma or the end. Where it fails, Host is set if sent-by could be read, so
// that the sender can be told.
func scanVia(c *cursor) (v Via, ok bool) {
	c.blanks()
	from := c.i
	ok = v.scan(c)
	v.end -= from
	v.Raw = trim(c.s[from:c.i])
	return v, ok
}

func (v *Via) scan(c *cursor) bool {
	v.RPort = -1
	for range 2 {
		if c.run(isToken) == "" {
			return false
		}
		if c.blanks(); !c.take('/') {
			return false
		}
		c.blanks()
	}
	if v.Transport = c.run(isToken); v.Transport == "" {
		return false
	}
	gap := c.i
	if c.blanks(); c.i == gap || !v.sentBy(c) {
		return false
	}
	for {
		name, value, ok := c.param()
		if !ok {
			return false
		}
		if name == "" {
			return true
		}
		if !v.set(name, value) {
			return false
		}
	}
}

// sentBy reads the host and the port.
func (v *Via) sentBy(c *cursor) bool {
	host := c.i
	if c.peek() == '[' {
		if !ipv6(c) {
			return false
		}
	} else if c.run(isHost) == "" {
		return false
	}
	end := c.i
	v.end = end
	if c.blanks(); c.take(':') {
		c.blanks()
		port, ok := number(c.run(isDigit), 65535)
		if !ok || port == 0 {
			return false
		}
		v.Port, v.end = int(port), c.i
	}
	v.Host = c.s[host:end]
	return true
}

// set takes one parameter. A parameter that we use must not come twice.
func (v *Via) set(name, value string) bool {
	switch {
	case fold(name, "branch"):
		if v.Branch != "" || value == "" {
			return false
		}
		v.Branch = value
	case fold(name, "rport"):
		port, ok := number(value, 65535)
		if v.RPort >= 0 || !ok && value != "" {
			return false
		}
		v.RPort = int(port)
	case fold(name, "received"):
		if v.Received != "" {
			return false
		}
		// RFC 5118 section 4.5: with brackets or without.
		v.Received = strings.TrimSuffix(strings.TrimPrefix(value, "["), "]")
	}
	return true
}

// ipv6 passes over a bracketed IPv6 address. It takes RFC 5118's superfluous colon.
func ipv6(c *cursor) bool {
	c.i++
	for !c.done() && (is(c.peek(), isHex) || c.peek() == ':' || c.peek() == '.') {
		c.i++
	}
	return c.take(']')
}

// Received puts what the receiver of a request adds to its topmost Via (RFC 3261 section 18.2.1, RFC 3581 section 4):
// received, if sent-by is not the source's address or if rport was asked for, and rport's value.
func (m *Message) Received(from netip.AddrPort) {
	v := &m.Via
	at := m.index(kindVia)
	if at < 0 || v.RPort < 0 && v.sentFrom(from.Addr()) {
		return
	}
	row := m.Headers[at].Value
	var scratch [len(";received=;rport=65535") + 64]byte
	mark := append(scratch[:0], ";received="...)
	mark = from.Addr().WithZone("").AppendTo(mark)
	start, end := v.end+len(";received="), v.end+len(mark)
	if v.RPort >= 0 {
		mark = strconv.AppendUint(append(mark, ";rport="...), uint64(from.Port()), 10)
		v.RPort = int(from.Port())
	}
	var b strings.Builder
	b.Grow(len(row) + len(mark))
	b.WriteString(row[:v.end])
	b.Write(mark)
	// The rest follows, without the first value's own received and rport.
	for c := (cursor{s: row, i: v.end}); ; {
		from := c.i
		name, _, ok := c.param()
		if !ok || name == "" {
			b.WriteString(row[from:])
			break
		}
		if !fold(name, "received") && !fold(name, "rport") {
			b.WriteString(row[from:c.i])
		}
	}
	whole := b.String()
	m.Headers[at].Value = whole
	v.Received = whole[start:end]
}

// sentFrom tells whether sent-by names this address.
func (v *Via) sentFrom(addr netip.Addr) bool {
	host, err := netip.ParseAddr(strings.Trim(v.Host, "[]"))
	return err == nil && host == addr
}
