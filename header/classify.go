package header

// class is what a header name is to a back-to-back user agent, before any policy.
type class uint8

const (
	context    class = iota // it may tell of the call: rules decide
	plumbing                // each leg makes its own: passed over without a word
	hop                     // what a peer tells its neighbour of itself or of the message: goes no further
	credential              // belongs to one hop, and is secret
	preference              // a hint to this hop alone (RFC 3325 section 6)
	dialogName              // names a dialog of one leg
	asserted                // believed only from a trusted peer
	network                 // stays inside the trust domain, either way (RFC 7315)
)

// classify gives the class of a name, in lower case and long form. Its cases are those of RFC 3261 section 20, RFC
// 3325, RFC 7315 and the IANA register of SIP header fields.
func classify(name []byte) class {
	switch string(name) {
	case // made anew for each leg
		"via", "record-route", "route", "from", "to", "call-id", "cseq", "contact", "max-forwards", "max-breadth",
		"content-length", "content-type", "content-disposition", "content-encoding", "content-id", "mime-version",
		// negotiated on each leg
		"supported", "require", "proxy-require", "unsupported", "allow", "accept", "accept-encoding", "session-expires",
		"min-se", "rseq", "rack", "p-early-media", "security-client", "security-server", "security-verify", "path", "service-route",
		"refer-sub", "recv-info", "info-package", "sip-etag", "sip-if-match", "flow-timer",
		// belonging to one subscription or transfer, and handled there
		"event", "subscription-state", "refer-to", "refer-events-at", "target-dialog-id":
		return plumbing
	case "user-agent", "server", "date", "timestamp", "expires", "min-expires", "warning", "retry-after", "error-info",
		"accept-language", "content-language", "allow-events", "feature-caps", "reject-contact", "request-disposition":
		return hop
	case "authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate", "authentication-info",
		"proxy-authentication-info":
		return credential
	case "p-preferred-identity":
		return preference
	case "replaces", "join", "target-dialog", "in-reply-to":
		return dialogName
	case "diversion", "history-info", "remote-party-id", "identity", "identity-info", "p-asserted-identity":
		return asserted
	}
	switch {
	case !hasPrefix(name, "p-"):
		return context
	case hasPrefix(name, "p-charging-"), hasPrefix(name, "p-access-network-"), hasPrefix(name, "p-visited-network-"):
		return network
	}
	return asserted
}

// OfLeg tells whether each leg makes the header for itself, so that no policy decides on it and [Compiled.Apply] tells
// nothing of it: Via, From, Contact, Content-Length and the like. The name's case does not count, and it may be compact.
func OfLeg(name string) bool { return classify([]byte(lowered(Long(name)))) == plumbing }

// carriesURI tells whether the header's values are addresses whose host a rule may rewrite.
func carriesURI(lowName string) bool {
	switch lowName {
	case "diversion", "history-info", "p-asserted-identity", "remote-party-id", "referred-by", "reply-to",
		"p-called-party-id", "p-associated-uri":
		return true
	}
	return false
}

// Names of platforms in lower case, which nobody outside may set.
const (
	internalPrefix = "x-switchhook-" // ours: never crosses a trunk, either way
	amazonPrefix   = "x-amzn"
	azurePrefix    = "x-ms-"
	azureCustom    = "x-ms-custom-" // Azure's own customers' names, and free
)

// isReserved tells whether a lower-case name belongs to a platform.
func isReserved(lowName string) bool {
	return isInternal(lowName) || hasPrefix(lowName, amazonPrefix) ||
		hasPrefix(lowName, azurePrefix) && !hasPrefix(lowName, azureCustom)
}

func isInternal(lowName string) bool { return hasPrefix(lowName, internalPrefix) }

func hasPrefix[T string | []byte](s T, prefix string) bool {
	return len(s) >= len(prefix) && string(s[:len(prefix)]) == prefix
}

// OfCall tells whether the header tells of the call, so that policies' rules decide on it: neither what each leg makes for
// itself nor what is said to one hop alone, and no name of this program's own. The name's case does not count, and it may
// be compact.
func OfCall(name string) bool {
	low := lowered(Long(name))
	switch classify([]byte(low)) {
	case context, asserted:
		return !isInternal(low)
	}
	return false
}
