package acceptance_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/far"
	"github.com/switchhook/switchhook/header"
)

// Every client of the vendor's service of meetings, unmodified, runs every operation, and raises what the server refuses as the
// exception that the vendor documents.
func TestMeetingClients(t *testing.T) {
	t.Parallel()
	for name, open := range meetingClients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := open(t, scenarioServer(t, ""))
			for file, f := range readScenarios(t, "testdata/meetings") {
				t.Run(file, func(t *testing.T) { f.run(t, name, c) })
			}
		})
	}
}

// standup is a function that lets its callers into a meeting, one attendee after the other, and does there what it is asked for.
type standup struct {
	mu     sync.Mutex
	id     string
	tokens []string
}

// byBridge before a token lets its caller in by CallAndBridge to the meetings' number.
const byBridge = "bridge "

func (m *standup) answer(ev event) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch ev.InvocationEventType {
	case "NEW_INBOUND_CALL":
		token := m.tokens[0]
		m.tokens = m.tokens[1:]
		if token, bridged := strings.CutPrefix(token, byBridge); bridged {
			return actions("CallAndBridge", object{"CallerIdNumber": ev.CallDetails.Participants[0].From,
				"Endpoints": []object{{"BridgeEndpointType": "PSTN", "Uri": "+17035550122"}}, "SipHeaders": object{"X-chime-join-token": token}})
		}
		return actions("JoinChimeMeeting", object{"MeetingId": m.id, "JoinToken": token})
	case "CALL_UPDATE_REQUESTED":
		var asked struct {
			Arguments struct{ Operation, Attendee string }
		}
		_ = json.Unmarshal(ev.ActionData.Parameters, &asked)
		return actions("ModifyChimeMeetingAttendees", object{
			"Operation": asked.Arguments.Operation, "MeetingId": m.id, "AttendeeList": []string{asked.Arguments.Attendee}, "ParticipantTag": "LEG-B"})
	case "CALL_ANSWERED": // the call into the meeting that the API asked for
		return actions("PlayAudio", object{"AudioSource": audio("welcome/tone.wav"), "Repeat": "9999"})
	case "HANGUP":
		for _, p := range ev.CallDetails.Participants {
			if p.Status == "Connected" {
				return actions("Hangup", object{"ParticipantTag": p.ParticipantTag})
			}
		}
	}
	return actions()
}

// ok carries an operation out, which must succeed, and gives what stands at a path of its output.
func ok(t *testing.T, c client, operation string, input object, paths ...string) []string {
	t.Helper()
	got := c.ask(t, asked{operation, input, false})
	if got.Error != "" {
		t.Fatalf("%s: %s: %s", operation, got.Error, got.Message)
	}
	var out []string
	for _, path := range paths {
		v, err := at(got.Output, path)
		if err != nil {
			t.Fatalf("%s: %v", operation, err)
		}
		out = append(out, fmt.Sprint(v))
	}
	return out
}

// bus is who is told of meetings: it notes the events.
type bus struct {
	URL string
	mu  sync.Mutex
	all []string
}

func newBus(t *testing.T) *bus {
	t.Helper()
	b := new(bus)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var ev struct {
			DetailType      string `json:"detail-type"`
			Source, Account string
			Detail          struct{ EventType, ExternalUserID, ExternalMeetingID string }
		}
		if err := json.NewDecoder(r.Body).Decode(&ev); err != nil || ev.DetailType != "Chime Meeting State Change" || ev.Source != "aws.chime" ||
			ev.Account != "111122223333" || ev.Detail.ExternalMeetingID != "standup" {
			t.Errorf("%v: %+v", err, ev)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.all = append(b.all, strings.TrimSpace(strings.TrimPrefix(ev.Detail.EventType, "chime:")+" "+ev.Detail.ExternalUserID))
	}))
	t.Cleanup(server.Close)
	b.URL = server.URL
	return b
}

func (b *bus) told() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.all)
}

// The clients make a meeting and its attendees; callers whose function lets them in hear each other there, and so do those who
// come in by the meetings' number, and a call that the API asks for. Whom a function mutes is not heard. As the meeting is deleted
// the functions have their callers back, and who came by itself is hung up.
func TestMeeting(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"boto3", "javascript"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testMeeting(t, name)
		})
	}
}

