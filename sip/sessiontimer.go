package sip

import (
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
)

// Times of session timers (RFC 4028) and of what takes their place.
const (
	leastLease   = 90 * time.Second // section 5
	usualLease   = 30 * time.Minute
	longLease    = 24 * time.Hour   // beyond which a session timer tells nothing of a far end that is gone
	beforeExpiry = 32 * time.Second // section 10
	longSilence  = 10 * time.Minute // after which a far end without session timer is asked whether it is still there
	maxRaised    = 4                // times that a far end, or proxies on the way, may want a longer session
)

// lease is how long the session stands without a refresh (RFC 4028), and what was last heard of the far end's media. One
// timer serves both: the leg's.
type lease struct {
	expires time.Duration // 0: it stands until somebody ends it
	least   time.Duration // Min-SE that the far end insists on; 0: the standard's
	began   time.Time     // the last refresh
	ours    bool          // we refresh it
	theirs  bool          // the far end knows session timers
	raised  int           // how often it has insisted

	packets uint64    // heard at the last look
	heard   time.Time // when there were more than before
}

// asked takes what an INVITE or UPDATE says of the session timer, and decides what its 2xx says. Not zero: the status, and
// rows, with which it is refused.
func (s *lease) asked(m *message.Message, o directory.Signalling) (int, []header.Field) {
	if o.Timer == directory.Never {
		if requires(m, optionTimer) {
			return 420, []header.Field{{Name: "Unsupported", Value: optionTimer}}
		}
		return 0, nil
	}
	s.theirs = m.Supports(optionTimer)
	wanted, refresher := expiresOf(m)
	least, _ := delta(m.Get("Min-SE"))
	switch {
	case !s.theirs && o.Timer == directory.Always:
		return 421, []header.Field{{Name: "Require", Value: optionTimer}}
	case wanted > 0 && wanted < leastLease && s.theirs:
		return 422, []header.Field{{Name: "Min-SE", Value: strconv.Itoa(seconds(leastLease))}}
	case wanted > 0:
		s.expires = max(min(wanted, s.wish(o)), least, leastLease)
		s.ours = refresher == "uas" || !s.theirs
	case s.theirs && s.expires == 0:
		s.expires, s.ours = max(s.wish(o), least), false
	case !s.theirs && !s.ours:
		s.expires = 0
	}
	return 0, nil
}

// granted takes what a 2xx of the far end says of the session timer (RFC 4028 section 7.2).
func (s *lease) granted(m *message.Message, o directory.Signalling) {
	if o.Timer == directory.Never {
		return
	}
	expires, refresher := expiresOf(m)
	s.expires, s.ours, s.theirs = expires, refresher != "uas", expires > 0
	if expires > 0 {
		s.expires = max(expires, leastLease)
	}
}

// wish is how long a session shall stand without refresh as far as we are concerned.
func (s *lease) wish(o directory.Signalling) time.Duration {
	wish := o.Session
	if wish == 0 {
		wish = usualLease
	}
	return max(wish, s.least, leastLease)
}

// answer gives the rows of a 2xx to an INVITE or UPDATE.
func (s *lease) answer() header.List {
	if s.expires == 0 {
		return nil
	}
	rows := header.List{{Name: "Session-Expires", Value: strconv.Itoa(seconds(s.expires)) + ";refresher=" + refresher(!s.ours)}}
	if s.theirs {
		rows = append(rows, header.Field{Name: "Require", Value: optionTimer})
	}
	return rows
}

// rows gives those of an INVITE or UPDATE of ours: the first names no refresher.
func (s *lease) rows(o directory.Signalling) header.List {
	value := strconv.Itoa(seconds(s.wish(o)))
	if s.expires > 0 {
		value = strconv.Itoa(seconds(max(s.expires, s.least))) + ";refresher=" + refresher(s.ours)
	}
	rows := header.List{{Name: "Session-Expires", Value: value}}
	if s.least > 0 {
		rows = append(rows, header.Field{Name: "Min-SE", Value: strconv.Itoa(seconds(s.least))})
	}
	return rows
}

// refresher names a side of the transaction: its client or its server.
func refresher(client bool) string {
	if client {
		return "uac"
	}
	return "uas"
}

