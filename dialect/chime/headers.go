package chime

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
)

// What a function may see and set: names that begin with X-, User-to-User and Diversion, but for the platform's own.
const (
	userToUser = "User-to-User"
	diversion  = "Diversion"
)

// Why a value was kept, changed or dropped here, as the ledger tells it beside the reasons of package header.
const (
	becauseShown     header.Reason = "shown-to-function"
	becauseJoined    header.Reason = "joined"              // rows of a list header become one value of the map
	becauseOneValue  header.Reason = "one-per-name"        // SipHeaders holds one value for a name: the first row's
	becauseNotUTF8   header.Reason = "not-utf8"            // JSON carries no other bytes
	becauseNotShown  header.Reason = "not-for-functions"   // no X- header, User-to-User or Diversion
	becauseSet       header.Reason = "set-by-function"     // or by who asked for the call
	becauseName      header.Reason = "name-not-allowed"    // no X- header, User-to-User or Diversion
	becauseValue     header.Reason = "value-not-allowed"   // no text, or blanks around it
	becauseDuplicate header.Reason = "duplicate-name"      // names that differ in case alone
	becauseRefused   header.Reason = "refused-with-others" // one header that can't be sent stops all
)

// isAllowed tells whether functions deal in headers of the name, reserved ones left aside.
func isAllowed(name string) bool {
	return hasPrefixFold(name, "x-") && len(name) > 2 || strings.EqualFold(name, userToUser) || strings.EqualFold(name, diversion)
}

// reservedPrefixes begin the names that are the platform's own, in lower case.
var reservedPrefixes = [...]string{"x-vine", "x-amzn", "x-vc", "x-canary", "x-voice"}

func isReserved(name string) bool {
	for _, p := range reservedPrefixes {
		if hasPrefixFold(name, p) {
			return true
		}
	}
	return false
}

// isInternal tells whether a header that came in belongs to the platform of its sender, and so is not shown.
func isInternal(name string) bool {
	return isReserved(name) || strings.EqualFold(name, forwardsRow)
}

// hasPrefixFold tells whether s begins with the prefix, ASCII case aside; prefix is in lower case.
func hasPrefixFold(s, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != prefix[i] {
			return false
		}
	}
	return true
}

// view gives the SipHeaders that show a list: as rows and as a JSON object, in the order of the rows, names as received,
// and what became of each row. nil when there is nothing to show. Rows of User-to-User and of Diversion, which are lists by their grammar
// (RFC 7433 section 4.2, RFC 5806 section 4), are joined with ", "; of any other name the first row is shown.
func view(l header.List) (shown header.List, b []byte, _ []header.Change) {
	if len(l) == 0 {
		return nil, nil, nil
	}
	changes := make([]header.Change, 0, len(l))
	for i, f := range l {
		change := header.Change{Action: header.Kept, Field: f, Reason: becauseShown}
		switch first := firstOf(l, f.Name); {
		case !isAllowed(f.Name):
			change.Action, change.Reason = header.Dropped, becauseNotShown
		case isInternal(f.Name):
			change.Action, change.Reason = header.Dropped, header.BecauseReserved
		case first < i && isList(f.Name):
			change.Reason, change.Detail = becauseJoined, "joined to the first row with a comma"
		case first < i:
			change.Action, change.Reason = header.Dropped, becauseOneValue
		default:
			value := valueOf(l, i)
			shown = append(shown, header.Field{Name: f.Name, Value: value})
			if !utf8.ValidString(value) {
				change.Action, change.Reason = header.Rewritten, becauseNotUTF8
				change.NewName, change.NewValue = f.Name, strings.ToValidUTF8(f.Value, "\ufffd")
			}
			b = append(b, ',')
			b = appendString(b, f.Name)
			b = append(b, ':')
			b = appendString(b, value)
		}
		changes = append(changes, change)
	}
	if b != nil {
		b[0] = '{'
		b = append(b, '}')
	}
	return shown, b, changes
}

func isList(name string) bool {
	return strings.EqualFold(name, userToUser) || strings.EqualFold(name, diversion)
}

func firstOf(l header.List, name string) int {
	for i := range l {
		if header.SameName(l[i].Name, name) {
			return i
		}
	}
	return -1
}

// valueOf gives what the map shows for row i: its value, and for a list header those of the later rows too.
func valueOf(l header.List, i int) string {
	name := l[i].Name
	if !isList(name) || l.Count(name) == 1 {
		return l[i].Value
	}
	var all []string
	for v := range l.Values(name) {
		all = append(all, v)
	}
	return strings.Join(all, ", ")
}

// maxRows bounds how many headers of one map are looked at: as many as a SIP message may have. Beyond it only the first
// is named.
const maxRows = 256

