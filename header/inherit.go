package header

// Inherit gives the context of a call that goes on to another target: what it had, and what the change of target brings.
// A Diversion that is brought comes before those that are there, which never change (RFC 5806 section 3.1). A brought
// User-to-User takes the place of those of its package, as two of isdn-uui would both be discarded (RFC 7434 section 8);
// those of other packages stay. Any other row takes the place of the rows with its name.
func Inherit(had, brought List) List {
	out := make(List, 0, len(had)+len(brought))
	for _, f := range brought {
		if SameName(f.Name, "Diversion") {
			out = append(out, f)
		}
	}
	for _, f := range had {
		if !replacedBy(f, brought) {
			out = append(out, f)
		}
	}
	for _, f := range brought {
		if !SameName(f.Name, "Diversion") {
			out = append(out, f)
		}
	}
	return out
}

func replacedBy(f Field, brought List) bool {
	switch {
	case !brought.Has(f.Name), SameName(f.Name, "Diversion"):
		return false
	case !SameName(f.Name, "User-to-User"):
		return true
	}
	for row := range brought.Values(f.Name) {
		for _, b := range ParseUserToUser(row) {
			for _, u := range ParseUserToUser(f.Value) {
				if b.IsISDN() == u.IsISDN() && b.Purpose() == u.Purpose() {
					return true
				}
			}
		}
	}
	return false
}
