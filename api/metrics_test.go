package api_test

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/exchange"
)

// TestMetrics: each count is under its own name, as a counter or a gauge, and a part that is not there is left out.
func TestMetrics(t *testing.T) {
	snapshot := directory.NewSnapshot(directory.Content{})
	of := func(c api.Config) []string {
		c.Directory = func() *directory.Snapshot { return snapshot }
		c.Exchange = exchange.New(exchange.Config{Directory: c.Directory, Logger: slog.New(slog.DiscardHandler)})
		c.Logger = slog.New(slog.DiscardHandler)
		r := httptest.NewRecorder()
		api.New(c).ServeHTTP(r, httptest.NewRequest("GET", "/metrics", nil))
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Code != 200 {
			t.Fatalf("%d, %v: %s", r.Code, err, body)
		}
		return strings.Split(string(body), "\n")
	}
	full := of(api.Config{
		Overload: func() (refused, dropped int64) { return 7, 11 },
		Legs:     func() int { return 3 },
	})
	for _, line := range []string{
		"# TYPE switchhook_sip_overload_refused_total counter", "switchhook_sip_overload_refused_total 7",
		"# TYPE switchhook_sip_overload_dropped_total counter", "switchhook_sip_overload_dropped_total 11",
		"# TYPE switchhook_legs_standing gauge", "switchhook_legs_standing 3",
		"switchhook_calls_started_total 0",
	} {
		if !slices.Contains(full, line) {
			t.Errorf("no line %q in\n%s", line, strings.Join(full, "\n"))
		}
	}
	for _, line := range of(api.Config{}) {
		if strings.HasPrefix(line, "switchhook_sip_overload") {
			t.Errorf("without a SIP edge: %q", line)
		}
	}
}
