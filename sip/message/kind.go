package message

// kind is a header that the parser itself looks at.
type kind uint8

const (
	kindOther kind = iota
	kindVia
	kindContact
	kindFrom // from here on: singletons, for of two rows one would be believed, and by each element another
	kindTo
	kindCallID
	kindCSeq
	kindMaxForwards
	kindContentLength
	kindContentType
	kindEvent
	kindReferTo
	kindRAck
	kindRSeq
	kindSessionExpires
	kindMinSE
	kindSubscriptionState
	kindExpires
	kindReplaces
	kindReferredBy
	kinds
)

var kindNames = [kinds]string{
	kindVia: "Via", kindContact: "Contact", kindFrom: "From", kindTo: "To", kindCallID: "Call-ID", kindCSeq: "CSeq",
	kindMaxForwards: "Max-Forwards", kindContentLength: "Content-Length", kindContentType: "Content-Type",
	kindEvent: "Event", kindReferTo: "Refer-To", kindRAck: "RAck", kindRSeq: "RSeq",
	kindSessionExpires: "Session-Expires", kindMinSE: "Min-SE", kindSubscriptionState: "Subscription-State",
	kindExpires: "Expires", kindReplaces: "Replaces", kindReferredBy: "Referred-By",
}

// kindOf classifies a header name, compact or long, by its length first.
func kindOf(name string) kind {
	switch len(name) {
	case 1:
		return compactKind(name[0] | 0x20)
	case 2:
		return pick(name, "to", kindTo)
	case 3:
		return pick(name, "via", kindVia)
	case 4:
		switch name[0] | 0x20 {
		case 'f':
			return pick(name, "from", kindFrom)
		case 'c':
			return pick(name, "cseq", kindCSeq)
		case 'r':
			return pick(name, "rack", kindRAck) | pick(name, "rseq", kindRSeq)
		}
	case 5:
		return pick(name, "event", kindEvent)
	case 6:
		return pick(name, "min-se", kindMinSE)
	case 7:
		switch name[0] | 0x20 {
		case 'c':
			return pick(name, "contact", kindContact) | pick(name, "call-id", kindCallID)
		case 'e':
			return pick(name, "expires", kindExpires)
		}
	case 8:
		return pick(name, "refer-to", kindReferTo) | pick(name, "replaces", kindReplaces)
	case 11:
		return pick(name, "referred-by", kindReferredBy)
	case 12:
		return pick(name, "max-forwards", kindMaxForwards) | pick(name, "content-type", kindContentType)
	case 14:
		return pick(name, "content-length", kindContentLength)
	case 15:
		return pick(name, "session-expires", kindSessionExpires)
	case 18:
		return pick(name, "subscription-state", kindSubscriptionState)
	}
	return kindOther
}

func pick(name, word string, k kind) kind {
	if fold(name, word) {
		return k
	}
	return kindOther
}

func compactKind(c byte) kind {
	switch c {
	case 'v':
		return kindVia
	case 'm':
		return kindContact
	case 'f':
		return kindFrom
	case 't':
		return kindTo
	case 'i':
		return kindCallID
	case 'l':
		return kindContentLength
	case 'c':
		return kindContentType
	case 'o':
		return kindEvent
	case 'r':
		return kindReferTo
	case 'b':
		return kindReferredBy
	case 'x':
		return kindSessionExpires
	}
	return kindOther
}
