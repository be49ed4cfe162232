package sip

import (
	"bytes"
	"mime"
	"strings"

	"github.com/switchhook/switchhook/sip/message"
)

const (
	sdpType  = "application/sdp"
	maxParts = 16
)

// session finds the session description in a message: its body, or the part of a multipart body (RFC 5621). nil: there
// is none. ok is false when the body must be understood and can't be: 415.
func session(m *message.Message) (sdp []byte, ok bool) {
	if len(m.Body) == 0 {
		return nil, true
	}
	if e := m.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, optional(m.Get("Content-Disposition"))
	}
	switch kind := m.ContentType(); {
	case kind == sdpType:
		return m.Body, true
	case strings.HasPrefix(kind, "multipart/"):
		return multipart(m.Get("Content-Type"), m.Body)
	}
	return nil, optional(m.Get("Content-Disposition"))
}

// optional tells whether a Content-Disposition lets us pass over what we don't understand.
func optional(disposition string) bool {
	return strings.EqualFold(handling(disposition), "optional")
}

func handling(disposition string) string {
	_, params, err := mime.ParseMediaType(disposition)
	if err != nil {
		return ""
	}
	return params["handling"]
}

// multipart finds the session description among the parts. Other parts are passed over unless they say that they must
// be handled: what peers put beside SDP (ISUP, location, a rendering of the call) seldom says anything, and the call
// can go on without it.
func multipart(contentType string, body []byte) ([]byte, bool) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || params["boundary"] == "" {
		return nil, false
	}
	var sdp []byte
	mark := []byte("--" + params["boundary"])
	at := nextMark(body, mark, 0)
	for range maxParts {
		if at < 0 {
			return sdp, true
		}
		start := at + len(mark)
		if bytes.HasPrefix(body[start:], []byte("--")) {
			return sdp, true
		}
		at = nextMark(body, mark, start)
		if at < 0 {
			return sdp, sdp != nil // the closing delimiter is missing
		}
		part := bytes.TrimSuffix(bytes.TrimSuffix(body[start:at], []byte("\n")), []byte("\r"))
		rows, content := cutPart(part)
		switch kind, _, _ := mime.ParseMediaType(rows["content-type"]); {
		case kind == sdpType && sdp == nil:
			sdp = content
		case kind != sdpType && strings.EqualFold(handling(rows["content-disposition"]), "required"):
			return nil, false
		}
	}
	return sdp, sdp != nil
}

// nextMark gives the index of the next boundary delimiter, which begins a line.
func nextMark(body, mark []byte, from int) int {
	for from <= len(body) {
		i := bytes.Index(body[from:], mark)
		if i < 0 {
			return -1
		}
		if i += from; i == 0 || body[i-1] == '\n' {
			return i
		}
		from = i + 1
	}
	return -1
}

// cutPart divides a part, which begins after its delimiter, into its header rows (names in lower case) and content.
func cutPart(part []byte) (map[string]string, []byte) {
	_, part, _ = bytes.Cut(part, []byte("\n")) // the rest of the delimiter's line
	rows := map[string]string{}
	for len(part) > 0 {
		line, rest, found := bytes.Cut(part, []byte("\n"))
		part = rest
		text := strings.TrimRight(string(line), "\r")
		if text == "" || !found {
			return rows, part
		}
		if name, value, ok := strings.Cut(text, ":"); ok {
			rows[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
		}
	}
	return rows, nil
}
