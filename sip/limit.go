package sip

import (
	"cmp"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"golang.org/x/time/rate"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
)

// load is what one trunk, endpoint or account carries now. Safe for all goroutines.
type load struct {
	mu         sync.Mutex
	calls      int           // that stand: legs of a trunk or endpoint; guarded by mu
	unanswered int           // of these, the ones that ring or wait; guarded by mu
	rate       *rate.Limiter // of an account; guarded by mu
}

// take counts one in, or tells which limit refuses it.
func (l *load) take(limits directory.Limits, whose string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case limits.Calls > 0 && l.calls >= limits.Calls:
		return fmt.Sprintf("%s has %d standing calls: raise its limits.calls if that is too few", whose, l.calls)
	case limits.Unanswered > 0 && l.unanswered >= limits.Unanswered:
		return fmt.Sprintf("%s has %d unanswered calls: raise its limits.unanswered if that is too few", whose, l.unanswered)
	}
	l.calls++
	l.unanswered++
	return ""
}

// hurries tells whether calls begin faster than the limit says.
func (l *load) hurries(perSecond float64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case perSecond <= 0:
		l.rate = nil
		return false
	case l.rate == nil:
		l.rate = limiter(perSecond)
	case l.rate.Limit() != rate.Limit(perSecond):
		l.rate.SetLimit(rate.Limit(perSecond))
		l.rate.SetBurst(max(1, int(perSecond)))
	}
	return !l.rate.Allow()
}

// free counts one out; answered tells that it no longer counts as unanswered.
func (l *load) free(answered bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls--
	if !answered {
		l.unanswered--
	}
}

func (l *load) answer() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unanswered--
}

// idle tells that nothing would be lost with it.
func (l *load) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls == 0 && (l.rate == nil || l.rate.Tokens() >= float64(l.rate.Burst()))
}

// loads keeps what trunks and accounts carry. Safe for all goroutines.
type loads struct {
	mu   sync.Mutex
	m    map[loadKey]*load // guarded by mu
	full int               // when idle ones are looked for; guarded by mu
}

type loadKey struct{ kind, id string }

// of gives the load of a trunk or an account.
func (ls *loads) of(kind, id string) *load {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	key := loadKey{kind, id}
	l := ls.m[key]
	if l != nil {
		return l
	}
	if len(ls.m) >= ls.full {
		kept := map[loadKey]*load{}
		for k, l := range ls.m {
			if !l.idle() {
				kept[k] = l
			}
		}
		ls.m, ls.full = kept, max(maxPeerings, 2*len(kept))
	}
	l = &load{}
	ls.m[key] = l
	return l
}

// tally is what the legs of one call count for their account together: one call, unanswered until one of them is.
type tally struct {
	account  *load
	legs     int  // guarded by account.mu
	answered bool // guarded by account.mu
}

// join counts one more leg of the call; false: it is over.
func (t *tally) join(answered bool) bool {
	t.account.mu.Lock()
	defer t.account.mu.Unlock()
	if t.legs == 0 {
		return false
	}
	t.legs++
	t.answer(answered)
	return true
}

// answer no longer counts the call as unanswered, once one leg is not. The caller holds account.mu.
func (t *tally) answer(answered bool) {
	if answered && !t.answered {
		t.answered = true
		t.account.unanswered--
	}
}

// leave counts one leg out, and with the last one the call.
func (t *tally) leave() {
	t.account.mu.Lock()
	defer t.account.mu.Unlock()
	if t.legs--; t.legs > 0 {
		return
	}
	t.answer(true)
	t.account.calls--
}

// toll is what a leg has counted, to be counted back when it is over. It belongs to whoever may end the leg, but for the
// tally.
type toll struct {
	trunk    *load
	call     atomic.Pointer[tally]
	answered bool
}

// named says what a peering is: a trunk, or an endpoint.
func (p *peering) named() (kind, id string) {
	if p.endpoint != nil {
		return "endpoint", p.endpoint.User
	}
	return "trunk", p.trunk.ID
}

