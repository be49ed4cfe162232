package acceptance_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// S22, S24, S43: who is not trusted claims numbers, diversions and an identity that is signed elsewhere, and names pages of this
// machine wherever a header may: nobody is told of it, and nothing is fetched.
func TestS22S24S43Claimed(t *testing.T) {
	t.Parallel()
	const marker = "CLAIMED"
	var fetched atomic.Int32
	internal := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fetched.Add(1) }))
	t.Cleanup(internal.Close)
	f := startFunction(t, bridge("+14155550199"))
	callee := newWire(t, "127.0.0.1:0")
	s := start(t, config{peers: []string{peerAt(callee.port())}, functions: []string{f.URL}, trunk: "in: {trusted: false, rules: [{match: X-*, do: keep}]}"}.yaml())
	near := newWire(t, "127.0.0.1:0")
	page := internal.URL + "/" + marker
	inv := ask("INVITE", "sip:+12065550100@"+s.SIP, near.at, "claimed", plainOffer,
		"P-Asserted-Identity: <sip:+1"+marker+"@carrier.example>, <tel:+12065550199>", "P-Preferred-Identity: <sip:+1"+marker+"@carrier.example>",
		"Remote-Party-ID: <sip:+1"+marker+"@carrier.example>;party=calling;screen=yes", "Diversion: <sip:+1"+marker+"@carrier.example>;reason=no-answer",
		"History-Info: <sip:+1"+marker+"@carrier.example>;index=1", "Identity: eyJhbGciOiJub25lIn0.e30."+marker+";info=<"+page+">;alg=none;ppt=shaken;a=1;b=2;c=3",
		"Identity-Info: <"+page+">", "Call-Info: <"+page+">;purpose=icon", "Alert-Info: <"+page+">", "Error-Info: <"+page+">", "X-Note: kept")
	near.send(s.addr(), inv)
	got := callee.receive("INVITE")
	if strings.Contains(got, marker) || len(rows2(got, "X-Note")) != 1 {
		t.Errorf("the callee got\n%s", got)
	}
	callee.send(s.addr(), reply(got, "486 Busy Here", "far", ""))
	near.send(s.addr(), ackOf(inv, near.receive("SIP/2.0 480")))
	for _, ev := range f.seen("NEW_INBOUND_CALL") {
		if told := fmt.Sprint(ev.CallDetails.Participants[0]); strings.Contains(told, marker) {
			t.Errorf("the function was told %s", told)
		}
	}
	s.idle(t)
	dropped := map[string]bool{}
	for _, e := range s.call(t, s.calls(t, 1)[0].ID).Ledger {
		if strings.Contains(e.Value, marker) && string(e.Action) != "kept" {
			dropped[strings.ToLower(e.Name)] = true
		}
	}
	for _, name := range []string{"P-Asserted-Identity", "Diversion", "History-Info", "Identity"} {
		if !dropped[strings.ToLower(name)] {
			t.Errorf("the ledger does not tell that %s was dropped: %v", name, dropped)
		}
	}
	if n := fetched.Load(); n != 0 {
		t.Errorf("%d pages were fetched", n)
	}
}
