package chime_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/store/sqlite"
)

// attendee is one as the API tells of it.
type attendee struct {
	ExternalUserID string `json:"ExternalUserId"`
	AttendeeID     string `json:"AttendeeId"`
	JoinToken      string
	Capabilities   struct{ Audio, Video, Content string }
}

// meeting is what the API answers to most requests about meetings.
type meeting struct {
	Meeting struct {
		MeetingID         string `json:"MeetingId"`
		ExternalMeetingID string `json:"ExternalMeetingId"`
		MediaRegion       string
		MeetingArn        string
		MediaPlacement    map[string]string
		MeetingFeatures   json.RawMessage
		TenantIDs         []string `json:"TenantIds"`
	}
	Attendee  attendee
	Attendees []attendee
	Errors    []any
	NextToken string
	Code      string
	Message   string
	exception string
}

// ask sends a signed request of an account and gives the answer, which must have the status.
func (a *api) ask(status int, key, request, body string) (m meeting) {
	a.t.Helper()
	method, path, _ := strings.Cut(request, " ")
	r := a.request(method, path, body)
	secret := map[string]string{"dev": "dev-secret", "AKIDOTHER": "other/secret+1"}[key]
	sign(a.t, r, []byte(body), key, secret, a.now())
	res, answer := a.send(r)
	if res.StatusCode != status {
		a.t.Fatalf("%s %s: %d %s, want %d", request, body, res.StatusCode, answer, status)
	}
	if len(answer) > 0 {
		if err := json.Unmarshal(answer, &m); err != nil {
			a.t.Fatalf("%s: %v: %s", request, err, answer)
		}
	}
	m.exception = res.Header.Get("X-Amzn-ErrorType")
	return m
}

// newMeeting makes a meeting with attendees.
func (a *api) newMeeting(token string, users ...string) meeting {
	a.t.Helper()
	var list []string
	for _, u := range users {
		list = append(list, fmt.Sprintf(`{"ExternalUserId":%q}`, u))
	}
	return a.ask(200, "dev", "POST /meetings?operation=create-attendees", fmt.Sprintf(
		`{"ClientRequestToken":%q,"MediaRegion":"us-east-1","ExternalMeetingId":"standup","Attendees":[%s]}`, token, strings.Join(list, ",")))
}

// holdMeeting lets an account have a meeting with an attendee, and one more of each that can be deleted.
func (a *api) holdMeeting(h holding, key, secret string) {
	a.t.Helper()
	mine := func(body string) meeting {
		r := a.request("POST", "/meetings?operation=create-attendees", body)
		sign(a.t, r, []byte(body), key, secret, a.now())
		_, answer := a.send(r)
		var m meeting
		if err := json.Unmarshal(answer, &m); err != nil || len(m.Attendees) == 0 {
			a.t.Fatalf("%v: %s", err, answer)
		}
		return m
	}
	m := mine(`{"ClientRequestToken":"one","MediaRegion":"us-east-1","ExternalMeetingId":"one","Tags":[{"Key":"k","Value":"of ` + key + `"}],
		"Attendees":[{"ExternalUserId":"anna of ` + key + `"},{"ExternalUserId":"bob of ` + key + `"}]}`)
	h["meeting"], h["meetingArn"], h["attendee"], h["spareAttendee"] = m.Meeting.MeetingID, m.Meeting.MeetingArn, m.Attendees[0].AttendeeID, m.Attendees[1].AttendeeID
	h["joinToken"] = m.Attendees[0].JoinToken
	h["spareMeeting"] = mine(`{"ClientRequestToken":"two","MediaRegion":"us-east-1","ExternalMeetingId":"two","Attendees":[{"ExternalUserId":"anna"}]}`).Meeting.MeetingID
}