func testMeeting(t *testing.T, name string) {
	const loud, still = -20.0, -40.0
	var m standup
	f := startFunction(t, m.answer)
	yaml := strings.Replace(configFor(freePort(t), f.URL), "keys: [", "keys: [{kind: aws, id: dev, secret: dev-secret}, ", 1)
	events := newBus(t)
	s := startIn(t, prompts(t), nil, yaml+fmt.Sprintf("chime: {events: {url: %q}}\n", events.URL))
	meetings, voice := meetingClients[name](t, s), clients[name](t, s)

	made := ok(t, meetings, "CreateMeetingWithAttendees", object{
		"ClientRequestToken": "standup", "MediaRegion": "us-east-1", "ExternalMeetingId": "standup",
		"Attendees": []object{{"ExternalUserId": "anna"}, {"ExternalUserId": "bob"}},
	}, "Meeting.MeetingId", "Attendees.0.JoinToken", "Attendees.1.JoinToken", "Attendees.1.AttendeeId")
	m.mu.Lock()
	m.id, m.tokens = made[0], made[1:3]
	m.mu.Unlock()
	bob := made[3]
	attendee := func(user string) []string {
		return ok(t, meetings, "CreateAttendee", object{"MeetingId": m.id, "ExternalUserId": user}, "Attendee.AttendeeId", "Attendee.JoinToken")
	}
	carl := attendee("carl")

	hums := []float64{440, 800, 1200}
	var all []*person
	var lines []*far.Line
	for i, hz := range hums {
		p := newPerson(t, hz)
		var l *far.Line
		if i < 2 {
			l = p.calls(t, s)
			eventually(t, "the caller being in the meeting", func() bool { return len(f.seen("ACTION_SUCCESSFUL")) == i+1 })
		} else {
			l = p.callsTo(t, far.Outgoing{Number: "+17035550122", Host: "127.0.0.1", Port: int(s.addr().Port()), From: "+12065550142",
				Headers: header.List{{Name: "X-chime-join-token", Value: carl[1]}, {Name: "X-chime-meeting-id", Value: m.id}}})
		}
		all, lines = append(all, p), append(lines, l)
	}
	hear := func(what string, loudness func(float64) bool, hz float64, who ...int) {
		t.Helper()
		for _, i := range who {
			eventually(t, fmt.Sprintf("%s: person %d, %v Hz", what, i, hz), func() bool { return loudness(lately(&all[i].ear, hz)) })
		}
	}
	isLoud, isStill := func(db float64) bool { return db > loud }, func(db float64) bool { return db < still }
	for i, hz := range hums {
		hear("each hears the others", isLoud, hz, (i+1)%3, (i+2)%3)
		if got := lately(&all[i].ear, hz); got > still {
			t.Errorf("person %d hears itself at %.1f dB", i, got)
		}
	}

	first := f.seen("NEW_INBOUND_CALL")[0].CallDetails
	modify := func(operation string) {
		ok(t, voice, "UpdateSipMediaApplicationCall", object{"SipMediaApplicationId": first.SipMediaApplicationId, "TransactionId": first.TransactionId,
			"Arguments": object{"Operation": operation, "Attendee": bob}})
	}
	modify("Mute")
	hear("bob is muted", isStill, hums[1], 0, 2)
	hear("bob hears on", isLoud, hums[0], 1)
	modify("Unmute")
	hear("bob is heard again", isLoud, hums[1], 0, 2)

	may := func(audio string) {
		ok(t, meetings, "UpdateAttendeeCapabilities", object{"MeetingId": m.id, "AttendeeId": bob,
			"Capabilities": object{"Audio": audio, "Video": "None", "Content": "None"}})
	}
	may("Receive")
	hear("bob may not speak", isStill, hums[1], 0, 2)
	may("SendReceive")
	hear("bob may speak again", isLoud, hums[1], 0, 2)

	ok(t, voice, "CreateSipMediaApplicationCall", object{"SipMediaApplicationId": first.SipMediaApplicationId, "FromPhoneNumber": "+12065550100",
		"ToPhoneNumber": "+17035550122", "SipHeaders": object{"X-chime-join-token": attendee("announcer")[1], "X-chime-meeting-id": m.id}})
	hear("the announcer is heard", isLoud, 620, 0, 1, 2)

	m.mu.Lock()
	m.tokens = []string{byBridge + attendee("dora")[1]}
	m.mu.Unlock()
	dora := newPerson(t, 1600)
	all, lines = append(all, dora), append(lines, dora.calls(t, s))
	hear("a caller who is bridged into the meeting is heard", isLoud, 1600, 0, 1, 2)
	hear("and hears", isLoud, hums[0], 3)
	lines[3].Hangup(0, nil)
	over(t, lines[3])
	eventually(t, "the leg that dora was bridged to leaving", func() bool { return slices.Contains(events.told(), "AttendeeLeft dora") })

	ok(t, meetings, "DeleteAttendee", object{"MeetingId": m.id, "AttendeeId": carl[0]})
	over(t, lines[2])
	ok(t, meetings, "DeleteMeeting", object{"MeetingId": m.id})
	for _, l := range lines[:2] {
		over(t, l)
	}
	s.idle(t)
	of := map[string]int{}
	for _, ev := range f.seen("HANGUP") {
		if p := ev.CallDetails.Participants; len(p) == 2 && p[1].To == "+17035550122" && p[1].From == "SMA" && p[1].Status == "Disconnected" && p[0].Status == "Connected" {
			of[ev.CallDetails.TransactionId]++
		}
	}
	if len(of) != 2 {
		t.Errorf("HANGUP of meetings: %v", of)
	}
	want := []string{"MeetingStarted", "AttendeeAdded anna", "AttendeeAdded bob", "AttendeeAdded carl", "AttendeeJoined anna", "AttendeeJoined bob", "AttendeeJoined carl",
		"AttendeeAdded announcer", "AttendeeJoined announcer", "AttendeeAdded dora", "AttendeeJoined dora", "AttendeeLeft dora", "AttendeeLeft carl", "AttendeeDeleted carl", "AttendeeLeft anna", "AttendeeLeft announcer", "AttendeeLeft bob", "MeetingEnded"}
	eventually(t, "the bus being told of all", func() bool { return len(events.told()) >= len(want) })
	told := events.told()
	if last := len(told) - 4; last > 0 { // those that leave as the meeting ends do so in no order
		slices.Sort(told[last : last+3])
	}
	if d := cmp.Diff(want, told); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
}
