package api_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/exchange"
)

// metered is a dialect with figures of its own.
type metered struct{}

func (metered) Name() string                                     { return "metered" }
func (metered) App(string, json.RawMessage) (dialect.App, error) { return nil, nil }
func (metered) Metrics() []dialect.Metric {
	return []dialect.Metric{
		{Name: "chime_InboundCallsActive", Help: "x", Labels: [][2]string{{"Id", "a"}, {"Region", "x"}}, Value: 2},
		{Name: "chime_Throttles", Help: "x", Kind: dialect.Counter, Value: 2},
		{Name: "chime_RTTBetweenVcAndCustomer", Help: "x", Kind: dialect.Summary, Labels: [][2]string{{"Id", "a"}}, Value: 40, Count: 2},
	}
}

// TestMetrics: each count is under its own name, as a counter or a gauge, and a part that is not there is left out.
func TestMetrics(t *testing.T) {
	snapshot := directory.NewSnapshot(directory.Content{})
	of := func(c api.Config) []string {
		c.Directory = func() *directory.Snapshot { return snapshot }
		c.Exchange = exchange.New(exchange.Config{Engine: engine.New(engine.Config{}), Directory: c.Directory, Logger: slog.New(slog.DiscardHandler)})
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
		Refused: func() []api.RefusedCalls {
			return []api.RefusedCalls{{Direction: "in", Status: 503, Calls: 5}, {Direction: "out", Status: 503, Calls: 2}}
		},
		Certificates:  func() map[string]time.Time { return map[string]time.Time{"/etc/our.pem": time.Unix(1800000000, 0)} },
		Rooms:         func() (int, int) { return 2, 9 },
		LogLost:       func() int64 { return 1 },
		Strangers:     strangers{},
		Registrations: phones{},
		Trunks:        peers{},
		Dialects:      []dialect.Dialect{metered{}},
	})
	for _, line := range []string{
		"# TYPE switchhook_sip_overload_refused_total counter", "switchhook_sip_overload_refused_total 7",
		"# TYPE switchhook_sip_overload_dropped_total counter", "switchhook_sip_overload_dropped_total 11",
		"# TYPE switchhook_legs_standing gauge", "switchhook_legs_standing 3",
		"switchhook_calls_started_total 0",
		`switchhook_calls_refused_total{direction="in",status="503"} 5`, `switchhook_calls_refused_total{direction="out",status="503"} 2`,
		`switchhook_tls_certificate_end_seconds{file="/etc/our.pem"} 1.8e+09`, "switchhook_tls_refused_total 4",
		"switchhook_rooms_standing 2", "switchhook_room_parties 9",
		`switchhook_transfers_total{result="done"} 0`, `switchhook_recordings_total{result="failed"} 0`,
		`switchhook_chime_InboundCallsActive{Id="a",Region="x"} 2`, "# TYPE switchhook_chime_Throttles counter",
		`switchhook_chime_RTTBetweenVcAndCustomer_sum{Id="a"} 40`, `switchhook_chime_RTTBetweenVcAndCustomer_count{Id="a"} 2`,
		"switchhook_registrations 12", `switchhook_trunk_registered{trunk="a"} 1`, `switchhook_trunk_peer_up{peer="p:5060",trunk="a"} 0`,
	} {
		if !slices.Contains(full, line) {
			t.Errorf("no line %q in\n%s", line, strings.Join(full, "\n"))
		}
	}
	guide, err := os.ReadFile("../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range full {
		name, found := strings.CutPrefix(line, "# TYPE switchhook_")
		name, _, _ = strings.Cut(name, " ")
		if found && !strings.Contains(string(guide), "`switchhook_"+name) {
			t.Errorf("docs/operating.md does not tell of switchhook_%s", name)
		}
	}
	for _, line := range of(api.Config{}) {
		if strings.HasPrefix(line, "switchhook_sip_overload") {
			t.Errorf("without a SIP edge: %q", line)
		}
	}
}

type strangers struct{}

func (strangers) Bans() []api.Ban              { return nil }
func (strangers) Lift(netip.Addr, string) bool { return false }
func (strangers) Counts() api.StrangerCounts   { return api.StrangerCounts{Handshakes: 4} }

type phones struct{ api.Registrations }

func (phones) Registered() int { return 12 }

func (phones) Enrolments() []api.Enrolment { return []api.Enrolment{{Trunk: "a", Up: true}} }

type peers struct{}

func (peers) Health() []api.PeerHealth { return []api.PeerHealth{{Trunk: "a", Peer: "p:5060"}} }
