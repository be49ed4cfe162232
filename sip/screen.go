package sip

import (
	"strings"

	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
)

// What OPTIONS, 405, 415 and every INVITE tell that we can do.
const (
	allow     = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE"
	accept    = "application/sdp, multipart/mixed"
	optionUUI = "uui" // RFC 7433 section 6.6

	options = "OPTIONS"
)

// screen answers what can't be served whoever asks (RFC 3261 section 8.2): an unknown method, a Request-URI of another
// scheme, an extension that we don't have. False: it is answered.
func (s *Server) screen(tx *transaction.Server) bool {
	m := tx.Msg()
	switch m.Method {
	case "INVITE", "BYE", options, "INFO", "UPDATE":
	case "REGISTER", "SUBSCRIBE", "NOTIFY", "MESSAGE", "PUBLISH", "REFER", "PRACK":
		s.refuse(tx, 405, header.Field{Name: "Allow", Value: allow})
		return false
	default:
		s.refuse(tx, 501, header.Field{Name: "Allow", Value: allow})
		return false
	}
	switch m.Scheme() {
	case "sip", "sips", "tel":
	default:
		s.refuse(tx, 416)
		return false
	}
	if missing := m.Unsupported(optionUUI); len(missing) > 0 {
		s.refuse(tx, 420, header.Field{Name: "Unsupported", Value: strings.Join(missing, ", ")})
		return false
	}
	return true
}

// options answers OPTIONS outside of dialogs.
func (s *Server) options(tx *transaction.Server) {
	if s.draining.Load() {
		s.refuse(tx, 503, header.Field{Name: "Retry-After", Value: "60"})
		return
	}
	s.refuse(tx, 200, capabilities()...)
}

func capabilities() []header.Field {
	return []header.Field{{Name: "Allow", Value: allow}, {Name: "Accept", Value: accept}, {Name: "Supported", Value: optionUUI}}
}

// target gives the host of a Request-URI in lower case, and its user as call.Attempt wants it.
func target(uri string) (host, user string) {
	u, err := header.ParseURI(uri)
	if err != nil {
		return "", ""
	}
	return strings.ToLower(strings.Trim(u.Host, "[]")), party(u)
}

// party gives who a URI means: the number without its visual separators, or the user as written.
func party(u header.URI) string {
	if u.IsTel() {
		return strings.NewReplacer("-", "", ".", "", "(", "", ")", "").Replace(u.User)
	}
	user, _, more := strings.Cut(u.User, ";")
	if more && isNumber(user) {
		return user // "+12065550100;phone-context=…"
	}
	return u.User
}

func isNumber(s string) bool {
	digits := strings.TrimPrefix(s, "+")
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}

// callerOf gives who an INVITE says is calling.
func callerOf(m *message.Message) string {
	a, err := header.ParseNameAddr(m.Get("From"))
	if err != nil {
		return ""
	}
	u, err := header.ParseURI(a.URI)
	if err != nil {
		return ""
	}
	return party(u)
}
