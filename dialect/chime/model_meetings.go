package chime

// The shapes of the vendor's model chime-sdk-meetings 2021-07-15, member by member.

type mediaPlacement struct {
	AudioHostURL      string `json:"AudioHostUrl"`
	AudioFallbackURL  string `json:"AudioFallbackUrl"`
	SignalingURL      string `json:"SignalingUrl"`
	TurnControlURL    string `json:"TurnControlUrl"`
	ScreenDataURL     string `json:"ScreenDataUrl"`
	ScreenViewingURL  string `json:"ScreenViewingUrl"`
	ScreenSharingURL  string `json:"ScreenSharingUrl"`
	EventIngestionURL string `json:"EventIngestionUrl"`
}

type meetingFeatures struct {
	Audio *struct {
		EchoReduction string `json:",omitempty"`
	} `json:",omitempty"`
	Video *struct {
		MaxResolution string `json:",omitempty"`
	} `json:",omitempty"`
	Content *struct {
		MaxResolution string `json:",omitempty"`
	} `json:",omitempty"`
	Attendee *struct {
		MaxCount *int `json:",omitempty"`
	} `json:",omitempty"`
}

type meetingModel struct {
	MeetingID         string           `json:"MeetingId"`
	MeetingHostID     string           `json:"MeetingHostId,omitempty"`
	ExternalMeetingID string           `json:"ExternalMeetingId"`
	MediaRegion       string           `json:"MediaRegion"`
	MediaPlacement    mediaPlacement   `json:"MediaPlacement"`
	MeetingFeatures   *meetingFeatures `json:",omitempty"`
	TenantIDs         []string         `json:"TenantIds,omitempty"`
	MeetingArn        string
}

type attendeeCapabilities struct{ Audio, Video, Content string }

// attendee is who may join a meeting.
type attendee struct {
	ExternalUserID string `json:"ExternalUserId"`
	AttendeeID     string `json:"AttendeeId"`
	JoinToken      string
	Capabilities   attendeeCapabilities
}

type notificationsConfiguration struct {
	LambdaFunctionArn, SnsTopicArn, SqsQueueArn string
}

type attendeeIn struct {
	ExternalUserID string `json:"ExternalUserId"`
	Capabilities   *attendeeCapabilities
}

type meetingIn struct {
	ClientRequestToken         string
	MediaRegion                string
	MeetingHostID              string `json:"MeetingHostId"`
	ExternalMeetingID          string `json:"ExternalMeetingId"`
	NotificationsConfiguration *notificationsConfiguration
	MeetingFeatures            *meetingFeatures
	PrimaryMeetingID           string   `json:"PrimaryMeetingId"`
	TenantIDs                  []string `json:"TenantIds"`
	Tags                       []tag
	MediaPlacementNetworkType  string
	Attendees                  []attendeeIn // of CreateMeetingWithAttendees
}

type meetingOut struct {
	Meeting meetingModel
}

type attendeeOut struct {
	Attendee attendee
}

// createAttendeeError tells of one attendee of a request for many.
type createAttendeeError struct {
	ExternalUserID string `json:"ExternalUserId"`
	ErrorCode      string
	ErrorMessage   string
}

// meetingAttendeesOut answers CreateMeetingWithAttendees.
type meetingAttendeesOut struct {
	Meeting meetingModel
	attendeesOut
}

type attendeesOut struct {
	Attendees []attendee
	Errors    []createAttendeeError
}
