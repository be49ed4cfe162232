package chime

import (
	"net/http"
	"slices"

	"github.com/switchhook/switchhook/directory"
)

// Who may call by a Voice Connector beside where from, and whether anybody is there.
var credentialOperations = []operation{
	{"PutVoiceConnectorTerminationCredentials", "POST", "/voice-connectors/{id}/termination/credentials", "operation=put", http.StatusNoContent, with((*control).putCredentials)},
	{"ListVoiceConnectorTerminationCredentials", "GET", "/voice-connectors/{id}/termination/credentials", "", http.StatusOK, bare((*control).listCredentials)},
	{"DeleteVoiceConnectorTerminationCredentials", "POST", "/voice-connectors/{id}/termination/credentials", "operation=delete", http.StatusNoContent, with((*control).deleteCredentials)},
	{"GetVoiceConnectorTerminationHealth", "GET", "/voice-connectors/{id}/termination/health", "", http.StatusOK, bare((*control).getHealth)},
}

// maxCredentials bounds those of one Voice Connector; the vendor names no number.
const maxCredentials = 100

type credential struct {
	Username, Password *string
}

type credentialsIn struct {
	Credentials []credential
	Usernames   []string
}

// putCredentials adds credentials, and gives those whose user name is there already a new password. The vendor says "updates" and
// "adds"; what replaced all would take away the ones that another tool had put.
func (c *control) putCredentials(r *request, in credentialsIn) (nothing, error) {
	var v checks
	v.credentials(in.Credentials)
	if err := v.result(); err != nil {
		return nothing{}, err
	}
	_, err := c.changeConnector(r, func(vc *connector) error {
		callers := slices.Clone(vc.Callers)
		for _, one := range in.Credentials {
			caller := directory.Caller{User: *one.Username, Password: *one.Password}
			if i := slices.IndexFunc(callers, func(have directory.Caller) bool { return have.User == caller.User }); i >= 0 {
				callers[i] = caller
			} else {
				callers = append(callers, caller)
			}
		}
		if len(callers) > maxCredentials {
			return badRequest("Credentials: VoiceConnector %s would have %d; at most %d are possible", vc.ID, len(callers), maxCredentials)
		}
		vc.Callers = callers
		return nil
	})
	return nothing{}, err
}

func (c *checks) credentials(list []credential) {
	if len(list) > maxCredentials {
		c.fail("Credentials: there are %d; at most %d are possible", len(list), maxCredentials)
	}
	for i, one := range list {
		if one.Username == nil || one.Password == nil {
			c.fail("Credentials: each has a Username and a Password")
			return
		}
		// The faults of a name are the directory's to find; here stands what the vendor's words allow less.
		if !printable(*one.Username) || len(*one.Username) > 128 {
			c.fail("Credentials: Username %s must have 1 to 128 printable characters of US-ASCII", quote(*one.Username))
		}
		if !printable(*one.Password) || len(*one.Password) > 256 {
			c.fail("Credentials: the Password of %s must have 1 to 256 printable characters of US-ASCII", quote(*one.Username))
		}
		if slices.ContainsFunc(list[:i], func(other credential) bool { return *other.Username == *one.Username }) {
			c.fail("Credentials: Username %s is there twice", quote(*one.Username))
		}
	}
}

// printable tells whether s is US-ASCII to be seen, and not empty.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}

// listCredentials gives the user names alone: nobody is shown a password again.
func (c *control) listCredentials(r *request) (any, error) {
	vc, err := c.findConnector(r, r.path("id"))
	out := struct{ Usernames []string }{make([]string, 0, len(vc.Callers))}
	for _, p := range vc.Callers {
		out.Usernames = append(out.Usernames, p.User)
	}
	return out, err
}

func (c *control) deleteCredentials(r *request, in credentialsIn) (nothing, error) {
	if n := len(in.Usernames); n == 0 || n > maxCredentials {
		return nothing{}, badRequest("Usernames: there are %d; 1 to %d are possible", n, maxCredentials)
	}
	_, err := c.changeConnector(r, func(vc *connector) error {
		vc.Callers = slices.DeleteFunc(slices.Clone(vc.Callers), func(p directory.Caller) bool { return slices.Contains(in.Usernames, p.User) })
		return nil
	})
	return nothing{}, err
}

type terminationHealth struct {
	Timestamp timestamp `json:",omitzero"`
	Source    string    `json:",omitempty"`
}

type terminationHealthOut struct {
	TerminationHealth terminationHealth
}

// getHealth tells of the last OPTIONS that came by a Voice Connector; of none, nothing.
func (c *control) getHealth(r *request) (out terminationHealthOut, err error) {
	vc, err := c.findConnector(r, r.path("id"))
	if err != nil || c.cfg.Health == nil {
		return out, err
	}
	if at, from, ok := c.cfg.Health(vc.ID); ok {
		out.TerminationHealth = terminationHealth{timestamp(at), from.Addr().Unmap().String()}
	}
	return out, nil
}
