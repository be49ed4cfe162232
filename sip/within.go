package sip

import (
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/dialog"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
)

// answer responds to a request inside the leg's dialog.
func (l *Leg) answer(tx *transaction.Server, r dialog.Response) {
	r.Headers = append(header.List{{Name: "Server", Value: l.s.cfg.Product}}, r.Headers...)
	if err := l.dialog.Respond(tx, r); err != nil {
		l.s.cfg.Log.Error("answer not sent", "callId", l.callID, "leg", string(l.id), "error", err)
	}
}

// ask sends a request inside the leg's dialog: see [dialog.Dialog.Ask].
func (l *Leg) ask(m *message.Message, on func(*message.Message, error)) error {
	return l.dialog.Ask(m, func(resp *message.Message, err error) { l.guarded(func() { on(resp, err) }) })
}

// asked answers a request inside the dialog that changes nothing of it.
func (l *Leg) asked(tx *transaction.Server) {
	switch tx.Msg().Method {
	case "REFER":
		l.referred(tx)
		return
	case "NOTIFY":
		l.notified(tx)
		return
	}
	l.heard(tx.Msg())
	switch tx.Msg().Method {
	case options:
		l.answer(tx, dialog.Response{Status: 200, Headers: capabilities()})
	case "INFO":
		l.informed(tx)
	default: // the screen lets nothing else pass
		l.answer(tx, dialog.Response{Status: 405, Headers: header.List{{Name: "Allow", Value: allow}}})
	}
}

// informed takes INFO: a key pressed, as telephones without RFC 4733 tell it. Other contents are refused with 415, none
// is fine.
func (l *Leg) informed(tx *transaction.Server) {
	m := tx.Msg()
	if len(m.Body) == 0 {
		l.answer(tx, dialog.Response{Status: 200})
		return
	}
	digit, held, ok := pressed(m.ContentType(), string(m.Body))
	if !ok {
		l.answer(tx, dialog.Response{Status: 415, Headers: header.List{{Name: "Accept", Value: dtmfRelay + ", " + dtmfPlain}}})
		return
	}
	l.answer(tx, dialog.Response{Status: 200})
	l.emit(call.Digit{Leg: l.id, Digit: digit, For: held})
}

const (
	dtmfRelay = "application/dtmf-relay" // "Signal=5\r\nDuration=160"
	dtmfPlain = "application/dtmf"       // "5"
)

// pressed reads a key from the body of an INFO.
func pressed(kind, body string) (digit byte, held time.Duration, ok bool) {
	held = 100 * time.Millisecond
	signal := strings.TrimSpace(body)
	switch kind {
	case dtmfPlain:
	case dtmfRelay:
		signal = ""
		for line := range strings.Lines(body) {
			name, value, _ := strings.Cut(line, "=")
			value = strings.TrimSpace(value)
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "signal":
				signal = value
			case "duration":
				if n, err := strconv.Atoi(value); err == nil && n > 0 && n < 60_000 {
					held = time.Duration(n) * time.Millisecond
				}
			}
		}
	default:
		return 0, 0, false
	}
	switch signal {
	case "10":
		signal = "*"
	case "11":
		signal = "#"
	}
	signal = strings.ToUpper(signal)
	if len(signal) != 1 || !strings.Contains("0123456789*#ABCD", signal) {
		return 0, 0, false
	}
	return signal[0], held, true
}

// oneLine makes text fit for a header value.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F || r > 0x7E {
			return '?'
		}
		return r
	}, s)
}
