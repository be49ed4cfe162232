package invoke_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/switchhook/switchhook/invoke"
)

// Whatever a server says, there is an answer within the limit or a classified error.
func FuzzResponse(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nTrailer: x\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 Too Many Requests\r\nX-Amzn-Errortype: T\r\n\r\n{\"message\":\"m\"}",
		"HTTP/1.1 200 OK\r\nX-Amz-Function-Error: Unhandled\r\n\r\n{\"errorMessage\":{\"a\":1},\"errorType\":[]}",
		"HTTP/1.0 502 x\r\n\r\n{\"errorType\":\"\\ud800\"}",
		"Task timed out after 3.00 seconds",
	} {
		f.Add([]byte(seed))
	}
	var reply atomic.Pointer[[]byte]
	url, _ := raw(f, func(int) string { return string(*reply.Load()) })
	i, err := invoke.New(invoke.Config{
		Functions: []invoke.Declared{{Name: "f", URL: url}}, MaxAnswer: 100, Timeout: 10 * time.Second, Retry: invoke.Retry{Attempts: 1},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { i.Close() })
	fn := find(f, i, "f")
	f.Fuzz(func(t *testing.T, b []byte) {
		reply.Store(&b)
		answer, err := fn.Invoke(t.Context(), []byte(`{}`))
		var e *invoke.Error
		switch {
		case err == nil && len(answer) > 100:
			t.Errorf("%d bytes are over the limit", len(answer))
		case err == nil:
		case !errors.As(err, &e) || e.Kind == "" || e.Function != "f" || answer != nil:
			t.Errorf("got %.100q, %.1000v", answer, err)
		case !utf8.ValidString(e.Type) || !utf8.ValidString(e.Message) || len(e.Message) > 5000:
			t.Errorf("a text that can't be shown: %d bytes: %.1000v", len(e.Message), e)
		case e.Kind == invoke.TimedOut && !strings.Contains(string(b), "Task timed out after") && !strings.Contains(string(b), "504"):
			t.Errorf("the connection was closed, and yet: %v", e)
		}
	})
}

// Only names that AWS Lambda takes get anywhere: nothing else can end up in a URL or an environment.
func FuzzReference(f *testing.F) {
	for _, seed := range []string{"f", "f:1", "1:function:f", "arn:aws:lambda:us-east-1:1:function:f:live", "arn:aws:lambda:us-east-1:1:function:f\r\n", "::::::"} {
		f.Add(seed)
	}
	i, err := invoke.New(invoke.Config{Region: "us-east-1", Functions: []invoke.Declared{{Name: "f", URL: "http://127.0.0.1:1"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { i.Close() })
	f.Fuzz(func(t *testing.T, s string) {
		_, err := i.Function(s)
		if err == nil && (s == "" || strings.ContainsAny(s, "/\r\n\x00 ?#%")) {
			t.Errorf("%q passes", s)
		}
	})
}
