package header

// Action says what became of one value.
type Action string

// The closed list of actions.
const (
	Kept      Action = "kept"      // it goes on, byte for byte
	Added     Action = "added"     // it was not there before
	Renamed   Action = "renamed"   // the name was changed, the value kept
	Rewritten Action = "rewritten" // the value was changed, and perhaps the name too
	Dropped   Action = "dropped"   // it does not go on
)

// Reason says why, as a short label from a closed list, fit for a metric.
type Reason string

// The closed list of reasons that this package gives.
const (
	BecauseRule          Reason = "rule"              // a rule of the policy names it; Detail tells which
	BecauseUnknown       Reason = "unknown"           // no rule names it, and what no rule names is dropped
	BecauseReserved      Reason = "reserved-name"     // the name belongs to a platform, this one among them
	BecauseUntrusted     Reason = "untrusted"         // an untrusted peer may not assert it
	BecauseNeverCrosses  Reason = "never-crosses"     // it belongs to one hop: its software and clock, credentials, preferences
	BecauseDialog        Reason = "names-a-dialog"    // it names a dialog of the other leg
	BecauseMalformed     Reason = "malformed"         // no token for a name, or CR, LF, NUL; or not to be read where it must be
	BecauseTooLong       Reason = "too-long"          // the row or all rows together
	BecauseTooMany       Reason = "too-many"          // rows
	BecauseUUIDenied     Reason = "uui-denied"        // the trunk carries no User-to-User
	BecauseUUIMessage    Reason = "uui-message"       // not in this message (RFC 7433 section 4.1, RFC 7434 section 7)
	BecauseUUINotAsked   Reason = "uui-not-asked"     // the initial INVITE had none (RFC 7434 section 8)
	BecauseUUIDuplicate  Reason = "uui-duplicate"     // several isdn-uui values: all are discarded (RFC 7434 section 7)
	BecauseDiscriminator Reason = "uui-discriminator" // the trunk's choice of where the protocol discriminator stands
	BecauseMapped        Reason = "mapped"            // between Diversion and History-Info (RFC 7544)
	BecauseMappingTarget Reason = "mapping-no-target" // it can't be mapped without the Request-URI
	BecauseForm          Reason = "diversion-form"    // the trunk's choice between Diversion and History-Info
	BecausePrivacy       Reason = "privacy"           // the caller or the diverting party asked for it
	BecauseEmbedded      Reason = "uri-header"        // it came in the headers of a URI
)

// Change is what became of one value and why: the unit of the ledger.
type Change struct {
	Action Action `json:"action"`
	// Field is the row as it was, or, for Added, as it is now. The values of credentials are left out.
	Field
	// NewName and NewValue say what it is now; set for Renamed and Rewritten alone.
	NewName  string `json:"newName,omitempty"`
	NewValue string `json:"newValue,omitempty"`
	// Reason is the label; Detail is for people and names the rule, the limit or the byte that decided.
	Reason Reason `json:"reason"`
	Detail string `json:"detail,omitempty"`
}
