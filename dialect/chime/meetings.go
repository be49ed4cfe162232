package chime

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
)

// What a meeting may have at most. The vendor's quota is 250 attendees; the number of meetings is only to keep memory in bounds.
const (
	maxAttendees = 250
	maxMeetings  = 20_000
)

// lobby knows the meetings that stand, and who is in them. Calls look things up here, so all of it is in memory; what the API
// made is kept in the store too, and is there again after a restart, when nobody is in a meeting. Safe for concurrent use.
type lobby struct {
	d *Dialect
	// writing is held by who changes what the store keeps, so that store and memory change in the same order.
	writing sync.Mutex
	// mu guards what follows. Nothing is waited for under it.
	mu     sync.Mutex
	all    map[string]*meeting
	calls  asker
	closed bool
	looks  sync.WaitGroup // begun under mu, while it is not closed
}

// asker is the half of dialect.Calls that a lobby needs: it has calls look at their meeting again.
type asker interface {
	Ask(ctx context.Context, id call.ID, body []byte) ([]byte, error)
}

func newLobby(d *Dialect) *lobby { return &lobby{d: d, all: map[string]*meeting{}} }

// meeting is one that stands.
type meeting struct {
	meetingRecord
	present map[string]*place // by AttendeeId
	muted   map[string]bool   // whom ModifyChimeMeetingAttendees has muted, by AttendeeId
	quiet   time.Time         // since when so few are in it
	ring    *time.Timer       // when it may have to end
}

// meetingRecord is what is kept of a meeting. Its slices are never changed in place: who has read them may keep them.
type meetingRecord struct {
	ID        string
	Account   string
	Token     string // ClientRequestToken
	Asked     string // a digest of what it was asked for with: the same token with another request is a conflict
	Meeting   meetingModel
	Attendees []attendee
	Created   time.Time
}

// sends tells whether an attendee's capabilities let the others hear it.
func (a *attendee) sends() bool {
	return a.Capabilities.Audio == "SendReceive" || a.Capabilities.Audio == "Send"
}

// place is an attendee's being in a meeting, by one call. Its fields never change.
type place struct {
	id       string // towards the call
	account  string
	meeting  string
	attendee string
	call     call.ID
}

// room is the name of a meeting's room among those of its account.
func (p *place) room() string { return "chime-meeting/" + p.meeting }

// errMeetingFull says that a meeting has as many attendees as it may.
var errMeetingFull = errors.New("the meeting is full")

func (d *Dialect) meetingDocs() directory.Table[directory.Document] {
	return d.cfg.Store.Vendor("chime-meetings")
}

// open takes over the meetings that the store keeps, and whom to ask about calls. It is called once, before there are calls.
func (l *lobby) open(calls asker) {
	l.mu.Lock()
	l.calls = calls
	l.mu.Unlock()
	if l.d.cfg.Store == nil {
		return
	}
	// The documents stand in no account: a call may come in by a trunk of another one.
	err := each(context.Background(), l.d.meetingDocs(), "", "", func(doc directory.Document) string { return doc.ID }, func(doc directory.Document) bool {
		var r meetingRecord
		if err := json.Unmarshal(doc.Body, &r); err != nil || r.ID != doc.ID {
			l.d.cfg.Logger.Error("a meeting that is kept can't be read", "meeting", doc.ID, "error", err)
			return true
		}
		l.mu.Lock()
		l.add(r)
		l.mu.Unlock()
		return true
	})
	if err != nil {
		l.d.cfg.Logger.Error("the meetings that are kept can't be read", "error", err)
	}
}

// add lets a meeting stand. The mutex is held.
func (l *lobby) add(r meetingRecord) {
	m := &meeting{meetingRecord: r, present: map[string]*place{}, muted: map[string]bool{}, quiet: time.Now()}
	l.all[r.ID] = m
	l.wind(m)
}