// meetingsOf gives what the store keeps of an account's meetings.
func (a *api) meetingsOf(account string) []directory.Document {
	a.t.Helper()
	all, err := a.store.Vendor("chime-meetings").List(a.t.Context(), "", directory.Page{Limit: 1000})
	if err != nil {
		a.t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(d directory.Document) bool { return !strings.Contains(string(d.Body), `"Account":"`+account+`"`) })
}

const can = `{"Audio":"Receive","Video":"None","Content":"None"}`

// meetingRows are rows of TestEachOperationKeepsAccountsApart.
var meetingRows = []accountRow{
	{"CreateMeeting", "POST /meetings", `{"ClientRequestToken":"one","MediaRegion":"us-east-1","ExternalMeetingId":"new"}`, 409, 409},
	{"CreateMeeting", "POST /meetings", `{"ClientRequestToken":"new","MediaRegion":"us-east-1","ExternalMeetingId":"new"}`, 200, 200},
	{"CreateMeetingWithAttendees", "POST /meetings?operation=create-attendees",
		`{"ClientRequestToken":"new","MediaRegion":"us-east-1","ExternalMeetingId":"new","Attendees":[{"ExternalUserId":"eve"}]}`, 200, 200},
	{"GetMeeting", "GET /meetings/{meeting}", "", 200, 404},
	{"DeleteMeeting", "DELETE /meetings/{spareMeeting}", "", 204, 404},
	{"StartMeetingTranscription", "POST /meetings/{meeting}/transcription?operation=start", `{"TranscriptionConfiguration":{}}`, 422, 404},
	{"StopMeetingTranscription", "POST /meetings/{meeting}/transcription?operation=stop", "", 422, 404},
	{"CreateAttendee", "POST /meetings/{meeting}/attendees", `{"ExternalUserId":"eve"}`, 200, 404},
	{"BatchCreateAttendee", "POST /meetings/{meeting}/attendees?operation=batch-create", `{"Attendees":[{"ExternalUserId":"eve"}]}`, 200, 404},
	{"GetAttendee", "GET /meetings/{meeting}/attendees/{attendee}", "", 200, 404},
	{"GetAttendee", "GET /meetings/{my meeting}/attendees/{attendee}", "", 200, 404},
	{"ListAttendees", "GET /meetings/{meeting}/attendees", "", 200, 404},
	{"DeleteAttendee", "DELETE /meetings/{meeting}/attendees/{spareAttendee}", "", 204, 404},
	{"UpdateAttendeeCapabilities", "PUT /meetings/{meeting}/attendees/{attendee}/capabilities", `{"Capabilities":` + can + `}`, 200, 404},
	{"BatchUpdateAttendeeCapabilitiesExcept", "PUT /meetings/{meeting}/attendees/capabilities?operation=batch-update-except",
		`{"ExcludedAttendeeIds":[{"AttendeeId":"{attendee}"}],"Capabilities":` + can + `}`, 200, 404},
	{"TagResource", "POST /tags?operation=tag-resource", `{"ResourceARN":"{meetingArn}","Tags":[{"Key":"k","Value":"changed"}]}`, 204, 404},
	{"UntagResource", "POST /tags?operation=untag-resource", `{"ResourceARN":"{meetingArn}","TagKeys":["k"]}`, 204, 404},
	{"ListTagsForResource", "GET /tags?arn={meetingArn}", "", 200, 404},
}

