package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/exchange"
)

// fakeKeys keeps keys in memory; those that it begins with are declared.
type fakeKeys struct {
	keys     []directory.Key
	declared []string
	broken   error
}

func (f *fakeKeys) Account() string { return "111122223333" }

func (f *fakeKeys) Declared(context.Context) ([]string, error) { return f.declared, f.broken }

func (f *fakeKeys) Create(_ context.Context, k directory.Key) error {
	if slices.ContainsFunc(f.keys, func(have directory.Key) bool { return have.Ref() == k.Ref() }) {
		return directory.ErrConflict
	}
	if err := k.Validate(); err != nil {
		return err
	}
	f.keys = append(f.keys, k)
	return nil
}

func (f *fakeKeys) Delete(_ context.Context, ref string) error {
	n := len(f.keys)
	f.keys = slices.DeleteFunc(f.keys, func(k directory.Key) bool { return k.Ref() == ref })
	if len(f.keys) == n {
		return directory.ErrNotFound
	}
	return nil
}

// TestKeys: keys are made, listed and deleted by who has an admin key; a secret is shown once, to who made it.
func TestKeys(t *testing.T) {
	keys := &fakeKeys{
		keys:     []directory.Key{{Kind: directory.KeyAdmin, ID: "ops", Secret: "hidden-ops", Account: "111122223333"}, {Kind: directory.KeyAWS, ID: "dev", Secret: "hidden-dev", Account: "444455556666"}},
		declared: []string{"admin:ops", "aws:dev"},
	}
	log := new(strings.Builder)
	c := api.Config{Keys: keys, Logger: slog.New(slog.NewTextHandler(log, nil))}
	c.Directory = func() *directory.Snapshot {
		return directory.NewSnapshot(directory.Content{Keys: slices.Clone(keys.keys)})
	}
	c.Exchange = exchange.New(exchange.Config{Engine: engine.New(engine.Config{}), Directory: c.Directory, Logger: c.Logger})
	handler := api.New(c)
	send := func(method, path, body, secret string) (int, string) {
		r, w := httptest.NewRequest(method, path, strings.NewReader(body)), httptest.NewRecorder()
		r.Header.Set("Content-Type", "application/json")
		r.SetBasicAuth("ops", secret)
		handler.ServeHTTP(w, r)
		if w.Code == 200 && method == "POST" && w.Header().Get("Cache-Control") != "no-store" {
			t.Error("an answer with a secret may be stored")
		}
		return w.Code, w.Body.String()
	}
	made := map[string]bool{}
	for range 2 {
		status, body := send("POST", "/api/keys", `{}`, "hidden-ops")
		var k api.NewKey
		if err := json.Unmarshal([]byte(body), &k); err != nil || status != 200 || k.Kind != "aws" || len(k.ID) != 20 || len(k.Secret) != 40 || k.Account != "111122223333" {
			t.Fatalf("made: %d %s %v", status, body, err)
		}
		if kept, ok := c.Directory().Key(directory.KeyAWS, k.ID); !ok || kept.Secret != k.Secret || made[k.ID] {
			t.Errorf("kept: %+v", kept)
		}
		made[k.ID] = true
		if strings.Contains(log.String(), k.Secret) || !strings.Contains(log.String(), k.ID) {
			t.Errorf("the log says %s", log)
		}
	}
	for _, step := range []struct {
		method, path, body, secret string
		status                     int
		says                       string
	}{
		{"GET", "/api/keys", "", "wrong", 401, "admin key"},
		{"POST", "/api/keys", `{}`, "wrong", 401, "admin key"},
		{"DELETE", "/api/keys/aws/mine", "", "wrong", 401, "admin key"},
		{"POST", "/api/keys", `{"kind":"plivo","id":"mine","account":"444455556666"}`, "hidden-ops", 200, `"kind":"plivo","id":"mine","account":"444455556666"`},
		{"POST", "/api/keys", `{"kind":"plivo","id":"mine"}`, "hidden-ops", 409, "already"},
		{"POST", "/api/keys", `{"kind":"aws","id":"mine"}`, "hidden-ops", 200, `"id":"mine"`},
		{"POST", "/api/keys", `{"kind":"moon"}`, "hidden-ops", 422, "kind"},
		{"POST", "/api/keys", `{"id":"a/b"}`, "hidden-ops", 422, "possible in no ID"},
		{"POST", "/api/keys", `{"account":"me"}`, "hidden-ops", 422, "account"},
		{"GET", "/api/keys?account=444455556666", "", "hidden-ops", 200, `"keys":[{"kind":"aws","id":"dev","account":"444455556666","declared":true},{"kind":"plivo","id":"mine","account":"444455556666","declared":false}]`},
		{"DELETE", "/api/keys/aws/dev", "", "hidden-ops", 409, "configuration file"},
		{"DELETE", "/api/keys/aws/mine", "", "hidden-ops", 204, ""},
		{"DELETE", "/api/keys/aws/mine", "", "hidden-ops", 404, "no such key"},
		{"DELETE", "/api/keys/plivo/mine", "", "hidden-ops", 204, ""},
	} {
		status, body := send(step.method, step.path, step.body, step.secret)
		if status != step.status || !strings.Contains(body, step.says) {
			t.Errorf("%s %s %s: %d %s, want %d with %q", step.method, step.path, step.body, status, body, step.status, step.says)
		}
		if strings.Contains(body, "hidden-") {
			t.Errorf("%s %s shows a secret: %s", step.method, step.path, body)
		}
	}
	keys.broken = errors.New("no disk")
	if status, body := send("GET", "/api/keys", "", "hidden-ops"); status != 500 || strings.Contains(body, "disk") {
		t.Errorf("a failure of ours: %d %s", status, body)
	}
}

// TestTrunksWithoutSecrets: trunks are listed with who may call by them and where they log in, and without the passwords.
func TestTrunksWithoutSecrets(t *testing.T) {
	trunk := directory.Trunk{ID: "t1", Callers: []directory.Caller{{User: "pbx", Password: "hidden-caller"}}}
	trunk.Login = directory.Login{User: "us", Password: "hidden-login"}
	snapshot := directory.NewSnapshot(directory.Content{Trunks: []directory.Trunk{trunk}})
	c := api.Config{TrustLoopback: true, Directory: func() *directory.Snapshot { return snapshot }, Logger: slog.New(slog.DiscardHandler)}
	c.Exchange = exchange.New(exchange.Config{Engine: engine.New(engine.Config{}), Directory: c.Directory, Logger: c.Logger})
	r, w := httptest.NewRequest("GET", "http://127.0.0.1/api/trunks", nil), httptest.NewRecorder()
	r.RemoteAddr = "127.0.0.1:1"
	api.New(c).ServeHTTP(w, r)
	if body := w.Body.String(); w.Code != 200 || !strings.Contains(body, `"user":"pbx"`) || strings.Contains(body, "hidden") {
		t.Errorf("%d %s", w.Code, body)
	}
	if kept, _ := snapshot.Trunk("t1"); kept.Callers[0].Password != "hidden-caller" {
		t.Error("showing a trunk changed it")
	}
}
