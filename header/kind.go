package header

// Kind is the kind of message whose rows are decided: User-to-User and diversions belong to some and not to others.
type Kind uint8

// The kinds. A response is one of the last six; those without "Bye" or "Other" answer an INVITE.
const (
	OtherRequest Kind = iota
	Invite            // the first of a call
	ReInvite
	Ack
	Cancel
	Bye
	Refer
	Update
	Prack
	Info
	Provisional // 101 to 199; 100 is never relayed
	Success     // 2xx
	Redirect    // 3xx
	Failure     // 4xx to 6xx
	ByeResponse
	OtherResponse
)

// String gives the kind's name, as "INVITE", "re-INVITE" or "3xx".
func (k Kind) String() string {
	names := [...]string{"request", "INVITE", "re-INVITE", "ACK", "CANCEL", "BYE", "REFER", "UPDATE", "PRACK", "INFO",
		"1xx", "2xx", "3xx", "4xx-6xx", "response to BYE", "response"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Message is what a policy must know of a message beside its rows.
type Message struct {
	Kind Kind
	// Target is the Request-URI of an INVITE, the last target of its History-Info. Without it Diversion rows can't be
	// told as History-Info.
	Target string
	// AskedUUI tells that the initial INVITE of the call carried isdn-uui: only then may answers and BYE carry it under
	// [UUIStrict] (RFC 7434 section 8).
	AskedUUI bool
}

// allowsUUI tells whether RFC 7433 section 4.1 lets a User-to-User of any package stand in the message.
func (k Kind) allowsUUI() bool {
	switch k {
	case Invite, ReInvite, Bye, Provisional, Success, Redirect, ByeResponse:
		return true
	}
	return false
}

// allowsDiversion tells whether the message may tell of diversions (RFC 5806 section 4).
func (k Kind) allowsDiversion() bool { return k == Invite || k == Redirect }
