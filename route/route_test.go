package route_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/route"
)

const account = "111122223333"

var snapshot = directory.NewSnapshot(directory.Content{
	Apps: []directory.App{{ID: "ivr"}, {ID: "backup"}, {ID: "desk"}},
	Rules: []directory.Rule{
		{ID: "by-number", Account: account, Kind: directory.ByNumber, Value: "+12065550101", Targets: []directory.Target{
			{App: "backup", Priority: 2}, {App: "gone", Priority: 0}, {App: "ivr", Priority: 1},
		}},
		{ID: "by-host", Account: account, Kind: directory.ByHost, Value: "pbx.example.com", Targets: []directory.Target{{App: "desk"}}},
		{ID: "off-host", Name: "off", Account: account, Kind: directory.ByHost, Value: "off.example.com", Disabled: true,
			Targets: []directory.Target{{App: "ivr"}}},
		{ID: "empty", Name: "empty", Account: account, Kind: directory.ByNumber, Value: "+12065550102", Targets: []directory.Target{{App: "gone"}}},
		{ID: "for-nobody", Kind: directory.ByNumber, Targets: []directory.Target{{App: "ivr"}}},
	},
	Trunks: []directory.Trunk{
		{ID: "pbx", Account: account, Peers: []directory.Peer{{Host: "192.0.2.1"}}},
		{ID: "off", Account: account, Peers: []directory.Peer{{Host: "192.0.2.1"}}, Disabled: true},
		{ID: "in-only", Account: account},
		{ID: "carrier", Account: "000000000000", PSTN: true, Peers: []directory.Peer{{Host: "192.0.2.2"}}},
	},
})

func TestFind(t *testing.T) {
	for name, tc := range map[string]struct {
		to, host string
		apps     []string
		rule     string
		refused  int
		why      string
	}{
		"by number, in order":        {to: "+12065550101", apps: []string{"ivr", "backup"}, rule: "by-number"},
		"without plus":               {to: "12065550101", apps: []string{"ivr", "backup"}, rule: "by-number"},
		"escaped plus":               {to: "%2B12065550101", apps: []string{"ivr", "backup"}, rule: "by-number"},
		"with parameters":            {to: "+12065550101;phone-context=x;npdi", apps: []string{"ivr", "backup"}, rule: "by-number"},
		"with separators":            {to: "+1-206-(555)-01.01", apps: []string{"ivr", "backup"}, rule: "by-number"},
		"by host, whoever is called": {to: "anna", host: "PBX.example.com.", apps: []string{"desk"}, rule: "by-host"},
		"host before number":         {to: "+12065550101", host: "pbx.example.com", apps: []string{"desk"}, rule: "by-host"},
		"disabled counts as none":    {to: "+12065550101", host: "off.example.com", apps: []string{"ivr", "backup"}, rule: "by-number"},
		"disabled alone": {
			to: "anna", host: "off.example.com", refused: 404,
			why: `rule "off" is disabled, and there is no other for host "off.example.com" or number "anna"`,
		},
		"no application": {to: "+12065550102", rule: "empty", refused: 480, why: `rule "empty" names no application that exists`},
		"nothing":        {to: "+12065550199", host: "x.example", refused: 404, why: `no rule for host "x.example" or number "+12065550199"`},
		"nobody":         {refused: 404, why: `no rule for host "" or number ""`},
	} {
		t.Run(name, func(t *testing.T) {
			v := route.Find(snapshot, call.Attempt{To: tc.to, Host: tc.host})
			var apps []string
			for _, a := range v.Apps {
				apps = append(apps, a.ID)
			}
			if diff := cmp.Diff(tc.apps, apps); diff != "" {
				t.Errorf("applications (-want +got):\n%s", diff)
			}
			if v.Rule != tc.rule {
				t.Errorf("rule %q; want %q", v.Rule, tc.rule)
			}
			if tc.rule != "" && v.Account != account {
				t.Errorf("account %q", v.Account)
			}
			checkRefusal(t, v.Refuse, tc.refused, tc.why)
		})
	}
}

