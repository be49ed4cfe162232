package header

import (
	"fmt"
	"slices"
)

// RefusedError tells that a message breaks a limit of a policy whose oversize rule is refuse, or that its caller asks for a
// privacy that can't be given. Answer it with Status, or give up the request.
type RefusedError struct {
	Name   string // of the row that broke it
	Reason Reason // BecauseTooLong, BecauseTooMany, or BecausePrivacy: what the caller holds critical can't be done
	Detail string
}

// Status gives the status to answer with.
func (e *RefusedError) Status() int {
	if e.Reason == BecausePrivacy {
		return 500 // RFC 3323 section 5.3
	}
	return 513
}

// Error names the row and the limit.
func (e *RefusedError) Error() string {
	return "message refused by trunk policy: header " + Quote(e.Name) + ": " + e.Detail
}

// Apply decides every row of a message: it gives the rows that go on, in order, and for every row what became of it.
// Rows that each leg makes for itself (Via, From, Contact, Content-Length …: see [OfLeg]) are in neither.
// Whatever is given out has a token for a name and no CR, LF or NUL in its value. A kept row is the same bytes. The
// input is not changed; the strings are shared with it. The error is a *[RefusedError], and then no rows go on, which the
// changes tell of each.
func (c *Compiled) Apply(m Message, in List) (List, []Change, error) {
	var buf [64]verdict
	verdicts := append(buf[:0], make([]verdict, len(in))...)
	told, n := 0, 0 // rows that are told of, and of these the ones that may go on
	for i := range in {
		verdicts[i] = c.judge(in[i].Name)
		switch verdicts[i].class {
		case plumbing:
		case hop:
			told++
		default:
			told++
			n++
		}
	}
	if told == 0 {
		return nil, nil, nil
	}
	r := run{c: c, message: m, in: in, out: make(List, 0, n), changes: make([]Change, 0, told)}
	if c.later {
		r.at = make([]int, 0, n)
	}
	for i := range in {
		if verdicts[i].class != plumbing {
			r.row(in[i], verdicts[i])
		}
	}
	if r.refused != nil {
		r.refuseAll()
		return nil, r.changes, r.refused
	}
	if c.later {
		r.afterRules()
	}
	if r.refused != nil {
		r.refuseAll()
		return nil, r.changes, r.refused
	}
	return r.out, r.changes, nil
}

// verdict is what the name alone says of a row.
type verdict struct {
	class    class
	reserved bool
	internal bool
	rule     int16 // -1 for none
}

// judge looks a name up, without allocating for any name in use.
func (c *Compiled) judge(name string) verdict {
	var buf [64]byte
	low := append(buf[:0], Long(name)...)
	for i := range low {
		low[i] = lower(low[i])
	}
	v := verdict{class: classify(low), rule: -1}
	if v.class == plumbing || v.class == hop {
		return v
	}
	v.rule = c.find(low)
	v.internal = hasPrefix(low, internalPrefix)
	v.reserved = v.internal || hasPrefix(low, amazonPrefix) || hasPrefix(low, azurePrefix) && !hasPrefix(low, azureCustom)
	return v
}

// run is one application of a policy.
type run struct {
	c       *Compiled
	message Message
	in, out List
	changes []Change
	at      []int // for each row of out, its place in changes; kept only if something comes after the rules
	total   int
	refused *RefusedError
	gone    bool // a row of out was emptied and is still there
}

// row decides one row.
func (r *run) row(f Field, v verdict) {
	p := &r.c.policy
	var rule *readyRule
	if v.rule >= 0 {
		rule = &r.c.rules[v.rule]
	}
	switch {
	case v.class == credential:
		r.dropped(Field{Name: f.Name}, BecauseNeverCrosses, "credentials belong to one hop; their value is not shown")
	case v.class == preference:
		r.dropped(f, BecauseNeverCrosses, "a hint to this hop alone (RFC 3325 section 6)")
	case v.class == hop:
		r.dropped(f, BecauseNeverCrosses, "said to the next hop alone")
	case v.class == dialogName:
		r.dropped(f, BecauseDialog, "each leg has its own dialog")
	case !fit(f):
		r.dropped(f, BecauseMalformed, CheckWire(f.Name, f.Value).Error())
	case v.internal, v.reserved && (rule == nil || !rule.platform):
		r.dropped(f, BecauseReserved, "the name belongs to a platform")
	case v.class == asserted && !p.Trusted && p.Direction == In, v.class == network && !p.Trusted:
		r.dropped(f, BecauseUntrusted, "the peer is outside the trust domain")
	case rule == nil && r.mustStay(f.Name):
		r.emit(f, f, Kept, BecausePrivacy, "Privacy: none (RFC 3325 section 7)")
	case rule == nil:
		r.dropped(f, BecauseUnknown, "no rule names it")
	default:
		r.obey(f, rule)
	}
}

