package header

import "strings"

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

// SameName tells whether two names mean the same header: case does not count, nor does the compact form.
func SameName(a, b string) bool {
	if len(a) == len(b) {
		return strings.EqualFold(a, b)
	}
	if len(a) == 1 || len(b) == 1 {
		return strings.EqualFold(Long(a), Long(b))
	}
	return false
}
