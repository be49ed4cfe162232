package chime

import (
	"strings"
	"testing"

	"github.com/switchhook/switchhook/directory"
)

// A country's numbers may be dialled where it may be called, and none of another country that shares its code.
func TestCallingRegions(t *testing.T) {
	for _, tc := range []struct{ regions, number, want string }{
		{"US", "+12065550100", "yes"},
		{"US", "+18005550100", "yes"},
		{"US", "+19005550100", "no"},  // premium
		{"US", "+16045550100", "no"},  // Canada
		{"US", "+18765550100", "no"},  // Jamaica
		{"US", "+17875550100", "no"},  // Puerto Rico
		{"US", "+442079460000", "no"}, // another code
		{"US CA", "+16045550100", "yes"},
		{"US CA PR", "+17875550100", "yes"},
		{"CA", "+16045550100", "yes"},
		{"CA", "+12065550100", "no"},
		{"GB", "+442079460000", "yes"},
		{"GB", "+441534123456", "no"}, // Jersey
		{"JE", "+441534123456", "yes"},
		{"RU", "+74951234567", "yes"},
		{"RU", "+77271234567", "no"}, // Kazakhstan
		{"KZ", "+77271234567", "yes"},
		{"IT", "+390669812345", "no"}, // the Vatican
		{"GP", "+590590123456", "yes"},
		{"MF", "+590590123456", "yes"},
		{"DE FR", "+4930123456", "yes"},
		{"DE", "+881612345678", "no"}, // satellites
		{"XX", "+12065550100", "no"},
		{"", "+12065550100", "no"},
	} {
		prefixes := prefixesOf(strings.Fields(tc.regions))
		got := "yes"
		if len(prefixes) == 0 || (directory.Limits{Prefixes: prefixes}).Forbids(tc.number) != "" {
			got = "no"
		}
		if got != tc.want {
			t.Errorf("%s at %q: %s, want %s", tc.number, tc.regions, got, tc.want)
		}
	}
}

// Each country is there once, and all of them together may be kept with a trunk.
func TestCallingRegionsAreSound(t *testing.T) {
	seen := map[string]bool{}
	var all []string
	regionPrefixes(func(region string, prefixes []string) {
		if seen[region] || len(region) != 2 || len(prefixes) == 0 {
			t.Errorf("%q %v", region, prefixes)
		}
		seen[region] = true
		if region != "--" {
			all = append(all, region)
		}
	})
	if len(all) < 240 {
		t.Errorf("%d countries", len(all))
	}
	for _, regions := range append([]string{"US"}, strings.Join(all, " ")) {
		trunk := directory.Trunk{ID: "vc", Account: "111122223333", Transit: directory.Transit{Prefixes: prefixesOf(strings.Fields(regions))}}
		if err := trunk.Validate(); err != nil {
			t.Errorf("%d prefixes: %v", len(trunk.Transit.Prefixes), err)
		}
	}
}
