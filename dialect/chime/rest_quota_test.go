package chime_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	voice "github.com/aws/aws-sdk-go-v2/service/chimesdkvoice"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice/types"

	"github.com/switchhook/switchhook/dialect/chime"
)

type limitExceeded = *types.ResourceLimitExceededException

func TestQuotasOfThings(t *testing.T) {
	a := newAPI(t, func(cfg *chime.Config) {
		cfg.Quotas = chime.Quotas{Applications: 2, Rules: 1, Connectors: 1, PhoneNumbers: 2}
	})
	ctx := t.Context()
	one := a.application("one")
	a.application("two")
	app := func(client *voice.Client, region string) error {
		return second(client.CreateSipMediaApplication(ctx, &voice.CreateSipMediaApplicationInput{
			AwsRegion: &region, Name: aws.String("n"), Endpoints: []types.SipMediaApplicationEndpoint{{LambdaArn: aws.String(ivr)}}}))
	}
	fails[limitExceeded](t, app(a.Client, "us-east-1"), "SIP media applications in us-east-1", "may have 2")
	for _, err := range []error{app(a.Client, "us-west-2"), app(a.client("AKIDOTHER", "other/secret+1"), "us-east-1")} {
		if err != nil {
			t.Error(err)
		}
	}

	vc := a.connector("one")
	connector := func(region types.VoiceConnectorAwsRegion) error {
		return second(a.CreateVoiceConnector(ctx, &voice.CreateVoiceConnectorInput{Name: aws.String("n"), RequireEncryption: aws.Bool(false), AwsRegion: region}))
	}
	fails[limitExceeded](t, connector(""), "Voice Connectors in us-east-1", "may have 1")
	if err := connector(types.VoiceConnectorAwsRegionUsWest2); err != nil {
		t.Error(err)
	}

	rule, err := a.rule(types.SipRuleTriggerTypeToPhoneNumber, "+12065550100", target(*one.SipMediaApplicationId, 1))
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.rule(types.SipRuleTriggerTypeRequestUriHostname, *vc.OutboundHostName, target(*one.SipMediaApplicationId, 1))
	fails[limitExceeded](t, err, "SIP rules")
	a.dropRule(rule)
	if _, err = a.rule(types.SipRuleTriggerTypeRequestUriHostname, *vc.OutboundHostName, target(*one.SipMediaApplicationId, 1)); err != nil {
		t.Error(err)
	}

	order := func(numbers ...string) error {
		return second(a.CreatePhoneNumberOrder(ctx, &voice.CreatePhoneNumberOrderInput{ProductType: types.PhoneNumberProductTypeVoiceConnector, E164PhoneNumbers: numbers}))
	}
	fails[limitExceeded](t, order("+12065550150", "+12065550151"), "Phone numbers", "may have 2")
	if n := len(a.search(&voice.SearchAvailablePhoneNumbersInput{})); n != 6 {
		t.Errorf("%d numbers are left in stock", n)
	}
	if err := order("+12065550150"); err != nil {
		t.Error(err)
	}
	number := aws.String("+12065550150")
	good[*voice.DeletePhoneNumberOutput](t)(a.DeletePhoneNumber(ctx, &voice.DeletePhoneNumberInput{PhoneNumberId: number}))
	if err := order("+12065550151"); err != nil {
		t.Error(err)
	}
	_, err = a.RestorePhoneNumber(ctx, &voice.RestorePhoneNumberInput{PhoneNumberId: number})
	fails[limitExceeded](t, err, "Phone numbers")
}

func TestQuotasOfRequests(t *testing.T) {
	a := newAPI(t, func(cfg *chime.Config) { cfg.Quotas = chime.Quotas{CreateCalls: 1, UpdateCalls: 5} })
	now := time.Now()
	a.now = func() time.Time { return now }
	app := a.application("one").SipMediaApplicationId
	create := func() (*voice.CreateSipMediaApplicationCallOutput, error) {
		return a.CreateSipMediaApplicationCall(t.Context(), &voice.CreateSipMediaApplicationCallInput{
			SipMediaApplicationId: app, FromPhoneNumber: aws.String("+12065550100"), ToPhoneNumber: aws.String("+14155550100")})
	}
	placed := good[*voice.CreateSipMediaApplicationCallOutput](t)(create())
	_, err := create()
	fails[*types.ThrottledClientException](t, err, "too many requests")
	now = now.Add(999 * time.Millisecond)
	_, err = create()
	fails[*types.ThrottledClientException](t, err)
	now = now.Add(time.Second)
	if _, err = create(); err != nil {
		t.Error("after its second:", err)
	}
	update := func() error {
		return second(a.UpdateSipMediaApplicationCall(t.Context(), &voice.UpdateSipMediaApplicationCallInput{
			SipMediaApplicationId: app, TransactionId: placed.SipMediaApplicationCall.TransactionId, Arguments: map[string]string{"k": "v"}}))
	}
	for range 5 {
		if err := update(); err != nil {
			t.Error(err)
		}
	}
	fails[*types.ThrottledClientException](t, update())
	now = now.Add(200 * time.Millisecond)
	if err := update(); err != nil {
		t.Error("after a fifth of a second:", err)
	}
	fails[*types.ThrottledClientException](t, update())
	_, err = a.client("AKIDOTHER", "other/secret+1").CreateSipMediaApplicationCall(t.Context(), &voice.CreateSipMediaApplicationCallInput{
		SipMediaApplicationId: aws.String("none"), FromPhoneNumber: aws.String("+12065550101"), ToPhoneNumber: aws.String("+14155550100")})
	fails[badRequest](t, err) // another account is not held back
}

