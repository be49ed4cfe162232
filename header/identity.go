package header

// FindIdentities gives the values of all P-Asserted-Identity rows in order, and tells whether they follow RFC 3325
// section 9.1: one value with a sip, sips or tel URI, or two, of which one is tel. The values are given along with the
// error as far as they parse; a UAS does not use what an untrusted peer asserts: see [Policy].
func FindIdentities(l List) ([]NameAddr, error) {
	var out []NameAddr
	for row := range l.Values("P-Asserted-Identity") {
		if err := eachNameAddr("P-Asserted-Identity", row, func(a NameAddr) { out = append(out, a) }); err != nil {
			return out, err
		}
	}
	return out, CheckIdentities(out)
}

// CheckIdentities tells whether the values may stand in one message as P-Asserted-Identity: at most two; of two, one
// sip or sips and one tel. The error is a *[ParseError].
func CheckIdentities(values []NameAddr) error {
	if len(values) > 2 {
		return bad("P-Asserted-Identity", 0, "more than two values")
	}
	tel, sip := 0, 0
	for _, a := range values {
		u, err := ParseURI(a.URI)
		switch {
		case err != nil:
			return err
		case u.IsTel():
			tel++
		case u.IsSIP():
			sip++
		default:
			return bad("P-Asserted-Identity", 0, "scheme "+Quote(u.Scheme)+" is not sip, sips or tel")
		}
	}
	if tel > 1 || sip > 1 {
		return bad("P-Asserted-Identity", 0, "two values of one kind")
	}
	return nil
}
