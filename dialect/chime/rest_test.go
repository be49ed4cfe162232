package chime_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	voice "github.com/aws/aws-sdk-go-v2/service/chimesdkvoice"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice/types"
	"github.com/aws/smithy-go"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/invoke"
	"github.com/switchhook/switchhook/store/sqlite"
)

const (
	other = "444455556666"
	ivr   = "arn:aws:lambda:us-east-1:111122223333:function:ivr"
)

// fakeCalls takes what the API wants started.
type fakeCalls struct {
	mu    sync.Mutex
	apps  []string
	asked []call.Origin
	err   error
	live  map[call.ID]live
}

// live is a call that stands.
type live struct {
	app, account string
	asked        []string
}

func (f *fakeCalls) Start(_ context.Context, app string, origin call.Origin) (call.ID, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.apps, f.asked = append(f.apps, app), append(f.asked, origin)
	id := call.NewID(1)
	if f.live == nil {
		f.live = map[call.ID]live{}
	}
	f.live[id] = live{app: app, account: origin.Account}
	return id, f.err
}

func (f *fakeCalls) Ask(_ context.Context, id call.ID, body []byte) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l, ok := f.live[id]
	if !ok {
		return nil, dialect.ErrNoCall
	}
	var of struct{ App, Account string }
	if err := json.Unmarshal(body, &of); err != nil {
		return nil, err
	}
	if of.App != l.app || of.Account != l.account {
		return nil, chime.ErrNotOurs
	}
	l.asked = append(l.asked, string(body))
	f.live[id] = l
	return nil, nil
}

// declared has a function behind every name, as a server that can ask AWS Lambda; the operator declared one of them.
type declared struct{}

func (declared) Function(string) (invoke.Function, error) { return nil, nil }

func (declared) Declared(name string) bool { return name == "declared" }

// api is a server with the control plane of a fresh store, and clients for it.
type api struct {
	*voice.Client
	t       *testing.T
	url     string
	store   *sqlite.Store
	calls   *fakeCalls
	dialect *chime.Dialect
	now     func() time.Time
}

func newAPI(t *testing.T, changes ...func(*chime.Config)) *api {
	t.Helper()
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "switchhook.db"), sqlite.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	content := directory.Content{
		Accounts: []directory.Account{{ID: account}, {ID: other}},
		Keys: []directory.Key{
			{Kind: directory.KeyAWS, ID: "dev", Secret: "dev-secret", Account: account},
			{Kind: directory.KeyAWS, ID: "AKIDOTHER", Secret: "other/secret+1", Account: other},
			{Kind: "plivo", ID: "MADEV", Secret: "dev-token", Account: account},
		},
		Numbers: []directory.Number{{E164: "+12065550100", Account: account}, {E164: "+12065550101", Account: other}},
	}
	for _, n := range []string{"+12065550150", "+12065550151", "+12065550152", "+14255550150", "+18885550150", "+442079460150"} {
		content.Numbers = append(content.Numbers, directory.Number{E164: n})
	}
	if err := store.Put(t.Context(), content); err != nil {
		t.Fatal(err)
	}
	a := &api{t: t, store: store, calls: &fakeCalls{}, now: time.Now}
	cfg := chime.Config{Functions: declared{}, Directory: store.Snapshot, Store: store, Clock: func() time.Time { return a.now() }}
	for _, change := range changes {
		change(&cfg)
	}
	d := chime.New(cfg)
	a.dialect = d
	mux := http.NewServeMux()
	d.Routes(mux, a.calls)
	a.serve(mux)
	return a
}

// serve has the requests answered.
func (a *api) serve(mux http.Handler) {
	server := httptest.NewServer(mux)
	a.t.Cleanup(server.Close)
	a.url = server.URL
	a.Client = a.client("dev", "dev-secret")
}

// client gives the vendor's own client with a key.
func (a *api) client(key, secret string) *voice.Client {
	transport := &http.Transport{}
	a.t.Cleanup(transport.CloseIdleConnections)
	return voice.New(voice.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(a.url), RetryMaxAttempts: 1, HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider(key, secret, ""),
	})
}

