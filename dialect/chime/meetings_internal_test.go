package chime

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
)

// What a meeting of a test is always called, and its attendees anna and bob.
const (
	Standup = "11111111-aaaa-4aaa-8aaa-111111111111"
	Anna    = "22222222-bbbb-4bbb-8bbb-222222222222"
	Bob     = "33333333-cccc-4ccc-8ccc-333333333333"
)

// TokenOf gives the JoinToken of an attendee of the meeting.
func TokenOf(attendee string) string {
	m, a := uuid.MustParse(Standup), uuid.MustParse(attendee)
	return base64.RawURLEncoding.EncodeToString(slices.Concat(m[:], a[:], make([]byte, secretBytes)))
}

// StandMeeting lets the meeting stand in an account, without a store; ask is asked about calls in it.
func (d *Dialect) StandMeeting(account string, ask func(context.Context, call.ID, []byte) ([]byte, error)) {
	all := attendeeCapabilities{"SendReceive", "SendReceive", "SendReceive"}
	d.lobby.mu.Lock()
	defer d.lobby.mu.Unlock()
	d.lobby.calls = askerFunc(ask)
	d.lobby.add(meetingRecord{
		ID: Standup, Account: account, Created: time.Now(), Meeting: meetingModel{MeetingID: Standup, ExternalMeetingID: "standup"},
		Attendees: []attendee{{"anna", Anna, TokenOf(Anna), all}, {"bob", Bob, TokenOf(Bob), all}},
	})
}

type askerFunc func(context.Context, call.ID, []byte) ([]byte, error)

func (f askerFunc) Ask(ctx context.Context, id call.ID, body []byte) ([]byte, error) {
	return f(ctx, id, body)
}

// JoinMeeting lets an attendee join by a call of the test's.
func (d *Dialect) JoinMeeting(attendee string, by call.ID) error {
	_, err := d.lobby.join("", Standup, TokenOf(attendee), by, uuid.NewString())
	return err
}

// EndMeeting ends the meeting.
func (d *Dialect) EndMeeting() error {
	d.lobby.writing.Lock()
	defer d.lobby.writing.Unlock()
	return d.lobby.end(context.Background(), Standup)
}

// InMeeting gives who is in the meeting, and who of its attendees may be heard.
func (d *Dialect) InMeeting() (present, heard []string) {
	d.lobby.mu.Lock()
	defer d.lobby.mu.Unlock()
	m := d.lobby.all[Standup]
	if m == nil {
		return nil, nil
	}
	for _, a := range m.Attendees {
		if m.present[a.AttendeeID] != nil {
			present = append(present, a.ExternalUserID)
		}
		if a.sends() && !m.muted[a.AttendeeID] {
			heard = append(heard, a.ExternalUserID)
		}
	}
	return present, heard
}

// MuteAll mutes all attendees, or lets all be heard.
func (d *Dialect) MuteAll(on bool) {
	d.lobby.mute(&place{meeting: Standup}, []string{Anna, Bob}, on)
}

// However calls come and go, and the API changes whom they may be: nobody is left in a meeting, and none is told of another's.
func TestLobbyInAHurry(t *testing.T) {
	d := New(Config{})
	d.StandMeeting("111122223333", func(context.Context, call.ID, []byte) ([]byte, error) { return nil, nil })
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			who := [...]string{Anna, Bob}[i%2]
			for range 100 {
				p, err := d.lobby.join("111122223333", Standup, TokenOf(who), "call", uuid.NewString())
				if err != nil {
					t.Error(err)
					return
				}
				d.lobby.mute(p, []string{Anna}, i%3 == 0)
				if there, _ := d.lobby.seen(p); there && p.attendee != who {
					t.Errorf("%s has the place of %s", who, p.attendee)
				}
				d.lobby.leave(p)
				d.lobby.leave(p)
			}
		})
	}
	all.Wait()
	if there, _ := d.InMeeting(); len(there) > 0 {
		t.Errorf("left in the meeting: %v", there)
	}
}

