package chime

import (
	"net/http"
	"slices"
	"strings"
)

var attendeeOperations = []operation{
	{"CreateAttendee", "POST", "/meetings/{meeting}/attendees", "", http.StatusOK, with((*control).createAttendee)},
	{"BatchCreateAttendee", "POST", "/meetings/{meeting}/attendees", "operation=batch-create", http.StatusOK, with((*control).createAttendees)},
	{"GetAttendee", "GET", "/meetings/{meeting}/attendees/{attendee}", "", http.StatusOK, bare((*control).getAttendee)},
	{"ListAttendees", "GET", "/meetings/{meeting}/attendees", "", http.StatusOK, bare((*control).listAttendees)},
	{"DeleteAttendee", "DELETE", "/meetings/{meeting}/attendees/{attendee}", "", http.StatusNoContent, bare((*control).deleteAttendee)},
	{"UpdateAttendeeCapabilities", "PUT", "/meetings/{meeting}/attendees/{attendee}/capabilities", "", http.StatusOK, with((*control).updateCapabilities)},
	{"BatchUpdateAttendeeCapabilitiesExcept", "PUT", "/meetings/{meeting}/attendees/capabilities", "operation=batch-update-except", http.StatusOK,
		with((*control).updateCapabilitiesExcept)},
}

// maxBatch bounds BatchCreateAttendee.
const maxBatch = 100

func (c *control) createAttendee(r *request, in attendeeIn) (attendeeOut, error) {
	out, err := c.addAttendees(r, []attendeeIn{in})
	if err != nil {
		return attendeeOut{}, err
	}
	return attendeeOut{out[0]}, nil
}

func (c *control) createAttendees(r *request, in struct{ Attendees []attendeeIn }) (attendeesOut, error) {
	if n := len(in.Attendees); n < 1 || n > maxBatch {
		return attendeesOut{}, badRequest("Attendees: there are %d; 1 to %d are possible", n, maxBatch)
	}
	out, err := c.addAttendees(r, in.Attendees)
	return attendeesOut{Attendees: out, Errors: []createAttendeeError{}}, err
}

func (c *control) addAttendees(r *request, in []attendeeIn) (out []attendee, err error) {
	err = c.changeMeeting(r, func(m meetingRecord) (list []attendee, err error) {
		var v checks
		for _, a := range in {
			v.attendee(a, m.Meeting.MeetingFeatures)
		}
		if err := v.result(); err != nil {
			return nil, err
		}
		list, out, err = m.with(in)
		return list, err
	})
	return out, err
}

// with gives a meeting's attendees and new ones, and those that were asked for: one whose ExternalUserId is there already is
// the same attendee.
func (r *meetingRecord) with(in []attendeeIn) (list, out []attendee, err error) {
	list = slices.Clone(r.Attendees)
	for _, want := range in {
		i := slices.IndexFunc(list, func(a attendee) bool { return strings.EqualFold(a.ExternalUserID, want.ExternalUserID) })
		if i < 0 {
			if len(list) >= r.most() {
				return nil, nil, meetingLimit("Meeting %s has %d attendees, as many as it may have", r.ID, len(list))
			}
			a := attendee{ExternalUserID: want.ExternalUserID, AttendeeID: newID(), Capabilities: r.Meeting.MeetingFeatures.usual()}
			if want.Capabilities != nil {
				a.Capabilities = *want.Capabilities
			}
			if a.JoinToken, err = newJoinToken(r.ID, a.AttendeeID); err != nil {
				return nil, nil, err
			}
			list, i = append(list, a), len(list)
		}
		out = append(out, list[i])
	}
	return list, out, nil
}

// usual gives the capabilities of an attendee for whom none were asked.
func (f *meetingFeatures) usual() attendeeCapabilities {
	can := attendeeCapabilities{"SendReceive", "SendReceive", "SendReceive"}
	noVideo, noContent := f.without()
	if noContent {
		can.Content = "None"
	}
	switch {
	case noVideo && noContent:
		can.Video = "None"
	case noVideo: // content can be sent and received by those alone who receive video
		can.Video = "Receive"
	}
	return can
}

func (c *checks) attendee(a attendeeIn, f *meetingFeatures) {
	c.externalID("ExternalUserId", a.ExternalUserID)
	if a.Capabilities != nil {
		c.capabilities(*a.Capabilities, f)
	}
}

