package directory_test

import (
	"strings"
	"testing"

	"github.com/switchhook/switchhook/directory"
)

// S21: the longest prefix decides what may be dialled, and no other way of writing a number passes it by.
func TestS21Prefixes(t *testing.T) {
	usual := []string{"+1", "+44", "!+1900", "!+1876", "+18765550100"}
	deny := []string{"!+1900", "!+53"}
	for _, c := range []struct {
		prefixes []string
		party    string
		ok       bool
	}{
		{nil, "anything", true},
		{usual, "+12065550100", true},
		{usual, "12065550100", true},
		{usual, "%2B12065550100", true},
		{usual, "+1-206-555-0100", true},
		{usual, "+19005550100", false},
		{usual, "1(900)555.0100", false},
		{usual, "%2b1%39005550100", false},
		{usual, "+18765550199", false},
		{usual, "+18765550100", true}, // longer than what forbids it
		{usual, "+5355501234", false},
		{usual, "+33123456789", false},
		{usual, "0119005550100", false}, // an international prefix of one country
		{usual, "911", false},
		{usual, "alice", false},
		{usual, "", false},
		{usual, "+12065550100;phone-context=+53", false},
		{usual, "5551234567;Phone-Context=+1", false},
		{usual, "+12065550100;npdi", true},
		{usual, "+1206555010012345", false}, // sixteen digits
		{deny, "+33123456789", true},
		{deny, "+5355501234", false},
		{deny, "005355501234", false},
		{[]string{"+1", "!+1"}, "+12065550100", false}, // who says both forbids
		{[]string{"+"}, "+5355501234", true},
	} {
		why := directory.Limits{Prefixes: c.prefixes}.Forbids(c.party)
		if (why == "") != c.ok || !c.ok && !strings.Contains(why, "limits.prefixes") {
			t.Errorf("%v, %q: %q", c.prefixes, c.party, why)
		}
	}
}
