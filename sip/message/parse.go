package message

import (
	"bytes"
	"strings"

	"github.com/switchhook/switchhook/header"
)

// Parser holds what Parse may tolerate.
type Parser struct {
	// LenientLF accepts lines that end with LF alone (datagrams only; what is written has CRLF).
	LenientLF bool
}

// Parse reads one datagram, or one message that has its end where Content-Length says. data is copied. The error is a
// *[Fault].
func Parse(data []byte) (*Message, error) { return Parser{}.Parse(data) }

// Parse is [Parse] with the parser's tolerance.
func (p Parser) Parse(data []byte) (*Message, error) {
	r := reading{lenientLF: p.LenientLF}
	if len(data) > MaxMessage {
		r.fail(513, "Message Too Large")
		data = data[:MaxMessage]
	}
	for len(data) >= 2 && data[0] == '\r' && data[1] == '\n' {
		data = data[2:]
	}
	at := r.head(data)
	m, fault := r.datagram(data[at:])
	if fault != nil {
		return nil, fault
	}
	return m, nil
}

// Fault is the verdict on a message that can't be accepted.
type Fault struct {
	// Status to answer with; 0: drop it silently.
	Status int
	Reason string
	// Request is what could be read of it, enough for an answer by [NewResponse]; nil: it can't be answered.
	Request *Message
}

// Error says what is wrong.
func (f *Fault) Error() string { return f.Reason }

// reading is the state of reading one message.
type reading struct {
	m         *Message
	text      string // start line and headers
	lenientLF bool
	limits    limits
	// first verdict; the first one counts
	status int
	reason string

	rows   [kinds]int16 // number of rows of each kind
	values [kinds]string
	length int64 // Content-Length; -1: none; -2: unreadable
	vias   int
}

// fail notes a verdict.
func (r *reading) fail(status int, reason string) {
	if r.status == 0 {
		r.status, r.reason = status, reason
	}
}

// head reads the start line and all rows, runs the strict checks, and gives the index after the blank line.
func (r *reading) head(data []byte) int {
	end := bytes.Index(data, []byte("\r\n\r\n"))
	switch {
	case end < 0:
		end = len(data)
	default:
		end += len("\r\n\r\n")
	}
	r.limits = limitsOf(len(data) >= 4 && fold(string(data[:4]), "sip/"))
	if end > r.limits.head {
		r.fail(513, "Message Header Too Large")
		end = r.limits.head
	}
	r.length = -1
	r.text = string(data[:end])
	r.m = &Message{Headers: make(header.List, 0, min(strings.Count(r.text, "\n"), MaxRows))}
	line, at := r.line(0)
	if !r.startLine(line) {
		r.m = nil
		return len(data)
	}
	for at < len(r.text) {
		if line, at = r.line(at); line == "" {
			break
		}
		if at < len(r.text) && (r.text[at] == ' ' || r.text[at] == '\t') {
			line, at = r.unfold(line, at)
		}
		r.row(line)
	}
	r.check()
	return at
}

// line gives the line that begins at an index, without its end, and the index of the next one.
func (r *reading) line(at int) (string, int) {
	n := strings.IndexByte(r.text[at:], '\n')
	if n < 0 {
		return r.text[at:], len(r.text)
	}
	end := at + n
	next := end + 1
	if end > at && r.text[end-1] == '\r' {
		end--
	} else if !r.lenientLF {
		r.fail(400, "Line Ends Without CR")
	}
	if end-at > r.limits.row {
		r.fail(513, "Line Too Long")
	}
	return r.text[at:end], next
}

// unfold joins a row with its continuation lines, each fold one space (RFC 3261 section 7.3.1).
func (r *reading) unfold(line string, at int) (string, int) {
	whole := append(make([]byte, 0, 2*len(line)+64), line...)
	for at < len(r.text) && (r.text[at] == ' ' || r.text[at] == '\t') {
		var more string
		more, at = r.line(at)
		if len(whole)+len(more) > r.limits.row {
			r.fail(513, "Header Too Long")
			continue
		}
		for len(whole) > 0 && (whole[len(whole)-1] == ' ' || whole[len(whole)-1] == '\t') {
			whole = whole[:len(whole)-1]
		}
		whole = append(append(whole, ' '), trim(more)...)
	}
	return string(whole), at
}

