package sip

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/registrar"
	"github.com/switchhook/switchhook/sip/transaction"
)

// Bounds of registrations.
const (
	minExpires     = 60
	defaultExpires = 3600
	maxExpires     = 86_400
	maxContactURI  = 512
	maxPath        = 8
	maxAgent       = 128
)

// takesEndpoints tells whether there are endpoints, and a registrar for them.
func (s *Server) takesEndpoints() bool {
	return s.cfg.Endpoints.Registrar != nil && s.cfg.Directory().Endpoints() > 0
}

// register serves REGISTER (RFC 3261 section 10.3).
func (s *Server) register(tx *transaction.Server) {
	m := tx.Msg()
	switch m.Scheme() {
	case "sip", "sips":
	default:
		s.refuse(tx, 416)
		return
	}
	if missing := m.Unsupported(optionPath); len(missing) > 0 {
		s.refuse(tx, 420, header.Field{Name: "Unsupported", Value: strings.Join(missing, ", ")})
		return
	}
	e, ok := s.door.prove(tx)
	if !ok {
		return
	}
	if userOf(m, "To") != e.User {
		s.door.told.tell(s.cfg.Log, slog.LevelInfo, "endpoint not let in", "user", e.User, "source", tx.Incoming().Source, "method", m.Method,
			"reason", "it registers the address of another: "+userOf(m, "To"))
		s.refuse(tx, 403) // somebody else's address
		return
	}
	req, status, rows := registration(e, tx, time.Now())
	if status != 0 {
		s.refuse(tx, status, rows...)
		return
	}
	left, displaced, err := s.cfg.Endpoints.Registrar.Register(req, time.Now())
	for _, b := range displaced {
		s.door.told.tell(s.cfg.Log, slog.LevelWarn, "endpoint has too many contacts: the one refreshed longest ago gave way", "user", e.User,
			"most", e.Most(), "contact", b.Contact, "source", tx.Incoming().Source)
	}
	switch {
	case errors.Is(err, registrar.ErrOrder):
		s.refuse(tx, 500)
	case errors.Is(err, registrar.ErrMany):
		s.door.told.tell(s.cfg.Log, slog.LevelWarn, "endpoint names too many contacts at once", "user", e.User, "most", e.Most(), "source", tx.Incoming().Source)
		s.refuse(tx, 403, header.Field{Name: "Warning", Value: fmt.Sprintf(`399 switchhook "more than %d contacts"`, e.Most())})
	case err != nil:
		s.refuse(tx, 503, header.Field{Name: "Retry-After", Value: "60"})
	default:
		for _, c := range req.Contacts { // who is called there can't be shut out by others that write its address into datagrams
			s.gate.guard.Trust(tx.Incoming().Source.Addr(), time.Until(c.Expires), time.Now())
		}
		s.registered(tx, left)
	}
}

const optionPath = "path" // RFC 3327

// registered answers with the contacts that there are now.
func (s *Server) registered(tx *transaction.Server, left []directory.Binding) {
	m := message.NewResponse(tx.Msg(), 200, "")
	now := time.Now()
	for _, b := range left {
		value := "<" + b.Contact + ">;expires=" + strconv.Itoa(max(1, int(b.Expires.Sub(now).Round(time.Second)/time.Second)))
		if b.Instance != "" {
			value += ";+sip.instance=" + header.Quote(b.Instance)
		}
		m.Add("Contact", value)
	}
	for path := range tx.Msg().Headers.Values("Path") { // RFC 3327 section 5.3
		m.Add("Path", path)
	}
	m.Add("Date", now.UTC().Format(http.TimeFormat))
	m.Add("Server", s.cfg.Product)
	_ = tx.Respond(m) // a telephone that misses it asks again
}

// registration reads what a REGISTER asks for. Not zero: the status, and rows, with which it is refused.
func registration(e *directory.Endpoint, tx *transaction.Server, now time.Time) (registrar.Request, int, []header.Field) {
	m, in := tx.Msg(), tx.Incoming()
	req := registrar.Request{User: e.User, Most: e.Most(), CallID: clone(m.CallID), CSeq: m.CSeq.Number}
	contacts, err := m.Contacts()
	general, given := deltaSeconds(m.Get("Expires"))
	if !given {
		general = defaultExpires
	}
	path, domain := m.Routes("Path"), ""
	if u, ok := addressOf(m, "To"); ok && len(u.Host) <= maxContactURI {
		domain = clone(strings.ToLower(u.Host))
	}
	if err != nil || len(path) > maxPath || len(contacts) > e.Most()+1 {
		return req, 400, nil
	}
	for i := range path {
		path[i] = clone(path[i])
	}
	for _, c := range contacts {
		if c.URI == "*" {
			req.All = true
			continue
		}
		u, err := header.ParseURI(c.URI)
		if err != nil || !u.IsSIP() || u.Headers != "" || len(c.URI) > maxContactURI {
			return req, 400, nil
		}
		expires := general
		if text, ok := c.Params.Get("expires"); ok {
			if expires, ok = deltaSeconds(text); !ok {
				expires = defaultExpires // RFC 3261 section 20.10
			}
		}
		if expires > 0 && expires < minExpires {
			return req, 423, []header.Field{{Name: "Min-Expires", Value: strconv.Itoa(minExpires)}}
		}
		instance, _ := c.Params.Get("+sip.instance")
		agent := m.Get("User-Agent")
		req.Contacts = append(req.Contacts, directory.Binding{
			User: e.User, Contact: clone(c.URI), Instance: clone(instance[:min(len(instance), maxAgent)]), Domain: domain, Path: path, Q: preference(c),
			CallID: req.CallID, CSeq: req.CSeq, Agent: clone(agent[:min(len(agent), maxAgent)]), Network: in.Network, Source: listens(c.URI, m, &in),
			Flow: uint64(in.Flow), Since: now.UTC(), Expires: now.UTC().Add(time.Duration(min(expires, maxExpires)) * time.Second),
		})
	}
	if req.All && (len(req.Contacts) > 0 || general != 0 || !given) { // RFC 3261 section 10.3, step 6
		return req, 400, nil
	}
	return req, 0, nil
}

// deltaSeconds reads a number of seconds.
func deltaSeconds(text string) (int, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32)
	return int(n), err == nil
}

// userOf gives the user of From or To, without its escapes; "" if there is none.
func userOf(m *message.Message, name string) string {
	u, ok := addressOf(m, name)
	if !ok {
		return ""
	}
	user, _ := u.UserText()
	return user
}

func addressOf(m *message.Message, name string) (header.URI, bool) {
	a, err := header.ParseNameAddr(m.Get(name))
	if err != nil {
		return header.URI{}, false
	}
	u, err := header.ParseURI(a.URI)
	return u, err == nil && u.IsSIP()
}