// Who joins while the API takes the attendee away is in the meeting before that, and has to leave, or is not let in.
func TestJoinWhileDeleted(t *testing.T) {
	for range 1000 { // either may come first
		d := New(Config{Store: fakeStore{}})
		d.StandMeeting("111122223333", func(context.Context, call.ID, []byte) ([]byte, error) { return nil, nil })
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for {
					p, err := d.lobby.join("111122223333", Standup, TokenOf(Anna), "call", "place")
					if err != nil {
						return
					}
					d.lobby.seen(p)
					d.lobby.leave(p)
				}
			})
		}
		d.dismiss(t, Anna)
		all.Wait()
		if n := len(d.lobby.all[Standup].present); n > 0 {
			t.Fatalf("%d left in the meeting", n)
		}
	}
}

// dismiss takes an attendee away, as DeleteAttendee does.
func (d *Dialect) dismiss(t *testing.T, id string) {
	d.lobby.writing.Lock()
	defer d.lobby.writing.Unlock()
	r, _ := d.lobby.get("111122223333", Standup)
	list := slices.DeleteFunc(slices.Clone(r.Attendees), func(a attendee) bool { return a.AttendeeID == id })
	if err := d.lobby.change(t.Context(), r, list); err != nil {
		t.Error(err)
	}
}

// A meeting whose time is over ends although the store fails at first.
func TestMeetingEndsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New(Config{Store: fakeStore{failures: new(atomic.Int32)}})
		d.cfg.Store.(fakeStore).failures.Store(2)
		d.StandMeeting("111122223333", nil)
		time.Sleep(5*time.Minute + time.Second) // of the bubble
		if _, ok := d.lobby.get("111122223333", Standup); !ok {
			t.Error("it ended although the store still has it")
		}
		time.Sleep(2 * time.Minute) // of the bubble
		if _, ok := d.lobby.get("111122223333", Standup); ok {
			t.Error("it still stands")
		}
		d.cfg.Store.(fakeStore).failures.Store(1)
		d.StandMeeting("111122223333", func(context.Context, call.ID, []byte) ([]byte, error) { return nil, nil })
		time.Sleep(5*time.Minute + time.Second)                             // of the bubble
		p, err := d.lobby.join("", Standup, TokenOf(Anna), "call", "place") // before it is tried again
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(29 * time.Minute) // of the bubble
		if there, _ := d.lobby.seen(p); !there {
			t.Error("it ended although somebody came")
		}
		time.Sleep(2 * time.Minute) // of the bubble
		if _, ok := d.lobby.get("111122223333", Standup); ok {
			t.Error("somebody alone in it keeps it for ever")
		}
	})
}

// Nothing of the meetings goes on once the dialect is closed: no clock asks the store, and nobody is asked to look any more.
func TestClosedLobby(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := fakeStore{failures: new(atomic.Int32)}
		d := New(Config{Store: store})
		var asked atomic.Int32
		d.StandMeeting("111122223333", func(ctx context.Context, _ call.ID, _ []byte) ([]byte, error) {
			time.Sleep(time.Second) // of the bubble
			asked.Add(1)
			return nil, nil
		})
		for range 2 { // the second call takes the first one's place, which is told
			if err := d.JoinMeeting(Anna, "call"); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.Close(); err != nil || asked.Load() != 1 {
			t.Errorf("closed with %v while %d had looked", err, asked.Load())
		}
		d.StandMeeting("111122223333", nil)
		if err := d.JoinMeeting(Anna, "call"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(48 * time.Hour) // of the bubble
		if store.failures.Load() != 0 {
			t.Error("a clock went on")
		}
	})
}

// fakeStore keeps nothing; to delete fails so many times.
type fakeStore struct {
	directory.Store
	failures *atomic.Int32
}

func (s fakeStore) Vendor(string) directory.Table[directory.Document] {
	return fakeDocuments{nil, s.failures}
}

type fakeDocuments struct {
	directory.Table[directory.Document]
	failures *atomic.Int32
}

func (fakeDocuments) Update(context.Context, directory.Document) error { return nil }

func (s fakeDocuments) Delete(context.Context, string) error {
	if s.failures.Add(-1) >= 0 {
		return errors.New("the disk is full")
	}
	return nil
}
