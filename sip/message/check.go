package message

import "math"

// check runs the strict checks on the rows read and sets the essentials.
func (r *reading) check() {
	m := r.m
	m.CallID = r.values[kindCallID]
	r.checkLength()
	if r.vias == 0 {
		r.fail(400, "Missing Via")
	} else if !m.Via.is20() {
		r.fail(400, "Malformed Via")
	} else if m.Via.Branch == cookie {
		r.fail(400, "Malformed Branch")
	}
	for k := kindFrom; k < kinds; k++ {
		if r.rows[k] > 1 {
			r.fail(400, "Repeated "+kindNames[k])
		}
	}
	for _, k := range [...]kind{kindFrom, kindTo, kindCallID, kindCSeq} {
		if r.rows[k] == 0 {
			r.fail(400, "Missing "+kindNames[k])
		}
	}
	r.checkIdentity()
	if m.IsRequest() {
		r.checkRequest()
	}
}

// checkIdentity reads what names the transaction and the dialog: CSeq, Call-ID, From, To.
func (r *reading) checkIdentity() {
	m := r.m
	var err error
	if m.CSeq, err = ParseCSeq(r.values[kindCSeq]); err != nil {
		r.fail(400, "Malformed CSeq")
	} else if m.IsRequest() && m.CSeq.Method != m.Method {
		r.fail(400, "CSeq Method Mismatch")
	}
	if !solid(m.CallID) {
		r.fail(400, "Malformed Call-ID")
	}
	// Either tag may be missing: RFC 3261 section 12.1.1 asks to take a null tag.
	m.FromTag, m.ToTag = r.address(kindFrom), r.address(kindTo)
}

// address checks a From or To value and gives its tag.
func (r *reading) address(k kind) string {
	c := cursor{s: r.values[k]}
	a, ok := scanAddress(&c)
	if !ok || !c.done() || a.wildcard {
		r.fail(400, "Malformed "+kindNames[k])
	}
	return a.tag
}

// solid tells whether a Call-ID is not empty and without blanks.
func solid(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' {
			return false
		}
	}
	return s != ""
}

// checkLength reads Content-Length. Two of them, or one that is no number, leave the message without an end.
func (r *reading) checkLength() {
	switch r.rows[kindContentLength] {
	case 0:
		return
	case 1:
		n, ok := number(r.values[kindContentLength], math.MaxInt32)
		if ok {
			r.length = int64(n)
			return
		}
		r.fail(400, "Malformed Content-Length")
	default:
		r.fail(400, "Repeated Content-Length")
	}
	r.length = -2
}

// checkRequest checks what requests alone must have, and what their method asks for.
func (r *reading) checkRequest() {
	if r.rows[kindMaxForwards] > 0 {
		if _, ok := number(r.values[kindMaxForwards], 255); !ok {
			r.fail(400, "Malformed Max-Forwards")
		}
	}
	switch r.m.Method {
	case "INVITE":
		r.contact(true)
	case "SUBSCRIBE":
		r.contact(true)
		r.must(kindEvent)
	case "REFER":
		r.contact(true)
		r.must(kindReferTo)
	case "NOTIFY":
		r.contact(false)
		r.must(kindEvent)
		r.must(kindSubscriptionState)
	case "UPDATE":
		r.contact(false)
	case "PUBLISH":
		r.must(kindEvent)
	case "PRACK":
		r.must(kindRAck)
	case "REGISTER":
		r.contacts(func(a address) bool { return true })
	}
}

func (r *reading) must(k kind) {
	if r.rows[k] == 0 {
		r.fail(400, "Missing "+kindNames[k])
	}
}

// contact checks the Contact of a request that makes a dialog or refreshes its target: one SIP address (RFC 3261
// section 8.1.1.8). Requests of RFC 2543 and those inside a dialog may have none; the dialog keeps its target then.
func (r *reading) contact(opens bool) {
	if r.rows[kindContact] == 0 {
		if opens && r.m.ToTag == "" && r.m.Via.Cookie() {
			r.fail(400, "Missing Contact")
		}
		return
	}
	n := 0
	r.contacts(func(a address) bool { n++; return n == 1 && !a.wildcard && checkURI(a.uri) })
}

// contacts checks every Contact value.
func (r *reading) contacts(fit func(address) bool) {
	for i := range r.m.Headers {
		if kindOf(r.m.Headers[i].Name) != kindContact {
			continue
		}
		for c := (cursor{s: r.m.Headers[i].Value}); ; {
			a, ok := scanAddress(&c)
			if !ok || !fit(a) {
				r.fail(400, "Malformed Contact")
				return
			}
			if c.blanks(); !c.take(',') {
				break
			}
		}
	}
}
