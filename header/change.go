package header

// Action says what became of one value.
type Action string

// The closed list of actions.
const (
	Kept      Action = "kept"      // it goes on, byte for byte
	Added     Action = "added"     // it was not there before
	Renamed   Action = "renamed"   // the name was changed, the value kept
	Rewritten Action = "rewritten" // the value was changed
	Dropped   Action = "dropped"   // it does not go on
)

// Reason says why, as a short label from a closed list, fit for a metric.
type Reason string

// Change is what became of one value and why: the unit of the ledger.
type Change struct {
	Action Action `json:"action"`
	// Field is the row as it was, or, for Added, as it is now.
	Field
	// NewName and NewValue say what it is now; set for Renamed and Rewritten alone.
	NewName  string `json:"newName,omitempty"`
	NewValue string `json:"newValue,omitempty"`
	// Reason is the label; Detail is for people and names the rule, the limit or the byte that decided.
	Reason Reason `json:"reason"`
	Detail string `json:"detail,omitempty"`
}
