package route

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
)

// Verdict says where an attempt goes: exactly one of Apps, Endpoint, Through and Refuse is set.
type Verdict struct {
	Account  string          // of the rule, or else of the attempt
	Rule     string          // the rule's ID, empty when none matched
	Apps     []directory.App // in the order in which they are tried
	Endpoint string          // the user name of the endpoint that is called by another of its account, without an application
	Through  *Through        // the trunk that it goes on by, without an application
	Foreign  bool            // the number is nobody's in the directory, and the trunk's peers may dial such, or not this one
	Refuse   *call.Cause     // why it goes nowhere; Text tells what to change
}

// Find finds the applications for an attempt: those of the rule for the Request-URI's host, else of the rule for the
// called number. A disabled rule counts as none, an application that does not exist is passed over. Where there is no
// rule, an endpoint may call another of its account by its user name, and a trunk may be the way on: see [Through].
func Find(s *directory.Snapshot, at call.Attempt) Verdict {
	if refuse := strangeCaller(s, at); refuse != nil {
		return Verdict{Account: at.Account, Refuse: refuse}
	}
	host, number := Host(at.Host), Number(at.To)
	var off *directory.Rule
	for _, trigger := range [...]struct {
		kind  directory.TriggerKind
		value string
	}{{directory.ByHost, host}, {directory.ByNumber, number}} {
		r, ok := s.Rule(trigger.kind, trigger.value)
		switch {
		case !ok || trigger.value == "":
		case trigger.kind == directory.ByHost && at.Endpoint != "" && r.Account != at.Account:
			// A host stands for a trunk, which says who may call by it; endpoints of others are not asked for that.
		case r.Disabled:
			off = r
		default:
			return follow(s, r)
		}
	}
	e, ok := s.Endpoint(number)
	if !ok {
		e, ok = s.Endpoint(at.To) // digits that make no number
	}
	if ok && at.Endpoint != "" && e.Account == at.Account && !e.Disabled {
		return Verdict{Account: at.Account, Endpoint: e.User}
	}
	if v, ok := through(s, at, number); ok {
		return v
	}
	why := fmt.Sprintf("no rule for host %q or number %q", host, number)
	if off != nil {
		why = fmt.Sprintf("rule %q is disabled, and there is no other for host %q or number %q", off.Name, host, number)
	}
	return Verdict{Account: at.Account, Refuse: refusal(404, why)}
}

// follow gives the rule's applications in order of priority; those of equal priority as the rule lists them.
func follow(s *directory.Snapshot, r *directory.Rule) Verdict {
	v := Verdict{Account: r.Account, Rule: r.ID}
	targets := slices.SortedStableFunc(slices.Values(r.Targets), func(a, b directory.Target) int {
		return cmp.Compare(a.Priority, b.Priority)
	})
	for _, t := range targets {
		if app, ok := s.App(t.App); ok {
			v.Apps = append(v.Apps, app)
		}
	}
	if len(v.Apps) == 0 {
		v.Refuse = refusal(480, fmt.Sprintf("rule %q names no application that exists", r.Name))
	}
	return v
}

// refusal is a cause that label no-route says. Q.850: 1 unallocated number, 20 subscriber absent (RFC 3398 section 8.2.6.1).
func refusal(sip int, why string) *call.Cause {
	q850 := 1
	if sip == 480 {
		q850 = 20
	}
	return &call.Cause{SIP: sip, Q850: q850, By: call.ByPlatform, Label: call.LabelNoRoute, Text: why}
}

// Host gives a Request-URI host in the form of a rule's value: lower case, without a final dot.
func Host(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// Number gives a called party in the form of a rule's value: see [directory.NumberOf].
func Number(user string) string { return directory.NumberOf(user) }
