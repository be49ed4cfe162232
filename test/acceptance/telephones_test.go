package acceptance_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/sip/transport/testca"
)

// The tests of this file have telephones of other makers registered here, with their passwords, and call each other and the world.

// onlyMD5 is for baresip 1.0, which gives up where any other hash is offered beside it.
const onlyMD5 = "sip: {digest: [MD5]}\n"

// telephones declares alice, bob and carol; options are those of each, as YAML.
func telephones(options string) string {
	var b strings.Builder
	b.WriteString(onlyMD5 + "endpoints:\n")
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
	s.knows(t, user)
	return b
}

// startForTelephones starts the server with them, and a trunk that is called but does not call: who calls from here is no trunk.
// Without a callee's port its peer is at another host, where nobody is.
func startForTelephones(t *testing.T, calleePort int, declared string) *server {
	t.Helper()
	peer := peerAt(calleePort)
	if calleePort == 0 {
		peer = "{host: 127.0.9.9, port: 9}"
	}
	f := startFunction(t, bridge("+14155550199"))
	return start(t, config{peers: []string{peer}, trunk: "allow: [127.0.9.9]", functions: []string{f.URL}}.yaml()+declared)
}

// knows waits until somebody is registered.
func (s *server) knows(t *testing.T, user string) {
	t.Helper()
	eventually(t, user+" being registered", func() bool {
		var list struct{ Endpoints []directory.Binding }
		s.get(t, "/api/registrations?user="+user, &list)
		return len(list.Endpoints) > 0
	})
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
	s := startForTelephones(t, 0, telephones(""))
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
	eventually(t, "the second refusal", func() bool { return strings.Count(mallory.said(), "SIP/2.0 401") >= 2 })
	var list struct{ Endpoints []directory.Binding }
	if s.get(t, "/api/registrations?user=carol", &list); len(list.Endpoints) != 0 {
		t.Errorf("registered with a wrong password: %+v", list.Endpoints)
	}
}

// One that is registered calls a number, by way of an application and a trunk.
func TestBaresipRegisteredCallsANumber(t *testing.T) {
	t.Parallel()
	callee := newPerson(t, 1000)
	s := startForTelephones(t, int(callee.Addr().Port()), telephones(""))
	alice := registered(t, s, "alice", 440, baresipOptions{})
	alice.command(t, "dial", "sip:+12065550100@"+s.SIP)
	alice.await(t, "CALL_ESTABLISHED")
	line := <-callee.answers
	hears(t, "the callee", &callee.ear, 440)
	alice.heard(t, 1000)
	line.Hangup(0, nil)
	alice.await(t, "CALL_CLOSED")
	s.idle(t)
}

// linphonec and baresip, both registered, call each other.
func TestLinphoneRegistered(t *testing.T) {
	t.Parallel()
	for _, calls := range []string{"linphone", "baresip"} {
		t.Run(calls+" calls", func(t *testing.T) {
			t.Parallel()
			s := startForTelephones(t, 0, telephones(""))
			alice := startLinphone(t, "alice", 440)
			alice.command(t, fmt.Sprintf("register sip:alice@%s sip:%s secret-of-alice", s.SIP, s.SIP))
			s.knows(t, "alice")
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
	s := startForTelephones(t, 0, telephones(""))
	alice := registered(t, s, "alice", 440, baresipOptions{})
	bob := registered(t, s, "bob", 1000, baresipOptions{account: ";answermode=auto"})
	carol := registered(t, s, "carol", 700, baresipOptions{account: ";answermode=auto"})
	alice.command(t, "dial", "sip:bob@"+s.SIP)
	alice.await(t, "CALL_ESTABLISHED")
	bob.heard(t, 440)
	alice.command(t, "transfer", "sip:carol@"+s.SIP)
	carol.await(t, "CALL_ESTABLISHED")
	carol.heard(t, 1000)
	bob.heard(t, 700)
	carol.heard(t, 1000)
	alice.await(t, "CALL_CLOSED")
	bob.command(t, "hangup", "")
	carol.await(t, "CALL_CLOSED")
	s.idle(t)
}

// linphonec does the same.
func TestC59LinphoneTransfers(t *testing.T) {
	t.Parallel()
	s := startForTelephones(t, 0, telephones(""))
	alice := startLinphone(t, "alice", 440)
	alice.command(t, fmt.Sprintf("register sip:alice@%s sip:%s secret-of-alice", s.SIP, s.SIP))
	s.knows(t, "alice")
	bob := registered(t, s, "bob", 1000, baresipOptions{account: ";answermode=auto"})
	carol := registered(t, s, "carol", 700, baresipOptions{account: ";answermode=auto"})
	alice.command(t, "call sip:bob@"+s.SIP)
	bob.await(t, "CALL_ESTABLISHED")
	bob.heard(t, 440)
	alice.command(t, "transfer sip:carol@"+s.SIP)
	carol.await(t, "CALL_ESTABLISHED")
	bob.heard(t, 700)
	carol.heard(t, 1000)
	alice.await(t, "ended")
	carol.command(t, "hangup", "")
	bob.await(t, "CALL_CLOSED")
	s.idle(t)
}

// Telephones that want SRTP get it, those that don't get RTP, and they hear each other.
func TestC54BaresipSRTP(t *testing.T) {
	t.Parallel()
	for name, secure := range map[string][2]string{"both": {";mediaenc=srtp-mand", ";mediaenc=srtp-mand"}, "caller": {";mediaenc=srtp-mand", ""}, "callee": {"", ";mediaenc=srtp-mand"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startForTelephones(t, 0, onlyMD5+"endpoints:\n  - {user: alice, password: secret-of-alice, options: {audio: {srtp: "+srtpChoice(secure[0])+"}}}\n"+
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

// A telephone reaches us over TLS, by a certificate whose authority it knows, and with SRTP; the one that it calls has neither.
func TestC49BaresipTLS(t *testing.T) {
	t.Parallel()
	ca := testca.New(t)
	cert, key := testca.Files(t, t.TempDir(), ca.Issue([]string{"127.0.0.1"}))
	port := freePort(t)
	s := start(t, fmt.Sprintf(`account: "111122223333"
keys: [{kind: admin, id: admin, secret: admin-secret}]
sip: {digest: [MD5], listen: ["udp://127.0.0.1:%d", "tls://127.0.0.1:%d"], tls: {cert: %s, key: %s}}
endpoints:
  - {user: alice, password: secret-of-alice, options: {audio: {srtp: always}}}
  - {user: bob, password: secret-of-bob}
`, port, port+1, cert, key), "--sip", "")
	secure := fmt.Sprintf("127.0.0.1:%d", port+1)
	bob := registered(t, s, "bob", 1000, baresipOptions{account: ";answermode=auto"})
	alice := startBaresip(t, baresipOptions{user: "alice", host: secure + ";transport=tls", hums: 440, modules: []string{"srtp"},
		account: ";regint=60;auth_pass=secret-of-alice;mediaenc=srtp-mand", config: []string{"sip_cafile " + ca.File()}})
	s.knows(t, "alice")
	alice.command(t, "dial", "sip:bob@"+secure+";transport=tls")
	alice.await(t, "CALL_ESTABLISHED")
	talk(t, alice, bob, 440, 1000)
	bob.command(t, "hangup", "")
	alice.await(t, "CALL_CLOSED")
	s.idle(t)
	if legs := s.calls(t, 1)[0].Legs; !legs[0].Media.Secure || legs[1].Media.Secure {
		t.Errorf("SRTP on the legs: %t, %t", legs[0].Media.Secure, legs[1].Media.Secure)
	}
}
