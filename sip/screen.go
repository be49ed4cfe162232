package sip

import (
	"strings"

	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
)

// What OPTIONS, 405, 415 and every INVITE tell that we can do.
const (
	allow     = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY"
	accept    = "application/sdp, multipart/mixed"
	optionUUI = "uui" // RFC 7433 section 6.6

	options = "OPTIONS"
)

// screen tells what can't be served whoever asks (RFC 3261 section 8.2): an unknown method, a Request-URI of another
// scheme, an extension that we don't have. It gives the status to refuse with and the rows that it must bear; 0 for none.
func screen(m *message.Message) (status int, rows []header.Field) {
	switch m.Method {
	case "INVITE", "BYE", options, "INFO", "UPDATE", "PRACK", "REFER", "NOTIFY":
	case "REGISTER", "SUBSCRIBE", "MESSAGE", "PUBLISH":
		return 405, []header.Field{{Name: "Allow", Value: allow}}
	default:
		return 501, []header.Field{{Name: "Allow", Value: allow}}
	}
	switch m.Scheme() {
	case "sip", "sips", "tel":
	default:
		return 416, nil
	}
	if missing := m.Unsupported(optionUUI, optionReliable, optionTimer, optionReplaces, optionNoSub); len(missing) > 0 {
		return 420, []header.Field{{Name: "Unsupported", Value: strings.Join(missing, ", ")}}
	}
	return 0, nil
}

// whyOf says why an INVITE is refused: the last row that the refusal bears, or otherwise.
func whyOf(rows []header.Field, otherwise string) string {
	if len(rows) == 0 {
		return otherwise
	}
	last := rows[len(rows)-1]
	return last.Name + ": " + last.Value
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
	return []header.Field{{Name: "Allow", Value: allow}, {Name: "Accept", Value: accept}, {Name: "Supported", Value: supported}}
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
