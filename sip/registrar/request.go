package registrar

import (
	"cmp"
	"slices"
	"time"

	"github.com/switchhook/switchhook/directory"
)

// Request is what one REGISTER asks for.
type Request struct {
	User     string // the endpoint
	Most     int    // contacts that it may have
	CallID   string
	CSeq     uint32
	Contacts []directory.Binding // to be set, or, when their Expires is not after now, to go
	All      bool                // "Contact: *": every contact is to go
}

// apply gives the bindings after the request (RFC 3261 section 10.3, steps 6 and 7), without changing those before.
func (q *Request) apply(before []directory.Binding, now time.Time) ([]directory.Binding, error) {
	for _, b := range before {
		touched := q.All || slices.ContainsFunc(q.Contacts, func(c directory.Binding) bool { return same(b, c) })
		if touched && b.CallID == q.CallID && q.CSeq <= b.CSeq {
			return nil, ErrOrder
		}
	}
	after := slices.Clone(before)
	if q.All {
		after = nil
	}
	for _, c := range q.Contacts {
		at := slices.IndexFunc(after, func(b directory.Binding) bool { return same(b, c) })
		if at >= 0 {
			c.Since = after[at].Since
			after = slices.DeleteFunc(after, func(b directory.Binding) bool { return same(b, c) }) // a device, and who had its address before
		}
		if now.Before(c.Expires) {
			after = append(after, c)
		}
	}
	slices.SortStableFunc(after, func(a, b directory.Binding) int { return cmp.Or(b.Q-a.Q, b.Since.Compare(a.Since)) })
	return after, nil
}

// makeRoom takes bindings away that the request does not name, the first to expire before the others, until there are no
// more than there may be.
func (q *Request) makeRoom(after []directory.Binding) (left, displaced []directory.Binding) {
	left = after
	for len(left) > q.Most {
		oldest := -1
		for i, b := range left {
			named := slices.ContainsFunc(q.Contacts, func(c directory.Binding) bool { return same(b, c) })
			if !named && (oldest < 0 || b.Expires.Before(left[oldest].Expires)) {
				oldest = i
			}
		}
		if oldest < 0 {
			break
		}
		displaced = append(displaced, left[oldest])
		left = slices.Delete(left, oldest, oldest+1)
	}
	return left, displaced
}

// same tells whether two bindings are of one device: by its instance (RFC 5626), else by the address that it names.
func same(a, b directory.Binding) bool {
	if a.Instance != "" && a.Instance == b.Instance {
		return true
	}
	return a.Contact == b.Contact
}
