package header

// Long gives the long form of a compact header name ("i" gives "Call-ID", "x" gives "Session-Expires"), or the name
// itself. RFC 3261 section 7.3.3 and the IANA register of SIP header fields.
func Long(name string) string {
	if len(name) != 1 {
		return name
	}
	switch name[0] | 0x20 {
	case 'a':
		return "Accept-Contact"
	case 'b':
		return "Referred-By"
	case 'c':
		return "Content-Type"
	case 'd':
		return "Request-Disposition"
	case 'e':
		return "Content-Encoding"
	case 'f':
		return "From"
	case 'i':
		return "Call-ID"
	case 'j':
		return "Reject-Contact"
	case 'k':
		return "Supported"
	case 'l':
		return "Content-Length"
	case 'm':
		return "Contact"
	case 'o':
		return "Event"
	case 'r':
		return "Refer-To"
	case 's':
		return "Subject"
	case 't':
		return "To"
	case 'u':
		return "Allow-Events"
	case 'v':
		return "Via"
	case 'x':
		return "Session-Expires"
	case 'y':
		return "Identity"
	}
	return name
}

// SameName tells whether two names mean the same header: ASCII case does not count, nor does the compact form. No
// other letters fold: a name with the Kelvin sign or a long s is never taken for an ASCII one.
func SameName(a, b string) bool {
	if len(a) == len(b) {
		return equalFold(a, b)
	}
	if len(a) == 1 {
		return equalFold(Long(a), b)
	}
	if len(b) == 1 {
		return equalFold(a, Long(b))
	}
	return false
}

// equalFold compares without regard to ASCII case, and to no other case: strings.EqualFold also folds letters outside
// ASCII, by which a name that is no token could pass for one that a rule names.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// lowered gives s in lower case, ASCII only, and s itself when it already is.
func lowered(s string) string {
	for i := range len(s) {
		if lower(s[i]) != s[i] {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				b[j] = lower(b[j])
			}
			return string(b)
		}
	}
	return s
}

// hasPrefixFold tells whether s begins with the prefix, which is in lower case; ASCII case does not count.
func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && equalFold(s[:len(prefix)], prefix)
}
