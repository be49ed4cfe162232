package route

import (
	"cmp"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
)

// Home tells whether an outbound leg stays in the house, for it dials a number of our own that leads somewhere: its trunk is
// directory.House then, or directory.HouseApart where the number is another account's; else it is empty. greets says that the
// number is a dialect's own, which every account may dial. A leg that names its trunk goes there; one to the very number that the
// caller dialled goes on to the carrier, for who answers that number sends the call on to where it is answered otherwise, and not
// to himself.
func Home(s *directory.Snapshot, d call.Dial, greets bool) (trunk string, refuse *call.Cause) {
	if d.Trunk != "" || d.URI != "" || d.Endpoint != "" || d.Replaces != "" {
		return "", nil
	}
	to := Number(d.To)
	if to == Number(d.Called) {
		return "", nil
	}
	trunk = directory.House
	if !greets {
		n, ours := s.Number(to)
		if !ours || n.Account == "" {
			return "", nil
		}
		v := Find(s, call.Attempt{To: to, Account: n.Account})
		if v.Refuse != nil {
			return "", nil // a carrier may know more of it
		}
		if cmp.Or(v.Account, n.Account) != d.Account {
			trunk = directory.HouseApart
		}
	}
	if why := s.Forbids(directory.Limits{}, "the house", d.Account, d.To); why != "" {
		return "", forbidding(why)
	}
	return trunk, nil
}