// admit counts a leg for its trunk, and its call for who owns it, or tells which limit refuses it. A leg that is dialled for
// another one is of that one's call, which counts once.
func (s *Server) admit(l *Leg, account string) (why string) {
	t := l.trunk.trunk
	if account == "" {
		account = t.Account
	}
	kind, id := l.trunk.named()
	trunk, owner := s.loads.of(kind, id), s.loads.of("account", account)
	if why := trunk.take(t.Limits, kind+" "+id); why != "" {
		return why
	}
	l.toll.trunk, l.toll.answered = trunk, false
	a, known := s.cfg.Directory().Account(account)
	if !known || l.out != nil && l.toll.joins(s.legs.find(l.out.dial.For), owner) {
		return ""
	}
	why = owner.take(a.Limits, "account "+account)
	if why == "" && owner.hurries(a.Limits.Rate) {
		owner.free(false)
		why = fmt.Sprintf("account %s begins more than %g calls a second: raise its limits.rate if that is too few", account, a.Limits.Rate)
	}
	if why != "" {
		l.toll.free()
		return why
	}
	l.toll.call.Store(&tally{account: owner, legs: 1})
	return ""
}

// joins counts for the call of another leg, if it is the account's and stands.
func (t *toll) joins(other *Leg, account *load) bool {
	if other == nil {
		return false
	}
	c := other.toll.call.Load()
	if c == nil || c.account != account || !c.join(t.answered) {
		return false
	}
	if old := t.call.Swap(c); old != nil {
		old.leave()
	}
	return true
}

// moves counts a leg that takes another's place for that one's call. It must be called on the leg's shard.
func (t *toll) moves(to *Leg) {
	if own := t.call.Load(); own != nil {
		t.joins(to, own.account)
	}
}

// answer no longer counts the leg as unanswered. Idempotent.
func (t *toll) answer() {
	if t.trunk == nil || t.answered {
		return
	}
	t.answered = true
	t.trunk.answer()
	if c := t.call.Load(); c != nil {
		c.account.mu.Lock()
		c.answer(true)
		c.account.mu.Unlock()
	}
}

// free counts the leg out. Idempotent.
func (t *toll) free() {
	if t.trunk != nil {
		t.trunk.free(t.answered)
	}
	if c := t.call.Swap(nil); c != nil {
		c.leave()
	}
	t.trunk = nil
}

// limited ends an outbound leg that a limit refuses, and says so in the log.
func (l *Leg) limited(why string) {
	l.s.gate.refused.add(call.Out, 503)
	l.s.refusals.tell(l.s.cfg.Log, slog.LevelInfo, "call not placed", "trunk", l.trunkID(), "to", l.to, "status", 503, "reason", why)
	l.end(call.Cause{SIP: 503, Q850: q850Of(call.LabelLimit), By: call.ByPlatform, Label: call.LabelLimit, Text: why}, nil)
}

// forbidden tells why the user of a URI may not be called by the leg's trunk for an account (the trunk's where none is
// named); empty where it may. What a far end names in a redirection, and what it is sent to call, passes the same prefixes
// as what an application dials.
func (l *Leg) forbidden(user, account string) string {
	t := l.trunk.trunk
	kind, id := l.trunk.named()
	return l.s.cfg.Directory().Forbids(t.Limits, kind+" "+id, cmp.Or(account, t.Account), user)
}

// hurries tells which limit of calls a second refuses one more of a trunk. The trunk's comes first: what it refuses shall
// not cost the others.
func (s *Server) hurries(p *peering) string {
	switch {
	case p.limit != nil && !p.limit.Allow():
		return tooFast(p)
	case s.limit != nil && !s.limit.Allow():
		return "too many calls a second"
	}
	return ""
}

// hurriesOut is hurries for a call that we place.
func (s *Server) hurriesOut(p *peering) string {
	if p.placed != nil && !p.placed.Allow() {
		return placedTooFast(p)
	}
	return s.hurries(p)
}

// hurriesVia tells whether calls are placed faster than the trunk says by whose leave one more is: empty for none.
func (s *Server) hurriesVia(trunk string) string {
	t, ok := s.cfg.Directory().Trunk(trunk)
	if !ok {
		return ""
	}
	p := s.trunks.of(t)
	if p.placed == nil || p.placed.Allow() {
		return ""
	}
	return placedTooFast(p)
}

func placedTooFast(p *peering) string {
	kind, id := p.named()
	return fmt.Sprintf("more than %g calls a second are placed by %s %s: raise its limits.placed if that is too few", p.trunk.Limits.Placed, kind, id)
}

// tooFast tells which limit a trunk's calls a second are over.
func tooFast(p *peering) string {
	if r := p.trunk.Limits.Rate; r > 0 {
		kind, id := p.named()
		return fmt.Sprintf("%s %s begins more than %g calls a second: raise its limits.rate if that is too few", kind, id, r)
	}
	return "too many calls a second"
}
