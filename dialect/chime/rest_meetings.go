package chime

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// The API of meetings, which the vendor has as a service of its own with the same signing name
// (https://docs.aws.amazon.com/chime-sdk/latest/APIReference/API_Operations_Amazon_Chime_SDK_Meetings.html).
var meetingOperations = []operation{
	{"CreateMeeting", "POST", "/meetings", "", http.StatusOK, with((*control).createMeeting)},
	{"CreateMeetingWithAttendees", "POST", "/meetings", "operation=create-attendees", http.StatusOK, with((*control).createMeetingWithAttendees)},
	{"GetMeeting", "GET", "/meetings/{meeting}", "", http.StatusOK, bare((*control).getMeeting)},
	{"DeleteMeeting", "DELETE", "/meetings/{meeting}", "", http.StatusNoContent, bare((*control).deleteMeeting)},
	{"StartMeetingTranscription", "POST", "/meetings/{meeting}/transcription", "operation=start", http.StatusOK, with((*control).transcribe)},
	{"StopMeetingTranscription", "POST", "/meetings/{meeting}/transcription", "operation=stop", http.StatusOK, with((*control).transcribeNot)},
}

// The patterns of the vendor's model.
var (
	guid         = regexp.MustCompile(`^[a-fA-F0-9]{8}(-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}$`)
	requestToken = regexp.MustCompile(`^[-_a-zA-Z0-9]{2,64}$`)
	externalID   = regexp.MustCompile(`^[-_&@+=,(){}\[\]/«».:|'"#a-zA-Z0-9À-ÿ\s]*$`)
	tenantID     = regexp.MustCompile(`^[-_!@#$a-zA-Z0-9]{2,256}$`)
)

// mediaRegions are where the vendor has meetings.
var mediaRegions = []string{"af-south-1", "ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
	"ca-central-1", "eu-central-1", "eu-north-1", "eu-south-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1",
	"us-east-1", "us-east-2", "us-west-1", "us-west-2", "us-gov-east-1", "us-gov-west-1"}

// maxAttendeesAtOnce bounds CreateMeetingWithAttendees.
const maxAttendeesAtOnce = 20

func (c *control) createMeeting(r *request, in meetingIn) (meetingOut, error) {
	in.Attendees = nil
	m, err := c.newMeeting(r, in)
	return meetingOut{m.Meeting}, err
}

func (c *control) createMeetingWithAttendees(r *request, in meetingIn) (meetingAttendeesOut, error) {
	if n := len(in.Attendees); n < 1 || n > maxAttendeesAtOnce {
		return meetingAttendeesOut{}, badRequest("Attendees: there are %d; 1 to %d are possible", n, maxAttendeesAtOnce)
	}
	m, err := c.newMeeting(r, in)
	return meetingAttendeesOut{m.Meeting, attendeesOut{m.Attendees, []createAttendeeError{}}}, err
}

// newMeeting makes a meeting, or gives the one that the same request has made.
func (c *control) newMeeting(r *request, in meetingIn) (m meetingRecord, err error) {
	var v checks
	v.meeting(in)
	for _, a := range in.Attendees {
		v.attendee(a, in.MeetingFeatures)
	}
	if err := v.result(); err != nil {
		return m, err
	}
	asked, err := in.digest()
	if err != nil {
		return m, err
	}
	l := c.lobby
	l.writing.Lock()
	defer l.writing.Unlock()
	if m, ok := l.byToken(r.account, in.ClientRequestToken); ok {
		if m.Asked != asked {
			return m, conflict("ClientRequestToken: meeting %s was asked for with it, and with other parameters", m.ID)
		}
		return m, nil
	}
	all, mine := l.count(r.account)
	if most := c.cfg.Quotas.Meetings; all >= maxMeetings || most > 0 && mine >= most {
		return m, meetingLimit("%d meetings stand in this account already", mine)
	}
	m = meetingRecord{ID: newID(), Account: r.account, Token: in.ClientRequestToken, Asked: asked, Created: c.now()}
	m.Meeting = meetingModel{
		MeetingID: m.ID, MeetingHostID: in.MeetingHostID, ExternalMeetingID: in.ExternalMeetingID, MediaRegion: in.MediaRegion,
		MediaPlacement: placement(m.ID), MeetingFeatures: in.MeetingFeatures, TenantIDs: in.TenantIDs, MeetingArn: c.meetingARN(&m),
	}
	if m.Attendees, _, err = m.with(in.Attendees); err != nil {
		return m, err
	}
	if err := l.create(r, m); err != nil {
		return m, err
	}
	return m, c.putTags(r, m.Meeting.MeetingArn, in.Tags)
}

