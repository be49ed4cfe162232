package profile_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/profile"
)

// Every profile says what it is and why, sets something, and suits a trunk of either trust.
func TestProfilesAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range profile.All() {
		if p.Name == "" || seen[p.Name] || p.Peer == "" || p.Why == "" || p.Source == "" || len(p.Sets()) == 0 {
			t.Errorf("%q: %+v", p.Name, p)
		}
		seen[p.Name] = true
		if _, ok := header.FindUUIProfile(p.UUI); p.UUI != "" && !ok {
			t.Errorf("%s: no form of User-to-User is named %s", p.Name, p.UUI)
		}
		if p.Options.Profile != "" {
			t.Errorf("%s: names a profile itself", p.Name)
		}
		for _, trust := range []header.Policy{header.Trusted(), header.Untrusted("X-*"), {Rules: []header.Rule{{Match: "*", Do: header.Keep}}}} {
			full := p.Apply(directory.Trunk{ID: "t", Account: "111122223333", In: trust, Out: trust,
				Options: directory.Options{Login: directory.Login{User: "us", Password: "s3cret"}}})
			if err := full.Validate(); err != nil {
				t.Errorf("%s: %v", p.Name, err)
			}
		}
	}
	if _, ok := profile.Find("nobody"); ok {
		t.Error("a profile of nobody")
	}
}

// What the trunk sets itself counts more than its profile.
func TestExplicitSettingsWin(t *testing.T) {
	p, _ := profile.Find("avaya-sm")
	own := directory.Trunk{In: header.Trusted(), Out: header.Trusted()}
	full := p.Apply(own)
	if full.Signalling.Session != 30*time.Minute || full.Signalling.Oversize != directory.OversizeTCP || full.Out.Diversion != header.FormHistory {
		t.Errorf("not set: %+v", full)
	}
	if !reflect.DeepEqual(own.In, header.Trusted()) {
		t.Error("the trunk given was changed")
	}
	own.Signalling = directory.Signalling{Session: time.Hour, Oversize: directory.OversizeUDP}
	own.Out.Diversion = header.FormNone
	full = p.Apply(own)
	if full.Signalling.Session != time.Hour || full.Signalling.Oversize != directory.OversizeUDP || full.Out.Diversion != header.FormNone {
		t.Errorf("the trunk's own settings are lost: %+v", full)
	}
	telnyx, _ := profile.Find("telnyx")
	rewrite := header.Rule{Match: "Diversion", Do: header.RewriteHost, To: "sip.telnyx.com"}
	for name, c := range map[string]struct {
		own  header.Policy
		want header.Rule // the first that matches Diversion
	}{
		"ready-made":       {header.Trusted(), rewrite},
		"written out":      {header.Policy{Trusted: true, Rules: []header.Rule{{Match: "diversion", Do: header.Keep}}}, header.Rule{Match: "diversion", Do: header.Keep}},
		"by prefix":        {header.Policy{Trusted: true, Rules: []header.Rule{{Match: "Div*", Do: header.Drop}}}, header.Rule{Match: "Div*", Do: header.Drop}},
		"of another name":  {header.Policy{Trusted: true, Rules: []header.Rule{{Match: "X-*", Do: header.Keep}}}, rewrite},
		"without any rule": {header.Policy{Trusted: true}, rewrite},
	} {
		full := telnyx.Apply(directory.Trunk{Out: c.own})
		i := slices.IndexFunc(full.Out.Rules, func(r header.Rule) bool { return strings.HasPrefix(strings.ToLower(r.Match), "div") })
		if i < 0 {
			t.Errorf("%s: %+v", name, full.Out.Rules)
			continue
		}
		if d := cmp.Diff(c.want, full.Out.Rules[i]); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if _, err := full.Out.Compile(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
