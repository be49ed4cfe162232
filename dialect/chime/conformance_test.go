package chime_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/dialect/dialecttest"
)

// asFunction is the suite's code as the customer's function.
type asFunction struct{ code dialecttest.Code }

func (f asFunction) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	return f.code(ctx, event)
}

func TestConformance(t *testing.T) {
	actions := func(list string) []byte { return []byte(`{"SchemaVersion":"1.0","Actions":[` + list + `]}`) }
	dialecttest.Run(t, dialecttest.Subject{
		App: func(t *testing.T, code dialecttest.Code) dialect.App {
			app, err := newDialect(asFunction{code}, chime.Limits{}).App("id", json.RawMessage(`{"LambdaArn":"ivr"}`))
			if err != nil {
				t.Fatal(err)
			}
			return app
		},
		Play: actions(`{"Type":"PlayAudio","Parameters":{"AudioSource":{"Type":"S3","BucketName":"prompts","Key":"hello.wav"}}}`),
		Bridge: actions(`{"Type":"CallAndBridge","Parameters":{"CallerIdNumber":"+12065550100",` +
			`"Endpoints":[{"BridgeEndpointType":"PSTN","Uri":"+12065550199"}]}}`),
		Hangup:    actions(`{"Type":"Hangup"}`),
		Nothing:   actions(``),
		Malformed: []byte(`<Response/>`),
		Request:   []byte(`{}`),
	})
}