func TestMeetingLife(t *testing.T) {
	a := newAPI(t)
	m := a.newMeeting("token", "anna", "bob")
	id := m.Meeting.MeetingID
	if m.Meeting.ExternalMeetingID != "standup" || m.Meeting.MediaRegion != "us-east-1" || m.Meeting.MeetingArn != "arn:aws:chime:us-east-1:"+account+":meeting/"+id ||
		len(m.Meeting.MediaPlacement) != 8 || len(m.Attendees) != 2 || m.Errors == nil {
		t.Errorf("created: %+v", m)
	}
	anna, bob := m.Attendees[0], m.Attendees[1]
	if anna.ExternalUserID != "anna" || len(anna.JoinToken) < 40 || anna.JoinToken == bob.JoinToken || anna.Capabilities != (struct{ Audio, Video, Content string }{"SendReceive", "SendReceive", "SendReceive"}) {
		t.Errorf("anna: %+v", anna)
	}
	if again := a.newMeeting("token", "anna", "bob"); again.Meeting.MeetingID != id || again.Attendees[0] != anna {
		t.Errorf("the same request: %+v", again)
	}
	a.ask(409, "dev", "POST /meetings", `{"ClientRequestToken":"token","MediaRegion":"us-east-1","ExternalMeetingId":"other"}`)
	if got := a.ask(200, "dev", "GET /meetings/"+strings.ToUpper(id), ""); got.Meeting.MeetingID != id {
		t.Errorf("got: %+v", got)
	}
	at := "/meetings/" + id + "/attendees"
	if same := a.ask(200, "dev", "POST "+at, `{"ExternalUserId":"Anna"}`).Attendee; same != anna {
		t.Errorf("the same ExternalUserId is another attendee: %+v", same)
	}
	eve := a.ask(200, "dev", "POST "+at, `{"ExternalUserId":"eve","Capabilities":`+can+`}`).Attendee
	if eve.Capabilities.Audio != "Receive" {
		t.Errorf("eve: %+v", eve)
	}
	if got := a.ask(200, "dev", "GET "+at+"/"+eve.AttendeeID, "").Attendee; got != eve {
		t.Errorf("eve again: %+v", got)
	}
	a.ask(200, "dev", "PUT "+at+"/capabilities?operation=batch-update-except", `{"ExcludedAttendeeIds":[{"AttendeeId":"`+anna.AttendeeID+`"}],"Capabilities":{"Audio":"None","Video":"Receive","Content":"Receive"}}`)
	bob = a.ask(200, "dev", "GET "+at+"/"+bob.AttendeeID, "").Attendee
	if got := a.ask(200, "dev", "GET "+at+"/"+anna.AttendeeID, "").Attendee; got != anna || bob.Capabilities.Audio != "None" {
		t.Errorf("anna %+v, bob %+v", got, bob)
	}
	if got := a.ask(200, "dev", "PUT "+at+"/"+bob.AttendeeID+"/capabilities", `{"Capabilities":`+can+`}`).Attendee; got.Capabilities.Audio != "Receive" || got.JoinToken != bob.JoinToken {
		t.Errorf("bob: %+v", got)
	}
	a.ask(204, "dev", "DELETE "+at+"/"+eve.AttendeeID, "")
	a.ask(404, "dev", "GET "+at+"/"+eve.AttendeeID, "")
	a.ask(204, "dev", "DELETE /meetings/"+id, "")
	for _, request := range []string{"GET /meetings/" + id, "DELETE /meetings/" + id, "GET " + at} {
		if e := a.ask(404, "dev", request, ""); e.exception != "NotFoundException" || e.Code != "NotFound" {
			t.Errorf("%s: %+v", request, e)
		}
	}
	if kept := a.meetingsOf(account); len(kept) > 0 {
		t.Errorf("kept: %s", kept[0].Body)
	}
}

func TestAttendeesInPages(t *testing.T) {
	a := newAPI(t)
	id := a.newMeeting("token", "anna").Meeting.MeetingID
	var in []string
	for i := range 24 {
		in = append(in, fmt.Sprintf(`{"ExternalUserId":"user %d"}`, i))
	}
	if got := a.ask(200, "dev", "POST /meetings/"+id+"/attendees?operation=batch-create", `{"Attendees":[`+strings.Join(in, ",")+`]}`); len(got.Attendees) != 24 {
		t.Errorf("created %d", len(got.Attendees))
	}
	seen := map[string]bool{}
	for token, pages := "", 1; ; pages++ {
		page := a.ask(200, "dev", "GET /meetings/"+id+"/attendees?max-results=10&next-token="+token, "")
		for _, one := range page.Attendees {
			seen[one.AttendeeID] = true
		}
		if token = page.NextToken; token == "" {
			if pages != 3 || len(seen) != 25 {
				t.Errorf("%d attendees on %d pages", len(seen), pages)
			}
			return
		}
	}
}

