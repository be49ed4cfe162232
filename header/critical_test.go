package header_test

import (
	"errors"
	"testing"

	"github.com/switchhook/switchhook/header"
)

// C63: who holds a privacy critical that can't be given is not called with less (RFC 3323 section 5.3); inside the trust
// domain nothing is to be given.
func TestC63CriticalPrivacy(t *testing.T) {
	for _, c := range []struct {
		trusted bool
		privacy string
		kind    header.Kind
		refused bool
	}{
		{false, "user;critical", header.Invite, true},
		{false, "Critical,header", header.Invite, true},
		{false, "session;id;critical", header.Invite, true},
		{false, "user", header.Invite, false},
		{false, "id;history;critical", header.Invite, false},
		{true, "user;critical", header.Invite, false},
		{false, "user;critical", header.Bye, false},
	} {
		p := header.Untrusted("Diversion", "X-Id")
		p.Trusted, p.Direction, p.Diversion = c.trusted, header.Out, header.FormBoth
		ready, err := p.Compile()
		if err != nil {
			t.Fatal(err)
		}
		rows, changes, err := ready.Apply(header.Message{Kind: c.kind, Target: "sip:c@d"},
			header.List{{Name: "X-Id", Value: "1"}, {Name: "Privacy", Value: c.privacy}, {Name: "Diversion", Value: "<sip:a@b>;reason=away"}})
		var refused *header.RefusedError
		if errors.As(err, &refused) != c.refused || c.refused && (refused.Status() != 500 || refused.Name != "Privacy" || rows != nil) {
			t.Errorf("%+v: %v, %v", c, rows, err)
		}
		for _, ch := range changes {
			if c.refused && (ch.Action != header.Dropped || ch.Name != "X-Id" && ch.Name != "Privacy" && ch.Name != "Diversion") {
				t.Errorf("%+v: told %+v", c, ch)
			}
		}
		if c.refused && len(changes) != 3 {
			t.Errorf("%+v: told %+v", c, changes)
		}
	}
}
