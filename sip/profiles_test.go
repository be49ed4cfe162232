package sip_test

import (
	"slices"
	"testing"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/profile"
)

// C65, C66: through every pair of profiles, in by one and out by the other, each value that real peers send passes byte for
// byte, unless one of the two says something of its header.
func TestC65ProfilesChangeWhatTheyNameAlone(t *testing.T) {
	var values header.List
	for _, file := range []string{"samples-uui.tsv", "samples-diversion.tsv", "samples-history-info.tsv"} {
		values = append(values, samples(t, file)...)
	}
	values = values.With("X-Any", "%41 , ;a=b").With("Reason", `Q.850;cause=16;text="ok"`).With("P-Asserted-Identity", "<tel:+12065550142>").
		With("Session-ID", "ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000").With("Privacy", "id")
	names := func(p profile.Profile, policy header.Policy, name string) bool {
		switch {
		case header.SameName(name, "User-to-User") && policy.Discriminator != "",
			(name == "Diversion" || name == "History-Info") && policy.Diversion != "":
			return true
		}
		return slices.ContainsFunc(policy.Rules, func(r header.Rule) bool { return header.SameName(r.Match, name) })
	}
	compile := func(p profile.Profile, d header.Direction) *header.Compiled {
		full := p.Apply(directory.Trunk{In: header.Trusted(), Out: header.Trusted()})
		policy := full.In
		if d == header.Out {
			policy = full.Out
		}
		ready, err := policy.Compile()
		if err != nil {
			t.Fatal(err)
		}
		return ready
	}
	all := append(profile.All(), profile.Profile{Name: "none"})
	passed := 0
	for _, from := range all {
		in := compile(from, header.In)
		for _, to := range all {
			out := compile(to, header.Out)
			for _, f := range values {
				if names(from, from.In, f.Name) || names(to, to.Out, f.Name) {
					continue
				}
				message := header.Message{Kind: header.Invite, Target: "sip:1@203.0.113.1"}
				rows, _, err := in.Apply(message, header.List{f, {Name: "X-Beside", Value: "1"}})
				if err == nil {
					rows, _, err = out.Apply(message, rows)
				}
				if err != nil || len(rows) != 2 || rows[0] != f {
					t.Errorf("%s to %s: %s: %s became %v, %v", from.Name, to.Name, f.Name, f.Value, rows, err)
				}
				passed++
			}
		}
	}
	if passed < 5000 {
		t.Errorf("%d values passed: is the table read?", passed)
	}
}
