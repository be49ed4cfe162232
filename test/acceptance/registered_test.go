package acceptance_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/far"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media/rtp"
	"github.com/switchhook/switchhook/sip/digest"
)

// endpointsConfig is two telephones of one account and one of another, and no trunk that would claim this machine. Debian's
// baresip gives up at a challenge with SHA-256, whatever stands beside it.
const endpointsConfig = `account: "111122223333"
keys: [{kind: admin, id: admin, secret: admin-secret}]
sip: {digest: [MD5]}
endpoints:
  - {user: ann, password: ann-secret}
  - {user: bob, password: bob-secret}
  - {user: eve, password: eve-secret, account: "444455556666"}
`

// registered gives the users of all registrations, in order.
func (s *server) registered(t *testing.T) (users []string) {
	t.Helper()
	var list struct {
		Endpoints []directory.Binding `json:"endpoints"`
	}
	s.get(t, "/api/registrations", &list)
	for _, b := range list.Endpoints {
		users = append(users, b.User)
	}
	return users
}

// startRegistered starts a baresip that registers.
func (s *server) startRegistered(t *testing.T, user string, hums float64) *baresip {
	t.Helper()
	b := startBaresip(t, baresipOptions{user: user, host: s.SIP, hums: hums,
		account: fmt.Sprintf(";auth_user=%s;auth_pass=%s-secret;regint=600;answermode=auto", user, user)})
	eventually(t, user+" being registered", func() bool { return slices.Contains(s.registered(t), user) })
	return b
}

// Telephones register with their passwords and call each other by name, with sound both ways; one of another account is
// not there for them; a restart forgets nobody.
func TestRegisteredPhones(t *testing.T) {
	t.Parallel()
	s := start(t, endpointsConfig)
	ann, bob := s.startRegistered(t, "ann", 440), s.startRegistered(t, "bob", 1000)
	s.startRegistered(t, "eve", 700)
	ann.command(t, "dial", "sip:bob@"+s.SIP)
	ann.await(t, "CALL_ESTABLISHED")
	bob.await(t, "CALL_ESTABLISHED")
	ann.heard(t, 1000)
	bob.heard(t, 440)
	bob.command(t, "hangup", "")
	ann.await(t, "CALL_CLOSED")
	s.idle(t)
	ann.command(t, "dial", "sip:eve@"+s.SIP)
	ann.await(t, "CALL_CLOSED")
	s.idle(t)
	records := s.calls(t, 2)
	if r := records[1]; r.From != "ann" || r.To != "bob" || len(r.Legs) != 2 || r.Account != "111122223333" {
		t.Errorf("record %+v", r)
	}
	if r := records[0]; r.Cause.SIP != 404 || len(r.Legs) != 1 {
		t.Errorf("a call to another account: %+v", r)
	}
}

// registers registers the wire as a telephone that calls us pbx.test.
func (w *wire) registers(t *testing.T, s *server, user, password string) {
	t.Helper()
	const uri = "sip:pbx.test"
	address := fmt.Sprintf("<sip:%s@pbx.test>", user)
	own := []string{"From: " + address + ";tag=r", "To: " + address, fmt.Sprintf("Contact: <sip:%s@%s>", user, w.at), "Call-ID: registers"}
	w.send(s.addr(), ask("REGISTER", uri, w.at, "r1", "", own...))
	chosen, err := digest.Choose(rows(w.receive("SIP/2.0 401"), "WWW-Authenticate"), func(realm string) bool { return realm == "switchhook" }, true)
	if err != nil {
		t.Fatal(err)
	}
	proof := new(digest.Client).Answer(chosen[0], digest.Login{User: user, Password: password}, "REGISTER", uri)
	w.send(s.addr(), ask("REGISTER", uri, w.at, "r2", "", append(own, "CSeq: 2 REGISTER", "Authorization: "+proof.String())...))
	w.receive("SIP/2.0 200")
}

// C58, S21: a telephone forwards its calls to a number by the name that it knows us by: the carrier is called, which hears who
// forwarded. What its prefixes forbid is called by nobody.
func TestC58TelephoneForwards(t *testing.T) {
	t.Parallel()
	calleePort := freePort(t)
	s := start(t, strings.Replace(endpointsConfig, "bob-secret", `bob-secret, options: {limits: {prefixes: ["+", "!+1900"]}}`, 1)+
		"trunks: [{id: carrier, trusted: true, pstn: true, outOnly: true, peers: ["+peerAt(calleePort)+"]}]\n")
	to := startSIPp(t, callee(), "", calleePort)
	bob := newWire(t, "127.0.0.1:0")
	bob.registers(t, s, "bob", "bob-secret")

	m, err := rtp.New(rtp.Config{Interfaces: []rtp.Interface{{Bind: netip.MustParseAddr("127.0.0.1")}}, Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	ann, err := far.NewPhone(far.Config{Listen: netip.MustParseAddrPort("127.0.0.1:0"), Media: m})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ann.Close(); err != nil {
			t.Error(err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	at := far.Registrar{User: "ann", Password: "ann-secret", Host: "127.0.0.1", Port: int(s.addr().Port())}
	if err := ann.Register(ctx, at); err != nil {
		t.Fatal(err)
	}
	call := func(contact string) *far.Line {
		t.Helper()
		l, err := ann.Call(far.Outgoing{Number: "bob", From: "ann", Host: at.Host, Port: at.Port, Headers: header.List{{Name: "X-Floor", Value: "2"}}})
		if err != nil {
			t.Fatal(err)
		}
		bob.send(s.addr(), reply(bob.receive("INVITE"), "302 Moved Temporarily", "f", "", "Contact: "+contact))
		bob.receive("ACK")
		return l
	}
	l := call("<sip:+14155550177@pbx.test>")
	if _, err := l.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	l.Hangup(0, nil)
	to.wait(t)
	inv := first(t, to.received(t), "INVITE")
	if !strings.HasPrefix(inv, fmt.Sprintf("INVITE sip:+14155550177@127.0.0.1:%d ", calleePort)) || !strings.HasPrefix(rowOf(inv, "Diversion"), "<sip:bob@127.0.0.1>;reason=deflection") ||
		rowOf(inv, "X-Floor") != "2" {
		t.Errorf("the carrier received\n%s", inv)
	}
	carrier := newWire(t, fmt.Sprintf("127.0.0.1:%d", calleePort))
	l = call("<sip:+1%3900-555-0177@pbx.test>, <sip:boss@127.0.9.9>")
	if _, err := l.Wait(ctx); l.Cause().SIP != 480 {
		t.Errorf("a forbidden number: %v", err)
	}
	carrier.quiet(100 * time.Millisecond)
}