// digest stands for all that a request asked for.
func (in meetingIn) digest() (string, error) {
	text, err := json.Marshal(in)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}

// meetingARN gives a meeting's name.
func (d *Dialect) meetingARN(m *meetingRecord) string {
	return "arn:aws:chime:" + d.cfg.Region + ":" + m.Account + ":meeting/" + m.ID
}

// placement is where the vendor's clients in browsers would find a meeting's media. Here is none for them: a name that cannot
// exist (RFC 2606) tells them at once, and tells people why.
func placement(id string) mediaPlacement {
	const host = "no-media-for-browsers-here.invalid"
	return mediaPlacement{
		AudioHostURL: id + "." + host + ":3478", AudioFallbackURL: "wss://" + host + "/calls/" + id, SignalingURL: "wss://" + host + "/control/" + id,
		TurnControlURL: "https://" + host + "/v2/turn_sessions", ScreenDataURL: "wss://" + host + "/v2/screen/" + id,
		ScreenViewingURL: "wss://" + host + "/ws/connect", ScreenSharingURL: "wss://" + host + "/v2/screen/" + id,
		EventIngestionURL: "https://" + host + "/v1/client-events",
	}
}

func (c *control) getMeeting(r *request) (meetingOut, error) {
	m, err := c.findMeeting(r)
	return meetingOut{m.Meeting}, err
}

func (c *control) deleteMeeting(r *request) (nothing, error) {
	l := c.lobby
	l.writing.Lock()
	defer l.writing.Unlock()
	m, err := c.findMeeting(r)
	if err != nil {
		return nothing{}, err
	}
	return nothing{}, l.end(r, m.ID)
}

// findMeeting gives the meeting of the account that the path names.
func (c *control) findMeeting(r *request) (meetingRecord, error) {
	var v checks
	id := v.guid("MeetingId", r.path("meeting"))
	if err := v.result(); err != nil {
		return meetingRecord{}, err
	}
	m, ok := c.lobby.get(r.account, id)
	if !ok {
		return m, notFound("Meeting", id)
	}
	return m, nil
}

type transcribeIn struct {
	TranscriptionConfiguration *struct {
		EngineTranscribeSettings, EngineTranscribeMedicalSettings json.RawMessage
	}
}

// transcribe refuses: nothing here writes down what is said.
func (c *control) transcribe(r *request, in transcribeIn) (nothing, error) {
	if in.TranscriptionConfiguration == nil {
		return nothing{}, badRequest("TranscriptionConfiguration: it is required")
	}
	return c.transcribeNot(r, in)
}

func (c *control) transcribeNot(r *request, _ transcribeIn) (nothing, error) {
	if _, err := c.findMeeting(r); err != nil {
		return nothing{}, err
	}
	return nothing{}, &apiError{http.StatusUnprocessableEntity, "UnprocessableEntityException", "Unprocessable",
		"Meetings are not transcribed here, and this one is not"}
}

// meetingLimit is what this API says where the other says ResourceLimitExceededException.
func meetingLimit(format string, args ...any) *apiError {
	e := limitExceeded(format, args...)
	e.Type, e.Code = "LimitExceededException", "LimitExceeded"
	return e
}