func checkRefusal(t *testing.T, got *call.Cause, status int, why string) {
	t.Helper()
	switch {
	case got == nil && status == 0:
	case got == nil:
		t.Errorf("not refused; want %d", status)
	case got.SIP != status || got.Text != why || got.Label != call.LabelNoRoute:
		t.Errorf("refused with %v; want %d (%s)", *got, status, why)
	}
}

func TestNumber(t *testing.T) {
	for in, want := range map[string]string{
		"":              "",
		"+":             "+",
		"anna":          "anna",
		"anna%20b;x=y":  "anna b",
		"%":             "%",
		"%2":            "%2",
		"%zz1":          "%zz1",
		"1+2":           "1+2",
		"%2b4930123456": "+4930123456",
		"*31#":          "*31#",
		"911":           "911",
		"555-0100":      "+5550100",
	} {
		if got := route.Number(in); got != want {
			t.Errorf("Number(%q) = %q; want %q", in, got, want)
		}
	}
}

func FuzzNumber(f *testing.F) {
	for _, s := range []string{"+12065550100", "%2B1;npdi", "a%00", "+(1)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := route.Number(s)
		if len(got) > len(s)+1 {
			t.Errorf("Number(%q) = %q is longer than it may be", s, got)
		}
		if isNumber := len(got) > 1 && got[0] == '+' && strings.Trim(got[1:], "0123456789") == ""; isNumber && route.Number(got) != got {
			t.Errorf("Number(%q) = %q is not stable", s, got)
		}
	})
}

func TestOut(t *testing.T) {
	for name, tc := range map[string]struct {
		dial    call.Dial
		trunk   string
		refused int
		why     string
	}{
		"named":              {dial: call.Dial{Trunk: "pbx", Account: account}, trunk: "pbx"},
		"none named":         {dial: call.Dial{To: "+12065550199", Account: account}, trunk: "carrier"},
		"everybody's, named": {dial: call.Dial{Trunk: "carrier", Account: account}, trunk: "carrier"},
		"another account's":  {dial: call.Dial{Trunk: "pbx", Account: "999999999999"}, refused: 404, why: `account 999999999999 has no trunk "pbx"`},
		"unknown":            {dial: call.Dial{Trunk: "x", Account: account}, refused: 404, why: `account 111122223333 has no trunk "x"`},
		"disabled":           {dial: call.Dial{Trunk: "off", Account: account}, refused: 480, why: `trunk "off" is disabled`},
		"without peers":      {dial: call.Dial{Trunk: "in-only", Account: account}, refused: 480, why: `trunk "in-only" has no peers`},
	} {
		t.Run(name, func(t *testing.T) {
			trunk, refused := route.Out(snapshot, tc.dial)
			if refused == nil && trunk.ID != tc.trunk {
				t.Errorf("trunk %q; want %q", trunk.ID, tc.trunk)
			}
			checkRefusal(t, refused, tc.refused, tc.why)
		})
	}
	if _, refused := route.Out(directory.NewSnapshot(directory.Content{}), call.Dial{To: "+12065550199"}); refused == nil {
		t.Error("a trunk was found where there is none")
	}
}

