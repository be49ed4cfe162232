package route

import (
	"fmt"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
)

// Through is the trunk by which an attempt goes on without an application: that of a number of our own, or, where a trunk lets
// its peers dial numbers that nobody here owns, the trunk for these.
type Through struct {
	Trunk string
	To    string // the number that is dialled
	Via   string // the trunk whose peer dials through us; empty where the number is ours
	From  string // who is shown as the caller, in place of who says to be; empty: as it is
}

// through finds the trunk by which a number goes on that no rule takes; false: none, or there is a reason to refuse it that
// the caller of through gives.
func through(s *directory.Snapshot, at call.Attempt, number string) (Verdict, bool) {
	if n, ours := s.Number(number); ours {
		t, ok := s.Trunk(n.Trunk)
		switch {
		case n.Account == "" || !ok || t.Account != n.Account:
			return Verdict{}, false
		case t.Disabled || len(t.Peers) == 0:
			return Verdict{Account: n.Account, Refuse: refusal(480, fmt.Sprintf("trunk %q, which number %s belongs to, has no peers or is disabled", t.ID, number))}, true
		}
		return Verdict{Account: n.Account, Through: &Through{Trunk: t.ID, To: number}}, true
	}
	by, ok := s.Trunk(at.Trunk)
	if !ok || at.Endpoint != "" || len(by.Transit.Prefixes) == 0 {
		return Verdict{}, false
	}
	if why := (directory.Limits{Prefixes: by.Transit.Prefixes}).Forbids(at.To); why != "" {
		return Verdict{Account: at.Account, Foreign: true, Refuse: forbidding(fmt.Sprintf("trunk %q lets its peers dial other numbers: %s", by.ID, why))}, true
	}
	out, ok := s.PSTN()
	if !ok || out.ID == by.ID {
		return Verdict{}, false
	}
	to := &Through{Trunk: out.ID, To: number, Via: by.ID}
	if by.Transit.Caller != "" && !owns(s, by, at.From) {
		to.From = by.Transit.Caller
	}
	return Verdict{Account: at.Account, Foreign: true, Through: to}, true
}

// owns tells whether a caller's number is one of the account of a trunk.
func owns(s *directory.Snapshot, t *directory.Trunk, number string) bool {
	n, ok := s.Number(Number(number))
	return ok && n.Account == t.Account
}

// strangeCaller tells why a caller may not call by his trunk: it wants callers to show numbers of its account. A number that
// is shown in their place will do where the call goes to nobody of us.
func strangeCaller(s *directory.Snapshot, at call.Attempt) *call.Cause {
	t, ok := s.Trunk(at.Trunk)
	if !ok || !t.Owned || at.Endpoint != "" || owns(s, t, at.From) {
		return nil
	}
	if _, ours := s.Number(Number(at.To)); !ours && owns(s, t, t.Transit.Caller) {
		return nil
	}
	c := forbidding(fmt.Sprintf("the caller %q is no number of account %s, and trunk %q takes no other (owned)", at.From, t.Account, t.ID))
	c.Phrase = "Caller Id " + at.From + " is not valid"
	return c
}