// wind sets the clock to the time at which a meeting ends as things are. The mutex is held.
func (l *lobby) wind(m *meeting) {
	lim := l.d.cfg.Limits
	due := m.Created.Add(lim.MeetingLongest)
	switch len(m.present) {
	case 0:
		due = earlier(due, m.quiet.Add(lim.MeetingEmpty))
	case 1:
		due = earlier(due, m.quiet.Add(lim.MeetingAlone))
	}
	l.ring(m, max(0, time.Until(due)), due)
}

// ring has a meeting looked at in a while, in place of when it was to be. The mutex is held.
func (l *lobby) ring(m *meeting, wait time.Duration, due time.Time) {
	if m.ring != nil {
		m.ring.Stop()
	}
	if !l.closed {
		m.ring = time.AfterFunc(wait, func() { l.expire(m, due) })
	}
}

// close stops the clocks, and waits for the calls that look at their meeting. Meetings that are kept are there again after a restart.
func (l *lobby) close() {
	l.mu.Lock()
	l.closed = true
	for _, m := range l.all {
		if m.ring != nil {
			m.ring.Stop()
		}
	}
	l.mu.Unlock()
	l.looks.Wait()
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// expire ends a meeting whose time is over, unless somebody came or went meanwhile.
func (l *lobby) expire(m *meeting, due time.Time) {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.Lock()
	lim := l.d.cfg.Limits
	stands := !l.closed && l.all[m.ID] == m
	over := stands && (!time.Now().Before(m.Created.Add(lim.MeetingLongest)) ||
		len(m.present) == 0 && !m.quiet.Add(lim.MeetingEmpty).After(due) || len(m.present) == 1 && !m.quiet.Add(lim.MeetingAlone).After(due))
	if stands && !over {
		l.wind(m)
	}
	l.mu.Unlock()
	if !over {
		return
	}
	if err := l.end(context.Background(), m.ID); err != nil {
		l.d.cfg.Logger.Error("a meeting whose time is over could not be deleted", "meeting", m.ID, "error", err)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.ring(m, expireAgain, due)
	}
}

// expireAgain is when a meeting that the store would not delete is to end.
const expireAgain = time.Minute

// end ends a meeting: it is kept no more, and the calls in it hear of that. Who calls it holds writing.
func (l *lobby) end(ctx context.Context, id string) error {
	l.mu.Lock()
	m := l.all[id]
	l.mu.Unlock()
	if m == nil {
		return nil
	}
	if err := l.forget(ctx, &m.meetingRecord); err != nil {
		return err
	}
	l.mu.Lock()
	delete(l.all, id)
	if m.ring != nil { // nil of one that was made after the end
		m.ring.Stop()
	}
	var out []*place
	for _, p := range m.present {
		out = append(out, p)
		l.d.tellMeeting("AttendeeLeft", &m.meetingRecord, m.find(p.attendee))
	}
	clear(m.present)
	l.d.tellMeeting("MeetingEnded", &m.meetingRecord, nil)
	l.mu.Unlock()
	l.look(out...)
	return nil
}

// forget has the store keep a meeting no more, and its tags.
func (l *lobby) forget(ctx context.Context, r *meetingRecord) error {
	if l.d.cfg.Store == nil {
		return nil
	}
	tags := l.d.cfg.Store.Vendor("chime-tags").Delete(ctx, l.d.meetingARN(r))
	for _, err := range [...]error{tags, l.d.meetingDocs().Delete(ctx, r.ID)} {
		if err != nil && !errors.Is(err, directory.ErrNotFound) {
			return fmt.Errorf("delete meeting %s: %w", r.ID, err)
		}
	}
	return nil
}

// find gives an attendee; nil when there is none. What it points to is not to be changed.
func (r *meetingRecord) find(id string) *attendee {
	if i := slices.IndexFunc(r.Attendees, func(a attendee) bool { return a.AttendeeID == id }); i >= 0 {
		return &r.Attendees[i]
	}
	return nil
}

// get gives a meeting of an account.
func (l *lobby) get(account, id string) (meetingRecord, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.all[id]
	if m == nil || m.Account != account {
		return meetingRecord{}, false
	}
	return m.meetingRecord, true
}

// byToken gives the meeting that was asked for with a ClientRequestToken.
func (l *lobby) byToken(account, token string) (meetingRecord, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.all {
		if m.Account == account && m.Token == token {
			return m.meetingRecord, true
		}
	}
	return meetingRecord{}, false
}

// count gives how many meetings stand, and how many of them in an account.
func (l *lobby) count(account string) (all, mine int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.all {
		if m.Account == account {
			mine++
		}
	}
	return len(l.all), mine
}

// create lets a new meeting stand. Who calls it holds writing.
func (l *lobby) create(ctx context.Context, r meetingRecord) error {
	if err := l.keep(ctx, r, l.d.meetingDocs().Create); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(r)
	l.d.tellMeeting("MeetingStarted", &r, nil)
	for i := range r.Attendees {
		l.d.tellMeeting("AttendeeAdded", &r, &r.Attendees[i])
	}
	return nil
}

// change keeps another list of a meeting's attendees, and has those that are in it heed it. Who calls it holds writing.
func (l *lobby) change(ctx context.Context, r meetingRecord, list []attendee) error {
	old := r.Attendees
	r.Attendees = list
	if err := l.keep(ctx, r, l.d.meetingDocs().Update); err != nil {
		return err
	}
	l.mu.Lock()
	m := l.all[r.ID]
	m.Attendees = list
	var out []*place
	for i := range old {
		a := &old[i]
		switch now := m.find(a.AttendeeID); {
		case now == nil:
			delete(m.muted, a.AttendeeID)
			if p := m.present[a.AttendeeID]; p != nil {
				delete(m.present, a.AttendeeID)
				m.quiet = time.Now()
				out = append(out, p)
				l.d.tellMeeting("AttendeeLeft", &r, a)
			}
			l.d.tellMeeting("AttendeeDeleted", &r, a)
		case now.sends() != a.sends() && m.present[a.AttendeeID] != nil:
			out = append(out, m.present[a.AttendeeID])
		}
	}
	for i := range list {
		if before := (&meetingRecord{Attendees: old}).find(list[i].AttendeeID); before == nil {
			l.d.tellMeeting("AttendeeAdded", &r, &list[i])
		}
	}
	l.wind(m)
	l.mu.Unlock()
	l.look(out...)
	return nil
}

func (l *lobby) keep(ctx context.Context, r meetingRecord, put func(context.Context, directory.Document) error) error {
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return put(ctx, directory.Document{ID: r.ID, Body: body, Created: r.Created, Updated: l.d.cfg.Clock()})
}

// byJoinToken gives the meeting and the attendee that a JoinToken lets in; account is empty where the token alone proves who
// asks, and id where only the token says which meeting it is.
func (l *lobby) byJoinToken(account, id, token string) (meetingRecord, *attendee, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m, a := l.admit(account, id, token)
	if m == nil {
		return meetingRecord{}, nil, false
	}
	return m.meetingRecord, a, true
}

// admit is byJoinToken for who holds the mutex; nil: it lets nobody in.
func (l *lobby) admit(account, id, token string) (*meeting, *attendee) {
	meeting, who, ok := openJoinToken(token)
	if !ok || id != "" && !sameUUID(id, meeting) {
		return nil, nil
	}
	m := l.all[meeting]
	if m == nil || account != "" && m.Account != account {
		return nil, nil
	}
	a := m.find(who)
	if a == nil || subtle.ConstantTimeCompare([]byte(a.JoinToken), []byte(token)) != 1 {
		return nil, nil
	}
	return m, a
}

// join takes an attendee's place in a meeting for a call. One that is there by another call, or another time, leaves: an
// attendee is one party. leave must follow.
func (l *lobby) join(account, id, token string, by call.ID, as string) (*place, error) {
	l.mu.Lock()
	m, a := l.admit(account, id, token)
	if m == nil {
		l.mu.Unlock()
		return nil, errNoAttendee
	}
	p := &place{id: as, account: m.Account, meeting: m.ID, attendee: a.AttendeeID, call: by}
	before := m.present[p.attendee]
	if before == nil && len(m.present) >= m.most() {
		l.mu.Unlock()
		return nil, errMeetingFull
	}
	m.present[p.attendee] = p
	m.quiet = time.Now()
	l.wind(m)
	if before == nil {
		l.d.tellMeeting("AttendeeJoined", &m.meetingRecord, a)
	}
	l.mu.Unlock()
	if before != nil {
		l.look(before)
	}
	return p, nil
}

var errNoAttendee = errors.New("the token is none of an attendee of the meeting")

// most gives how many attendees a meeting may have.
func (r *meetingRecord) most() int {
	if f := r.Meeting.MeetingFeatures; f != nil && f.Attendee != nil && f.Attendee.MaxCount != nil {
		return *f.Attendee.MaxCount
	}
	return maxAttendees
}

// leave gives a place up; no error when it is taken away already.
func (l *lobby) leave(p *place) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.all[p.meeting]
	if m == nil || m.present[p.attendee] != p {
		return
	}
	delete(m.present, p.attendee)
	m.quiet = time.Now()
	l.wind(m)
	l.d.tellMeeting("AttendeeLeft", &m.meetingRecord, m.find(p.attendee))
}

