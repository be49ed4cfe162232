package chime

// meetingChange is the detail-type of the events about meetings.
const meetingChange = "Chime Meeting State Change"

// meetingEvent is the detail of one, with the vendor's members
// (https://docs.aws.amazon.com/chime-sdk/latest/dg/using-events.html).
type meetingEvent struct {
	Version           string `json:"version"`
	EventType         string `json:"eventType"`
	Timestamp         int64  `json:"timestamp"` // milliseconds
	MeetingID         string `json:"meetingId"`
	AttendeeID        string `json:"attendeeId,omitempty"`
	ExternalUserID    string `json:"externalUserId,omitempty"`
	NetworkType       string `json:"networkType,omitempty"`
	ExternalMeetingID string `json:"externalMeetingId"`
	MediaRegion       string `json:"mediaRegion"`
}

// tellMeeting tells those who listen to events what happened in a meeting: "MeetingStarted", "AttendeeJoined" and the like; of
// an attendee, or nil.
func (d *Dialect) tellMeeting(what string, m *meetingRecord, a *attendee) {
	ev := meetingEvent{
		Version: "0", EventType: "chime:" + what, Timestamp: d.cfg.Clock().UnixMilli(), MeetingID: m.ID,
		ExternalMeetingID: m.Meeting.ExternalMeetingID, MediaRegion: m.Meeting.MediaRegion,
	}
	if a != nil {
		ev.AttendeeID, ev.ExternalUserID = a.AttendeeID, a.ExternalUserID
	}
	if what == "AttendeeJoined" || what == "AttendeeLeft" {
		ev.NetworkType = "Voip"
	}
	d.tellEvent(Event{DetailType: meetingChange, Account: m.Account, Detail: ev})
}