// meeting checks what a meeting is asked for with.
func (c *checks) meeting(in meetingIn) {
	if !requestToken.MatchString(in.ClientRequestToken) {
		c.fail("ClientRequestToken: %s must have 2 to 64 letters, digits, - or _", quote(in.ClientRequestToken))
	}
	c.oneOf("MediaRegion", in.MediaRegion, mediaRegions...)
	c.externalID("ExternalMeetingId", in.ExternalMeetingID)
	if in.MeetingHostID != "" {
		c.externalID("MeetingHostId", in.MeetingHostID)
	}
	if in.PrimaryMeetingID != "" {
		c.fail("PrimaryMeetingId: meetings are not replicated here")
	}
	if in.MediaPlacementNetworkType != "" {
		c.oneOf("MediaPlacementNetworkType", in.MediaPlacementNetworkType, "Ipv4Only", "DualStack")
	}
	if n := in.NotificationsConfiguration; n != nil {
		for _, one := range [...]struct{ name, arn string }{
			{"LambdaFunctionArn", n.LambdaFunctionArn}, {"SnsTopicArn", n.SnsTopicArn}, {"SqsQueueArn", n.SqsQueueArn},
		} {
			if one.arn != "" {
				c.arn("NotificationsConfiguration."+one.name, one.arn)
			}
		}
	}
	if len(in.TenantIDs) > 5 {
		c.fail("TenantIds: there are %d; 5 are possible", len(in.TenantIDs))
	}
	for _, id := range in.TenantIDs {
		if !tenantID.MatchString(id) || fourAlike(id) {
			c.fail("TenantIds: %s must have 2 to 256 letters, digits or -_!@#$, and no four alike in a row", quote(id))
		}
	}
	c.features(in.MeetingFeatures)
	c.tags(in.Tags)
}

func fourAlike(s string) bool {
	for i := range s {
		if i >= 3 && s[i] == s[i-1] && s[i] == s[i-2] && s[i] == s[i-3] {
			return true
		}
	}
	return false
}

func (c *checks) features(f *meetingFeatures) {
	if f == nil {
		return
	}
	given := func(member, v string, known ...string) {
		if v != "" {
			c.oneOf("MeetingFeatures."+member, v, known...)
		}
	}
	if f.Audio != nil {
		given("Audio.EchoReduction", f.Audio.EchoReduction, "AVAILABLE", "UNAVAILABLE")
	}
	if f.Video != nil {
		given("Video.MaxResolution", f.Video.MaxResolution, "None", "HD", "FHD")
	}
	if f.Content != nil {
		given("Content.MaxResolution", f.Content.MaxResolution, "None", "FHD", "UHD")
	}
	if f.Attendee != nil {
		c.between("MeetingFeatures.Attendee.MaxCount", f.Attendee.MaxCount, 1, maxAttendees)
	}
}

// externalID: what the customer calls a meeting or an attendee.
func (c *checks) externalID(member, v string) {
	n := utf8.RuneCountInString(v)
	if n < 2 || n > 64 || !externalID.MatchString(v) || strings.HasPrefix(strings.ToLower(v), "aws:") {
		c.fail("%s: %s must have 2 to 64 letters, digits, blanks or characters of -_&@+=,(){}[]/«».:|'\"#, and not begin with aws:", member, quote(v))
	}
}

// guid checks an ID and gives it as it is kept.
func (c *checks) guid(member, v string) string {
	if !guid.MatchString(v) {
		c.fail("%s: %s is no ID: 32 hexadecimal digits, as in 01234567-89ab-cdef-0123-456789abcdef", member, quote(v))
	}
	return strings.ToLower(v)
}

// capabilities checks what an attendee of a meeting with such features may do.
func (c *checks) capabilities(can attendeeCapabilities, f *meetingFeatures) {
	kinds := []string{"SendReceive", "Send", "Receive", "None"}
	c.oneOf("Capabilities.Audio", can.Audio, kinds...)
	c.oneOf("Capabilities.Video", can.Video, kinds...)
	c.oneOf("Capabilities.Content", can.Content, kinds...)
	noVideo, noContent := f.without()
	switch {
	case noVideo && can.Video != "None":
		c.fail("Capabilities.Video: %s is not possible in a meeting without video", can.Video)
	case noContent && can.Content != "None":
		c.fail("Capabilities.Content: %s is not possible in a meeting without content", can.Content)
	case slices.Contains([]string{"SendReceive", "Receive"}, can.Content) && !slices.Contains([]string{"SendReceive", "Receive"}, can.Video):
		c.fail("Capabilities.Content: %s needs a Video of SendReceive or Receive", can.Content)
	}
}

// without tells what a meeting was asked for without.
func (f *meetingFeatures) without() (video, content bool) {
	return f != nil && f.Video != nil && f.Video.MaxResolution == "None", f != nil && f.Content != nil && f.Content.MaxResolution == "None"
}