// seen tells whether a place is still there, and whether the others may hear who has it.
func (l *lobby) seen(p *place) (there, heard bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.all[p.meeting]
	if m == nil || m.present[p.attendee] != p {
		return false, false
	}
	return true, m.find(p.attendee).sends() && !m.muted[p.attendee]
}

// mute keeps attendees of a place's meeting from being heard, or lets them be heard again; false when one is none of it. The
// call whose place it is looks by itself.
func (l *lobby) mute(p *place, ids []string, on bool) bool {
	l.mu.Lock()
	m := l.all[p.meeting]
	if m == nil || slices.ContainsFunc(ids, func(id string) bool { return m.find(id) == nil }) {
		l.mu.Unlock()
		return false
	}
	var out []*place
	for _, id := range ids {
		m.muted[id] = on
		if there := m.present[id]; there != nil && there != p {
			out = append(out, there)
		}
	}
	l.mu.Unlock()
	l.look(out...)
	return true
}

// lookTime is how long a call may take to look. It does so at once, unless it is stuck.
const lookTime = 5 * time.Second

// look has the calls of some places see what became of them. What it is they find out themselves: so it does not matter which
// of two requests comes first.
func (l *lobby) look(places ...*place) {
	l.mu.Lock()
	defer l.mu.Unlock()
	calls := l.calls
	for _, p := range places {
		body, err := json.Marshal(liveRequest{Account: p.account, Meeting: p.id})
		if err != nil || calls == nil || l.closed {
			continue
		}
		l.looks.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), lookTime)
			defer cancel()
			_, _ = calls.Ask(ctx, p.call, body) // one that is over has left
		})
	}
}

// Parts of a JoinToken: the IDs of meeting and attendee, which lead to it, and what nobody can guess.
const (
	idBytes     = len(uuid.UUID{})
	secretBytes = 24
)

// newJoinToken makes the secret by which an attendee joins. It has no characters that a header or a URI parameter has not.
func newJoinToken(meeting, attendee string) (string, error) {
	m, err := uuid.Parse(meeting)
	a, err2 := uuid.Parse(attendee)
	if err := cmp.Or(err, err2); err != nil {
		return "", err
	}
	b := make([]byte, 2*idBytes+secretBytes)
	copy(b, m[:])
	copy(b[idBytes:], a[:])
	rand.Read(b[2*idBytes:])
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// openJoinToken gives the IDs that a token names. Whether it is one says who compares it.
func openJoinToken(token string) (meeting, attendee string, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != 2*idBytes+secretBytes {
		return "", "", false
	}
	return uuid.UUID(b[:idBytes]).String(), uuid.UUID(b[idBytes : 2*idBytes]).String(), true
}

// sameUUID tells whether what a client wrote is the ID, whose letters are small.
func sameUUID(given, id string) bool {
	u, err := uuid.Parse(given)
	return err == nil && len(given) == len(id) && u.String() == id
}
