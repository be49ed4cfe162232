package sip

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/dialog"
	"github.com/switchhook/switchhook/sip/digest"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transport"
)

// Bounds of what a trunk's peers may make us answer.
const (
	maxRealms = 8 // that are remembered
	maxProofs = 4 // credentials of one request
)

// keyring is our account at a trunk's peers: it answers their challenges, each in its realm. Safe for all goroutines.
type keyring struct {
	login directory.Login

	mu     sync.Mutex
	realms []string      // that challenged requests outside of dialogs, the last one first; guarded by mu
	most   int           // credentials that one request needed; guarded by mu
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
	return &keyring{login: l}
}

// lock is one kind of challenge, and what answers it.
type lock struct{ asks, answers string }

func locks() [2]lock {
	return [2]lock{{"WWW-Authenticate", "Authorization"}, {"Proxy-Authenticate", "Proxy-Authorization"}}
}

// answer gives the rows that answer the challenges of a refusal, of each realm and kind one, with those that the request
// bore for others (RFC 3261 section 22.3), and what was chosen. The error says why there are none: where credentials of a
// realm were refused no others are tried there (section 22.2).
func (k *keyring) answer(req, refusal *message.Message) (rows header.List, chosen []digest.Challenge, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	begins := req.ToTag == ""
	var why []error
	for _, lock := range locks() {
		asked := slices.Collect(refusal.Headers.Values(lock.asks))
		if len(asked) == 0 {
			continue
		}
		some, err := digest.Choose(asked, func(realm string) bool { return k.knows(realm, begins) }, k.login.Weak)
		some = some[:min(len(some), maxProofs-len(rows))]
		why = append(why, err)
		chosen = append(chosen, some...)
		for _, c := range some {
			if !c.Stale && slices.ContainsFunc(given(req, lock), func(g digest.Credentials) bool { return g.Realm == c.Realm }) {
				return nil, nil, fmt.Errorf("realm %q does not take the password of %s", c.Realm, k.login.User)
			}
			rows = append(rows, k.row(lock, c, req))
		}
	}
	if len(rows) == 0 {
		return nil, nil, cmp.Or(errors.Join(why...), digest.ErrUnanswerable)
	}
	if begins {
		for _, c := range chosen {
			k.learn(c.Realm)
		}
	}
	return k.completed(rows, req), chosen, nil
}

// knows tells whether a realm may be answered to: that of the login, where it names one; else any that a request outside of
// dialogs meets, and inside of one those that were met so. The caller holds mu.
func (k *keyring) knows(realm string, begins bool) bool {
	if k.login.Realm != "" {
		return realm == k.login.Realm
	}
	return begins || len(k.realms) == 0 || slices.Contains(k.realms, realm)
}

// learn makes a realm the last one that was met. The caller holds mu.
func (k *keyring) learn(realm string) {
	if at := slices.Index(k.realms, realm); at >= 0 {
		k.realms = slices.Delete(k.realms, at, at+1)
	}
	k.realms = slices.Insert(k.realms, 0, strings.Clone(realm))
	k.realms = k.realms[:min(len(k.realms), maxRealms)]
}

// row answers one challenge. The caller holds mu.
func (k *keyring) row(l lock, c digest.Challenge, req *message.Message) header.Field {
	login := digest.Login{User: k.login.User, Password: k.login.Password, Realm: c.Realm, Weak: k.login.Weak}
	return header.Field{Name: l.answers, Value: k.client.Answer(c, login, req.Method, req.URI).String()}
}

// completed adds to the answers those of other realms that the request bore, made anew: what a proxy has let pass is asked
// by the next one. The caller holds mu.
func (k *keyring) completed(rows header.List, req *message.Message) header.List {
	fresh := len(rows)
	for _, lock := range locks() {
		for _, g := range given(req, lock) {
			if slices.ContainsFunc(rows[:fresh], func(f header.Field) bool {
				c, err := digest.ParseCredentials(f.Value)
				return f.Name == lock.answers && err == nil && c.Realm == g.Realm
			}) {
				continue
			}
			c := digest.Challenge{Realm: g.Realm, Nonce: g.Nonce, Opaque: g.Opaque, Algorithm: g.Algorithm}
			if g.QOP != "" {
				c.QOP = []string{g.QOP}
			}
			rows = append(rows, k.row(lock, c, req))
		}
	}
	rows = rows[:min(len(rows), maxProofs)]
	k.most = max(k.most, len(rows))
	return rows
}

// given gives the credentials of one kind that a request of ours bears.
func given(req *message.Message, l lock) (out []digest.Credentials) {
	for value := range req.Headers.Values(l.answers) {
		if c, err := digest.ParseCredentials(value); err == nil {
			out = append(out, c)
		}
	}
	return out
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
		rows, chosen, err := header.List(nil), []digest.Challenge(nil), errStranger
		if a := at.Addr.Addr().Unmap(); a == far.Unmap() || p.allows(a) {
			rows, chosen, err = p.keys.answer(req, refusal)
		}
		if err != nil {
			note(fmt.Sprintf("%s: the challenge of %v is not answered: %v", req.Method, at.Addr.Addr(), err))
			s.refusals.tell(s.cfg.Log, slog.LevelWarn, "a peer's challenge is not answered", "trunk", p.trunk.ID, "peer", at.Addr, "method", req.Method,
				"callId", req.CallID, "reason", err.Error())
			return nil
		}
		for _, c := range chosen {
			note(fmt.Sprintf("%s: the challenge of realm %q is answered with %s", req.Method, c.Realm, c.Algorithm))
		}
		return rows
	}
}

// credentialSize is about what credentials add to a request.
const credentialSize = 420

// proofSize gives what a request toward a trunk may grow by when it is challenged.
func (p *peering) proofSize() int {
	if p.keys == nil {
		return 0
	}
	p.keys.mu.Lock()
	defer p.keys.mu.Unlock()
	return credentialSize * max(1, p.keys.most)
}
