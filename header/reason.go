package header

import "strconv"

// ReasonValue is one value of the Reason header: why a request was sent, as a protocol and its cause (RFC 3326).
type ReasonValue struct {
	Protocol string `json:"protocol"` // "SIP", "Q.850" or another token; case does not count
	Params   Params `json:"params,omitempty"`
	Raw      string `json:"raw,omitempty"` // the text this was parsed from; empty for a value that was made
}

// NewReason makes a value with a cause and, unless empty, a text: NewReason("Q.850", 16, "Normal call clearing").
func NewReason(protocol string, cause int, text string) ReasonValue {
	r := ReasonValue{Protocol: protocol, Params: Params{{Name: "cause", Value: strconv.Itoa(cause)}}}
	if text != "" {
		r.Params = append(r.Params, Param{Name: "text", Value: Quote(text)})
	}
	return r
}

// ParseReasons reads the comma list of one Reason row. The error is a *[ParseError].
func ParseReasons(value string) ([]ReasonValue, error) {
	var out []ReasonValue
	for i := 0; ; {
		from := skipBlank(value, i)
		end := scanToken(value, from)
		if end == from {
			return nil, bad("Reason", from, "no protocol")
		}
		ps, stop, err := scanParams("Reason", value, end, true)
		if err != nil {
			return nil, err
		}
		out = append(out, ReasonValue{Protocol: value[from:end], Params: ps, Raw: trimBlank(value[from:stop])})
		if stop == len(value) {
			return out, nil
		}
		if value[stop] != ',' {
			return nil, bad("Reason", stop, "unexpected text")
		}
		i = stop + 1
	}
}

// Cause gives the cause: a SIP status for "SIP", a Q.850 cause for "Q.850". False when there is none or it is no number
// up to 999.
func (r ReasonValue) Cause() (int, bool) {
	s, ok := r.Params.Get("cause")
	if !ok || len(s) > 3 {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 0
}

// Text gives the text for people, or "".
func (r ReasonValue) Text() string {
	s, _ := r.Params.Get("text")
	return s
}

// Location gives who says so, for Q.850: "U" the user, "LPN" the local private network and so on (RFC 8606), or "".
func (r ReasonValue) Location() string {
	s, _ := r.Params.Get("location")
	return s
}

// FindReason gives the first value of the protocol in the list, among all rows. Rows that do not parse are passed over.
func FindReason(l List, protocol string) (ReasonValue, bool) {
	for row := range l.Values("Reason") {
		values, _ := ParseReasons(row)
		for _, r := range values {
			if equalFold(r.Protocol, protocol) {
				return r, true
			}
		}
	}
	return ReasonValue{}, false
}

// Append writes the value to dst.
func (r ReasonValue) Append(dst []byte) []byte { return r.Params.Append(append(dst, r.Protocol...)) }

// String gives the value as [ReasonValue.Append] writes it.
func (r ReasonValue) String() string { return string(r.Append(nil)) }
