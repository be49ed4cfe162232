package clip_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/switchhook/switchhook/media"
)

// A bucket that is not there is told before anything is written to it; one that only lets us write is not taken for such.
func TestReach(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "y")
	s3 := func(status int, body string) string {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(func() { srv.CloseClientConnections(); srv.Close(); http.DefaultClient.CloseIdleConnections() })
		return "s3://bucket?region=us-east-1&use_path_style=true&endpoint=" + srv.URL
	}
	fault := func(code string) string { return fmt.Sprintf("<Error><Code>%s</Code></Error>", code) }
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	urls := map[string]string{
		"folder": t.TempDir(), "mem": "mem://", "no folder": "/nowhere/at/all", "a file": file,
		"s3": s3(200, "<ListBucketResult/>"), "s3 for writing": s3(403, fault("AccessDenied")), "no s3": s3(404, fault("NoSuchBucket")),
		"dead": "s3://bucket?region=us-east-1&use_path_style=true&endpoint=http://127.0.0.1:1",
	}
	b := open(t, urls)
	b.SetPatience(time.Second)
	for name, want := range map[string]error{
		"folder": nil, "mem": nil, "s3": nil, "s3 for writing": nil,
		"no folder": media.ErrAccess, "a file": media.ErrAccess, "no s3": media.ErrAccess, "dead": media.ErrAccess, "undeclared": media.ErrNoBucket,
	} {
		if err := b.Reach(t.Context(), name); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}
