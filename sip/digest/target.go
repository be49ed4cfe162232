package digest

import (
	"strings"

	"github.com/switchhook/switchhook/header"
)

// sameTarget tells whether the uri of credentials names what a request is for. They may differ in what a proxy or a
// telephone adds (RFC 8760 section 2.6): parameters, the default port, upper case in the host.
func sameTarget(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := header.ParseURI(a)
	y, errY := header.ParseURI(b)
	return errX == nil && errY == nil && x.IsSIP() && y.IsSIP() && x.User == y.User && strings.EqualFold(x.Host, y.Host)
}
