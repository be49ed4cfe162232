package header

import (
	"slices"
	"strconv"
)

// maxMapped is how many entries are mapped between Diversion and History-Info; those beyond are left out.
const maxMapped = 16

// unknownParty stands for a target that nobody has told (RFC 7544 section 5).
const unknownParty = "sip:unknown@unknown.invalid"

// DiversionCause gives the cause parameter that says in History-Info what a Diversion reason says (RFC 7544 section 5).
// Reasons without one of their own give 404.
func DiversionCause(reason string) int {
	switch lowered(reason) {
	case DivertedUnconditional:
		return 302
	case DivertedUserBusy:
		return 486
	case DivertedNoAnswer:
		return 408
	case DivertedDeflection:
		return 480
	case DivertedUnavailable:
		return 503
	}
	return 404
}

// CauseDiversion gives the Diversion reason that a cause parameter stands for, and whether it stands for a diversion at
// all (RFC 7544 section 6).
func CauseDiversion(cause int) (string, bool) {
	switch cause {
	case 302:
		return DivertedUnconditional, true
	case 486:
		return DivertedUserBusy, true
	case 408:
		return DivertedNoAnswer, true
	case 480, 487:
		return DivertedDeflection, true
	case 503:
		return DivertedUnavailable, true
	case 404:
		return DivertedUnknown, true
	}
	return "", false
}

// HistoryFromDiversions maps Diversion entries, most recent first, to History-Info entries, oldest first (RFC 7544
// section 5). target is the Request-URI that the message goes to and becomes the last entry. had are the entries that
// the message has already: then only what they lack is given, to be put after them. A counter above 1 gives
// placeholders. Entries whose URI can't be read stand as unknown. Lost on the way are limit, screen, and the reasons
// that have no cause of their own.
func HistoryFromDiversions(ds []Diversion, target string, had []HistoryInfo) []HistoryInfo {
	if len(ds) > maxMapped {
		ds = ds[:maxMapped]
	}
	var m historyMaker
	if len(had) > 0 {
		ds = m.goOn(ds, had)
	}
	if len(ds) == 0 && m.cause == 0 {
		return nil
	}
	for i := len(ds) - 1; i >= 0; i-- {
		d := ds[i]
		bottom := i == len(ds)-1 && len(had) == 0
		if !bottom {
			m.unknown(d.Counter() - 1)
		}
		m.add(d.NameAddr, m.cause, privacyHeader(d))
		if bottom {
			m.unknown(d.Counter() - 1)
		}
		m.cause = DiversionCause(d.Reason())
	}
	m.add(NameAddr{URI: target}, m.cause, "")
	return m.out
}

// historyMaker builds the entries of one mapping.
type historyMaker struct {
	out   []HistoryInfo
	last  Index // of the entry made last
	index Index // for the next entry
	cause int   // of the diversion that leads to the next entry; 0 before the first
}

// goOn places the maker behind the entries that are there and gives the diversions that still need an entry: those of
// which History-Info does not know, without the oldest of them if its party is the last entry's.
func (m *historyMaker) goOn(ds []Diversion, had []HistoryInfo) []Diversion {
	known, _ := DiversionsFromHistory(had)
	var missing []Diversion
	for _, d := range ds {
		if !slices.ContainsFunc(known, func(k Diversion) bool { return sameParty(d.URI, k.URI) }) {
			missing = append(missing, d)
		}
	}
	end, oldest := had[len(had)-1], len(missing)-1
	at := end.Index()
	if at == "" {
		at = "1"
	}
	if oldest >= 0 && sameParty(missing[oldest].URI, end.URI) {
		m.last, m.index = at, at.Child()
		m.cause = DiversionCause(missing[oldest].Reason())
		return missing[:oldest]
	}
	m.index = at.Gap() // and no mp: hops in between wrote nothing (RFC 7544 section 7.3)
	return missing
}

func sameParty(a, b string) bool {
	ua, errA := ParseURI(a)
	ub, errB := ParseURI(b)
	if errA != nil || errB != nil {
		return a == b
	}
	return ua.User == ub.User && equalFold(ua.Host, ub.Host) && ua.Port == ub.Port
}

func (m *historyMaker) unknown(n int) {
	for range min(n, maxMapped-len(m.out)) {
		m.add(NameAddr{URI: unknownParty}, 404, "")
	}
}

func (m *historyMaker) add(a NameAddr, cause int, privacy string) {
	if m.index == "" {
		m.index = "1"
	}
	ps := Params{{Name: "index", Value: string(m.index)}}
	if m.last != "" {
		ps = append(ps, Param{Name: "mp", Value: string(m.last)})
	}
	m.out = append(m.out, HistoryInfo{NameAddr{Display: a.Display, URI: historyURI(a.URI, cause, privacy), Params: ps}})
	m.last, m.index = m.index, m.index.Child()
}

func privacyHeader(d Diversion) string {
	if !d.Params.has("privacy") {
		return ""
	}
	switch d.Privacy() {
	case "full", "name", "uri":
		return "history"
	}
	return "none"
}

// historyURI gives the URI with its cause and Privacy. A tel URI can't carry a cause and becomes a sip one (RFC 7544
// section 5).
func historyURI(text string, cause int, privacy string) string {
	u, err := ParseURI(text)
	if err != nil {
		u, _ = ParseURI(unknownParty)
	}
	if cause != 0 && u.IsTel() {
		u = URI{Scheme: "sip", User: u.User, Host: "unknown.invalid", Params: Params{{Name: "user", Value: "phone"}}}
	}
	u.Params = u.Params.Without("cause")
	if cause != 0 {
		u.Params = u.Params.With("cause", strconv.Itoa(cause))
	}
	if privacy != "" {
		if u.Headers != "" {
			u.Headers += "&"
		}
		u.Headers += "Privacy=" + privacy
	}
	return u.String()
}

// DiversionsFromHistory maps History-Info entries, oldest first, to Diversion entries, most recent first (RFC 7544
// section 6): each entry with a diversion's cause gives one, naming the party that its mp parameter names or, without
// it, the entry before. A Reason in an entry plays no part. all tells whether the History-Info held nothing but
// diversions, so that it may be removed.
func DiversionsFromHistory(hs []HistoryInfo) (ds []Diversion, all bool) {
	all = true
	for i, h := range hs {
		cause, _ := h.Cause()
		reason, diverted := CauseDiversion(cause)
		if !diverted {
			all = all && i == 0
			continue
		}
		if len(ds) == maxMapped {
			return ds, false
		}
		ds = append([]Diversion{divertedBy(divertingParty(hs, i), reason)}, ds...)
	}
	return ds, all && len(ds) > 0
}

// divertingParty gives the entry that the i-th was diverted from.
func divertingParty(hs []HistoryInfo, i int) HistoryInfo {
	if how, from := hs[i].Parent(); how == "mp" {
		for _, h := range hs[:i] {
			if h.Index() == from {
				return h
			}
		}
	}
	if i > 0 {
		return hs[i-1]
	}
	return HistoryInfo{NameAddr{URI: unknownParty}}
}

func divertedBy(h HistoryInfo, reason string) Diversion {
	u, err := ParseURI(h.URI)
	if err != nil {
		u, _ = ParseURI(unknownParty)
	}
	privacy := "off"
	if h.Private() {
		privacy = "full"
	}
	u.Headers, u.Params = "", u.Params.Without("cause")
	d := NewDiversion(u.String(), reason)
	d.Display = h.Display
	d.Params = append(d.Params, Param{Name: "privacy", Value: privacy})
	return d
}