// Each request is refused with the vendor's exception, and a word that says what is wrong.
func TestMeetingRefusals(t *testing.T) {
	a := newAPI(t)
	m := a.newMeeting("token", "anna")
	id, anna := m.Meeting.MeetingID, m.Attendees[0].AttendeeID
	none := "00000000-0000-4000-8000-000000000000"
	quiet := a.ask(200, "dev", "POST /meetings", `{"ClientRequestToken":"quiet","MediaRegion":"us-east-1","ExternalMeetingId":"quiet",
		"MeetingFeatures":{"Video":{"MaxResolution":"None"},"Content":{"MaxResolution":"None"},"Attendee":{"MaxCount":1}}}`).Meeting.MeetingID
	if got := a.ask(200, "dev", "POST /meetings/"+quiet+"/attendees", `{"ExternalUserId":"anna"}`).Attendee.Capabilities; got.Video != "None" || got.Content != "None" || got.Audio != "SendReceive" {
		t.Errorf("without video and content: %+v", got)
	}
	base := func(more string) string {
		return `{"ClientRequestToken":"new","MediaRegion":"us-east-1","ExternalMeetingId":"new"` + more + `}`
	}
	const bad = "BadRequestException"
	for _, c := range []struct {
		request, body     string
		status            int
		exception, saying string
	}{
		{"POST /meetings", `{}`, 400, bad, "ClientRequestToken"},
		{"POST /meetings", `{"ClientRequestToken":"a b","MediaRegion":"us-east-1","ExternalMeetingId":"new"}`, 400, bad, "ClientRequestToken"},
		{"POST /meetings", `{"ClientRequestToken":"new","MediaRegion":"moon-1","ExternalMeetingId":"new"}`, 400, bad, "MediaRegion"},
		{"POST /meetings", `{"ClientRequestToken":"new","MediaRegion":"us-east-1"}`, 400, bad, "ExternalMeetingId"},
		{"POST /meetings", `{"ClientRequestToken":"new","MediaRegion":"us-east-1","ExternalMeetingId":"AWS:new"}`, 400, bad, "ExternalMeetingId"},
		{"POST /meetings", `{"ClientRequestToken":"new","MediaRegion":"us-east-1","ExternalMeetingId":"` + strings.Repeat("x", 65) + `"}`, 400, bad, "ExternalMeetingId"},
		{"POST /meetings", base(`,"PrimaryMeetingId":"` + id + `"`), 400, bad, "PrimaryMeetingId"},
		{"POST /meetings", base(`,"MediaPlacementNetworkType":"Ipv6Only"`), 400, bad, "MediaPlacementNetworkType"},
		{"POST /meetings", base(`,"TenantIds":["aaaa"]`), 400, bad, "TenantIds"},
		{"POST /meetings", base(`,"TenantIds":["a1","a2","a3","a4","a5","a6"]`), 400, bad, "TenantIds"},
		{"POST /meetings", base(`,"NotificationsConfiguration":{"SqsQueueArn":"queue"}`), 400, bad, "SqsQueueArn"},
		{"POST /meetings", base(`,"MeetingFeatures":{"Audio":{"EchoReduction":"YES"}}`), 400, bad, "EchoReduction"},
		{"POST /meetings", base(`,"MeetingFeatures":{"Video":{"MaxResolution":"8K"}}`), 400, bad, "Video.MaxResolution"},
		{"POST /meetings", base(`,"MeetingFeatures":{"Content":{"MaxResolution":"HD"}}`), 400, bad, "Content.MaxResolution"},
		{"POST /meetings", base(`,"MeetingFeatures":{"Attendee":{"MaxCount":251}}`), 400, bad, "MaxCount"},
		{"POST /meetings", base(`,"Tags":[{"Key":"","Value":""}]`), 400, bad, "Tags"},
		{"POST /meetings?operation=create-attendees", base(``), 400, bad, "Attendees"},
		{"POST /meetings?operation=create-attendees", base(`,"Attendees":[{"ExternalUserId":"a"}]`), 400, bad, "ExternalUserId"},
		{"GET /meetings/x", ``, 400, bad, "MeetingId"},
		{"GET /meetings/" + none, ``, 404, "NotFoundException", none},
		{"GET /meetings/", ``, 400, bad, "Id"},
		{"POST /meetings/" + none + "/attendees", `{"ExternalUserId":"anna"}`, 404, "NotFoundException", none},
		{"POST /meetings/" + id + "/attendees", `{"ExternalUserId":"aws:anna"}`, 400, bad, "ExternalUserId"},
		{"POST /meetings/" + id + "/attendees", `{"ExternalUserId":"eve","Capabilities":{"Audio":"Loud","Video":"None","Content":"None"}}`, 400, bad, "Audio"},
		{"POST /meetings/" + id + "/attendees", `{"ExternalUserId":"eve","Capabilities":{"Audio":"None","Video":"None","Content":"Receive"}}`, 400, bad, "Content"},
		{"POST /meetings/" + quiet + "/attendees", `{"ExternalUserId":"eve","Capabilities":{"Audio":"None","Video":"Send","Content":"None"}}`, 400, bad, "Video"},
		{"POST /meetings/" + quiet + "/attendees", `{"ExternalUserId":"eve","Capabilities":{"Audio":"None","Video":"None","Content":"Send"}}`, 400, bad, "Content"},
		{"POST /meetings/" + quiet + "/attendees", `{"ExternalUserId":"eve"}`, 400, "LimitExceededException", "as many as it may"},
		{"POST /meetings/" + id + "/attendees?operation=batch-create", `{"Attendees":[]}`, 400, bad, "Attendees"},
		{"GET /meetings/" + id + "/attendees/x", ``, 400, bad, "AttendeeId"},
		{"GET /meetings/" + id + "/attendees/" + none, ``, 404, "NotFoundException", "Attendee"},
		{"DELETE /meetings/" + id + "/attendees/" + none, ``, 404, "NotFoundException", "Attendee"},
		{"GET /meetings/" + id + "/attendees?max-results=0", ``, 400, bad, "MaxResults"},
		{"GET /meetings/" + id + "/attendees?next-token=x", ``, 400, bad, "NextToken"},
		{"PUT /meetings/" + id + "/attendees/" + anna + "/capabilities", `{}`, 400, bad, "Capabilities"},
		{"PUT /meetings/" + id + "/attendees/capabilities?operation=batch-update-except", `{"Capabilities":` + can + `}`, 400, bad, "ExcludedAttendeeIds"},
		{"POST /meetings/" + id + "/transcription?operation=start", `{}`, 400, bad, "TranscriptionConfiguration"},
		{"POST /meetings/" + id + "/transcription?operation=start", `{"TranscriptionConfiguration":{"EngineTranscribeSettings":{"LanguageCode":"en-US"}}}`, 422, "UnprocessableEntityException", "transcribed"},
		{"POST /meetings/" + id + "/transcription?operation=stop", ``, 422, "UnprocessableEntityException", "transcribed"},
		{"GET /tags?arn=arn:aws:chime:us-east-1:" + account + ":meeting/" + none, ``, 404, "ResourceNotFoundException", none},
		{"POST /tags?operation=tag-resource", tooMany("arn:aws:chime:us-east-1:" + account + ":meeting/" + id), 400, "TooManyTagsException", "51"},
		{"GET /meetings", ``, 404, "UnknownOperationException", "not served"},
	} {
		if c.exception == "TooManyTagsException" {
			a.ask(204, "dev", c.request, strings.Replace(c.body, `{"Key":"more","Value":""}`, `{"Key":"k1","Value":""}`, 1))
		}
		got := a.ask(c.status, "dev", c.request, c.body)
		if got.exception != c.exception || !strings.Contains(got.Message, c.saying) {
			t.Errorf("%s %s: %s %s", c.request, c.body, got.exception, got.Message)
		}
	}
}