// placing asks for a call as a client does that names its request.
func (a *api) placing(invocation, key, secret, app, from, to string) (int, string) {
	a.t.Helper()
	body := `{"FromPhoneNumber":"` + from + `","ToPhoneNumber":"` + to + `"}`
	r := a.request("POST", "/sip-media-applications/"+app+"/calls", body)
	if invocation != "" {
		r.Header.Set("amz-sdk-invocation-id", invocation)
	}
	sign(a.t, r, []byte(body), key, secret, a.now())
	res, answer := a.send(r)
	var out struct {
		SipMediaApplicationCall struct {
			TransactionID string `json:"TransactionId"`
		}
	}
	_ = json.Unmarshal(answer, &out)
	return res.StatusCode, out.SipMediaApplicationCall.TransactionID
}

// A client that lost the answer asks again under the same name: it gets the same call.
func TestRepeatedCreateCall(t *testing.T) {
	a := newAPI(t)
	now := time.Now()
	a.now = func() time.Time { return now }
	app := *a.application("one").SipMediaApplicationId
	const id, to = "11111111-2222-4333-8444-555555555555", "+14155550100"
	place := func(invocation, to string) string {
		t.Helper()
		status, call := a.placing(invocation, "dev", "dev-secret", app, "+12065550100", to)
		if status != http.StatusCreated || call == "" {
			t.Fatalf("%d, call %q", status, call)
		}
		return call
	}
	first := place(id, to)
	now = now.Add(15*time.Minute - time.Second)
	if again := place(id, to); again != first || len(a.calls.asked) != 1 {
		t.Errorf("a repeated request gives call %s and places %d in all; the first gave %s", again, len(a.calls.asked), first)
	}
	others := map[string]string{first: "the first"}
	differs := func(what, call string) {
		t.Helper()
		if was, ok := others[call]; ok {
			t.Errorf("%s gives the call of %s", what, was)
		}
		others[call] = what
	}
	differs("another request", place("11111111-2222-4333-8444-555555555556", to))
	differs("another callee under the same name", place(id, "+14155550101"))
	differs("a request without a name", place("", to))
	differs("one more without a name", place("", to))
	theirs := a.application("two") // of the same account
	_, call := a.placing(id, "dev", "dev-secret", *theirs.SipMediaApplicationId, "+12065550100", to)
	differs("another application", call)
	now = now.Add(time.Second)
	differs("the same name a quarter of an hour later", place(id, to))

	const failing = "22222222-2222-4333-8444-555555555555"
	a.calls.err = context.Canceled
	if status, _ := a.placing(failing, "dev", "dev-secret", app, "+12065550100", to); status != http.StatusServiceUnavailable {
		t.Errorf("a failure is answered with %d", status)
	}
	a.calls.err = nil
	differs("what failed before", place(failing, to))
}

// Repetitions that come while the first request is under way wait for it; when it fails, one of them takes its place.
func TestRepeatedWhileUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p chime.Replays
		var wg sync.WaitGroup
		var mu sync.Mutex
		calls, failed := 0, 0
		for range 8 {
			wg.Go(func() {
				out, err := p.Once(t.Context(), "a", "id", nil, time.Now(), func() (string, error) {
					time.Sleep(time.Second) // placing takes its time, that of the bubble
					mu.Lock()
					defer mu.Unlock()
					calls++
					if calls == 1 {
						return "", context.Canceled
					}
					return "call " + strconv.Itoa(calls), nil
				})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					failed++
				} else if out != "call 2" {
					t.Errorf("a repetition gives %q", out)
				}
			})
		}
		wg.Wait()
		if calls != 2 || failed != 1 {
			t.Errorf("%d calls were placed, %d requests failed", calls, failed)
		}
	})
}

// What is remembered is bounded: the oldest request is forgotten, and no other account's.
func TestRepeatsAreBounded(t *testing.T) {
	var p chime.Replays
	now, n := time.Now(), 0
	ask := func(account, id string) string {
		out, err := p.Once(t.Context(), account, id, []byte("what"), now, func() (string, error) {
			n++
			return strconv.Itoa(n), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	other, first := ask("b", "id"), ask("a", "0")
	for i := range 9_999 {
		ask("a", strconv.Itoa(i+1))
	}
	if ask("a", "9999") != "10001" {
		t.Error("the newest request is forgotten")
	}
	if ask("a", "0") == first {
		t.Error("more than 10,000 requests are remembered")
	}
	if ask("b", "id") != other {
		t.Error("one account's requests make another's forgotten")
	}
	if got := p.Size("a"); got > 10_000 {
		t.Errorf("%d are remembered", got)
	}
	now = now.Add(time.Hour)
	ask("a", strings.Repeat("x", 100))
	if got := p.Size("a"); got != 1 {
		t.Errorf("after an hour %d are remembered", got)
	}
}
