package sip

import (
	"cmp"
	"fmt"
	mathrand "math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/dialog"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
	"github.com/switchhook/switchhook/sip/transport"
)

// Times of registering.
const (
	enrolExpires = time.Hour        // asked for where the trunk says nothing
	enrolLeast   = 20 * time.Second // between two that succeed
	enrolRest    = 30 * time.Second // after the first failure; twice as long after each further one
	enrolMost    = 10 * time.Minute // but no longer than this
)

// enrolment is our registration at the peers of one trunk: refreshed in time, and moved from peer to peer where one fails.
// It belongs to the shard of its Call-ID.
//
//	begin ─▶ try a peer ─▶ 2xx: up, begin again before it expires
//	             └─ refusal, silence: the next peer ─▶ none left: down, begin again after a rest
type enrolment struct {
	s           *Server
	trunk       *directory.Trunk // as it was when this began
	callID, tag string

	seq    uint32
	turn   int              // requests begun: an answer to an earlier one is late
	peers  []directory.Peer // to be tried, the first first
	places []enrolled       // of the peer that is tried
	asked  time.Duration    // the Expires that we ask for
	fails  int              // rounds over all peers in a row that failed
	rest   time.Duration    // the longest Retry-After of this round
	at     *enrolled        // where we are registered
	timer  *transaction.Timer
	over   bool

	mu    sync.Mutex
	state Enrolment // guarded by mu
}

// enrolled is one place where we are registered.
type enrolled struct {
	peer directory.Peer
	to   transport.Target
}

func newEnrolment(s *Server, t *directory.Trunk) *enrolment {
	return &enrolment{
		s: s, trunk: t, callID: randomID(), tag: randomID(), asked: cmp.Or(t.Login.Expires, enrolExpires),
		state: Enrolment{Trunk: t.ID, User: t.Login.User},
	}
}

// begin asks the trunk's peers in order, first the one where we are registered.
func (e *enrolment) begin() {
	if e.over {
		return
	}
	e.rest, e.places = 0, nil
	e.peers = order(e.trunk.Peers, mathrand.New(mathrand.NewPCG(mathrand.Uint64(), mathrand.Uint64())))
	if e.at != nil {
		e.places = []enrolled{*e.at}
	}
	e.try()
}

// try asks at the next place, of the next peer where that one has no more, or rests where none is left.
func (e *enrolment) try() {
	switch {
	case len(e.places) > 0:
		at := e.places[0]
		e.places = e.places[1:]
		e.ask(at, false)
	case len(e.peers) > 0:
		peer := e.peers[0]
		e.peers = e.peers[1:]
		e.turn++
		turn := e.turn
		e.s.places(e.trunk, peer, func(all []transport.Target, err error) {
			e.s.layer.Post(e.callID, func() { e.found(turn, peer, all, err) })
		})
	default:
		rest := min(enrolRest<<min(e.fails, 10), enrolMost)
		e.fails++
		e.again(max(rest+mathrand.N(rest/4), e.rest)) // not all at once after a carrier was away
	}
}

// found takes where a peer is.
func (e *enrolment) found(turn int, peer directory.Peer, all []transport.Target, err error) {
	switch {
	case e.over || turn != e.turn:
		return
	case err != nil:
		e.failed(peer, err.Error())
		return
	}
	for _, to := range all {
		e.places = append(e.places, enrolled{peer, to})
	}
	e.try()
}

// again begins anew after a while.
func (e *enrolment) again(after time.Duration) {
	e.timer.Stop()
	e.timer = e.s.layer.After(e.callID, after, e.begin)
}

// request makes a REGISTER toward a place.
func (e *enrolment) request(at enrolled, expires time.Duration) *message.Message {
	user := header.EscapeUser(e.trunk.Login.User)
	target := requestURI("", at.peer)
	local := e.s.layer.Local(at.to.Network, at.to.Addr.Addr())
	aor := header.URI{Scheme: "sip", User: user, Host: hostOf(at.peer)}
	id := dialog.Identity{CallID: e.callID, Tag: e.tag, Local: "<" + aor.String() + ">", Remote: "<" + aor.String() + ">", Target: target,
		Contact: "<sip:" + user + "@" + strings.TrimPrefix(contactOf(at.to.Network, local), "<sip:")}
	m := dialog.Draft(id, "REGISTER")
	e.seq++
	m.Set("CSeq", strconv.FormatUint(uint64(e.seq), 10)+" REGISTER")
	e.seq += maxAsks // what the answers to challenges take
	m.Set("Contact", id.Contact)
	m.Add("Expires", strconv.Itoa(int(expires/time.Second)))
	m.Add("Allow", allow)
	m.Add("User-Agent", e.s.cfg.Product)
	return m
}

