package route_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/route"
)

// A number that belongs to a trunk goes on there, and a trunk's peers dial others where, and as whom, they may. S21: nobody else
// does.
func TestS21Through(t *testing.T) {
	const other = "999999999999"
	peers := []directory.Peer{{Host: "192.0.2.1"}}
	s := directory.NewSnapshot(directory.Content{
		Apps: []directory.App{{ID: "ivr"}},
		Numbers: []directory.Number{
			{E164: "+12065550101", Account: account, Trunk: "vc"}, {E164: "+12065550102", Account: account, Trunk: "vc"},
			{E164: "+12065550103", Account: account}, {E164: "+12065550104", Account: account, Trunk: "no-way-out"},
			{E164: "+12065550105", Account: account, Trunk: "theirs"}, {E164: "+12065550106"}, {E164: "+12065550107", Account: other},
		},
		Rules: []directory.Rule{{ID: "1", Account: account, Kind: directory.ByNumber, Value: "+12065550101", Targets: []directory.Target{{App: "ivr"}}}},
		Trunks: []directory.Trunk{
			{ID: "pstn", PSTN: true, Peers: peers, Transit: directory.Transit{Prefixes: []string{"+"}}},
			{ID: "vc", Account: account, Peers: peers, Transit: directory.Transit{Prefixes: []string{"+1", "!+1900"}, Caller: "+12065550103"}},
			{ID: "plain", Account: account, Peers: peers},
			{ID: "owned", Account: account, Owned: true, Transit: directory.Transit{Prefixes: []string{"+1"}}},
			{ID: "owned-shown", Account: account, Owned: true, Transit: directory.Transit{Prefixes: []string{"+1"}, Caller: "+12065550103"}},
			{ID: "owned-lies", Account: account, Owned: true, Transit: directory.Transit{Prefixes: []string{"+1"}, Caller: "+18005550199"}},
			{ID: "no-way-out", Account: account}, {ID: "theirs", Account: other, Peers: peers},
		},
	})
	abroad := "+14155550199" // nobody's here
	for name, tc := range map[string]struct {
		trunk, from, to string
		want            *route.Through
		apps            int
		refused         int
		phrase          string
	}{
		"a number's rule comes first":       {trunk: "pstn", to: "+12065550101", apps: 1},
		"a number's trunk":                  {trunk: "pstn", to: "+12065550102", want: &route.Through{Trunk: "vc", To: "+12065550102"}},
		"a number's trunk, dialled at it":   {trunk: "vc", to: "+12065550102", want: &route.Through{Trunk: "vc", To: "+12065550102"}},
		"a number with neither":             {trunk: "vc", to: "+12065550103", refused: 404},
		"a trunk without origination":       {trunk: "pstn", to: "+12065550104", refused: 480},
		"a trunk of another account":        {trunk: "pstn", to: "+12065550105", refused: 404},
		"a number in stock":                 {trunk: "vc", to: "+12065550106", refused: 404},
		"out, as a number of the account's": {trunk: "vc", from: "+12065550102", to: abroad, want: &route.Through{Trunk: "pstn", To: abroad, Via: "vc"}},
		"out, as the number that is shown":  {trunk: "vc", from: "+12065550142", to: abroad, want: &route.Through{Trunk: "pstn", To: abroad, Via: "vc", From: "+12065550103"}},
		"out, as another account's number":  {trunk: "vc", from: "+12065550107", to: abroad, want: &route.Through{Trunk: "pstn", To: abroad, Via: "vc", From: "+12065550103"}},
		"out, where it may not":             {trunk: "vc", to: "+442079460000", refused: 403},
		"out, at a forbidden prefix":        {trunk: "vc", to: "+19005550199", refused: 403},
		"out, no number":                    {trunk: "vc", to: "0114155550199", refused: 403},
		"a name":                            {trunk: "vc", to: "anna", refused: 403},
		"a trunk that lets nothing through": {trunk: "plain", to: abroad, refused: 404},
		"from the carrier to the carrier":   {trunk: "pstn", to: abroad, refused: 404},
		"from nowhere":                      {to: abroad, refused: 404},
		"not the account's caller":          {trunk: "owned", from: "+12065550142", to: abroad, refused: 403, phrase: "Caller Id +12065550142 is not valid"},
		"not the account's, to a rule":      {trunk: "owned-shown", from: "+12065550142", to: "+12065550101", refused: 403, phrase: "Caller Id +12065550142 is not valid"},
		"the account's caller":              {trunk: "owned", from: "+12065550102", to: abroad, want: &route.Through{Trunk: "pstn", To: abroad, Via: "owned"}},
		"another is shown in his place":     {trunk: "owned-shown", from: "+12065550142", to: abroad, want: &route.Through{Trunk: "pstn", To: abroad, Via: "owned-shown", From: "+12065550103"}},
		"what is shown is nobody's either":  {trunk: "owned-lies", from: "+12065550142", to: abroad, refused: 403, phrase: "Caller Id +12065550142 is not valid"},
	} {
		t.Run(name, func(t *testing.T) {
			v := route.Find(s, call.Attempt{Trunk: tc.trunk, Account: account, From: tc.from, To: tc.to})
			if diff := cmp.Diff(tc.want, v.Through); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			refused, phrase := 0, ""
			if v.Refuse != nil {
				refused, phrase = v.Refuse.SIP, v.Refuse.Phrase
			}
			if refused != tc.refused || phrase != tc.phrase || len(v.Apps) != tc.apps {
				t.Errorf("%+v, refused with %d %q", v, refused, phrase)
			}
		})
	}
}