// insisted takes a 422: whether the request is worth repeating with the longer time that it asks for.
func (s *lease) insisted(m *message.Message) bool {
	least, ok := delta(m.Get("Min-SE"))
	if !ok || least <= s.least || least > longLease || s.raised == maxRaised {
		return false
	}
	s.least = least
	s.raised++
	return true
}

// expiresOf reads Session-Expires; 0 when there is none that can be read.
func expiresOf(m *message.Message) (expires time.Duration, refresher string) {
	value := m.Get("Session-Expires")
	expires, ok := delta(value)
	if !ok {
		return 0, ""
	}
	_, params, _ := strings.Cut(value, ";")
	for p := range strings.SplitSeq(params, ";") {
		if name, v, _ := strings.Cut(p, "="); strings.EqualFold(strings.TrimSpace(name), "refresher") {
			refresher = strings.ToLower(strings.TrimSpace(v))
		}
	}
	return expires, refresher
}

// delta reads the seconds at the beginning of a value.
func delta(value string) (time.Duration, bool) {
	value, _, _ = strings.Cut(value, ";")
	n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
	return time.Duration(n) * time.Second, err == nil && n > 0
}

// refreshed begins the session's time anew, after a 2xx to INVITE or UPDATE of either side.
func (l *Leg) refreshed() {
	l.lease.began = l.now()
	if l.lease.heard.IsZero() {
		l.lease.heard = l.lease.began
	}
	l.wake()
}

// wake sets the timer of a standing leg to when it must be looked at.
func (l *Leg) wake() {
	if !l.standing() {
		return
	}
	l.timer.Stop()
	s, wait := &l.lease, time.Duration(0)
	if s.expires > 0 {
		age := l.now().Sub(s.began)
		wait = max(s.deadline()-age, 0)
		switch half := s.expires / 2; {
		case !s.ours:
		case age < half:
			wait = half - age
		default:
			wait = min(wait, max(wait/2, 10*time.Second)) // the refresh failed, and there is time to try again
		}
	}
	if patience := l.patience(); patience > 0 && (wait == 0 || patience/4 < wait) {
		wait = patience / 4
	}
	if wait > 0 || s.expires > 0 {
		l.timer = l.after(wait, l.look)
	}
}

// deadline is the age at which a session that was not refreshed ends (RFC 4028 section 10).
func (s *lease) deadline() time.Duration { return s.expires - min(beforeExpiry, s.expires/3) }

// patience is how long the far end may be silent while it should be heard; 0: for ever.
func (l *Leg) patience() time.Duration {
	switch wait := l.trunk.signalling().Silence; {
	case wait > 0:
		return wait
	case wait == 0 && (l.lease.expires == 0 || l.lease.expires > longLease):
		return longSilence
	}
	return 0
}

// look does what is due on a standing leg: it refreshes the session, or ends one that nobody refreshed or speaks in.
func (l *Leg) look() {
	s := &l.lease
	if age := l.now().Sub(s.began); s.expires > 0 && age >= s.deadline() {
		l.hangup(call.Cause{Q850: 102, By: call.ByPeer, Label: call.LabelProtocol, Text: "the session was not refreshed"}, nil)
		return
	} else if s.expires > 0 && s.ours && age >= s.expires/2 && l.change == nil {
		l.begin(&change{refresh: true})
	}
	l.listen()
	l.wake()
}

// listen ends a leg whose far end is silent while it should be heard. Where nobody said how long that may be, the far end is
// asked first: it may have nothing to say.
func (l *Leg) listen() {
	s, patience := &l.lease, l.patience()
	p := l.session.Load()
	if patience == 0 || p == nil {
		return
	}
	if packets := (*p).Stats().PacketsIn; packets != s.packets || !l.media.listens {
		s.packets, s.heard = packets, l.now()
	}
	switch {
	case l.now().Sub(s.heard) < patience:
	case l.trunk.signalling().Silence > 0:
		l.vanished()
	default:
		s.heard = l.now()
		_ = l.ask(l.dialog.Request(options), func(m *message.Message, err error) { // ended meanwhile: no one to ask
			l.heard(m)
			if err != nil || m.Status == 408 || m.Status == 481 {
				l.vanished()
			}
		})
	}
}

// vanished ends a leg whose far end is not there any more.
func (l *Leg) vanished() {
	l.hangup(call.Cause{Q850: 102, By: call.ByPeer, Label: call.LabelProtocol, Text: "no media"}, nil)
}
