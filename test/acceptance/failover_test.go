package acceptance_test

import (
	"strings"
	"testing"
	"time"
)

// When the first application's function can't be invoked, the second one gets the call, and the caller notices nothing.
func TestSecondApplicationTakesOver(t *testing.T) {
	t.Parallel()
	calleePort := freePort(t)
	one, two := startFunction(t, bridge("+14155550199")), startFunction(t, bridge("+14155550199"))
	s := start(t, configFor(calleePort, one.URL, two.URL))
	place := func() {
		t.Helper()
		far := startSIPp(t, callee(), "", calleePort)
		startSIPp(t, caller("X-Account-Id: 4711"), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
		far.wait(t)
		if got := rows(first(t, far.received(t), "INVITE"), "X-Account-Id"); len(got) != 1 || got[0] != "4711" {
			t.Errorf("the callee saw X-Account-Id %q", got)
		}
	}
	place()
	if len(one.seen("NEW_INBOUND_CALL")) != 1 || len(two.seen("NEW_INBOUND_CALL")) != 0 {
		t.Fatal("the first application did not get the first call alone")
	}
	one.server.CloseClientConnections()
	one.server.Close()
	place()
	place()
	if got := len(two.seen("NEW_INBOUND_CALL")); got != 2 {
		t.Errorf("the second application got %d calls, want 2", got)
	}
	two.server.CloseClientConnections()
	two.server.Close()
	startSIPp(t, refused(480), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
}

// A number without a rule is refused, and so is a caller that no trunk allows.
func TestRefusals(t *testing.T) {
	t.Parallel()
	f := startFunction(t, bridge("+14155550199"))
	s := start(t, configFor(freePort(t), f.URL))
	startSIPp(t, refused(404), s.SIP, freePort(t), "-s", "+12065550177").wait(t)
	if len(f.seen("NEW_INBOUND_CALL")) != 0 {
		t.Error("the function was asked about a number that is not its")
	}
	closed := start(t, `trunks: [{id: elsewhere, allow: [192.0.2.0/24]}]`)
	startSIPp(t, refused(403), closed.SIP, freePort(t), "-s", "+12065550100").wait(t)
}

// The function's own words decide: Hangup with 486 before any answer refuses the caller as busy.
func TestFunctionRefuses(t *testing.T) {
	t.Parallel()
	f := startFunction(t, func(event) string {
		return `{"SchemaVersion":"1.0","Actions":[{"Type":"Hangup","Parameters":{"SipResponseCode":"486"}}]}`
	})
	s := start(t, configFor(freePort(t), f.URL))
	startSIPp(t, refused(486), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
	eventually(t, "HANGUP", func() bool { return len(f.seen("HANGUP")) == 1 })
}

// A function that takes its time lets the caller hear that it rings after half a second; one that refuses at once does not.
func TestSlowFunctionRings(t *testing.T) {
	t.Parallel()
	const busy = `{"SchemaVersion":"1.0","Actions":[{"Type":"Hangup","Parameters":{"SipResponseCode":"486"}}]}`
	for name, thinks := range map[string]time.Duration{"slow": 1500 * time.Millisecond, "quick": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFunction(t, func(ev event) string {
				if ev.InvocationEventType == "NEW_INBOUND_CALL" {
					time.Sleep(thinks) // a slow function is what is tested
				}
				return busy
			})
			s := start(t, configFor(freePort(t), f.URL))
			from := startSIPp(t, refused(486), s.SIP, freePort(t), "-s", "+12065550100")
			from.wait(t)
			var rang []time.Duration
			trace := from.trace(t)
			for _, m := range trace {
				if strings.HasPrefix(m.text, "SIP/2.0 180") {
					rang = append(rang, m.at.Sub(trace[0].at))
				}
			}
			switch {
			case thinks == 0 && len(rang) > 0:
				t.Errorf("a caller who was refused at once heard ringing after %v", rang)
			case thinks > 0 && (len(rang) != 1 || rang[0] < 450*time.Millisecond || rang[0] > 1400*time.Millisecond):
				t.Errorf("a caller who waited heard ringing after %v, want once after 500 ms", rang)
			}
		})
	}
}
