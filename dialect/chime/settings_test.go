package chime_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/dialect/dialecttest"
)

func TestSettings(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		ok       bool
	}{
		{"function", `{"LambdaArn":"arn:aws:lambda:us-east-1:111122223333:function:ivr"}`, true},
		{"function and region", `{"LambdaArn":"ivr","AwsRegion":"eu-west-1"}`, true},
		{"no function", `{"AwsRegion":"eu-west-1"}`, false},
		{"unknown key", `{"LambdaArn":"ivr","Lamda":"x"}`, false},
		{"two values", `{"LambdaArn":"ivr"} {}`, false},
		{"no object", `"ivr"`, false},
		{"no JSON", `{`, false},
		{"nothing", ``, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := newDialect(nil, chime.Limits{}).App("id", json.RawMessage(tt.in)); (err == nil) != tt.ok {
				t.Errorf("App(%s) gives error %v", tt.in, err)
			}
		})
	}
}

func TestMissingFunctionIsUnavailable(t *testing.T) {
	app, err := newDialect(nil, chime.Limits{}).App("id", json.RawMessage(`{"LambdaArn":"missing"}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Drive(t.Context(), dialecttest.NewCall(call.Origin{})); !errors.Is(err, dialect.ErrUnavailable) {
		t.Errorf("Drive returns %v, want ErrUnavailable", err)
	}
}

// always is a function that always gives the same answer.
type always struct {
	answer []byte
	asked  int
}

func (f *always) Invoke(context.Context, []byte) ([]byte, error) {
	f.asked++
	return f.answer, nil
}

// TestInvocationsAreBounded drives a call whose function asks for one failing action after the other, for ever.
func TestInvocationsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fn := &always{answer: []byte(`{"SchemaVersion":"1.0","Actions":[{"Type":"Pause"}]}`)}
		app, err := newDialect(fn, chime.Limits{}).App("id", json.RawMessage(`{"LambdaArn":"ivr"}`))
		if err != nil {
			t.Fatal(err)
		}
		c := dialecttest.NewCall(call.Origin{})
		if err := app.Drive(t.Context(), c); err == nil || errors.Is(err, dialect.ErrUnavailable) {
			t.Errorf("Drive returns %v", err)
		}
		if fn.asked != 1000 {
			t.Errorf("the function was invoked %d times, want 1000", fn.asked)
		}
		if cause, over := c.Far(0).Ended(); !over || cause.Label != call.LabelLimit || cause.SIP != 480 {
			t.Errorf("the caller's leg ended %v with %v", over, cause)
		}
	})
}

// TestDrain ends the call and the context from outside in the middle of a prompt, as a node does that stops.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fn := &always{answer: []byte(`{"SchemaVersion":"1.0","Actions":[{"Type":"Speak","Parameters":{"Text":"x"}}]}`)}
		app, err := newDialect(fn, chime.Limits{}).App("id", json.RawMessage(`{"LambdaArn":"ivr"}`))
		if err != nil {
			t.Fatal(err)
		}
		for _, end := range []func(*dialecttest.Call, context.CancelFunc){
			func(c *dialecttest.Call, _ context.CancelFunc) { c.End() },
			func(_ *dialecttest.Call, cancel context.CancelFunc) { cancel() },
			func(c *dialecttest.Call, cancel context.CancelFunc) { cancel(); c.End() },
		} {
			ctx, cancel := context.WithCancel(t.Context())
			c := dialecttest.NewCall(call.Origin{})
			over := make(chan error, 1)
			go func() { over <- app.Drive(ctx, c) }()
			synctest.Wait()
			end(c, cancel)
			synctest.Wait()
			select {
			case <-over:
			default:
				t.Error("Drive does not return")
			}
			cancel()
		}
	})
}
