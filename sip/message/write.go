package message

// Append writes the message to dst. It is strict: what it writes reads back as exactly these rows. It refuses names
// that are no tokens, values with CR, LF, NUL and other control characters or with blanks around them, and what passes
// the size limits. Content-Length is always its own: it is written where Headers has a row of that name, else last.
func (m *Message) Append(dst []byte) ([]byte, error) { return dst, nil }

// NewRequest begins a request without rows. The essentials are set as rows are added.
func NewRequest(method, uri string) *Message { return &Message{Method: method, URI: uri} }

// NewResponse begins the answer to a request: Via rows, From, To, Call-ID, CSeq as received (RFC 3261 section 8.2.6.2);
// for 101 to 299 the Record-Route rows, for 100 the Timestamp. It has no To-tag but the request's: see [Message.Tag]. An
// empty reason means the usual phrase of the status.
func NewResponse(req *Message, status int, reason string) *Message {
	return &Message{Status: status, Reason: reason}
}

// Tag adds a tag to the To row if it has none, and sets ToTag.
func (m *Message) Tag(tag string) {}

// Add appends a row; Append validates it. The essentials follow.
func (m *Message) Add(name, value string) {}

// Set replaces all rows of the name by one, at the place of the first, or appends it. The essentials follow.
func (m *Message) Set(name, value string) {}

// Prepend puts a row before all others. The essentials follow.
func (m *Message) Prepend(name, value string) {}

// Del removes all rows of the name.
func (m *Message) Del(name string) {}

// Reason gives the usual reason phrase of a status code.
func Reason(status int) string { return "" }