// changeMeeting changes the attendees of the meeting that the path names.
func (c *control) changeMeeting(r *request, f func(meetingRecord) ([]attendee, error)) error {
	l := c.lobby
	l.writing.Lock()
	defer l.writing.Unlock()
	m, err := c.findMeeting(r)
	if err != nil {
		return err
	}
	list, err := f(m)
	if err != nil {
		return err
	}
	return l.change(r, m, list)
}

// findAttendee gives where the attendee that the path names stands in a meeting's list.
func (c *control) findAttendee(r *request, m meetingRecord) (int, error) {
	var v checks
	id := v.guid("AttendeeId", r.path("attendee"))
	if err := v.result(); err != nil {
		return 0, err
	}
	i := slices.IndexFunc(m.Attendees, func(a attendee) bool { return a.AttendeeID == id })
	if i < 0 {
		return 0, notFound("Attendee", id)
	}
	return i, nil
}

func (c *control) getAttendee(r *request) (attendeeOut, error) {
	m, err := c.findMeeting(r)
	if err != nil {
		return attendeeOut{}, err
	}
	i, err := c.findAttendee(r, m)
	if err != nil {
		return attendeeOut{}, err
	}
	return attendeeOut{m.Attendees[i]}, nil
}

func (c *control) deleteAttendee(r *request) (nothing, error) {
	return nothing{}, c.changeMeeting(r, func(m meetingRecord) ([]attendee, error) {
		i, err := c.findAttendee(r, m)
		if err != nil {
			return nil, err
		}
		return slices.Delete(slices.Clone(m.Attendees), i, i+1), nil
	})
}

func (c *control) listAttendees(r *request) (any, error) {
	m, err := c.findMeeting(r)
	if err != nil {
		return nil, err
	}
	limit, err := maxResults(r, 100)
	if err != nil {
		return nil, err
	}
	name := "attendees of " + m.ID
	after, err := openToken(r, name)
	if err != nil {
		return nil, err
	}
	out := struct {
		Attendees []attendee
		NextToken string `json:",omitempty"`
	}{Attendees: []attendee{}}
	list := slices.SortedFunc(slices.Values(m.Attendees), func(a, b attendee) int { return strings.Compare(a.AttendeeID, b.AttendeeID) })
	for _, a := range list {
		if a.AttendeeID <= after {
			continue
		}
		if len(out.Attendees) == limit {
			out.NextToken = sealToken(name, out.Attendees[limit-1].AttendeeID)
			break
		}
		out.Attendees = append(out.Attendees, a)
	}
	return out, nil
}

type capabilitiesIn struct {
	ExcludedAttendeeIDs []struct {
		AttendeeID string `json:"AttendeeId"`
	} `json:"ExcludedAttendeeIds"`
	Capabilities *attendeeCapabilities
}

func (in capabilitiesIn) check(v *checks, m meetingRecord) {
	if in.Capabilities == nil {
		v.fail("Capabilities: it is required")
		return
	}
	v.capabilities(*in.Capabilities, m.Meeting.MeetingFeatures)
}

func (c *control) updateCapabilities(r *request, in capabilitiesIn) (out attendeeOut, err error) {
	err = c.changeMeeting(r, func(m meetingRecord) ([]attendee, error) {
		i, err := c.findAttendee(r, m)
		if err != nil {
			return nil, err
		}
		var v checks
		in.check(&v, m)
		if err := v.result(); err != nil {
			return nil, err
		}
		list := slices.Clone(m.Attendees)
		list[i].Capabilities = *in.Capabilities
		out.Attendee = list[i]
		return list, nil
	})
	return out, err
}

func (c *control) updateCapabilitiesExcept(r *request, in capabilitiesIn) (nothing, error) {
	return nothing{}, c.changeMeeting(r, func(m meetingRecord) ([]attendee, error) {
		var v checks
		in.check(&v, m)
		if n := len(in.ExcludedAttendeeIDs); n < 1 || n > maxAttendees {
			v.fail("ExcludedAttendeeIds: there are %d; 1 to %d are possible", n, maxAttendees)
		}
		except := map[string]bool{}
		for _, one := range in.ExcludedAttendeeIDs {
			except[v.guid("ExcludedAttendeeIds", one.AttendeeID)] = true
		}
		if err := v.result(); err != nil {
			return nil, err
		}
		list := slices.Clone(m.Attendees)
		for i := range list {
			if !except[list[i].AttendeeID] {
				list[i].Capabilities = *in.Capabilities
			}
		}
		return list, nil
	})
}
