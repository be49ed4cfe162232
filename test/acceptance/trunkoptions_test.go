package acceptance_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/call"
)

// A value that is too long for the next hop is kept, and whoever has the reference fetches it by HTTP, once. `why` tells
// of both.
func TestClaimedValueIsFetchedOnce(t *testing.T) {
	t.Parallel()
	calleePort := freePort(t)
	f := startFunction(t, bridge("+14155550199"))
	s := start(t, config{peers: []string{peerAt(calleePort)}, trunk: `claims: {over: 100, url: "http://127.0.0.1:1"}`, functions: []string{f.URL}}.yaml())
	far := startSIPp(t, callee(), "", calleePort)
	long := strings.Repeat("long-", 100)
	startSIPp(t, caller("X-Long: "+long, "X-Short: 1"), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
	far.wait(t)
	inv := first(t, far.received(t), "INVITE")
	ref := row(t, inv, "X-Long")
	if !strings.HasPrefix(ref, "swc1") || row(t, inv, "X-Short") != "1" {
		t.Fatalf("INVITE: %s", inv)
	}
	for _, want := range []int{http.StatusOK, http.StatusGone} {
		if code, body := s.fetch(t, "/claims/"+ref); code != want || code == http.StatusOK && body != long {
			t.Errorf("%d %q, want %d", code, body, want)
		}
	}
	if code, _ := s.fetch(t, "/claims/"+ref[:len(ref)-2]+"aa"); code != http.StatusNotFound {
		t.Errorf("a guess: %d", code)
	}
	told := false
	for _, e := range s.call(t, s.calls(t, 1)[0].ID).Ledger {
		told = told || e.Name == "X-Long" && e.Reason == "claimed" && e.NewValue == ref && strings.Contains(e.Detail, "http://127.0.0.1:1/claims/"+ref)
	}
	if !told {
		t.Error("the ledger does not tell of the reference")
	}
}

// keyPair writes a signing key and its public half.
func keyPair(t *testing.T) (private, public string) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, der []byte, err error) string {
		path := filepath.Join(dir, name)
		if err == nil {
			err = os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	private = write("private.pem", "PRIVATE KEY", der, err)
	der, err = x509.MarshalPKIXPublicKey(pub)
	return private, write("public.pem", "PUBLIC KEY", der, err)
}

// One server signs what it sends and another verifies it: the call comes through with its context and the trust label, and
// one without a signature is refused.
func TestSignedContextBetweenServers(t *testing.T) {
	t.Parallel()
	private, public := keyPair(t)
	calleePort := freePort(t)
	two := start(t, config{peers: []string{peerAt(calleePort)}, trunk: fmt.Sprintf("signing: {verify: [%s], need: true}", public),
		functions: []string{startFunction(t, bridge("+14155550199")).URL}}.yaml())
	one := start(t, config{peers: []string{peerAt(int(two.addr().Port()))}, trunk: fmt.Sprintf("signing: {key: %s, keyId: k1}", private),
		functions: []string{startFunction(t, bridge("+12065550100")).URL}}.yaml())
	far := startSIPp(t, callee(), "", calleePort)
	startSIPp(t, caller("X-Account-Id: 4711", "User-to-User: 00616263;encoding=hex"), one.SIP, freePort(t), "-s", "+12065550100").wait(t)
	far.wait(t)
	inv := first(t, far.received(t), "INVITE")
	if row(t, inv, "X-Account-Id") != "4711" || strings.Contains(inv, "X-Switchhook-Signature") {
		t.Errorf("INVITE: %s", inv)
	}
	reason := func(s *server) (why string, e call.Entry) {
		t.Helper()
		for _, e := range s.call(t, s.calls(t, 1)[0].ID).Ledger {
			if e.Name == "X-Switchhook-Signature" {
				return string(e.Reason), e
			}
		}
		return "", call.Entry{}
	}
	if why, e := reason(one); why != "signed" {
		t.Errorf("who signs: %+v", e)
	}
	if why, e := reason(two); why != "signature-valid" {
		t.Errorf("who verifies: %+v", e)
	}
	startSIPp(t, refused(403), two.SIP, freePort(t), "-s", "+12065550100").wait(t)
	eventually(t, "the log says why", func() bool { return strings.Contains(two.logged(), "its context is not signed as the trunk needs") })
}

// A trunk over its limits is refused with 503 and told when to try again, and the log says what to raise; an account over
// its own likewise.
func TestLimitsOfTrunkAndAccount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ trunk, more, why string }{
		"trunk":   {"limits: {calls: 1}", "", "trunk peers has 1 standing calls: raise its limits.calls"},
		"account": {"", "limits: {unanswered: 1}\n", "account 111122223333 has 1 unanswered calls: raise its limits.unanswered"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wait := make(chan struct{})
			f := startFunction(t, func(ev event) string {
				if ev.InvocationEventType == "NEW_INBOUND_CALL" {
					<-wait
				}
				return `{"SchemaVersion":"1.0","Actions":[{"Type":"Hangup","Parameters":{"SipResponseCode":"480"}}]}`
			})
			s := start(t, config{peers: []string{peerAt(freePort(t))}, trunk: c.trunk, more: c.more, functions: []string{f.URL}}.yaml())
			standing := startSIPp(t, refused(480), s.SIP, freePort(t), "-s", "+12065550100")
			eventually(t, "the function is asked", func() bool { return len(f.seen("NEW_INBOUND_CALL")) == 1 })
			next := startSIPp(t, refused(503), s.SIP, freePort(t), "-s", "+12065550100")
			next.wait(t)
			if row(t, first(t, next.received(t), "SIP/2.0 503"), "Retry-After") == "" {
				t.Error("no Retry-After")
			}
			eventually(t, "the log says what to raise", func() bool { return strings.Contains(s.logged(), c.why) })
			close(wait)
			standing.wait(t)
			s.idle(t)
			startSIPp(t, refused(480), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
		})
	}
}