func fit(f Field) bool { return CheckWire(f.Name, f.Value) == nil }

// mustStay tells whether the caller has asked that the row be shown: P-Asserted-Identity with "Privacy: none".
func (r *run) mustStay(name string) bool {
	return r.c.policy.Direction == Out && SameName(name, "P-Asserted-Identity") && FindPrivacy(r.in).Has("none")
}

// obey does what the rule says.
func (r *run) obey(f Field, rule *readyRule) {
	switch rule.Do {
	case Keep:
		r.emit(f, f, Kept, BecauseRule, rule.detail)
	case Drop:
		r.dropped(f, BecauseRule, rule.detail)
	case Rename:
		to := rule.to
		if rule.tail >= 0 {
			to += Long(f.Name)[rule.tail:]
		}
		if !r.c.policy.mayName(to) {
			r.dropped(f, BecauseReserved, rule.detail+": the new name may not be given")
			return
		}
		r.emit(f, Field{Name: to, Value: f.Value}, Renamed, BecauseRule, rule.detail)
	case RewriteHost:
		value, err := rewriteHost(f.Value, rule.to)
		switch {
		case err != nil:
			r.dropped(f, BecauseMalformed, rule.detail+": "+err.Error())
		case value == f.Value:
			r.emit(f, f, Kept, BecauseRule, rule.detail)
		default:
			r.emit(f, Field{Name: f.Name, Value: value}, Rewritten, BecauseRule, rule.detail)
		}
	}
}

// emit lets a row go on if the limits allow.
func (r *run) emit(was, is Field, a Action, why Reason, detail string) {
	size, l := len(is.Name)+2+len(is.Value), &r.c.policy.Limits
	switch {
	case size > l.RowBytes:
		r.tooMuch(was, BecauseTooLong, fmt.Sprintf("row of %d bytes, limit %d", size, l.RowBytes))
		return
	case len(r.out) >= l.Rows:
		r.tooMuch(was, BecauseTooMany, fmt.Sprintf("more than %d rows", l.Rows))
		return
	case r.total+size+2 > l.TotalBytes:
		r.tooMuch(was, BecauseTooLong, fmt.Sprintf("all rows together more than %d bytes", l.TotalBytes))
		return
	}
	r.total += size + 2
	if r.c.later {
		r.at = append(r.at, len(r.changes))
	}
	r.out = append(r.out, is)
	change := Change{Action: a, Field: was, Reason: why, Detail: detail}
	if a == Renamed || a == Rewritten {
		change.NewName, change.NewValue = is.Name, is.Value
	}
	r.changes = append(r.changes, change)
}

func (r *run) dropped(f Field, why Reason, detail string) {
	r.changes = append(r.changes, Change{Action: Dropped, Field: f, Reason: why, Detail: detail})
}

// refuseAll takes back what was let through before the message was refused.
func (r *run) refuseAll() {
	r.changes = slices.DeleteFunc(r.changes, func(c Change) bool { return c.Action == Added })
	for i, c := range r.changes {
		if c.Action != Dropped {
			r.changes[i] = Change{Action: Dropped, Field: c.Field, Reason: r.refused.Reason, Detail: r.refused.Error()}
		}
	}
}

func (r *run) tooMuch(f Field, why Reason, detail string) {
	r.dropped(f, why, detail)
	if r.c.policy.Oversize == OversizeRefuse && r.refused == nil {
		r.refused = &RefusedError{Name: f.Name, Reason: why, Detail: detail}
	}
}
