package api_test

import (
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/exchange"
)

// fakeStrangers has one ban.
type fakeStrangers struct{ lifted bool }

func (f *fakeStrangers) Bans() []api.Ban {
	if f.lifted {
		return nil
	}
	return []api.Ban{{Source: "192.0.2.1/32", Reason: "malformed messages", Drops: 7}, {Source: "192.0.2.1/32", User: "carol & co", Reason: "wrong passwords"}}
}

func (f *fakeStrangers) Lift(a netip.Addr, user string) bool {
	there := !f.lifted && a == netip.MustParseAddr("192.0.2.1") && (user == "" || user == "carol & co")
	f.lifted = f.lifted || there
	return there
}

func (f *fakeStrangers) Counts() api.StrangerCounts {
	return api.StrangerCounts{Banned: 1, Malformed: 9}
}

// TestBans: bans are listed and lifted by who has an admin key, and by nobody else.
func TestBans(t *testing.T) {
	snapshot := directory.NewSnapshot(directory.Content{Keys: []directory.Key{{Kind: directory.KeyAdmin, ID: "ops", Secret: "s"}}})
	c := api.Config{Strangers: &fakeStrangers{}, Directory: func() *directory.Snapshot { return snapshot }, Logger: slog.New(slog.DiscardHandler)}
	c.Exchange = exchange.New(exchange.Config{Engine: engine.New(engine.Config{}), Directory: c.Directory, Logger: c.Logger})
	handler := api.New(c)
	for _, step := range []struct {
		method, path, secret string
		status               int
		body                 string
	}{
		{"GET", "/api/bans", "wrong", 401, "admin key"},
		{"DELETE", "/api/bans/192.0.2.1", "wrong", 401, "admin key"},
		{"GET", "/api/bans", "s", 200, `"source":"192.0.2.1/32"`},
		{"GET", "/api/bans", "s", 200, `"user":"carol & co"`},
		{"DELETE", "/api/bans/192.0.2.1?user=dave", "s", 404, "no ban of 192.0.2.1"},
		{"DELETE", "/api/bans/192.0.2.2", "s", 404, "no ban of 192.0.2.2"},
		{"DELETE", "/api/bans/everybody", "s", 422, "not an IP address"},
		{"DELETE", "/api/bans/192.0.2.1?user=carol+%26+co", "s", 204, ""},
		{"GET", "/api/bans", "s", 200, `"bans":[]`},
		{"GET", "/metrics", "s", 200, "switchhook_sip_malformed_total 9"},
	} {
		r, w := httptest.NewRequest(step.method, step.path, nil), httptest.NewRecorder()
		r.SetBasicAuth("ops", step.secret)
		handler.ServeHTTP(w, r)
		if w.Code != step.status || !strings.Contains(w.Body.String(), step.body) {
			t.Errorf("%s %s: %d %s, want %d %s", step.method, step.path, w.Code, w.Body, step.status, step.body)
		}
	}
}
