package acceptance_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/switchhook/switchhook/directory"
)

// endpointsConfig is two telephones of one account and one of another, and no trunk that would claim this machine. Debian's
// baresip gives up at a challenge with SHA-256, whatever stands beside it.
const endpointsConfig = `account: "111122223333"
keys: [{kind: admin, id: admin, secret: admin-secret}]
sip: {digest: [MD5]}
endpoints:
  - {user: ann, password: ann-secret}
  - {user: bob, password: bob-secret}
  - {user: eve, password: eve-secret, account: "444455556666"}
`

// registered gives the users of all registrations, in order.
func (s *server) registered(t *testing.T) (users []string) {
	t.Helper()
	var list struct {
		Endpoints []directory.Binding `json:"endpoints"`
	}
	s.get(t, "/api/registrations", &list)
	for _, b := range list.Endpoints {
		users = append(users, b.User)
	}
	return users
}

// startRegistered starts a baresip that registers.
func (s *server) startRegistered(t *testing.T, user string, hums float64) *baresip {
	t.Helper()
	b := startBaresip(t, baresipOptions{user: user, host: s.SIP, hums: hums,
		account: fmt.Sprintf(";auth_user=%s;auth_pass=%s-secret;regint=600;answermode=auto", user, user)})
	eventually(t, user+" being registered", func() bool { return slices.Contains(s.registered(t), user) })
	return b
}

// Telephones register with their passwords and call each other by name, with sound both ways; one of another account is
// not there for them; a restart forgets nobody.
func TestRegisteredPhones(t *testing.T) {
	t.Parallel()
	s := start(t, endpointsConfig)
	ann, bob := s.startRegistered(t, "ann", 440), s.startRegistered(t, "bob", 1000)
	s.startRegistered(t, "eve", 700)
	ann.command(t, "dial", "sip:bob@"+s.SIP)
	ann.await(t, "CALL_ESTABLISHED")
	bob.await(t, "CALL_ESTABLISHED")
	ann.heard(t, 1000)
	bob.heard(t, 440)
	bob.command(t, "hangup", "")
	ann.await(t, "CALL_CLOSED")
	s.idle(t)
	ann.command(t, "dial", "sip:eve@"+s.SIP)
	ann.await(t, "CALL_CLOSED")
	s.idle(t)
	records := s.calls(t, 2)
	if r := records[1]; r.From != "ann" || r.To != "bob" || len(r.Legs) != 2 || r.Account != "111122223333" {
		t.Errorf("record %+v", r)
	}
	if r := records[0]; r.Cause.SIP != 404 || len(r.Legs) != 1 {
		t.Errorf("a call to another account: %+v", r)
	}
}