// tooMany is a request for fifty tags; one of them, "more", is the fifty-first where there were fifty.
func tooMany(arn string) string {
	tags := []string{`{"Key":"more","Value":""}`}
	for i := range 49 {
		tags = append(tags, fmt.Sprintf(`{"Key":"k%d","Value":""}`, i+2))
	}
	return `{"ResourceARN":"` + arn + `","Tags":[` + strings.Join(tags, ",") + `]}`
}

// What was made before a restart is there after it, with its tokens.
func TestMeetingsAreKept(t *testing.T) {
	a := newAPI(t)
	m := a.newMeeting("token", "anna")
	mux := http.NewServeMux()
	chime.New(chime.Config{Functions: declared{}, Directory: a.store.Snapshot, Store: a.store, Clock: a.now}).Routes(mux, a.calls)
	r := a.request("GET", "/meetings/"+m.Meeting.MeetingID+"/attendees/"+m.Attendees[0].AttendeeID, "")
	sign(t, r, nil, "dev", "dev-secret", a.now())
	w := newRecorder()
	mux.ServeHTTP(w, r)
	if w.status != http.StatusOK || !strings.Contains(w.String(), m.Attendees[0].JoinToken) {
		t.Errorf("after the restart: %d %s", w.status, w.String())
	}
}

