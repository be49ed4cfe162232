package sip

import (
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/digest"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/registrar"
	"github.com/switchhook/switchhook/sip/transaction"
)

// Endpoints is how endpoints register and prove who they are. Without a registrar none can: REGISTER is refused (405).
type Endpoints struct {
	Registrar *registrar.Registrar
	Realm     string // that they log in to, and the domain of their addresses beside our own: "switchhook"
	// Algorithms are offered in this order: SHA-256, then MD5. Telephones that look at the first alone and know no SHA-256 need
	// MD5 before it.
	Algorithms []digest.Algorithm
	// Route finds where a call goes whose target a telephone named by forwarding it (call.Dial.Named), on the account that
	// dials: its Trunk or Endpoint, or why nowhere. nil: telephones forward to other endpoints alone.
	Route func(call.Dial) (call.Dial, *call.Cause)
}

// doorman proves who endpoints are. Safe for all goroutines.
type doorman struct {
	s       *Server
	digest  *digest.Server
	guesses guesses
	told    *teller
}

func (s *Server) newDoorman() *doorman {
	cfg := digest.ServerConfig{Realm: s.cfg.Endpoints.Realm, Algorithms: s.cfg.Endpoints.Algorithms}
	return &doorman{s: s, digest: digest.NewServer(cfg), told: newTeller(20), guesses: guesses{known: map[guess]tries{}}}
}

// users are those who may prove who they are to one door: the endpoints, or the callers of a trunk.
type users struct {
	within   string                                          // in whose name a user is counted: empty for endpoints
	password func(user string) (password string, known bool) // known is false for who is not let in, too
	why      func(user string) string                        // why a wrong one is not let in, for the operator alone
}

// prove gives the endpoint that a request proves to come from. Without one the request is answered.
func (d *doorman) prove(tx *transaction.Server) (*directory.Endpoint, bool) {
	user, ok := d.ask(tx, users{
		password: func(user string) (string, bool) {
			e, known := d.s.cfg.Directory().Endpoint(user)
			if !known || e.Disabled {
				return "", false
			}
			return e.Password, true
		},
		why: func(user string) string {
			switch e, known := d.s.cfg.Directory().Endpoint(user); {
			case !known:
				return "there is no endpoint of this user"
			case e.Disabled:
				return "the endpoint is disabled"
			}
			return "wrong password"
		},
	})
	if !ok {
		return nil, false
	}
	return d.s.cfg.Directory().Endpoint(user)
}

// proveCaller gives the user name by which a request proves to come from one of a trunk's callers. Without one the request is
// answered.
func (d *doorman) proveCaller(tx *transaction.Server, t *directory.Trunk) (user string, ok bool) {
	return d.ask(tx, users{
		within: t.ID + "/",
		password: func(user string) (string, bool) {
			at := slices.IndexFunc(t.Callers, func(c directory.Caller) bool { return c.User == user })
			if at < 0 {
				return "", false
			}
			return t.Callers[at].Password, true
		},
		why: func(user string) string {
			if slices.ContainsFunc(t.Callers, func(c directory.Caller) bool { return c.User == user }) {
				return "wrong password of a caller of trunk " + t.ID
			}
			return "trunk " + t.ID + " has no caller of this user"
		},
	})
}

// ask gives the user that a request proves to come from. Without one the request is answered: with challenges, always the
// same whoever is claimed and whatever is wrong, so that nobody learns who exists.
func (d *doorman) ask(tx *transaction.Server, who users) (user string, _ bool) {
	m, in := tx.Msg(), tx.Incoming()
	from, now := in.Source.Addr().Unmap(), time.Now()
	stale := false
	if c, ok := d.credentials(m); !ok {
		d.s.gate.guard.Fault(from, faultUnproven, "requests without a password", in.At)
	} else {
		password, known := who.password(c.User)
		if !known {
			password = "no password has these words"
		}
		key := guess{houseOf(from), who.within + c.User}
		if d.guesses.locked(key, now) {
			known = false
		}
		switch d.digest.Verify(c, m.Method, m.URI, from, password, known, now) {
		case digest.Proven:
			d.guesses.forget(key)
			d.s.gate.guard.Trust(from, proofTime, in.At)
			return strings.Clone(c.User), true
		case digest.Stale:
			stale = true
		case digest.Wrong:
			d.s.gate.guard.Fault(from, faultPassword, "wrong passwords", in.At)
			d.tellWrong(key, d.guesses.wrong(key, now), m.Method, in.Source, who.why(c.User))
		}
	}
	rows := make([]header.Field, 0, 2)
	for _, c := range d.digest.Challenges(from, now, stale) {
		rows = append(rows, header.Field{Name: "WWW-Authenticate", Value: c})
	}
	tx.Once()
	d.s.refuse(tx, 401, rows...)
	return "", false
}

