package api_test

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/exchange"
)

// fakeClaims knows one reference.
type fakeClaims struct{ taken bool }

func (f *fakeClaims) Redeem(reference, by string) (value string, known, gone bool) {
	if reference != "ref" || by == "" {
		return "", false, false
	}
	if f.taken {
		return "", true, true
	}
	f.taken = true
	return "a\xffb\n", true, false
}

// A value is fetched with GET, once, byte for byte; who guesses is slowed down, and who knows is not.
func TestClaims(t *testing.T) {
	claims := new(fakeClaims)
	snapshot := directory.NewSnapshot(directory.Content{})
	c := api.Config{Claims: claims, Logger: slog.New(slog.DiscardHandler), Directory: func() *directory.Snapshot { return snapshot }}
	c.Exchange = exchange.New(exchange.Config{Engine: engine.New(engine.Config{}), Directory: c.Directory, Logger: c.Logger})
	h := api.New(c)
	ask := func(method, path string) (int, string) {
		r := httptest.NewRecorder()
		h.ServeHTTP(r, httptest.NewRequest(method, path, nil))
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		if r.Code != 405 && r.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s may be kept by a proxy", method, path)
		}
		return r.Code, string(body)
	}
	for _, method := range []string{"HEAD", "POST", "DELETE"} {
		if code, _ := ask(method, "/claims/ref"); code != 405 {
			t.Errorf("%s: %d", method, code)
		}
	}
	slowed := 0
	for range 100 {
		if code, _ := ask("GET", "/claims/guess"); code == 429 {
			slowed++
		} else if code != 404 {
			t.Fatalf("%d", code)
		}
	}
	if slowed < 70 {
		t.Errorf("%d of 100 guesses were slowed down", slowed)
	}
	if code, body := ask("GET", "/claims/ref"); code != 200 || body != "a\xffb\n" {
		t.Errorf("%d %q", code, body)
	}
	if code, _ := ask("GET", "/claims/ref"); code != 410 {
		t.Errorf("again: %d", code)
	}
	c.Claims = nil
	h = api.New(c)
	r := httptest.NewRecorder()
	if h.ServeHTTP(r, httptest.NewRequest("GET", "/claims/ref", nil)); r.Code != 404 {
		t.Errorf("without claims: %d", r.Code)
	}
}