// row reads one header row. HCOLON takes SP and HTAB before the colon, and nothing else (RFC 3261 section 25.1).
func (r *reading) row(line string) {
	c := cursor{s: line}
	name := c.run(isToken)
	c.blanks()
	if name == "" || !c.take(':') {
		r.fail(400, "Malformed Header")
		return
	}
	value := trim(line[c.i:])
	if ctl(value) >= 0 && !escapes(name, value) {
		r.fail(400, "Control Character in Header")
		return
	}
	if len(r.m.Headers) >= r.limits.rows {
		r.fail(513, "Too Many Headers")
		return
	}
	r.m.Headers = append(r.m.Headers, header.Field{Name: name, Value: value})
	k := kindOf(name)
	if k == kindOther {
		return
	}
	r.rows[k]++
	if r.rows[k] == 1 {
		r.values[k] = value
	}
	if k == kindVia {
		r.via(value)
	}
}

// startLine reads a request line or a status line. False: this is no SIP message.
func (r *reading) startLine(line string) bool {
	if len(line) >= 4 && fold(line[:4], "sip/") {
		return r.statusLine(line)
	}
	sp := strings.IndexByte(line, ' ')
	if sp < 0 || !all(line[:sp], isToken) {
		return false
	}
	r.m.Method = line[:sp]
	rest := line[sp+1:]
	if t := strings.TrimRight(rest, " \t"); t != rest {
		r.fail(400, "Malformed Request Line")
		rest = t
	}
	sp = strings.LastIndexByte(rest, ' ')
	version := rest[sp+1:]
	if len(version) < 4 || !fold(version[:4], "sip/") {
		return false
	}
	r.version(version)
	r.m.URI = rest[:max(sp, 0)]
	if !checkURI(r.m.URI) {
		r.fail(400, "Malformed Request-URI")
	}
	return true
}

// version checks "SIP/2.0".
func (r *reading) version(v string) {
	if len(v) == 7 && v[4:] == "2.0" {
		return
	}
	c := cursor{s: v, i: 4}
	if c.run(isDigit) == "" || !c.take('.') || c.run(isDigit) == "" || !c.done() {
		r.fail(400, "Malformed Version")
	}
	r.fail(505, "Version Not Supported")
}

func (r *reading) statusLine(line string) bool {
	sp := strings.IndexByte(line, ' ')
	if sp < 0 || len(line) < sp+4 || len(line) > sp+4 && line[sp+4] != ' ' {
		return false
	}
	r.version(line[:sp])
	status, ok := number(line[sp+1:sp+4], 699)
	if !ok || status < 100 {
		return false
	}
	r.m.Status = int(status)
	if len(line) > sp+4 {
		r.m.Reason = line[sp+5:]
	}
	if ctl(r.m.Reason) >= 0 {
		r.fail(400, "Control Character in Reason")
	}
	return true
}

// via reads all values of a Via row; the first of all is the message's.
func (r *reading) via(value string) {
	for c := (cursor{s: value}); ; {
		v, ok := scanVia(&c)
		if r.vias == 0 {
			r.m.Via = v
		}
		if r.vias++; r.vias > MaxVias {
			r.fail(513, "Too Many Via")
			return
		}
		if !ok {
			r.fail(400, "Malformed Via")
			return
		}
		if c.blanks(); !c.take(',') {
			return
		}
	}
}

// datagram sets the body from what follows the head (RFC 3261 section 18.3) and gives the outcome.
func (r *reading) datagram(rest []byte) (*Message, *Fault) {
	switch {
	case r.m == nil || r.length == -2:
	case r.length == -1:
		r.body(rest)
	case r.length > int64(len(rest)):
		r.fail(400, "Body Shorter Than Content-Length")
	default:
		r.body(rest[:r.length])
	}
	return r.verdict()
}

func (r *reading) body(b []byte) {
	if len(b) > 0 {
		r.m.Body = bytes.Clone(b)
	}
}

// verdict gives the message or its fault.
func (r *reading) verdict() (*Message, *Fault) {
	switch {
	case r.m == nil:
		return nil, &Fault{Reason: "not a SIP message"}
	case r.status == 0:
		return r.m, nil
	case !r.m.IsRequest(), r.m.Method == "ACK", r.m.Via.Host == "":
		return nil, &Fault{Reason: r.reason} // responses and ACK are never answered
	}
	return nil, &Fault{Status: r.status, Reason: r.reason, Request: r.m}
}