// domainAt is the domain of who calls at a trunk's peer: ours, or, where we are registered, that which our address has there.
func domainAt(t *directory.Trunk, p directory.Peer, local netip.AddrPort) string {
	if t.Login.Register {
		return hostOf(p)
	}
	return local.String()
}

// hostOf is a peer's host as a URI has it.
func hostOf(p directory.Peer) string {
	if a, ok := hostAddr(p.Host); ok && a.Is6() {
		return "[" + a.String() + "]"
	}
	return p.Host
}

// ask sends a REGISTER; brief tells that its time was refused before. No answer in the time for a first response is a failure.
func (e *enrolment) ask(at enrolled, brief bool) {
	t, ok := e.s.cfg.Directory().Trunk(e.trunk.ID)
	if !ok {
		return // the next round ends it
	}
	e.turn++
	turn := e.turn
	late := e.s.layer.After(e.callID, e.s.cfg.Timers.Attempt, func() {
		if !e.over && turn == e.turn {
			e.turn++ // what comes yet is late
			e.failed(at.peer, "no response in time")
		}
	})
	e.s.ask(e.s.trunks.of(t), e.request(at, e.asked), at.to, func(m *message.Message, err error) {
		late.Stop()
		if !e.over && turn == e.turn {
			e.answered(at, m, err, brief)
		}
	})
}

// answered takes the outcome of a REGISTER.
func (e *enrolment) answered(at enrolled, m *message.Message, err error, brief bool) {
	switch {
	case err != nil:
		e.failed(at.peer, err.Error())
	case m.Status < 300:
		e.granted(at, m)
	case m.Status == 423 && !brief:
		if n, ok := deltaSeconds(m.Get("Min-Expires")); ok && n > 0 && n <= maxExpires {
			e.asked = max(e.asked, time.Duration(n)*time.Second)
			e.ask(at, true)
			return
		}
		e.failed(at.peer, "423 without a time that could be asked for")
	default:
		rest, _ := m.RetryAfter()
		e.rest = max(e.rest, min(rest, enrolMost))
		e.failed(at.peer, fmt.Sprintf("%d %s", m.Status, oneLine(m.Reason)))
	}
}

// granted takes a 2xx: for how long, and when to come again.
func (e *enrolment) granted(at enrolled, m *message.Message) {
	granted := e.asked
	if n, ok := deltaSeconds(m.Get("Expires")); ok {
		granted = time.Duration(n) * time.Second
	}
	all, _ := m.Contacts() // what can't be read says nothing
	ours := header.EscapeUser(e.trunk.Login.User)
	for _, c := range all {
		u, err := header.ParseURI(c.URI)
		text, ok := c.Params.Get("expires")
		if n, isNumber := deltaSeconds(text); err == nil && ok && isNumber && u.User == ours && u.Host == e.contactHost(at) {
			granted = time.Duration(n) * time.Second
		}
	}
	if granted <= 0 {
		e.failed(at.peer, "granted for no time")
		return
	}
	granted = min(granted, maxExpires*time.Second)
	e.fails, e.at = 0, &at
	e.tell(func(s *Enrolment) {
		s.Peer, s.Up, s.Why, s.Until = at.peer.Host, true, "", time.Now().Add(granted)
	})
	e.again(max(granted-max(granted/8, 10*time.Second), min(enrolLeast, granted/2)))
}

// contactHost is the host of our Contact toward a place.
func (e *enrolment) contactHost(at enrolled) string {
	a := e.s.layer.Local(at.to.Network, at.to.Addr.Addr()).Addr()
	if a.Is6() {
		return "[" + a.String() + "]"
	}
	return a.String()
}

// failed goes on to the next peer. Where it was the one that knew us, we are registered no more once its time is over.
func (e *enrolment) failed(peer directory.Peer, why string) {
	e.tell(func(s *Enrolment) {
		s.Peer, s.Why = peer.Host, why
		if !time.Now().Before(s.Until) || e.at != nil && e.at.peer == peer {
			s.Up, s.Until = false, time.Time{}
		}
	})
	if e.at != nil && e.at.peer == peer {
		e.at = nil
	}
	e.try()
}

// quit ends the registration; then is called when the peer has heard of it, or won't.
func (e *enrolment) quit(then func()) {
	if e.over {
		then()
		return
	}
	e.over = true
	e.timer.Stop()
	t, ok := e.s.cfg.Directory().Trunk(e.trunk.ID)
	if e.at == nil {
		then()
		return
	}
	e.tell(func(s *Enrolment) { s.Up, s.Until = false, time.Time{} })
	if !ok {
		t = e.trunk
	}
	e.s.ask(e.s.trunks.of(t), e.request(*e.at, 0), e.at.to, func(*message.Message, error) { then() })
}