// good gives the value of a request that must succeed: good(t)(client.GetX(…)).
func good[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// fails checks that an error decodes to the vendor's exception, and that its message has some words.
func fails[E error](t *testing.T, err error, words ...string) {
	t.Helper()
	var want E
	if !errors.As(err, &want) {
		t.Errorf("error is %v, want %T", err, want)
		return
	}
	for _, w := range words {
		if !strings.Contains(want.Error(), w) {
			t.Errorf("message %q does not say %q", want.Error(), w)
		}
	}
}

type (
	badRequest = *types.BadRequestException
	notFound   = *types.NotFoundException
	conflict   = *types.ConflictException
)

func (a *api) application(name string) *types.SipMediaApplication {
	a.t.Helper()
	return a.applicationIn("us-east-1", name)
}

func (a *api) applicationIn(region, name string) *types.SipMediaApplication {
	a.t.Helper()
	return good[*voice.CreateSipMediaApplicationOutput](a.t)(a.CreateSipMediaApplication(a.t.Context(), &voice.CreateSipMediaApplicationInput{
		AwsRegion: &region, Name: aws.String(name), Endpoints: []types.SipMediaApplicationEndpoint{{LambdaArn: aws.String(ivr)}},
	})).SipMediaApplication
}

func (a *api) connector(name string) *types.VoiceConnector {
	a.t.Helper()
	return good[*voice.CreateVoiceConnectorOutput](a.t)(a.CreateVoiceConnector(a.t.Context(), &voice.CreateVoiceConnectorInput{
		Name: aws.String(name), RequireEncryption: aws.Bool(false),
	})).VoiceConnector
}

func target(app string, priority int32) types.SipRuleTargetApplication {
	return types.SipRuleTargetApplication{SipMediaApplicationId: aws.String(app), Priority: aws.Int32(priority), AwsRegion: aws.String("us-east-1")}
}

func (a *api) rule(kind types.SipRuleTriggerType, value string, targets ...types.SipRuleTargetApplication) (*types.SipRule, error) {
	a.t.Helper()
	out, err := a.CreateSipRule(a.t.Context(), &voice.CreateSipRuleInput{
		Name: aws.String("rule"), TriggerType: kind, TriggerValue: aws.String(value), TargetApplications: targets,
	})
	if err != nil {
		return nil, err
	}
	return out.SipRule, nil
}

// Clients log the request id, with every error too.
func TestRequestIDAndContentType(t *testing.T) {
	a := newAPI(t)
	for _, c := range []struct {
		path   string
		status int
	}{{"/sip-rules", http.StatusOK}, {"/sip-rules/none", http.StatusNotFound}} {
		r := a.request("GET", c.path, "")
		sign(t, r, nil, "dev", "dev-secret", a.now())
		res, body := a.send(r)
		if res.StatusCode != c.status || res.Header.Get("Content-Type") != "application/json" || len(res.Header.Get("x-amzn-RequestId")) != 36 || !json.Valid(body) {
			t.Errorf("%s: %d %v %s", c.path, res.StatusCode, res.Header, body)
		}
	}
}

func TestEmptyIDIsABadRequest(t *testing.T) {
	a := newAPI(t)
	for _, path := range []string{"/sip-rules/", "/sip-media-applications/", "/voice-connectors/", "/phone-numbers/"} {
		r := a.request("GET", path, "")
		sign(t, r, nil, "dev", "dev-secret", a.now())
		res, body := a.send(r)
		if res.StatusCode != http.StatusBadRequest || res.Header.Get("X-Amzn-ErrorType") != "BadRequestException" {
			t.Errorf("%s: %d %s", path, res.StatusCode, body)
		}
	}
}

// What is not served is told as the vendor tells errors, whatever the method, in all of the vendor's paths.
func TestUnservedOperations(t *testing.T) {
	a := newAPI(t)
	vc := *a.connector("vc").VoiceConnectorId
	for _, c := range []string{
		"GET /voice-connectors/" + vc + "/proxy-sessions", "PUT /voice-connectors/" + vc + "/programmable-numbers/proxy",
		"POST /voice-connectors/" + vc + "/termination/credentials?operation=paint", "POST /voice-connectors/" + vc + "?operation=paint-it-red",
		"POST /voice-connectors/" + vc, "PUT /sip-media-applications/a/alexa-skill-configuration", "PATCH /sip-rules", "PATCH /sip-rules/x",
		"GET /voice-profiles", "GET /voice-profile-domains/a", "DELETE /phone-number-orders/a", "GET /search", "DELETE /tags", "GET /tags/a",
	} {
		method, path, _ := strings.Cut(c, " ")
		r := a.request(method, path, "{}")
		res, body := a.send(r)
		if res.StatusCode != http.StatusForbidden || res.Header.Get("X-Amzn-ErrorType") != "MissingAuthenticationTokenException" {
			t.Errorf("%s without a key: %d %s", c, res.StatusCode, body)
		}
		r = a.request(method, path, "{}")
		sign(t, r, []byte("{}"), "dev", "dev-secret", a.now())
		res, body = a.send(r)
		var e struct{ Code, Message string }
		if err := json.Unmarshal(body, &e); err != nil || res.StatusCode != http.StatusNotFound || e.Code != "UnknownOperation" ||
			res.Header.Get("X-Amzn-ErrorType") != "UnknownOperationException" || !strings.Contains(e.Message, "not served") || res.Header.Get("X-Amzn-RequestId") == "" {
			t.Errorf("%s: %d %v %s", c, res.StatusCode, res.Header, body)
		}
	}
	_, err := a.ListVoiceProfileDomains(t.Context(), &voice.ListVoiceProfileDomainsInput{})
	var told smithy.APIError
	if !errors.As(err, &told) || told.ErrorCode() != "UnknownOperationException" || !strings.Contains(told.ErrorMessage(), "/voice-profile-domains") {
		t.Errorf("the vendor's client says %v", err)
	}
	if res, _ := a.send(a.request("GET", "/elsewhere", "")); res.StatusCode != http.StatusNotFound || res.Header.Get("X-Amzn-ErrorType") != "" {
		t.Errorf("a path that is not the vendor's: %d %v", res.StatusCode, res.Header)
	}
}

func TestBodies(t *testing.T) {
	a := newAPI(t)
	for _, c := range []struct{ name, body, says string }{
		{"no JSON", `{`, "JSON"},
		{"a list", `[]`, "The request's body: a JSON array stands where an object should"},
		{"another encoding", "{\"Newer\":\"\xff\"}", "not UTF-8"},
		{"a number for a name", `{"Name":1,"AwsRegion":"us-east-1"}`, "Name: a JSON number stands where a string should"},
		{"an object for a list", `{"Endpoints":{}}`, "Endpoints: a JSON object stands where a list should"},
		{"nothing", ``, "Name: it is required"},
		{"null", `null`, "Name: it is required"},
		{"a fraction", `{"Endpoints":[{"LambdaArn":1.5}]}`, "Endpoints"},
	} {
		r := a.request("POST", "/sip-media-applications", c.body)
		sign(t, r, []byte(c.body), "dev", "dev-secret", a.now())
		res, body := a.send(r)
		if res.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), c.says) {
			t.Errorf("%s: %d %s, want words %q", c.name, res.StatusCode, body, c.says)
		}
	}
	unknown := `{"Name":"n","AwsRegion":"us-east-1","Endpoints":[{"LambdaArn":"` + ivr + `","New":1}],"Newer":{}}`
	r := a.request("POST", "/sip-media-applications", unknown)
	sign(t, r, []byte(unknown), "dev", "dev-secret", a.now())
	if res, body := a.send(r); res.StatusCode != http.StatusCreated {
		t.Errorf("members of newer clients: %d %s", res.StatusCode, body)
	}
}