// HeadersError says which of the SipHeaders given can't be sent.
type HeadersError struct {
	Names []string // as given, in order
}

// Error is the vendor's message.
func (e *HeadersError) Error() string {
	return "Invalid SIP header(s) provided: " + strings.Join(e.Names, ", ")
}

// CheckSipHeaders reads the SipHeaders of an action or of CreateSipMediaApplicationCall: a JSON object of names and
// values, kept in order. The error is a *[HeadersError].
func (d *Dialect) CheckSipHeaders(raw json.RawMessage) (header.List, error) {
	list, _, bad := readHeaders(raw, &d.cfg.Limits)
	if len(bad) > 0 {
		return nil, &HeadersError{Names: bad}
	}
	return list, nil
}

// readHeaders reads SipHeaders. It gives the rows to send, what became of each, and the names that are refused: when
// there is one, nothing is sent.
func readHeaders(raw json.RawMessage, lim *Limits) (list header.List, changes []header.Change, bad []string) {
	if !isUnset(raw) && !isObject(raw) {
		return nil, nil, []string{"SipHeaders"}
	}
	total := 0
	for name, value := range members(raw) {
		if len(changes) >= maxRows {
			bad = append(bad, name)
			break
		}
		field := header.Field{Name: name}
		text, isText := scalar(value)
		field.Value = text
		reason, detail := checkHeader(field, isText, list, lim)
		if total += utf8.RuneCountInString(text); reason == "" && lim.HeadersLength > 0 && total > lim.HeadersLength {
			reason, detail = header.BecauseTooLong, fmt.Sprintf("the values have more than %d characters together", lim.HeadersLength)
		}
		change := header.Change{Action: header.Added, Field: field, Reason: becauseSet}
		if reason != "" {
			change.Action, change.Reason, change.Detail = header.Dropped, reason, detail
			bad = append(bad, name)
		} else {
			list = append(list, field)
		}
		changes = append(changes, change)
	}
	for i := range changes {
		if len(bad) > 0 && changes[i].Action == header.Added {
			changes[i].Action, changes[i].Reason = header.Dropped, becauseRefused
			changes[i].Detail = "nothing is sent, for others can't be"
		}
	}
	return list, changes, bad
}

// checkHeader tells why one header can't be sent; "" when it can.
func checkHeader(f header.Field, isText bool, before header.List, lim *Limits) (header.Reason, string) {
	switch {
	case isReserved(strings.TrimSpace(f.Name)):
		return header.BecauseReserved, "the name is the platform's own"
	case !isAllowed(f.Name):
		return becauseName, "neither X-, nor User-to-User, nor Diversion"
	case !isText:
		return becauseValue, "the value is not a string"
	case before.Has(f.Name):
		return becauseDuplicate, "the name is there before, in other case"
	case utf8.RuneCountInString(f.Value) > lim.HeaderLength:
		return header.BecauseTooLong, fmt.Sprintf("the value has more than %d characters", lim.HeaderLength)
	}
	if err := checkText(f); err != nil {
		var e *header.CheckError
		if errors.As(err, &e) && e.Fault == header.FaultBlank {
			return becauseValue, err.Error()
		}
		return header.BecauseMalformed, err.Error()
	}
	return "", ""
}

// checkText is header.Check, but for what a peer may send and a function is shown, and so may hand back: no value at all,
// and tabs between words, which are white space in a header as blanks are (RFC 3261 section 25.1, LWS).
func checkText(f header.Field) error {
	if f.Value == "" {
		return header.CheckWire(f.Name, f.Value)
	}
	return header.Check(f.Name, strings.ReplaceAll(f.Value, "\t", " "))
}

// scalar gives the text of a string, a number or a boolean: a handler may give an account's ID as a number.
func scalar(raw json.RawMessage) (string, bool) {
	if s, ok := text(raw); ok {
		return s, true
	}
	if isObject(raw) || isArray(raw) || string(raw) == "null" {
		return "", false
	}
	return string(raw), true
}

// book enters into the ledger what became of values on their way to or from the function.
func (d *driver) book(l *leg, message string, dir call.Direction, by call.Writer, changes []header.Change) {
	if len(changes) == 0 {
		return
	}
	entries := make([]call.Entry, len(changes))
	now := d.now()
	for i, c := range changes {
		entries[i] = call.Entry{At: now, Message: message, Direction: dir, Writer: by, Change: c}
		if l != nil {
			entries[i].Leg = l.id
		}
		if c.Action == header.Dropped {
			entries[i].Writer = call.WriterPlatform
		}
	}
	_, _ = d.do(call.Book{Entries: entries}) // a call that is over keeps no more entries
}