type recorder struct {
	bytes.Buffer
	header http.Header
	status int
}

func newRecorder() *recorder { return &recorder{header: http.Header{}, status: http.StatusOK} }

func (r *recorder) Header() http.Header    { return r.header }
func (r *recorder) WriteHeader(status int) { r.status = status }

// told gathers events.
type told struct {
	mu  sync.Mutex
	all []string
}

func (e *told) event(ev chime.Event) {
	b, _ := json.Marshal(ev.Detail)
	var d struct{ EventType, AttendeeID, ExternalUserID, MeetingID string }
	_ = json.Unmarshal(b, &d)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, strings.TrimSpace(ev.DetailType+": "+d.EventType+" "+d.ExternalUserID))
}

func (e *told) list() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.all)
}

// A meeting that nobody is in ends by itself, and listeners hear of all that happened.
func TestMeetingEndsByItself(t *testing.T) {
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "switchhook.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	if err := store.Put(t.Context(), directory.Content{Accounts: []directory.Account{{ID: account}},
		Keys: []directory.Key{{Kind: directory.KeyAWS, ID: "dev", Secret: "dev-secret", Account: account}}}); err != nil {
		t.Fatal(err)
	}
	var events told
	a := &api{t: t, store: store, now: time.Now}
	mux := http.NewServeMux()
	chime.New(chime.Config{Functions: declared{}, Directory: store.Snapshot, Store: store, Event: events.event,
		Limits: chime.Limits{MeetingEmpty: 50 * time.Millisecond}}).Routes(mux, &fakeCalls{live: map[call.ID]live{}})
	a.serve(mux)
	a.newMeeting("token", "anna")
	want := []string{"MeetingStarted", "AttendeeAdded anna", "MeetingEnded"}
	for i := range want {
		want[i] = "Chime Meeting State Change: chime:" + want[i]
	}
	deadline := time.Now().Add(10 * time.Second)
	for len(events.list()) < len(want) && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond) // between two looks: the store's files are no part of synctest's time
	}
	if d := cmp.Diff(want, events.list()); d != "" {
		t.Errorf("events: (-want +got)\n%s", d)
	}
	if kept := a.meetingsOf(account); len(kept) > 0 {
		t.Errorf("kept: %s", kept[0].Body)
	}
}