// tellWrong tells of the first wrong password in a row, for a telephone that does not register is asked about, and of the one
// that shuts out. Only here is it said whether there is such a user.
func (d *doorman) tellWrong(key guess, inRow int, method string, source netip.AddrPort, why string) {
	switch inRow {
	case 1:
		what := "endpoint not let in"
		if strings.Contains(key.user, "/") {
			what = "caller not let in"
		}
		d.told.tell(d.s.cfg.Log, slog.LevelInfo, what, "user", key.user, "source", source, "method", method, "reason", why)
	case maxGuesses:
		d.told.tell(d.s.cfg.Log, slog.LevelWarn, "password guessed too often: shut out for a while", "source", source, "user", key.user, "until", time.Now().Add(guessRest).UTC())
	}
}

// credentials gives those of a request that are for our realm.
func (d *doorman) credentials(m *message.Message) (digest.Credentials, bool) {
	for row := range m.Headers.Values("Authorization") {
		if c, err := digest.ParseCredentials(row); err == nil && c.Realm == d.digest.Realm() {
			return c, true
		}
	}
	return digest.Credentials{}, false
}

// Bounds of guessing.
const (
	maxGuesses  = 10 // wrong passwords in a row from one address for one user, and it is shut out
	guessRest   = 5 * time.Minute
	maxGuessers = 10_000
)

// guess is who guesses, and whom: who exists and who does not is the same.
type guess struct {
	from netip.Addr
	user string
}

// houseOf gives what stands for all addresses that one guesser has: of an IPv6 host, that is a whole /64.
func houseOf(a netip.Addr) netip.Addr {
	if a.Is4() {
		return a
	}
	p, _ := a.WithZone("").Prefix(64) // no address is shorter
	return p.Addr()
}

// tries is how often, and when last.
type tries struct {
	wrong int
	last  time.Time
}

// locked tells whether who has tried so often is shut out.
func (t tries) locked(now time.Time) bool {
	return t.wrong >= maxGuesses && now.Sub(t.last) < guessRest
}

// guesses counts wrong passwords. What it remembers is bounded; only who holds a nonce of ours, and so receives what is
// sent to his address, can add to it. Safe for all goroutines.
type guesses struct {
	mu    sync.Mutex
	known map[guess]tries // guarded by mu
}

func (g *guesses) locked(key guess, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.known[key].locked(now)
}

func (g *guesses) forget(key guess) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.known, key)
}

// wrong counts one, and gives which it is in a row; 0 for one of who is shut out.
func (g *guesses) wrong(key guess, now time.Time) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	t, known := g.known[key]
	if !known {
		g.makeRoom(now)
		key.user = strings.Clone(key.user)
	}
	if now.Sub(t.last) >= guessRest {
		t.wrong = 0
	}
	if t.wrong < maxGuesses {
		t.wrong, t.last = t.wrong+1, now
		g.known[key] = t
		return t.wrong
	}
	return 0 // what is shut out is not so for longer, however often it tries
}

// makeRoom forgets what is long ago or, when there are too many, some: first those with the fewest guesses, for else who
// guesses at many names would be let in again at one. The caller holds mu.
func (g *guesses) makeRoom(now time.Time) {
	for most := 1; len(g.known) >= maxGuessers; most++ {
		n := 0
		for key, t := range g.known {
			some := t.wrong <= most && n < maxGuessers/10
			if some {
				n++
			}
			if some || now.Sub(t.last) >= guessRest {
				delete(g.known, key)
			}
		}
	}
}
