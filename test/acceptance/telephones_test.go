package acceptance_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
)

// The tests of this file have telephones of other makers registered here, with their passwords, and call each other and the world.

// telephones declares alice, bob and carol; options are those of each, as YAML.
func telephones(options string) string {
	var b strings.Builder
	b.WriteString("endpoints:\n")
	for _, user := range []string{"alice", "bob", "carol"} {
		fmt.Fprintf(&b, "  - {user: %s, password: secret-of-%s, options: {%s}}\n", user, user, options)
	}
	return b.String()
}

// registered starts a baresip that is registered.
func registered(t *testing.T, s *server, user string, hums float64, o baresipOptions) *baresip {
	t.Helper()
	o.user, o.host, o.hums = user, s.SIP, hums
	o.account += ";regint=60;auth_pass=secret-of-" + user
	b := startBaresip(t, o)
	b.await(t, "REGISTER_OK")
	return b
}

// talk waits until both have heard the other.
func talk(t *testing.T, a, b *baresip, aHums, bHums float64) {
	t.Helper()
	a.heard(t, bHums)
	b.heard(t, aHums)
}

// Two that are registered call each other by name: sound both ways, keys, hold and resume, each side hanging up; a wrong password
// registers nobody.
func TestBaresipRegistered(t *testing.T) {
	t.Parallel()
	s := start(t, configFor(freePort(t), startFunction(t, bridge("+14155550199")).URL)+telephones(""))
	alice := registered(t, s, "alice", 440, baresipOptions{})
	bob := registered(t, s, "bob", 1000, baresipOptions{account: ";answermode=auto"})
	for _, hangsUp := range []*baresip{alice, bob} {
		alice.command(t, "dial", "sip:bob@"+s.SIP)
		alice.await(t, "CALL_ESTABLISHED")
		bob.await(t, "CALL_ESTABLISHED")
		talk(t, alice, bob, 440, 1000)
		hangsUp.command(t, "hangup", "")
		alice.await(t, "CALL_CLOSED")
		bob.await(t, "CALL_CLOSED")
		alice.forget(t)
		bob.forget(t)
		s.idle(t)
	}
	for _, c := range s.calls(t, 2) {
		if c.Cause.Label != call.LabelNormal || len(c.Legs) != 2 {
			t.Errorf("the record says %s, %d legs", c.Cause, len(c.Legs))
		}
	}
	mallory := startBaresip(t, baresipOptions{user: "carol", host: s.SIP, account: ";regint=60;auth_pass=wrong"})
	mallory.await(t, "REGISTER_FAIL")
}

// One that is registered calls a number, by way of an application and a trunk.
func TestBaresipRegisteredCallsANumber(t *testing.T) {
	t.Parallel()
	callee := newPerson(t, 1000)
	f := startFunction(t, bridge("+14155550199"))
	s := start(t, configFor(int(callee.Addr().Port()), f.URL)+telephones(""))
	alice := registered(t, s, "alice", 440, baresipOptions{})
	alice.command(t, "dial", "sip:+12065550100@"+s.SIP)
	alice.await(t, "CALL_ESTABLISHED")
	line := <-callee.answers
	hears(t, "the callee", &callee.ear, 440)
	alice.heard(t, 1000)
	line.Hangup(0, nil)
	alice.await(t, "CALL_CLOSED")
	s.idle(t)
	if n := len(f.seen("NEW_INBOUND_CALL")); n != 1 {
		t.Errorf("the function was asked %d times", n)
	}
}

// linphonec and baresip, both registered, call each other.
func TestLinphoneRegistered(t *testing.T) {
	t.Parallel()
	for _, calls := range []string{"linphone", "baresip"} {
		t.Run(calls+" calls", func(t *testing.T) {
			t.Parallel()
			s := start(t, configFor(freePort(t), startFunction(t, bridge("+14155550199")).URL)+telephones(""))
			alice := startLinphone(t, "alice", 440)
			alice.command(t, fmt.Sprintf("register sip:alice@%s sip:%s secret-of-alice", s.SIP, s.SIP))
			alice.await(t, "successful")
			bob := registered(t, s, "bob", 1000, baresipOptions{account: ";answermode=auto"})
			if calls == "linphone" {
				alice.command(t, "call sip:bob@"+s.SIP)
			} else {
				alice.command(t, "autoanswer enable")
				alice.await(t, "Auto answer enabled")
				bob.command(t, "dial", "sip:alice@"+s.SIP)
			}
			bob.await(t, "CALL_ESTABLISHED")
			bob.heardFor(t, 440, 2*time.Second)
			if calls == "linphone" {
				alice.command(t, "terminate")
				bob.await(t, "CALL_CLOSED")
			} else {
				bob.command(t, "hangup", "")
				alice.await(t, "ended")
			}
			s.idle(t)
			alice.heard(t, 1000)
		})
	}
}

// One transfers the other to a third, by REFER: those two hear each other, and the first is out of it.
func TestC59BaresipTransfers(t *testing.T) {
	t.Parallel()
	s := start(t, configFor(freePort(t), startFunction(t, bridge("+14155550199")).URL)+telephones(""))
	alice := registered(t, s, "alice", 440, baresipOptions{})
	bob := registered(t, s, "bob", 1000, baresipOptions{account: ";answermode=auto"})
	carol := registered(t, s, "carol", 700, baresipOptions{account: ";answermode=auto"})
	alice.command(t, "dial", "sip:bob@"+s.SIP)
	alice.await(t, "CALL_ESTABLISHED")
	bob.heard(t, 440)
	alice.command(t, "transfer", "sip:carol@"+s.SIP)
	carol.await(t, "CALL_ESTABLISHED")
	bob.heard(t, 700)
	carol.heard(t, 1000)
	alice.await(t, "CALL_CLOSED")
	bob.command(t, "hangup", "")
	carol.await(t, "CALL_CLOSED")
	s.idle(t)
}

// Telephones that want SRTP get it, those that don't get RTP, and they hear each other.
func TestC54BaresipSRTP(t *testing.T) {
	t.Parallel()
	for name, secure := range map[string][2]string{"both": {";mediaenc=srtp-mand", ";mediaenc=srtp-mand"}, "caller": {";mediaenc=srtp-mand", ""}, "callee": {"", ";mediaenc=srtp-mand"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, configFor(freePort(t), startFunction(t, bridge("+14155550199")).URL)+
				"endpoints:\n  - {user: alice, password: secret-of-alice, options: {audio: {srtp: "+srtpChoice(secure[0])+"}}}\n"+
				"  - {user: bob, password: secret-of-bob, options: {audio: {srtp: "+srtpChoice(secure[1])+"}}}\n")
			alice := registered(t, s, "alice", 440, baresipOptions{account: secure[0], modules: []string{"srtp"}})
			bob := registered(t, s, "bob", 1000, baresipOptions{account: secure[1] + ";answermode=auto", modules: []string{"srtp"}})
			alice.command(t, "dial", "sip:bob@"+s.SIP)
			alice.await(t, "CALL_ESTABLISHED")
			talk(t, alice, bob, 440, 1000)
			alice.command(t, "hangup", "")
			bob.await(t, "CALL_CLOSED")
			s.idle(t)
			for i, leg := range s.calls(t, 1)[0].Legs {
				if leg.Media.Secure != (secure[i] != "") {
					t.Errorf("leg %d: SRTP %t", i, leg.Media.Secure)
				}
			}
		})
	}
}

func srtpChoice(account string) string {
	if account == "" {
		return "never"
	}
	return "always"
}
