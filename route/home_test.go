package route_test

import (
	"testing"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/route"
)

// A number of our own that leads somewhere is dialled in the house, whole inside an account; all else goes by a trunk.
func TestHome(t *testing.T) {
	const other = "999999999999"
	s := directory.NewSnapshot(directory.Content{
		Accounts: []directory.Account{{ID: account}, {ID: "000000000044", Limits: directory.Limits{Prefixes: []string{"+44"}}}},
		Apps:     []directory.App{{ID: "ivr"}},
		Numbers: []directory.Number{{E164: "+12065550101", Account: account}, {E164: "+12065550102", Account: account}, {E164: "+12065550103"},
			{E164: "+12065550104", Account: account}},
		Rules: []directory.Rule{
			{ID: "1", Account: account, Kind: directory.ByNumber, Value: "+12065550101", Targets: []directory.Target{{App: "ivr"}}},
			{ID: "3", Account: account, Kind: directory.ByNumber, Value: "+12065550103", Targets: []directory.Target{{App: "ivr"}}},
			{ID: "4", Account: account, Kind: directory.ByNumber, Value: "+12065550104", Disabled: true, Targets: []directory.Target{{App: "ivr"}}},
			{ID: "5", Account: account, Kind: directory.ByNumber, Value: "+12065550105", Targets: []directory.Target{{App: "ivr"}}},
		},
	})
	for name, tc := range map[string]struct {
		dial    call.Dial
		greets  bool
		want    string
		refused bool
	}{
		"inside an account":        {dial: call.Dial{To: "+12065550101", Account: account}, want: directory.House},
		"without plus":             {dial: call.Dial{To: "12065550101", Account: account}, want: directory.House},
		"between accounts":         {dial: call.Dial{To: "+12065550101", Account: other}, want: directory.HouseApart},
		"by a trunk":               {dial: call.Dial{To: "+12065550101", Account: account, Trunk: "pbx"}},
		"what the caller dialled":  {dial: call.Dial{To: "+12065550101", Called: "12065550101", Account: account}},
		"owned, without rule":      {dial: call.Dial{To: "+12065550102", Account: account}},
		"in stock":                 {dial: call.Dial{To: "+12065550103", Account: account}},
		"its rule is disabled":     {dial: call.Dial{To: "+12065550104", Account: account}},
		"a rule, not owned":        {dial: call.Dial{To: "+12065550105", Account: account}},
		"nobody's":                 {dial: call.Dial{To: "+12065550199", Account: account}},
		"a dialect's own":          {dial: call.Dial{To: "+17035550122", Account: other}, greets: true, want: directory.House},
		"what the account forbids": {dial: call.Dial{To: "+12065550101", Account: "000000000044"}, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, refused := route.Home(s, tc.dial, tc.greets)
			if got != tc.want || (refused != nil) != tc.refused {
				t.Errorf("%q, %v; want %q", got, refused, tc.want)
			}
		})
	}
}
