package header_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/header"
)

// What a change of target brings takes the place of what was there; a Diversion comes on top, and a User-to-User replaces
// those of its package alone: two of isdn-uui would both be discarded.
func TestInherit(t *testing.T) {
	had := header.List{
		{Name: "Diversion", Value: "<sip:a@x>;reason=no-answer"}, {Name: "X-Id", Value: "1"}, {Name: "x-kept", Value: "2"},
		{Name: "User-to-User", Value: "00aa;encoding=hex"}, {Name: "User-to-User", Value: "00cc;encoding=hex;purpose=other"},
	}
	brought := header.List{
		{Name: "x-id", Value: "9"}, {Name: "Diversion", Value: "<sip:b@x>;reason=deflection"},
		{Name: "User-to-User", Value: "00bb;encoding=hex;purpose=isdn-interwork"},
	}
	want := header.List{brought[1], had[0], had[2], had[4], brought[0], brought[2]}
	if diff := cmp.Diff(want, header.Inherit(had, brought)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(had, header.Inherit(had, nil)); diff != "" {
		t.Errorf("nothing brought (-want +got):\n%s", diff)
	}
}
