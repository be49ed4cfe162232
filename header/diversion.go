package header

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// Diversion is one entry of the Diversion header: who sent the call elsewhere, and why (RFC 5806). The top-most entry
// of a message is the most recent diversion. The address is NameAddr's; what the entry says of it is in the methods.
type Diversion struct{ NameAddr }

// The reasons of RFC 5806 section 4. Others may come as a token or a quoted string.
const (
	DivertedUnknown       = "unknown"
	DivertedUserBusy      = "user-busy"
	DivertedNoAnswer      = "no-answer"
	DivertedUnavailable   = "unavailable"
	DivertedUnconditional = "unconditional"
	DivertedTimeOfDay     = "time-of-day"
	DivertedDoNotDisturb  = "do-not-disturb"
	DivertedDeflection    = "deflection"
	DivertedFollowMe      = "follow-me"
	DivertedOutOfService  = "out-of-service"
	DivertedAway          = "away"
)

// MaxDiversions is how many diversions one call may have had, unless an entry's limit says less.
const MaxDiversions = 5

// NewDiversion makes an entry with counter 1. The URI is the Request-URI before the diversion (RFC 5806 section 3.1).
func NewDiversion(uri, reason string) Diversion {
	if !IsToken(reason) {
		reason = Quote(reason)
	}
	return Diversion{NameAddr{URI: uri, Params: Params{{Name: "reason", Value: reason}, {Name: "counter", Value: "1"}}}}
}

// ParseDiversions reads the comma list of one row. The error is a *[ParseError].
func ParseDiversions(value string) ([]Diversion, error) {
	var out []Diversion
	if err := eachNameAddr("Diversion", value, func(a NameAddr) { out = append(out, Diversion{a}) }); err != nil {
		return nil, err
	}
	return out, nil
}

// FindDiversions gives the entries of all Diversion rows, most recent first. Rows that do not parse are passed over and
// told in the error, which does not take away the others.
func FindDiversions(l List) ([]Diversion, error) {
	var out []Diversion
	var errs []error
	for row := range l.Values("Diversion") {
		entries, err := ParseDiversions(row)
		out, errs = append(out, entries...), append(errs, err)
	}
	return out, errors.Join(errs...)
}

// Reason gives the reason in lower case: "unknown" when there is none.
func (d Diversion) Reason() string { return d.param("reason", DivertedUnknown) }

// Privacy gives full, name, uri or off in lower case: "off" when there is none.
func (d Diversion) Privacy() string { return d.param("privacy", "off") }

// Screen gives yes or no in lower case, or "" when there is none.
func (d Diversion) Screen() string { return d.param("screen", "") }

func (d Diversion) param(name, absent string) string {
	if v, ok := d.Params.Get(name); ok {
		return lowered(v)
	}
	return absent
}

// Counter gives the number of diversions that the entry stands for: 1 unless it says otherwise (RFC 5806 section 9.2.3).
func (d Diversion) Counter() int {
	if n, ok := d.number("counter"); ok && n > 0 {
		return n
	}
	return 1
}

// Limit gives the number of diversions that the diverting party allows, and whether it says so.
func (d Diversion) Limit() (int, bool) { return d.number("limit") }

func (d Diversion) number(name string) (int, bool) {
	s, ok := d.Params.Get(name)
	if !ok || len(s) > 2 {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 0
}

// DiversionLimitError tells that one more diversion would make too many. Refuse the diversion with 480 and
// "Reason: SIP;cause=482".
type DiversionLimitError struct{ Count, Limit int }

// Error gives both numbers.
func (e *DiversionLimitError) Error() string {
	return fmt.Sprintf("diversion refused: call was diverted %d times, limit %d", e.Count, e.Limit)
}

// AddDiversion gives a list with one more entry above all Diversion rows that are there, each of which stays as it is
// (RFC 5806 section 3.1). Add one when a called party's feature changes the target, never for routing. The error is a
// *[DiversionLimitError] when the counters of the entries already reach the least of [MaxDiversions] and their limits;
// otherwise that of [NameAddr.Check].
func AddDiversion(l List, d Diversion) (List, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	count, limit := 0, MaxDiversions
	entries, _ := FindDiversions(l)
	for _, e := range entries {
		count += e.Counter()
		if n, ok := e.Limit(); ok {
			limit = min(limit, n)
		}
	}
	if count >= limit {
		return nil, &DiversionLimitError{Count: count, Limit: limit}
	}
	top := slices.IndexFunc(l, func(f Field) bool { return SameName(f.Name, "Diversion") })
	if top < 0 {
		top = len(l)
	}
	out := append(make(List, 0, len(l)+1), l[:top]...)
	return append(append(out, Field{Name: "Diversion", Value: d.String()}), l[top:]...), nil
}
