package sip

import (
	"container/list"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"time"

	"golang.org/x/time/rate"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media/sdp"
	"github.com/switchhook/switchhook/sip/message"
)

// ReplacesOf reads a value of Replaces and writes it again.
func ReplacesOf(value string) (string, bool) {
	r, err := parseReplaces(value)
	return r.String(), err == nil
}

// TargetOf reads the Refer-To of a message.
func TargetOf(m *message.Message) (call.Dial, header.List, error) {
	t, err := readTarget(m)
	return t.dial, t.rows, err
}

// Security gives how a leg's audio is protected that is offered over networks, by what its trunk says of SRTP.
func Security(srtp directory.Choice, networks ...string) sdp.Security {
	trunk := &directory.Trunk{Options: directory.Options{Audio: directory.Audio{SRTP: srtp}}}
	return (&peering{trunk: trunk}).wishes(&negotiation{secret: isSecret(networks...)}).Security
}

// Guesses counts wrong passwords from an address and tells whether who gives them is shut out.
func Guesses() (wrong, locked func(from netip.Addr, user string, now time.Time) bool) {
	g := &guesses{known: map[guess]tries{}}
	return func(from netip.Addr, user string, now time.Time) bool {
			return g.wrong(guess{from, user}, now) == maxGuesses
		},
		func(from netip.Addr, user string, now time.Time) bool { return g.locked(guess{from, user}, now) }
}

// Crowd makes so many trunks ready that others are forgotten, each with these keys.
func (s *Server) Crowd(keys directory.Signing) {
	for i := range maxPeerings + 1 {
		s.trunks.of(&directory.Trunk{ID: fmt.Sprint("crowd", i), Options: directory.Options{Signing: keys}})
	}
}

// Disk puts another disk below the files of certificates: hold is called before each file is read, and before it is looked
// whether it has changed.
func (s *Server) Disk(hold func()) {
	k := s.gate.keys
	k.mu.Lock()
	defer k.mu.Unlock()
	k.disk = disk{func(paths []string) string { hold(); return state(paths) }, func(path string) ([]byte, error) { hold(); return os.ReadFile(path) }}
}

// What tests look at from inside.
var (
	SessionOf = session
	Pressed   = pressed
	PartyOf   = target
)

// Loads gives what stands of a trunk or account, and how much of it is unanswered.
func (s *Server) Loads(kind, id string) (calls, unanswered int) {
	l := s.loads.of(kind, id)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls, l.unanswered
}

// MaxPeerings is how many trunks and endpoints are kept ready.
const MaxPeerings = maxPeerings

// Ready makes a trunk ready, or finds it so, and tells which limiter of its rate it has. Kept gives how many are.
func Ready(began time.Time) (ready func(*directory.Trunk) *rate.Limiter, kept func() int, since func() time.Time) {
	ps := &peerings{log: slog.Default(), began: began, ready: map[string]*list.Element{}}
	return func(t *directory.Trunk) *rate.Limiter { return ps.of(t).limit },
		func() int { return max(len(ps.ready), ps.last.Len()) },
		func() time.Time { return ps.began }
}

// ReadSession reads what a message says of the session timer, of when to come again, and of early media.
func ReadSession(m *message.Message) (expires, retry time.Duration, refresher string, early bool) {
	expires, refresher = expiresOf(m)
	retry, _ = comesAgain(m)
	return expires, retry, refresher, opens(m.Get("P-Early-Media"))
}

// HouseHost gives the host that numbers of our own are dialled at.
func HouseHost(s *Server) string { return s.trunks.house.host }
