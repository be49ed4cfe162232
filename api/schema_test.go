package api_test

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/exchange"
)

// Two packages may have a type of one name: each has a name of its own in the API's description.
func TestDescriptionNamesTypesApart(t *testing.T) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/api/openapi.json", nil)
	r.RemoteAddr, r.Host = "127.0.0.1:1", "127.0.0.1"
	snapshot, log := directory.NewSnapshot(directory.Content{}), slog.New(slog.DiscardHandler)
	c := api.Config{TrustLoopback: true, Logger: log, Directory: func() *directory.Snapshot { return snapshot }}
	c.Exchange = exchange.New(exchange.Config{Engine: engine.New(engine.Config{}), Directory: c.Directory, Logger: log})
	api.New(c).ServeHTTP(w, r)
	for _, name := range []string{`"Limits":`, `"HeaderLimits":`, `"Trunk":`} {
		if !strings.Contains(w.Body.String(), name) {
			t.Errorf("no %s in the description (%d)", name, w.Code)
		}
	}
}
