package sip

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/dialog"
	"github.com/switchhook/switchhook/sip/digest"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transport"
)

// keyring is our account at a trunk's peers: it answers their challenges. Safe for all goroutines.
type keyring struct {
	login directory.Login

	mu     sync.Mutex
	realm  string        // the only one that is answered to; empty until the first challenge names it; guarded by mu
	client digest.Client // guarded by mu
}

// keyringOf gives a trunk's account, the one from before if it is the same; nil where there is none.
func keyringOf(l directory.Login, before *keyring) *keyring {
	switch {
	case l.User == "":
		return nil
	case before != nil && before.login == l:
		return before
	}
	return &keyring{login: l, realm: l.Realm}
}

// answer gives the row that answers a challenge, and what was chosen. The error says why none does.
func (k *keyring) answer(req, refusal *message.Message) (row header.Field, chosen digest.Challenge, err error) {
	asks, answers := "WWW-Authenticate", "Authorization"
	if refusal.Status == 407 {
		asks, answers = "Proxy-Authenticate", "Proxy-Authorization"
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	chosen, err = digest.Choose(slices.Collect(refusal.Headers.Values(asks)), k.realm, k.login.Weak)
	if err != nil {
		return header.Field{}, chosen, err
	}
	if before := req.Get(answers); before != "" && !chosen.Stale {
		if c, err := digest.ParseCredentials(before); err == nil && c.Realm == chosen.Realm {
			return header.Field{}, chosen, fmt.Errorf("realm %q does not take the password of %s", chosen.Realm, k.login.User)
		}
	}
	k.realm = chosen.Realm
	login := digest.Login{User: k.login.User, Password: k.login.Password, Realm: chosen.Realm, Weak: k.login.Weak}
	return header.Field{Name: answers, Value: k.client.Answer(chosen, login, req.Method, req.URI).String()}, chosen, nil
}

var errStranger = errors.New("it is no peer of the trunk")

// loginOf gives what answers the challenges to a dialog's requests, or to one registration's: none that did not come
// from far, where the trunk's peer was found, or from an address of the trunk, for who is elsewhere shall not get even a
// hash of the password. note hears of each choice, the log of what is not answered. Nil: the trunk has no account.
func (s *Server) loginOf(p *peering, far netip.Addr, note func(string)) dialog.Login {
	if p.keys == nil {
		return nil
	}
	return func(req, refusal *message.Message, at transport.Target) header.List {
		row, chosen, err := header.Field{}, digest.Challenge{}, errStranger
		if a := at.Addr.Addr().Unmap(); a == far.Unmap() || p.allows(a) {
			row, chosen, err = p.keys.answer(req, refusal)
		}
		if err != nil {
			note(fmt.Sprintf("%s: the challenge of %v is not answered: %v", req.Method, at.Addr.Addr(), err))
			s.refusals.tell(s.cfg.Log, slog.LevelWarn, "a peer's challenge is not answered", "trunk", p.trunk.ID, "peer", at.Addr, "method", req.Method,
				"callId", req.CallID, "reason", err.Error())
			return nil
		}
		note(fmt.Sprintf("%s: the challenge of realm %q is answered with %s", req.Method, chosen.Realm, chosen.Algorithm))
		return header.List{row}
	}
}

// credentialSize is about what credentials add to a request.
const credentialSize = 420

// proofSize gives what a request toward a trunk may grow by when it is challenged.
func (p *peering) proofSize() int {
	if p.keys == nil {
		return 0
	}
	return credentialSize
}
