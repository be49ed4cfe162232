package route

import (
	"cmp"
	"fmt"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
)

// Out finds the trunk that an outbound leg takes: the one it names, which must be of who dials or open to all (the
// trunk for numbers that nobody here owns), else that one. The trunk is not to be changed.
func Out(s *directory.Snapshot, d call.Dial) (*directory.Trunk, *call.Cause) {
	trunk, ok := s.PSTN()
	if d.Trunk != "" {
		trunk, ok = s.Trunk(d.Trunk)
		ok = ok && (trunk.Account == d.Account || d.Account == "" || trunk.PSTN)
	}
	switch {
	case !ok && d.Trunk != "" && d.Account == "":
		return nil, refusal(404, fmt.Sprintf("there is no trunk %q", d.Trunk))
	case !ok && d.Trunk != "":
		return nil, refusal(404, fmt.Sprintf("account %s has no trunk %q", d.Account, d.Trunk))
	case !ok:
		return nil, refusal(404, "no trunk takes numbers that nobody here owns: mark one with pstn")
	case trunk.Disabled:
		return nil, refusal(480, fmt.Sprintf("trunk %q is disabled", trunk.ID))
	case len(trunk.Peers) == 0:
		return nil, refusal(480, fmt.Sprintf("trunk %q has no peers", trunk.ID))
	}
	if why := forbidden(s, trunk, d); why != "" {
		return nil, forbidding(why)
	}
	return trunk, nil
}

// forbidding is a cause that label limit says: what is dialled may not be.
func forbidding(why string) *call.Cause {
	return &call.Cause{SIP: 403, Q850: 21, By: call.ByPlatform, Label: call.LabelLimit, Text: why}
}

// forbidden tells why the prefixes of the trunk, or of who dials, forbid what is dialled; empty where they do not.
func forbidden(s *directory.Snapshot, t *directory.Trunk, d call.Dial) string {
	party := d.To
	if d.URI != "" {
		party = d.URI // what can't be read is no number
		if u, err := header.ParseURI(d.URI); err == nil {
			party = u.User
		}
	}
	return s.Forbids(t.Limits, fmt.Sprintf("trunk %q", t.ID), cmp.Or(d.Account, t.Account), party)
}

// Endpoint tells why an outbound leg may not go to the endpoint that it names: there is none, or not in the account of
// who dials, which is said in the same words; or it is disabled.
func Endpoint(s *directory.Snapshot, d call.Dial) *call.Cause {
	e, ok := s.Endpoint(d.Endpoint)
	switch {
	case !ok, d.Account != "" && e.Account != d.Account:
		return refusal(404, fmt.Sprintf("account %s has no endpoint %q", d.Account, d.Endpoint))
	case e.Disabled:
		return refusal(480, fmt.Sprintf("endpoint %q is disabled", e.User))
	}
	return nil
}
