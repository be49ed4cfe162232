package header

import "slices"

// formDiversion brings the message's diversions into the form that the trunk wants (RFC 7544). Rows that can't be read
// stay as they are, for a bad one never fails a call.
func (r *run) formDiversion() {
	form := r.c.policy.Diversion
	if form == FormNone {
		r.dropNamed("Diversion", BecauseForm, "diversion: none")
		r.dropNamed("History-Info", BecauseForm, "diversion: none")
		return
	}
	ds, _ := FindDiversions(r.out)
	hs, badHistory := FindHistoryInfo(r.out)
	if form != FormHistory && len(hs) > 0 {
		mapped, all := DiversionsFromHistory(hs)
		r.addDiversions(ds, mapped)
		if form == FormDiversion && all && badHistory == nil {
			r.dropNamed("History-Info", BecauseMapped, "told as Diversion (RFC 7544 section 6)")
		}
	}
	if form != FormDiversion && len(ds) > 0 {
		r.addHistory(ds, hs)
	}
}

// addDiversions adds the mapped entries that are not there yet: those more recent than the ones that are, above them,
// the others below.
func (r *run) addDiversions(have, mapped []Diversion) {
	top := slices.IndexFunc(r.out, func(f Field) bool { return SameName(f.Name, "Diversion") })
	if top < 0 {
		top = len(r.out)
	}
	at := top
	for _, d := range mapped {
		if slices.ContainsFunc(have, func(h Diversion) bool { return sameParty(h.URI, d.URI) }) {
			at = len(r.out) // what follows is older than a row that is there
			continue
		}
		r.insert(at, Field{Name: "Diversion", Value: d.String()}, BecauseMapped, "from History-Info (RFC 7544 section 6)")
		at++
	}
}

// addHistory adds the entries that History-Info lacks and, unless both forms are wanted, takes the Diversion rows out.
func (r *run) addHistory(ds []Diversion, hs []HistoryInfo) {
	if r.message.Target == "" {
		for i := range r.out {
			if SameName(r.out[i].Name, "Diversion") {
				r.note(i, BecauseMappingTarget, "told as Diversion still: History-Info needs the Request-URI")
			}
		}
		return
	}
	for _, h := range HistoryFromDiversions(ds, r.message.Target, hs) {
		row := Field{Name: "History-Info", Value: h.String()}
		r.insert(len(r.out), row, BecauseMapped, "from Diversion (RFC 7544 section 5)")
	}
	if r.c.policy.Diversion != FormHistory {
		return
	}
	for i := range r.out {
		if !SameName(r.out[i].Name, "Diversion") {
			continue
		}
		if _, err := ParseDiversions(r.out[i].Value); err == nil {
			r.drop(i, BecauseMapped, "told as History-Info (RFC 7544 section 5)")
		}
	}
}

func (r *run) dropNamed(name string, why Reason, detail string) {
	for i := range r.out {
		if SameName(r.out[i].Name, name) {
			r.drop(i, why, detail)
		}
	}
}
