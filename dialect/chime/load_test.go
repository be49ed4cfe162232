package chime_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	voice "github.com/aws/aws-sdk-go-v2/service/chimesdkvoice"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice/types"

	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/dialect/dialecttest"
)

// An application takes so many calls and no more, a bridged one counted twice; those that are over make room.
func TestActiveCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fn := newFakeFunction()
		defer close(fn.gone)
		app, err := newDialect(fn, chime.Limits{ActiveCalls: 2}).App("one", json.RawMessage(`{"LambdaArn":"ivr"}`))
		if err != nil {
			t.Fatal(err)
		}
		begin := func() (*dialecttest.Call, chan error) {
			c, done := dialecttest.NewCall(origin("from +12065550100\nto +18005551212", false)), make(chan error, 1)
			go func() { done <- app.Drive(context.Background(), c) }()
			synctest.Wait()
			return c, done
		}
		answer := func(body string) string {
			fn.back <- reply{body: []byte(`{"SchemaVersion":"1.0","Actions":[` + body + `]}`)}
			synctest.Wait()
			var event struct{ ActionData struct{ ErrorType string } }
			if err := json.Unmarshal(<-fn.asked, &event); err != nil {
				t.Fatal(err)
			}
			return event.ActionData.ErrorType
		}
		bridge := `{"Type":"CallAndBridge","Parameters":{"CallerIdNumber":"+12065550100","Endpoints":[{"BridgeEndpointType":"PSTN","Uri":"+12065550199"}]}}`
		hangUp := `{"Type":"Hangup","Parameters":{"CallId":""}}`
		first, over := begin()
		<-fn.asked // NEW_INBOUND_CALL
		fn.back <- reply{body: []byte(`{"SchemaVersion":"1.0","Actions":[` + bridge + `]}`)}
		synctest.Wait()
		first.Far(1).Answer(nil)
		synctest.Wait()
		<-fn.asked // ACTION_SUCCESSFUL
		fn.back <- reply{body: []byte(`{"SchemaVersion":"1.0"}`)}
		synctest.Wait()

		_, refused := begin()
		if err := <-refused; !errors.Is(err, dialect.ErrUnavailable) || !errors.Is(err, dialect.ErrBusy) {
			t.Fatalf("a third call: %v", err)
		}
		first.Far(1).Hangup(nil)
		synctest.Wait()
		<-fn.asked // HANGUP of LEG-B
		fn.back <- reply{body: []byte(`{"SchemaVersion":"1.0"}`)}
		synctest.Wait()
		second, done := begin()
		<-fn.asked
		if got := answer(bridge); got != "ActionExecutionThrottled" {
			t.Errorf("a second bridge ends with %q", got)
		}
		answer(hangUp)
		fn.back <- reply{body: []byte(`{"SchemaVersion":"1.0"}`)}
		if err := <-done; err != nil || second.Far(1) != nil {
			t.Errorf("the second call: %v", err)
		}
		first.Far(0).Hangup(nil)
		synctest.Wait()
		<-fn.asked
		fn.back <- reply{body: []byte(`{"SchemaVersion":"1.0"}`)}
		if err := <-over; err != nil {
			t.Error(err)
		}
		for range 2 { // both are over
			c, done := begin()
			c.Far(0).Hangup(nil)
			<-fn.asked
			fn.back <- reply{body: []byte(`{"SchemaVersion":"1.0"}`)}
			<-fn.asked
			fn.back <- reply{body: []byte(`{"SchemaVersion":"1.0"}`)}
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}

// CreateSipMediaApplicationCall answers too many calls with the exceptions that clients know.
func TestCreateCallLimits(t *testing.T) {
	now := time.Now()
	a, ctx := newAPI(t, func(c *chime.Config) {
		c.Limits = chime.Limits{CallsPerSecond: 2, ActiveCalls: 3}
	}), t.Context()
	a.now = func() time.Time { return now }
	create := func(app *string) error {
		_, err := a.CreateSipMediaApplicationCall(ctx, &voice.CreateSipMediaApplicationCallInput{
			SipMediaApplicationId: app, FromPhoneNumber: aws.String("+12065550100"), ToPhoneNumber: aws.String("+14155550100")})
		return err
	}
	one, two := a.application("one").SipMediaApplicationId, a.application("two").SipMediaApplicationId
	works := func(app *string) {
		t.Helper()
		if err := create(app); err != nil {
			t.Error(err)
		}
	}
	works(one)
	works(one)
	fails[*types.ThrottledClientException](t, create(one), "more than 2 calls a second")
	works(two)
	now = now.Add(time.Second)
	a.calls.err = dialect.ErrDraining
	if create(one) == nil {
		t.Error("a draining node takes a call")
	}
	a.calls.err = nil
	works(one)
	now = now.Add(time.Second)
	fails[*types.ResourceLimitExceededException](t, create(one), "3 active calls")
	works(two)
}
