package sip_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/claim"
)

// A value that is too long for the next hop is kept, and a reference goes out that fetches it once; the ledger tells of
// both. What has a grammar of its own, and what is short, goes as it is. A reference that comes in is a value like others.
func TestClaims(t *testing.T) {
	long := strings.Repeat("x", 300)
	inTime(t, func(t *testing.T) {
		desk := claim.New()
		r := newRig(t, func(cfg *sip.Config, c *directory.Content) {
			cfg.Claims = desk
			c.Trunks[1].Claims = directory.Claims{Over: 200, URL: "https://sbc.example/x/", Keep: time.Minute}
		})
		alice, bob := r.phone(aliceAt), r.phone(bobAt)
		uui := strings.Repeat("61", 128) + ";encoding=hex;purpose=isdn-uui;content=isdn-uui"
		rows := header.List{{Name: "X-Long", Value: long}, {Name: "User-to-User", Value: uui}, {Name: "X-Short", Value: "1"},
			{Name: "Diversion", Value: "<sip:" + long + "@h>;reason=unconditional"}, {Name: "X-Fits", Value: long[:200]}}
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", Headers: rows})
		inv := bob.receive("INVITE")
		for _, same := range []string{"X-Short", "Diversion", "X-Fits"} {
			if was, _ := rows.Get(same); inv.Get(same) != was {
				t.Errorf("%s: %s", same, inv.Get(same))
			}
		}
		u := header.FindUserToUser(inv.Headers)
		octets, err := u[0].Decode()
		if err != nil || octets[0] != 4 || u[0].Content() != "isdn-uui" || len(u[0].Params) != 3 {
			t.Fatalf("%v: %s", err, inv.Get("User-to-User"))
		}
		for ref, want := range map[string]string{inv.Get("X-Long"): long, string(octets[1:]): uui} {
			if value, known, gone := desk.Redeem(ref, "203.0.113.9"); value != want || !known || gone {
				t.Errorf("%s: %q, %v, %v", ref, value, known, gone)
			}
		}
		pass(time.Millisecond)
		told := e.because(sip.BecauseClaimed)
		if len(told) != 2 || told[0].Value != long || told[0].NewValue != inv.Get("X-Long") || told[0].Action != header.Rewritten ||
			!strings.Contains(told[0].Detail, "GET https://sbc.example/x/claims/"+inv.Get("X-Long")+" gives them once, for 1m0s") {
			t.Errorf("ledger: %+v", told)
		}
		told = e.because(sip.BecauseRedeemed)
		if len(told) != 2 || told[0].Message != "GET /claims" || told[0].Writer != call.WriterPeer || told[0].Detail != "by 203.0.113.9" {
			t.Errorf("ledger: %+v", told)
		}
		ref, _ := desk.Keep("x", "secret", time.Minute, nil)
		alice.send(alice.invite("c1", "X-Long: "+ref, "User-to-User: 04"+hex.EncodeToString([]byte(ref))+";encoding=hex"))
		a := r.attempt()
		if got, _ := a.Headers.Get("X-Long"); got != ref || strings.Contains(a.Headers[len(a.Headers)-1].Value, "secret") {
			t.Errorf("a reference that came in: %+v", a.Headers)
		}
		if value, _, gone := desk.Redeem(ref, ""); gone || value != "secret" {
			t.Error("it was redeemed by its coming in")
		}
	})
}

// S10: an account that keeps as much as it leaves to others has its values sent as they are, which the ledger tells; another
// account's are kept.
func TestClaimsOfACrowd(t *testing.T) {
	long := strings.Repeat("x", 300)
	inTime(t, func(t *testing.T) {
		desk := claim.New()
		r := newRig(t, func(cfg *sip.Config, c *directory.Content) {
			cfg.Claims = desk
			c.Trunks[1].Claims = directory.Claims{Over: 200, URL: "https://sbc.example"}
		})
		bob := r.phone(bobAt)
		for {
			if _, err := desk.Keep(owner, "", time.Hour, nil); err != nil {
				break
			}
		}
		dial := func(account string) (string, *events) {
			_, e := r.dial(call.Dial{Trunk: "bob", To: "1", Account: account, Headers: header.List{{Name: "X-Long", Value: long}}})
			inv := bob.receive("INVITE")
			bob.answer(inv, 486, "b", "")
			bob.receive("ACK")
			e.ended(call.LabelBusy)
			return inv.Get("X-Long"), e
		}
		sent, e := dial("") // the trunk's account
		told := e.because(sip.BecauseNoClaim)
		if sent != long || len(told) != 1 || told[0].Action != header.Kept || !strings.Contains(told[0].Detail, "300 bytes are more than 200") ||
			!strings.Contains(told[0].Detail, claim.ErrShare.Error()) {
			t.Errorf("sent %q, told %+v", sent, told)
		}
		if sent, e := dial("000000000002"); sent == long || len(e.because(sip.BecauseClaimed)) != 1 {
			t.Errorf("another account's: sent %q", sent)
		}
	})
}

// Explain shows what would be claimed and keeps nothing.
func TestExplainClaims(t *testing.T) {
	trunk := trunks().Trunks[1]
	trunk.Claims = directory.Claims{Over: 100, URL: "https://sbc.example"}
	e, err := sip.Explain(call.Dial{To: "1", Headers: header.List{{Name: "X-Long", Value: strings.Repeat("x", 500)}}}, &trunk, serverAt)
	if err != nil || !strings.Contains(e.Text, "X-Long: "+claim.Prefix) || e.Parts[0].Bytes != len("X-Long: \r\n")+claim.Length {
		t.Errorf("%v: %+v\n%s", err, e.Parts, e.Text)
	}
	if last := e.Changes[len(e.Changes)-1]; last.Reason != sip.BecauseClaimed {
		t.Errorf("%+v", e.Changes)
	}
}