// S21: an application dials no number that its trunk may not call.
func TestS21ForbiddenNumber(t *testing.T) {
	t.Parallel()
	wire := newWire(t, "127.0.0.1:0")
	f := startFunction(t, bridge("+19005550199"))
	s := start(t, config{peers: []string{peerAt(wire.port())}, trunk: `limits: {prefixes: ["+1", "!+1900"]}`, functions: []string{f.URL}}.yaml())
	startSIPp(t, refused(480), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
	if n := len(f.seen("ACTION_FAILED")); n != 1 {
		t.Errorf("the function heard of %d failures", n)
	}
	for _, leg := range s.call(t, s.calls(t, 1)[0].ID).Record.Legs {
		if leg.Direction == call.Out && (leg.Cause.SIP != 403 || !strings.Contains(leg.Cause.Text, "limits.prefixes has !+1900")) {
			t.Errorf("%+v", leg.Cause)
		}
	}
	if len(wire.got) != 0 {
		t.Error("the number was called")
	}
}

// S30: a signed INVITE that somebody caught on its way and sends again, to the byte but for what no signature is over, is
// refused where the trunk needs a signature, and labelled where it does not.
func TestS30SignedContextAgain(t *testing.T) {
	t.Parallel()
	private, public := keyPair(t)
	for _, need := range []bool{true, false} {
		t.Run(fmt.Sprint("need ", need), func(t *testing.T) {
			t.Parallel()
			thief, caller := newWire(t, "127.0.0.1:0"), newWire(t, "127.0.0.1:0")
			f := startFunction(t, func(event) string {
				return `{"SchemaVersion":"1.0","Actions":[{"Type":"Hangup","Parameters":{"SipResponseCode":"480"}}]}`
			})
			two := start(t, config{peers: []string{peerAt(thief.port())}, trunk: fmt.Sprintf("signing: {verify: [%s], need: %t}", public, need),
				functions: []string{f.URL}}.yaml())
			one := start(t, config{peers: []string{peerAt(thief.port())}, trunk: fmt.Sprintf("signing: {key: %s, keyId: k1}", private),
				functions: []string{startFunction(t, bridge("+12065550100")).URL}}.yaml())
			caller.send(one.addr(), ask("INVITE", "sip:+12065550100@"+one.SIP, caller.at, "again", plainOffer, "X-Account-Id: 4711"))
			caught := thief.receive("INVITE")
			thief.send(one.addr(), reply(caught, "486 Busy Here", "far", ""))
			caller.receive("SIP/2.0 480")
			send := func(seq int) string {
				t.Helper()
				number, _, _ := strings.Cut(rowOf(caught, "CSeq"), " ")
				m := strings.NewReplacer("branch=z9hG4bK", fmt.Sprint("branch=z9hG4bK", seq), "CSeq: "+number+" ", fmt.Sprint("CSeq: ", seq, " ")).Replace(caught)
				thief.send(two.addr(), m)
				final := thief.receive("SIP/2.0 4")
				thief.send(two.addr(), ackOf(m, final))
				return final
			}
			if final := send(101); !strings.HasPrefix(final, "SIP/2.0 480") { // the first time it holds, whoever brings it
				t.Errorf("at first: %s", final)
			}
			again := send(102)
			if need {
				if !strings.HasPrefix(again, "SIP/2.0 403") {
					t.Errorf("again: %s", again)
				}
				eventually(t, "the log says why", func() bool {
					return strings.Contains(two.logged(), "its context is not signed as the trunk needs: replayed")
				})
				if n := len(f.seen("NEW_INBOUND_CALL")); n != 1 {
					t.Errorf("the function was asked %d times", n)
				}
				return
			}
			labels := []string{}
			for _, c := range two.calls(t, 2) { // the newest first
				for _, e := range two.call(t, c.ID).Ledger {
					if e.Name == "X-Switchhook-Signature" {
						labels = append(labels, fmt.Sprint(e.Reason, " ", e.Detail))
					}
				}
			}
			if len(labels) != 2 || labels[0] != "signature-invalid replayed" || !strings.HasPrefix(labels[1], "signature-valid") {
				t.Errorf("labels: %q", labels)
			}
		})
	}
}
