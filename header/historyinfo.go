package header

import (
	"errors"
	"strconv"
	"strings"
)

// HistoryInfo is one entry of the History-Info header: one target that the request has had (RFC 7044). The first entry
// of a message is the oldest. Three causes may stand in an entry, and mean different things: the URI's cause parameter
// (a diversion, RFC 4458: [HistoryInfo.Cause]), a Reason in the URI's headers (why the target was left), and neither of
// them the message's own Reason.
type HistoryInfo struct{ NameAddr }

// ParseHistoryInfo reads the comma list of one row. A bad row never fails a call: relay it or drop it. The error is a
// *[ParseError].
func ParseHistoryInfo(value string) ([]HistoryInfo, error) {
	var out []HistoryInfo
	if err := eachNameAddr("History-Info", value, func(a NameAddr) { out = append(out, HistoryInfo{a}) }); err != nil {
		return nil, err
	}
	return out, nil
}

// FindHistoryInfo gives the entries of all History-Info rows, oldest first. Rows that do not parse are passed over and
// told in the error, which does not take away the others.
func FindHistoryInfo(l List) ([]HistoryInfo, error) {
	var out []HistoryInfo
	var errs []error
	for row := range l.Values("History-Info") {
		entries, err := ParseHistoryInfo(row)
		out, errs = append(out, entries...), append(errs, err)
	}
	return out, errors.Join(errs...)
}

// Index gives the entry's place, "1.1.2", or "" when it has none or one that is no index.
func (h HistoryInfo) Index() Index { return h.index("index") }

// Parent gives how the target was found and from which entry: "rc" (the same user at another address), "mp" (another
// user: a diversion) or "np" (unchanged), with that entry's index. "" when the entry does not say.
func (h HistoryInfo) Parent() (how string, from Index) {
	for _, how := range [3]string{"mp", "rc", "np"} {
		if i := h.index(how); i != "" {
			return how, i
		}
	}
	return "", ""
}

func (h HistoryInfo) index(name string) Index {
	s, _ := h.Params.Get(name)
	if i := Index(s); i.valid() {
		return i
	}
	return ""
}

// Cause gives the URI's cause parameter: why the call was diverted to this target (RFC 4458), as in
// "<sip:a@b;cause=302>".
func (h HistoryInfo) Cause() (int, bool) {
	u, err := ParseURI(h.URI)
	if err != nil {
		return 0, false
	}
	s, ok := u.Params.Get("cause")
	if !ok || len(s) > 3 {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n > 0
}

// Embedded gives the headers that the entry carries in its URI: Reason and Privacy, and User-to-User, by which a
// receiver learns who inserted one (RFC 7433 section 4.3). See [URI.Embedded].
func (h HistoryInfo) Embedded() (List, error) {
	u, err := ParseURI(h.URI)
	if err != nil {
		return nil, err
	}
	return u.Embedded()
}

// Private tells whether the entry asks not to be shown outside its domain: "?Privacy=history".
func (h HistoryInfo) Private() bool {
	rows, err := h.Embedded()
	return err == nil && FindPrivacy(rows).Has("history")
}

// Index is the place of an entry in the tree of targets: numbers with dots between them (RFC 7044 section 10.3).
type Index string

func (i Index) valid() bool {
	digits := false
	for n := range len(i) {
		switch c := i[n]; {
		case isDigit(c):
			digits = true
		case c == '.' && digits:
			digits = false
		default:
			return false
		}
	}
	return digits
}

// Child gives the index of the first target that this one was sent on to: "1.1" gives "1.1.1".
func (i Index) Child() Index { return i + ".1" }

// Gap gives the index of a target that was reached through hops which wrote no entry: "1.1.2" gives "1.1.2.0.1".
func (i Index) Gap() Index { return i + ".0.1" }

// Next gives the index of the next target of the same hop: "1.1" gives "1.2". An index that is none, or too long to
// count, gives itself.
func (i Index) Next() Index {
	dot := strings.LastIndexByte(string(i), '.') + 1
	n, err := strconv.ParseUint(string(i[dot:]), 10, 32)
	if err != nil {
		return i
	}
	return i[:dot] + Index(strconv.FormatUint(n+1, 10))
}
