package message

import "github.com/switchhook/switchhook/header"

// Get gives the value of the first row of the name, or "".
func (m *Message) Get(name string) string { return "" }

// MaxForwards gives the Max-Forwards value (0 to 255), or -1 if there is none.
func (m *Message) MaxForwards() int { return -1 }

// Scheme gives the Request-URI's scheme in lower case: 416 is for what is not sip, sips or, where numbers are known, tel.
func (m *Message) Scheme() string { return "" }

// Unsupported gives the option tags of Require that are not in supported, in order: a 420 lists them (RFC 3261 section
// 8.2.2.3). It is empty for CANCEL and ACK.
func (m *Message) Unsupported(supported ...string) []string { return nil }

// Supports tells whether Supported or Require names the option tag.
func (m *Message) Supports(tag string) bool { return false }

// Tokens gives the items of a comma list over all rows of the name, as written: Allow, Supported, Require.
func (m *Message) Tokens(name string) []string { return nil }

// ContentType gives the media type in lower case without its parameters, or "".
func (m *Message) ContentType() string { return "" }

// Accepts tells whether Accept allows the media type (RFC 3261 section 20.1); without a row, application/sdp alone.
func (m *Message) Accepts(mediaType string) bool { return false }

// Contacts gives the Contact values; "*" is one with URI "*".
func (m *Message) Contacts() ([]header.NameAddr, error) { return nil, nil }

// Routes gives the values of Route or Record-Route (name says which), in order, each as written.
func (m *Message) Routes(name string) []string { return nil }

// ViaCount gives the number of Via values, 70 at most.
func (m *Message) ViaCount() int { return 0 }
