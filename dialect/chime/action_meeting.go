package chime

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/switchhook/switchhook/call"
)

// dialIn is the number by which calls come into meetings, and what LEG-B has called when it is a meeting.
const dialIn = "+17035550122"

// joining is a JoinChimeMeeting under way: LEG-A goes into the meeting's room, LEG-B stands for the meeting.
type joining struct{ b *leg }

func startJoinMeeting(d *driver, a *action) (step, *fault) {
	s, f := d.joinMeeting(a)
	if f != nil {
		// The vendor's page shows this member alone, others show the other two.
		f.more = append(appendString([]byte(`,"Error":`), f.kind+": "+f.message), f.more...)
	}
	return s, f
}

func (d *driver) joinMeeting(a *action) (step, *fault) {
	var id, token string
	for key, value := range members(a.params) {
		switch key {
		case "MeetingId":
			id, _ = text(value)
		case "JoinToken":
			token, _ = text(value)
		}
	}
	if a.leg != d.a || d.a.hungUp || d.b != nil || !d.a.inbound && !d.a.answered {
		return nil, badState()
	}
	d.meetings++
	as := uuid.NewSHA1(uuid.Nil, fmt.Appendf(nil, "%s %d", d.call.ID(), d.meetings)).String()
	p, err := d.app.dialect.lobby.join(d.account, id, token, d.call.ID(), as)
	switch {
	case errors.Is(err, errNoAttendee):
		return nil, invalid("JoinToken parameter value is invalid.")
	case err != nil:
		return nil, joinFault(err)
	}
	d.pickUp(a.leg, nil)
	d.b = &leg{id: call.LegID(as), tag: legB, to: dialIn, from: "SMA", start: d.now(), code: -1, place: p}
	_, heard := d.app.dialect.lobby.seen(p)
	d.muteMeeting(!heard)
	if _, err := d.do(call.Enter{Leg: a.leg.id, Room: p.room(), Silent: true}); err != nil {
		d.leaveMeeting()
		d.b = nil
		if errors.Is(err, call.ErrLimit) {
			return nil, joinFault(err)
		}
		return nil, refused(err)
	}
	return joining{d.b}, nil
}

func joinFault(err error) *fault {
	return &fault{kind: "ErrorJoiningMeeting", message: "Error while joining meeting.", detail: err.Error()}
}

func (s joining) hear(d *driver, ev call.Event) outcome {
	switch ev := ev.(type) {
	case call.Entered:
		if ev.Leg == d.a.id && ev.Room == s.b.place.room() {
			s.b.answered = true
			return outcome{over: true}
		}
	case call.Left: // the room has filled up
		if ev.Leg == d.a.id && ev.Room == s.b.place.room() {
			return s.fail(d, "the room is full")
		}
	case call.LegEnded:
		if ev.Leg == d.a.id {
			return outcome{over: true, lost: true}
		}
	}
	return outcome{}
}

func (s joining) fail(d *driver, why string) outcome {
	s.stop(d)
	f := joinFault(errors.New(why))
	f.more = appendString([]byte(`,"Error":`), f.kind+": "+f.message)
	return outcome{over: true, fault: f}
}

func (joining) stop(d *driver) {
	d.leaveMeeting()
	d.b = nil
}

// inMeeting tells whether LEG-B is a meeting that LEG-A is in.
func (d *driver) inMeeting() bool { return d.b.live() && d.b.place != nil }

// leaveMeeting takes LEG-A out of its meeting, if it is in one. To the function LEG-B is over then.
func (d *driver) leaveMeeting() {
	if !d.inMeeting() {
		return
	}
	d.app.dialect.lobby.leave(d.b.place)
	d.muteMeeting(false)
	if d.a.live() {
		_, _ = d.do(call.Leave{Leg: d.a.id}) // as in ring
	}
	d.b.ended = true
}

// muteMeeting keeps LEG-A from being heard in its meeting, or lets it be heard again.
func (d *driver) muteMeeting(on bool) {
	if d.b.muted != on && d.a.live() {
		d.b.muted = on
		_, _ = d.do(call.Mute{Leg: d.a.id, On: on}) // as in ring
	}
}

// heedMeeting looks what became of LEG-A's place in a meeting: it is to be heard or not, or the meeting is over for it.
func (d *driver) heedMeeting(place string) {
	if !d.inMeeting() || d.b.place.id != place {
		return
	}
	there, heard := d.app.dialect.lobby.seen(d.b.place)
	switch s, waits := d.step.(joining); {
	case there:
		d.muteMeeting(!heard)
	case waits:
		d.finish(s.fail(d, "the meeting is over, or no longer for this attendee"))
	default:
		d.leaveMeeting()
		d.push(&notice{event: hangup, leg: d.b})
	}
}

// forgetMeeting drops a LEG-B that stood for a meeting once the function knows that it is over.
func (d *driver) forgetMeeting(told *leg) {
	if d.b != nil && d.b.place != nil && d.b.ended && d.a.live() && (told == d.b || len(d.notices) == 0) {
		d.b = nil
	}
}

// maxMuted bounds the attendees of one ModifyChimeMeetingAttendees.
const maxMuted = 100

func startModifyAttendees(d *driver, a *action) (step, *fault) {
	f := d.modifyAttendees(a)
	if f != nil {
		f.more = []byte(`,"ErrorList":[]`)
		return nil, f
	}
	return instant{}, nil
}

func (d *driver) modifyAttendees(a *action) *fault {
	var operation, id string
	var list json.RawMessage
	for key, value := range members(a.params) {
		switch key {
		case "Operation":
			operation, _ = text(value)
		case "MeetingId":
			id, _ = text(value)
		case "AttendeeList":
			list = value
		}
	}
	attendees, ok := readAttendees(list)
	switch {
	case operation != "Mute" && operation != "Unmute":
		return invalid("The value in the Operation field of the ModifyChimeMeetingAttendees action is invalid.")
	case id == "":
		return invalid("The meeting ID parameter is invalid.")
	case !ok:
		return invalid("Attendee List parameter is invalid.")
	case !d.b.live():
		return badState()
	case d.b.place == nil:
		return invalid("Call is not connected to Chime Meeting.")
	case !sameUUID(id, d.b.place.meeting):
		return invalid("The meeting ID parameter is invalid.")
	}
	if !d.app.dialect.lobby.mute(d.b.place, attendees, operation == "Mute") {
		return invalid("One or more attendees are not part of this meeting. All attendees must be part of this meeting.")
	}
	d.heedMeeting(d.b.place.id)
	return nil
}

// readAttendees reads an AttendeeList: 1 to 100 IDs.
func readAttendees(raw json.RawMessage) (ids []string, ok bool) {
	for e := range elements(raw) {
		s, ok := text(e)
		if !ok || len(ids) == maxMuted {
			return nil, false
		}
		if u, err := uuid.Parse(s); err == nil {
			s = u.String()
		}
		ids = append(ids, s)
	}
	return ids, len(ids) > 0
}