// S21: what the trunk or who dials may not dial is refused with 403, which names the prefix.
func TestS21Out(t *testing.T) {
	peers := []directory.Peer{{Host: "192.0.2.1"}}
	s := directory.NewSnapshot(directory.Content{
		Accounts: []directory.Account{{ID: account, Limits: directory.Limits{Prefixes: []string{"+1", "+44"}}}, {ID: "999999999999"}},
		Trunks:   []directory.Trunk{{ID: "carrier", PSTN: true, Peers: peers, Options: directory.Options{Limits: directory.Limits{Prefixes: []string{"+", "!+1900"}}}}},
	})
	for _, tc := range []struct {
		dial call.Dial
		why  string
	}{
		{call.Dial{To: "+12065550199", Account: account}, ""},
		{call.Dial{To: "+33123456789", Account: "999999999999"}, ""},
		{call.Dial{To: "+33123456789", Account: account}, "account 111122223333: no prefix of limits.prefixes has +33123456789"},
		{call.Dial{To: "+19005550199", Account: account}, `trunk "carrier": limits.prefixes has !+1900`},
		{call.Dial{URI: "sip:+1%39005550199@192.0.2.1", To: "+12065550199"}, `trunk "carrier": limits.prefixes has !+1900`},
		{call.Dial{URI: "<+12065550199>"}, `trunk "carrier": "<+12065550199>" is no E.164 number, and limits.prefixes lets no other be dialled`},
		{call.Dial{URI: "tel:+1-900-555-0199"}, `trunk "carrier": limits.prefixes has !+1900`},
	} {
		_, refused := route.Out(s, tc.dial)
		switch {
		case tc.why == "" && refused == nil:
		case refused == nil || refused.SIP != 403 || refused.Label != call.LabelLimit || refused.Text != tc.why:
			t.Errorf("%+v: %v, want %q", tc.dial, refused, tc.why)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	b.ReportAllocs()
	at := call.Attempt{To: "+12065550101", Host: "192.0.2.10"}
	for b.Loop() {
		if v := route.Find(snapshot, at); v.Refuse != nil {
			b.Fatal(v.Refuse)
		}
	}
}

func TestS36Endpoints(t *testing.T) {
	s := directory.NewSnapshot(directory.Content{
		Endpoints: []directory.Endpoint{
			{User: "alice", Account: "1"}, {User: "bob", Account: "1"}, {User: "12065550101", Account: "1"},
			{User: "eve", Account: "2"}, {User: "off", Account: "1", Disabled: true},
		},
		Apps:  []directory.App{{ID: "a", Account: "1"}},
		Rules: []directory.Rule{{ID: "r", Account: "1", Kind: directory.ByNumber, Value: "+12065550101", Targets: []directory.Target{{App: "a"}}}},
	})
	for _, c := range []struct {
		name, endpoint, to, account string
		want                        string // the endpoint called; "app" for the rule's; empty for refused
	}{
		{"another of the account", "alice", "bob", "1", "bob"},
		{"S36 one of another account", "alice", "eve", "1", ""},
		{"a caller that is no endpoint", "", "bob", "1", ""},
		{"one that is disabled", "alice", "off", "1", ""},
		{"a rule counts first", "alice", "12065550101", "1", "app"},
		{"nobody", "alice", "carol", "1", ""},
	} {
		v := route.Find(s, call.Attempt{Account: c.account, Endpoint: c.endpoint, To: c.to})
		got := v.Endpoint
		if len(v.Apps) > 0 {
			got += "app"
		}
		if got != c.want || (v.Refuse != nil) != (c.want == "") {
			t.Errorf("%s: %+v, want %q", c.name, v, c.want)
		}
	}
	byHost := directory.NewSnapshot(directory.Content{
		Endpoints: []directory.Endpoint{{User: "alice", Account: "1"}, {User: "eve", Account: "2"}},
		Apps:      []directory.App{{ID: "a", Account: "1"}},
		Rules:     []directory.Rule{{ID: "h", Account: "1", Kind: directory.ByHost, Value: "vc.example.com", Targets: []directory.Target{{App: "a"}}}},
	})
	for endpoint, account := range map[string]string{"alice": "1", "eve": "2", "": "2"} {
		v := route.Find(byHost, call.Attempt{Account: account, Endpoint: endpoint, To: "100", Host: "vc.example.com"})
		if reaches := len(v.Apps) > 0; reaches == (endpoint == "eve") {
			t.Errorf("S36 by the host of account 1, %q of account %s: %+v", endpoint, account, v)
		}
	}
	strange := route.Endpoint(s, call.Dial{Account: "1", Endpoint: "eve"})
	nobody := route.Endpoint(s, call.Dial{Account: "1", Endpoint: "evx"})
	if strange == nil || nobody == nil || strange.SIP != 404 || strings.ReplaceAll(strange.Text, "eve", "evx") != nobody.Text {
		t.Errorf("S36: another account's endpoint: %+v, nobody: %+v", strange, nobody)
	}
	if c := route.Endpoint(s, call.Dial{Account: "1", Endpoint: "off"}); c == nil || c.SIP != 480 {
		t.Errorf("a disabled one: %+v", c)
	}
	if c := route.Endpoint(s, call.Dial{Account: "1", Endpoint: "bob"}); c != nil {
		t.Errorf("one of the account: %+v", c)
	}
}
