package header

import "strings"

// gateUUI applies the trunk's User-to-User gate to the rows that the rules let through.
func (r *run) gateUUI() {
	strict := r.c.policy.UUI == UUIStrict
	isdn := 0
	for i := range r.out {
		switch {
		case !SameName(r.out[i].Name, "User-to-User"):
		case !strict:
			r.drop(i, BecauseUUIDenied, "uui: deny")
		case !r.message.Kind.allowsUUI():
			r.drop(i, BecauseUUIMessage, "not in "+r.message.Kind.String()+" (RFC 7433 section 4.1)")
		default:
			for _, u := range ParseUserToUser(r.out[i].Value) {
				if u.IsISDN() {
					isdn++
				}
			}
		}
	}
	if isdn == 0 {
		return
	}
	why, detail := r.faultOfISDN(isdn)
	if why == "" {
		return
	}
	for i := range r.out {
		if SameName(r.out[i].Name, "User-to-User") {
			r.withoutISDN(i, why, detail)
		}
	}
}

// faultOfISDN tells why isdn-uui may not stand in the message, or "".
func (r *run) faultOfISDN(values int) (Reason, string) {
	switch {
	case values > 1:
		return BecauseUUIDuplicate, "several isdn-uui values: all are discarded (RFC 7434 section 7)"
	case r.message.Kind == ReInvite:
		return BecauseUUIMessage, "isdn-uui not in re-INVITE (RFC 7434 section 7)"
	case r.message.Kind != Invite && !r.message.AskedUUI:
		return BecauseUUINotAsked, "the initial INVITE had no isdn-uui (RFC 7434 section 8)"
	}
	return "", ""
}

// withoutISDN takes the isdn-uui values out of the i-th row and leaves those of other packages as they are.
func (r *run) withoutISDN(i int, why Reason, detail string) {
	var rest []string
	values := ParseUserToUser(r.out[i].Value)
	for _, u := range values {
		if !u.IsISDN() {
			rest = append(rest, u.Raw)
		}
	}
	switch len(rest) {
	case len(values):
	case 0:
		r.drop(i, why, detail)
	default:
		r.rewrite(i, strings.Join(rest, ", "), why, detail)
	}
}
