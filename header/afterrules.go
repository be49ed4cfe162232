package header

import "slices"

// afterRules does what looks at several rows together: the User-to-User gate, the form of diversion, privacy.
func (r *run) afterRules() {
	if r.c.policy.UUI != UUITransparent {
		r.gateUUI()
	}
	if r.c.policy.Discriminator.changes() {
		r.discriminate()
	}
	if r.c.policy.Diversion != FormAsReceived && r.message.Kind.allowsDiversion() {
		r.sweep()
		r.formDiversion()
	}
	if r.c.policy.hides() {
		r.applyPrivacy()
	}
	r.sweep()
}

// drop takes back the i-th row that was to go on.
func (r *run) drop(i int, why Reason, detail string) {
	c := &r.changes[r.at[i]]
	c.Action, c.Reason, c.Detail = Dropped, why, detail
	c.NewName, c.NewValue = "", ""
	r.out[i] = Field{}
	r.gone = true
}

// rewrite gives the i-th row another value. A row that was added here says so still.
func (r *run) rewrite(i int, value string, why Reason, detail string) {
	r.out[i].Value = value
	c := &r.changes[r.at[i]]
	c.Reason, c.Detail = why, detail
	if c.Action == Added {
		c.Value = value
		return
	}
	c.Action, c.NewName, c.NewValue = Rewritten, r.out[i].Name, value
}

// insert adds a row at i.
func (r *run) insert(i int, f Field, why Reason, detail string) {
	r.out = slices.Insert(r.out, i, f)
	r.at = slices.Insert(r.at, i, len(r.changes))
	r.changes = append(r.changes, Change{Action: Added, Field: f, Reason: why, Detail: detail})
}

// note gives the i-th row another reason, its action as it was.
func (r *run) note(i int, why Reason, detail string) {
	c := &r.changes[r.at[i]]
	c.Reason, c.Detail = why, detail
}

// sweep takes the emptied rows out.
func (r *run) sweep() {
	if !r.gone {
		return
	}
	n := 0
	for i, f := range r.out {
		if f.Name != "" {
			r.out[n], r.at[n] = f, r.at[i]
			n++
		}
	}
	r.out, r.at, r.gone = r.out[:n], r.at[:n], false
}
