package invoke_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/switchhook/switchhook/invoke"
)

// A function that answers at once must not cost its connection, nor its answer: the SDK's request bodies fail when they are
// read after the answer has begun.
func TestLambdaKeepsConnections(t *testing.T) {
	var opened atomic.Int32
	answer := `{"SchemaVersion":"1.0","Actions":[],"pad":"` + strings.Repeat("x", 100_000) + `"}`
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, answer)
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	aws(t, map[string]string{"AWS_ENDPOINT_URL_LAMBDA": srv.URL, "AWS_REGION": "us-east-1"})
	f := find(t, open(t, invoke.Config{}), "one")
	for range 300 {
		if _, err := f.Invoke(t.Context(), benchEvent); err != nil {
			t.Fatal(err)
		}
	}
	if n := opened.Load(); n > 1 {
		t.Errorf("%d connections for 300 invocations in a row, want 1", n)
	}
}
