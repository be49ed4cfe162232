package route_test

import (
	"testing"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/route"
)

// S21: where a far end names the target, it reaches a peer of the account's trunks, or a number; no other host.
func TestS21Named(t *testing.T) {
	for name, tc := range map[string]struct {
		dial    call.Dial
		trunk   string
		uri     string
		to      string
		refused int
	}{
		"at a peer":         {dial: call.Dial{Named: "192.0.2.1", To: "600", URI: "sip:600@192.0.2.1:5080"}, trunk: "pbx", uri: "sip:600@192.0.2.1:5080", to: "600"},
		"escaped number":    {dial: call.Dial{Named: "192.0.2.1", To: "+19005550199", URI: "sip:%2B1900%35550199;x=y:p@192.0.2.1"}, trunk: "pbx", uri: "sip:+19005550199@192.0.2.1", to: "+19005550199"},
		"sent on by maddr":  {dial: call.Dial{Named: "192.0.2.1", To: "600", URI: "sip:600@192.0.2.1;maddr=203.0.113.9;x=y"}, trunk: "pbx", uri: "sip:600@192.0.2.1;x=y", to: "600"},
		"a number anywhere": {dial: call.Dial{Named: "sbc.example", To: "+12065550199", URI: "sip:+12065550199@sbc.example"}, to: "+12065550199"},
		"tel":               {dial: call.Dial{Named: "tel", To: "+1-206-555-0199", URI: "tel:+1-206-555-0199"}, to: "+12065550199"},
		"foreign host":      {dial: call.Dial{Named: "evil.example", To: "boss", URI: "sip:boss@evil.example"}, refused: 404},
		"premium by short":  {dial: call.Dial{Named: "evil.example", To: "900", URI: "sip:900@evil.example"}, refused: 404},
		"dialog elsewhere":  {dial: call.Dial{Named: "evil.example", To: "+12065550199", Replaces: "x;to-tag=a;from-tag=b"}, refused: 404},
		"another account's": {dial: call.Dial{Named: "192.0.2.2", To: "600"}, refused: 404},
	} {
		t.Run(name, func(t *testing.T) {
			tc.dial.Account = account
			got, refused := route.Named(snapshot, tc.dial)
			switch {
			case tc.refused != 0:
				if refused == nil || refused.SIP != tc.refused {
					t.Errorf("refused with %v; want %d", refused, tc.refused)
				}
			case refused != nil:
				t.Errorf("refused with %v", *refused)
			case got.Trunk != tc.trunk || got.URI != tc.uri || got.To != tc.to || got.Named != "":
				t.Errorf("got %+v", got)
			}
		})
	}
}

// A far end reaches the endpoints of its own account by name, and no others.
func TestNamedEndpoint(t *testing.T) {
	s := directory.NewSnapshot(directory.Content{Endpoints: []directory.Endpoint{{User: "dave", Account: account}, {User: "eve", Account: "999999999999"}}})
	d, refused := route.Named(s, call.Dial{Account: account, Named: "example.com", To: "dave", URI: "sip:dave@example.com"})
	if refused != nil || d.Endpoint != "dave" || d.URI != "" {
		t.Errorf("got %+v, %v", d, refused)
	}
	if _, refused = route.Named(s, call.Dial{Account: account, Named: "example.com", To: "eve", URI: "sip:eve@example.com"}); refused == nil {
		t.Error("another account's endpoint is reached")
	}
}
