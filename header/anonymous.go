package header

import "strings"

// anonymousURI stands for a party that asked not to be shown (RFC 7044 section 10.1.2).
const anonymousURI = "sip:anonymous@anonymous.invalid"

// applyPrivacy does, on the way out of the trust domain, what the caller and the diverting parties asked for.
func (r *run) applyPrivacy() {
	asked := FindPrivacy(r.in)
	if r.message.Kind == Invite && asked.Has("critical") && (asked.Has("header") || asked.Has("session") || asked.Has("user")) {
		r.refused = &RefusedError{Name: "Privacy", Reason: BecausePrivacy,
			Detail: "header, session or user privacy is critical to the caller, and is not to be had here (RFC 3323 section 4.2)"}
		return
	}
	for i := range r.out {
		switch name := r.out[i].Name; {
		case SameName(name, "P-Asserted-Identity"), SameName(name, "Remote-Party-ID"):
			if asked.Has("id") {
				r.drop(i, BecausePrivacy, "Privacy: id (RFC 3325 section 7)")
			}
		case SameName(name, "History-Info"):
			everyone := asked.Has("history") || asked.Has("header")
			r.hide(i, func(a *NameAddr) bool { return hideTarget(a, everyone) })
		case SameName(name, "Diversion"):
			r.hide(i, hideDiverter)
		case SameName(name, "Privacy") && asked.Has("history"):
			r.doneHistory(i)
		}
	}
}

// doneHistory takes the history token out of a Privacy row: it has been honoured (RFC 7044 section 10.1.2).
func (r *run) doneHistory(i int) {
	tokens, err := ParsePrivacy(r.out[i].Value)
	rest := tokens.Without("history")
	switch {
	case err != nil, len(rest) == len(tokens), tokens.Has("none"):
	case len(rest) == 0:
		r.drop(i, BecausePrivacy, "history has been honoured")
	default:
		r.rewrite(i, rest.String(), BecausePrivacy, "history has been honoured")
	}
}

// hide rewrites the entries of a row that ask for it. A row that can't be read might ask too, and is dropped.
func (r *run) hide(i int, entry func(*NameAddr) bool) {
	var out []string
	hidden := false
	err := eachNameAddr("address list", r.out[i].Value, func(a NameAddr) {
		if entry(&a) {
			hidden = true
			out = append(out, a.String())
			return
		}
		out = append(out, a.Raw)
	})
	switch {
	case err != nil:
		r.drop(i, BecausePrivacy, "not to be read, so it may ask for privacy: "+err.Error())
	case hidden:
		r.rewrite(i, strings.Join(out, ", "), BecausePrivacy, "made anonymous, as asked")
	}
}

// hideTarget makes a History-Info entry anonymous, its cause kept.
func hideTarget(a *NameAddr, everyone bool) bool {
	h := HistoryInfo{*a}
	if !everyone && !h.Private() {
		return false
	}
	u, _ := ParseURI(anonymousURI)
	if old, err := ParseURI(a.URI); err == nil {
		if cause, ok := old.Params.Get("cause"); ok && IsToken(cause) {
			u.Params = Params{{Name: "cause", Value: cause}}
		}
	}
	a.Display, a.URI = "", u.String()
	return true
}

// hideDiverter makes a Diversion entry anonymous (RFC 7544 section 3.2).
func hideDiverter(a *NameAddr) bool {
	switch (Diversion{*a}).Privacy() {
	case "full", "name", "uri":
		a.Display, a.URI, a.Params = "", anonymousURI, a.Params.Without("privacy")
		return true
	}
	return false
}
