package message

import (
	"slices"
	"strings"

	"github.com/switchhook/switchhook/header"
)

// NewRequest begins a request without rows. The essentials follow as rows are added.
func NewRequest(method, uri string) *Message {
	return &Message{Method: method, URI: uri, Headers: make(header.List, 0, 16)}
}

// NewResponse begins the answer to a request: Via rows, From, To, Call-ID, CSeq as received (RFC 3261 section 8.2.6.2);
// for 101 to 299 the Record-Route rows, for 100 the Timestamp. It has no To-tag but the request's: see [Message.Tag]. An
// empty reason means the usual phrase of the status.
func NewResponse(req *Message, status int, reason string) *Message {
	if reason == "" {
		reason = Reason(status)
	}
	rows := 14 // with what a user agent adds to most
	if status == 100 {
		rows = 6
	}
	m := &Message{
		Status: status, Reason: reason, Headers: make(header.List, 0, rows),
		Via: req.Via, CSeq: req.CSeq, CallID: req.CallID, FromTag: req.FromTag, ToTag: req.ToTag,
	}
	for _, f := range req.Headers {
		switch kindOf(f.Name) {
		case kindVia, kindFrom, kindTo, kindCallID, kindCSeq:
		case kindOther:
			recorded := status > 100 && status < 300 && strings.EqualFold(f.Name, "Record-Route")
			if !recorded && (status != 100 || !strings.EqualFold(f.Name, "Timestamp")) {
				continue
			}
		default:
			continue
		}
		m.Headers = append(m.Headers, f)
	}
	return m
}

// index gives the first row of a kind, or -1.
func (m *Message) index(k kind) int {
	return slices.IndexFunc(m.Headers, func(f header.Field) bool { return kindOf(f.Name) == k })
}

// Tag adds a tag to the To row if it has none, and sets ToTag.
func (m *Message) Tag(tag string) {
	if m.ToTag != "" {
		return
	}
	if i := m.index(kindTo); i >= 0 {
		m.Headers[i].Value += ";tag=" + tag
		m.ToTag = tag
	}
}

// Add appends a row; Append validates it. The essentials follow.
func (m *Message) Add(name, value string) {
	m.Headers = append(m.Headers, header.Field{Name: name, Value: value})
	m.follow(name)
}

// Set replaces all rows of the name by one, at the place of the first, or appends it. The essentials follow.
func (m *Message) Set(name, value string) {
	at := slices.IndexFunc(m.Headers, func(f header.Field) bool { return header.SameName(f.Name, name) })
	if at < 0 {
		m.Add(name, value)
		return
	}
	m.Headers[at] = header.Field{Name: name, Value: value}
	rest := slices.DeleteFunc(m.Headers[at+1:], func(f header.Field) bool { return header.SameName(f.Name, name) })
	m.Headers = m.Headers[:at+1+len(rest)]
	m.follow(name)
}

// Prepend puts a row before all others. The essentials follow.
func (m *Message) Prepend(name, value string) {
	m.Headers = slices.Insert(m.Headers, 0, header.Field{Name: name, Value: value})
	m.follow(name)
}

// Del removes all rows of the name. The essentials follow.
func (m *Message) Del(name string) {
	m.Headers = slices.DeleteFunc(m.Headers, func(f header.Field) bool { return header.SameName(f.Name, name) })
	m.follow(name)
}

// follow sets the essential that a header name stands for from its first row.
func (m *Message) follow(name string) {
	k := kindOf(name)
	value := ""
	if k == kindOther {
		return
	}
	if i := m.index(k); i >= 0 {
		value = m.Headers[i].Value
	}
	c := cursor{s: value}
	switch k {
	case kindVia:
		m.Via, _ = scanVia(&c)
	case kindCSeq:
		m.CSeq, _ = ParseCSeq(value)
	case kindCallID:
		m.CallID = value
	case kindFrom:
		a, _ := scanAddress(&c)
		m.FromTag = a.tag
	case kindTo:
		a, _ := scanAddress(&c)
		m.ToTag = a.tag
	}
}
